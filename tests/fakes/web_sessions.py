"""Log-in sessions in memory, with a switch for a store that is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from store.errors import StoreUnavailable
from store.records import PendingLogin, WebSession
from vocabulary import PersonId


class FakeWebSessions:
    """Behaves like `store.web_sessions.WebSessions`: an expired session is never handed out."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.rows: dict[str, WebSession] = {}
        self.down = False
        self.refused = asyncio.Event()
        """Set once somebody was told that the store is down."""
        self._clock = clock

    async def create(self, session: WebSession) -> None:
        self._answer()
        assert session.id_hash not in self.rows
        self.rows[session.id_hash] = session

    async def get(self, id_hash: str) -> WebSession | None:
        self._answer()
        session = self.rows.get(id_hash)
        return session if session and session.expires_at > self._clock() else None

    async def of(self, person: PersonId) -> list[WebSession]:
        self._answer()
        live = [row for row in self.rows.values() if row.person == person and row.expires_at > self._clock()]
        return sorted(live, key=lambda row: row.created_at)

    async def extend(self, id_hash: str, expires_at: datetime) -> None:
        self._answer()
        if id_hash in self.rows:
            self.rows[id_hash] = replace(self.rows[id_hash], expires_at=expires_at)

    async def revoke(self, id_hash: str) -> None:
        self._answer()
        self.rows.pop(id_hash, None)

    async def revoke_all(self, person: PersonId) -> None:
        self._answer()
        self.rows = {key: row for key, row in self.rows.items() if row.person != person}

    async def purge_expired(self, now: datetime) -> None:
        self._answer()
        self.rows = {key: row for key, row in self.rows.items() if row.expires_at > now}

    def _answer(self) -> None:
        if self.down:
            self.refused.set()
            raise StoreUnavailable("the store is down")


class FakePendingLogins:
    """Behaves like `store.pending_logins.PendingLogins`."""

    def __init__(self) -> None:
        self.rows: dict[str, PendingLogin] = {}
        self.full = False

    async def add(self, pending: PendingLogin) -> bool:
        if not self.full:
            self.rows[pending.state_hash] = pending
        return not self.full

    async def take(self, state_hash: str) -> PendingLogin | None:
        return self.rows.pop(state_hash, None)
