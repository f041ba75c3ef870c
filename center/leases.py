"""Leases on people, kept alive while they are held.

The store decides, so that many nodes can share the people. When the store does not answer, this node goes on alone with
leases in memory (design: calls and escalations go on); they carry token 0, which every stored token beats.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import structlog

from routing.model import Lease
from vocabulary import PersonId

log = structlog.get_logger(__name__)

LEASE_S = 30.0
RENEW_EVERY_S = 10.0
ANSWER_S = 1.5
"""How long the store may take; then this node decides alone."""


class LeaseStore(Protocol):
    async def acquire(self, person: PersonId, holder: str, ttl_s: float) -> Lease | None: ...

    async def renew(self, lease: Lease, ttl_s: float) -> Lease | None: ...

    async def release(self, lease: Lease) -> bool: ...


class LeaseKeeper:
    """Acquires, renews and releases; answers None when somebody else holds the person."""

    def __init__(self, store: LeaseStore) -> None:
        self._store = store
        self._held: dict[PersonId, Lease] = {}
        self._renewing: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._renewing = asyncio.create_task(self._renew_for_ever())

    async def stop(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        for lease in list(self._held.values()):
            await self.release(lease)

    async def acquire(self, person: PersonId, holder: str) -> Lease | None:
        if person in self._held:
            return None
        try:
            async with asyncio.timeout(ANSWER_S):
                lease = await self._store.acquire(person, holder, LEASE_S)
        except Exception as error:
            log.warning("lease_granted_without_store", person=person, error=type(error).__name__)
            lease = Lease(person, holder, 0, time.time() + LEASE_S)
        if lease is None:
            return None
        if person in self._held:  # two of us asked the store at once while it was failing
            return None
        self._held[person] = lease
        return lease

    async def release(self, lease: Lease) -> None:
        if self._held.get(lease.person, lease).holder == lease.holder:
            self._held.pop(lease.person, None)
        if lease.token == 0:
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._store.release(lease)
        except Exception as error:
            # it expires by itself
            log.warning("lease_release_failed", person=lease.person, error=type(error).__name__)

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            for person, lease in list(self._held.items()):
                await self._renew(person, lease)

    async def _renew(self, person: PersonId, lease: Lease) -> None:
        if lease.token == 0:
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                renewed = await self._store.renew(lease, LEASE_S)
        except Exception as error:
            log.warning("lease_renewal_failed", person=person, error=type(error).__name__)
            return
        if renewed is not None and self._held.get(person) == lease:
            self._held[person] = renewed
