"""Log-ins under way at the identity provider: whichever node gets the answer can finish them, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import col, delete, select

from store.database import Database, uninterrupted
from store.records import PendingLogin
from store.tables import PendingLoginRow

MOST_PENDING = 10_000
"""People who have gone to the provider and not come back yet; beyond it nobody new is sent there."""


@uninterrupted
class PendingLogins:
    """Kept for minutes; expired ones go when a new one comes."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def add(self, pending: PendingLogin) -> bool:
        """Remember one; False when too many are under way."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        async with self._database.writing() as transaction:
            await transaction.exec(delete(PendingLoginRow).where(col(PendingLoginRow.expires_at) <= now))
            count = (await transaction.exec(select(sa.func.count()).select_from(PendingLoginRow))).one()
            if count >= MOST_PENDING:
                return False
            transaction.add(PendingLoginRow(**asdict(pending)))
            return True

    async def take(self, state_hash: str) -> PendingLogin | None:
        """Take one out; None when it was taken before, or never was. It may have expired: its time says so."""
        table = PendingLoginRow.__table__  # type: ignore[attr-defined]
        statement = (
            delete(PendingLoginRow).where(col(PendingLoginRow.state_hash) == state_hash).returning(*table.columns)
        )
        row = await self._database.write_one(statement)
        return PendingLogin(**row._mapping) if row is not None else None
