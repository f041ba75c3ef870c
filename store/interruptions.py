"""Who was asked for help when, for a day, and who must first show that he is there."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, delete, select

from store.database import Database, uninterrupted
from store.tables import InterruptionRow, UnconfirmedRow
from vocabulary import PersonId


@uninterrupted
class Interruptions:
    """What people's own limits and their missed rings are counted from. Times are aware UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, person: PersonId, at: datetime, forget_before: datetime) -> None:
        """Note that a person was asked at `at`; adding it twice is adding it once. His older ones are forgotten."""
        async with self._database.writing() as session:
            row = InterruptionRow(person=person, at=at)
            await session.exec(self._database.insert(row).on_conflict_do_nothing())
            old = (col(InterruptionRow.person) == person, col(InterruptionRow.at) < forget_before)
            await session.exec(delete(InterruptionRow).where(*old))

    async def since(self, moment: datetime) -> list[tuple[PersonId, datetime]]:
        """Everybody's interruptions from `moment` on, the oldest first."""
        async with self._database.reading() as session:
            wanted = select(InterruptionRow).where(col(InterruptionRow.at) >= moment)
            rows = await session.exec(wanted.order_by(col(InterruptionRow.at)))
            return [(PersonId(row.person), row.at) for row in rows]

    async def set_unconfirmed(self, person: PersonId, since: datetime, misses: int) -> None:
        """Note that a person let so many rings in a row go unanswered."""
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(UnconfirmedRow(person=person, since=since, misses=misses)))

    async def set_confirmed(self, person: PersonId) -> None:
        """Note that he has shown that he is there."""
        async with self._database.writing() as session:
            await session.exec(delete(UnconfirmedRow).where(col(UnconfirmedRow.person) == person))

    async def unconfirmed(self) -> list[tuple[PersonId, datetime, int]]:
        """Everybody who must first show that he is there: since when, after how many missed rings."""
        async with self._database.reading() as session:
            rows = await session.exec(select(UnconfirmedRow).order_by(col(UnconfirmedRow.person)))
            return [(PersonId(row.person), row.since, row.misses) for row in rows]
