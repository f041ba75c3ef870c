"""Log-ins at the desk, kept on the server so that they can be revoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

from sqlmodel import col, delete, select, update

from store.database import Database, uninterrupted
from store.records import WebSession
from store.tables import WebSessionRow
from vocabulary import PersonId

MAX_USER_AGENT_CHARS = 256
MAX_ADDRESS_CHARS = 64
"""Browsers may send anything; this is only shown to the person as a reminder of which machine it was."""


@uninterrupted
class WebSessions:
    """Live log-ins; an expired one is never handed out."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def create(self, session: WebSession) -> None:
        row = WebSessionRow(**asdict(session))
        row.user_agent = session.user_agent[:MAX_USER_AGENT_CHARS]
        row.address = session.address[:MAX_ADDRESS_CHARS]
        async with self._database.writing() as transaction:
            transaction.add(row)

    async def get(self, id_hash: str) -> WebSession | None:
        """The log-in of this cookie, unless it has expired or was revoked."""
        async with self._database.reading() as transaction:
            row = await transaction.get(WebSessionRow, id_hash)
            return _session(row) if row and row.expires_at > self._now() else None

    async def of(self, person: PersonId) -> list[WebSession]:
        """The person's live log-ins, oldest first."""
        async with self._database.reading() as transaction:
            rows = await transaction.exec(
                select(WebSessionRow)
                .where(WebSessionRow.person == person, col(WebSessionRow.expires_at) > self._now())
                .order_by(col(WebSessionRow.created_at))
            )
            return [_session(row) for row in rows]

    async def extend(self, id_hash: str, expires_at: datetime) -> None:
        """Let a log-in live longer; a revoked one stays revoked."""
        async with self._database.writing() as transaction:
            await transaction.exec(
                update(WebSessionRow).where(col(WebSessionRow.id_hash) == id_hash).values(expires_at=expires_at)
            )

    async def revoke(self, id_hash: str) -> None:
        async with self._database.writing() as transaction:
            await transaction.exec(delete(WebSessionRow).where(col(WebSessionRow.id_hash) == id_hash))

    async def revoke_all(self, person: PersonId) -> None:
        async with self._database.writing() as transaction:
            await transaction.exec(delete(WebSessionRow).where(col(WebSessionRow.person) == person))

    async def purge_expired(self, now: datetime) -> None:
        """Forget the log-ins that had expired by `now`."""
        async with self._database.writing() as transaction:
            await transaction.exec(delete(WebSessionRow).where(col(WebSessionRow.expires_at) <= now))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _session(row: WebSessionRow) -> WebSession:
    return WebSession(**row.model_dump())
