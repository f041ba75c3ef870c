"""Leases on people: taken, kept alive while they are needed, given back for sure (N4).

The store decides, so that many nodes can share the people. A lease is short and renewed often: a node that dies frees
its people within `ttl_s`. What is held is compared with what is live every few seconds, so a lease that nobody needs
any more (a lost BYE, a bug) is given back too. What an earlier life of this node left is given back at its start.

When the store does not answer, a single node goes on alone with leases in memory (design: calls and escalations go on);
they carry token 0, which every stored token beats, and become real ones when the store is back. Of several nodes that
share a store, one that cannot reach it rings nobody new: it cannot know whom the others ring.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from routing.model import Lease
from vocabulary import PersonId

log = structlog.get_logger(__name__)


_RENEWAL_TRIES = 3
_WATCH_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """The limits of leases in seconds."""

    ttl_s: float = 4.5
    """A dead node's people are free this long after its last renewal, so in less than 5 s."""
    renew_every_s: float = 1.5
    """Two renewals in a row may fail before a lease ends."""
    answer_s: float = 1.0
    """How long the store may take; then it counts as down."""
    reconcile_every_s: float = 2.0
    fresh_s: float = 1.0
    margin_s: float = 0.5
    """So long before a lease would end unrenewed it counts as lost: time to stop a phone that rings."""
    """A lease confirmed longer ago than this is confirmed again before a phone rings."""


class LeaseStore(Protocol):
    async def acquire(self, person: PersonId, holder: str, ttl_s: float) -> Lease | None: ...

    async def renew_all(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]: ...

    async def release(self, lease: Lease) -> bool: ...

    async def release_all_of(self, node: str) -> list[PersonId]: ...

    async def is_current(self, lease: Lease) -> bool: ...


@dataclass(slots=True)
class _Held:
    """A lease of ours, and when (monotonic) it was taken and last known to be good.

    `granted` is the token its holder knows; that of `lease` is newer if the lease had to be taken anew.
    """

    lease: Lease
    granted: int
    since: float
    confirmed_at: float
    is_lost: bool = False


class LeaseKeeper:
    """Acquires, renews, reconciles and releases. Loop thread only.

    Args:
        node: Name of this node, the same over restarts and no other node's; part of every holder in the store.
        nodes: How many nodes share the store; with one, a store that is down does not stop calls.
    """

    def __init__(
        self, store: LeaseStore, *, node: str = "node", nodes: int = 1, timing: LeaseTiming | None = None
    ) -> None:
        self._store = store
        self.node = node
        self._may_go_alone = nodes == 1
        self._timing = timing or LeaseTiming()
        self._held: dict[PersonId, _Held] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_live: Callable[[str], bool] = lambda _holder: True
        self._on_lost: Callable[[PersonId, str], None] = lambda _person, _holder: None

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(
        self,
        is_live: Callable[[str], bool] | None = None,
        on_lost: Callable[[PersonId, str], None] | None = None,
    ) -> None:
        """Free what an earlier life of this node held, then keep leases alive.

        Args:
            is_live: Tells whether a holder (an interaction, escalation or task) still goes on.
            on_lost: Hears that a holder must not ring the person any more: the lease could not be kept.
        """
        self._is_live = is_live or self._is_live
        self._on_lost = on_lost or self._on_lost
        await self._free_earlier_life()
        timing = self._timing
        self._tasks = [
            asyncio.create_task(_repeat(timing.renew_every_s, self._renew)),
            asyncio.create_task(_repeat(timing.reconcile_every_s, self._reconcile)),
            asyncio.create_task(_repeat(min(_WATCH_EVERY_S, timing.margin_s), self._watch)),
        ]

    async def stop(self) -> None:
        """Give everybody back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for held in list(self._held.values()):
            await self.release(held.lease)

    async def _free_earlier_life(self) -> None:
        try:
            async with asyncio.timeout(self._timing.answer_s):
                freed = await self._store.release_all_of(self.node)
        except Exception as error:
            log.warning("earlier_leases_not_freed", error=type(error).__name__)  # they expire by themselves
        else:
            if freed:
                log.info("earlier_leases_freed", count=len(freed))

    # -- what the engine asks -----------------------------------------------------------------------------------

    async def acquire(self, person: PersonId, holder: str) -> Lease | None:
        """Take a person for `holder`; None when he is held by anybody, or nobody can tell."""
        if person in self._held:
            return None
        named = f"{self.node}/{holder}"
        try:
            async with asyncio.timeout(self._timing.answer_s):
                lease = await self._store.acquire(person, named, self._timing.ttl_s)
        except Exception as error:
            if not self._may_go_alone:
                log.warning("lease_refused_without_store", person=person, error=type(error).__name__)
                return None
            log.warning("lease_granted_without_store", person=person, error=type(error).__name__)
            lease = Lease(person, named, 0, time.time() + self._timing.ttl_s)
        if lease is None:
            return None
        if person in self._held:  # two of us asked the store at once while it was failing
            return None
        self._hold(lease)
        return lease

    def is_fresh(self, lease: Lease) -> bool:
        """Whether the lease was confirmed so lately that a phone may ring without asking the store again."""
        held = self._ours(lease)
        if held is None or held.is_lost:
            return False
        return time.monotonic() - held.confirmed_at < self._timing.fresh_s

    async def confirm(self, lease: Lease) -> bool:
        """Whether the holder may ring now. Asks the store unless the lease is fresh."""
        held = self._ours(lease)
        if held is None or held.is_lost:
            return False
        if self.is_fresh(lease) or held.lease.token == 0:
            return True
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self._timing.answer_s):
                is_current = await self._store.is_current(held.lease)
        except Exception as error:
            log.warning("lease_not_confirmed", person=lease.person, error=type(error).__name__)
            return self._may_go_alone
        held.confirmed_at = asked_at if is_current else held.confirmed_at
        return is_current and self._ours(lease) is not None and time.monotonic() - asked_at < self._timing.fresh_s

    async def release(self, lease: Lease) -> None:
        """Give a person back; a second release, or one of an older lease, changes nothing."""
        held = self._ours(lease)
        if held is not None:
            del self._held[lease.person]
            lease = held.lease
        if lease.token == 0:
            return
        try:
            async with asyncio.timeout(self._timing.answer_s):
                await self._store.release(lease)
        except Exception as error:
            # it expires by itself
            log.warning("lease_release_failed", person=lease.person, error=type(error).__name__)

    @property
    def alone(self) -> bool:
        """Whether no other node shares the store."""
        return self._may_go_alone

    @property
    def held(self) -> list[Lease]:
        """What this node holds now."""
        return [held.lease for held in self._held.values()]

    # -- keeping ------------------------------------------------------------------------------------------------

    def _hold(self, lease: Lease) -> None:
        now = time.monotonic()
        self._held[lease.person] = _Held(lease, lease.token, since=now, confirmed_at=now)

    def _ours(self, lease: Lease) -> _Held | None:
        held = self._held.get(lease.person)
        is_ours = held is not None and held.lease.holder == lease.holder and held.granted == lease.token
        return held if is_ours else None

    async def _renew(self) -> None:
        """Keep all leases in one statement; take those anew that ended while the store was away."""
        for _ in range(_RENEWAL_TRIES):  # a machine that stood still times out though the store is well
            asked = {person: held for person, held in self._held.items() if held.lease.token}
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(self._timing.answer_s):
                    renewed = await self._store.renew_all([held.lease for held in asked.values()], self._timing.ttl_s)
            except Exception as error:
                log.warning("lease_renewal_failed", count=len(asked), error=type(error).__name__)
                await asyncio.sleep(0)
            else:
                break
        else:
            return
        for lease in renewed:
            held = self._held.get(lease.person)
            if held is asked.pop(lease.person) and held is not None:
                held.lease, held.confirmed_at, held.is_lost = lease, asked_at, False
        without_token = {person: held for person, held in self._held.items() if not held.lease.token}
        for person, lost in (asked | without_token).items():
            if self._held.get(person) is lost:
                await self._take_anew(lost)

    async def _take_anew(self, lost: _Held) -> None:
        """A lease that ended against our will: who still needs the person gets him again unless he is taken."""
        person, holder = lost.lease.person, lost.lease.holder
        try:
            async with asyncio.timeout(self._timing.answer_s):
                lease = await self._store.acquire(person, holder, self._timing.ttl_s)
        except Exception as error:
            log.warning("lease_renewal_failed", count=1, error=type(error).__name__)
            return
        if self._held.get(person) is not lost:
            if lease is not None:  # given back meanwhile
                await self.release(lease)
        elif lease is None and self._may_go_alone:
            log.warning("lease_renewal_failed", count=1)  # our own request that timed out took him: it expires soon
        elif lease is None:
            log.error("lease_lost", person=person, holder=holder)
            del self._held[person]
            self._tell_lost(lost)
        else:
            lost.lease, lost.confirmed_at, lost.is_lost = lease, time.monotonic(), False

    async def _watch(self) -> None:
        """Of several nodes, one that cannot renew stops ringing before the others may begin to."""
        if self._may_go_alone:
            return
        oldest = time.monotonic() - (self._timing.ttl_s - self._timing.margin_s)
        for held in list(self._held.values()):
            if held.lease.token and held.confirmed_at < oldest:
                self._tell_lost(held)

    def _tell_lost(self, held: _Held) -> None:
        if not held.is_lost:
            held.is_lost = True
            log.warning("lease_not_kept", person=held.lease.person, holder=held.lease.holder)
            self._on_lost(held.lease.person, held.lease.holder.partition("/")[2])

    async def _reconcile(self) -> None:
        """Give back whoever is held for something that is over."""
        grown = time.monotonic() - self._timing.reconcile_every_s
        for held in list(self._held.values()):
            what_for = held.lease.holder.partition("/")[2]
            if held.since <= grown and not self._is_live(what_for):
                log.warning("lease_reconciled", person=held.lease.person, holder=what_for)
                await self.release(held.lease)


async def _repeat(every_s: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
        except Exception:
            log.exception("lease_keeping_bug")
