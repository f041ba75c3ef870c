"""What another system or a customer shall be told, until they have been told (outbox).

Within one stream (a case, a telephone number) only the first that is neither sent nor dead can be claimed, so the order
holds on any number of nodes. A claim is one conditional statement with a lease: while it lasts nobody else sends that
message.
"""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select, update

from store.database import Database, uninterrupted
from store.records import StoredDelivery
from store.tables import DeliveryRow


@uninterrupted
class Deliveries:
    """The messages of one channel in the order in which they were made. Times are UTC seconds."""

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        table = DeliveryRow.__table__  # type: ignore[attr-defined]
        self._columns = [column for column in table.columns if column.name != "channel"]

    async def put(self, message: StoredDelivery) -> None:
        """Let a message wait; writing it twice is harmless."""
        async with self._database.writing() as session:
            row = DeliveryRow(channel=self._channel, **asdict(message))
            await session.exec(self._database.insert(row).on_conflict_do_nothing())

    async def claim(self, holder: str, now: float, lease_s: float, limit: int) -> list[StoredDelivery]:
        """Take what may be sent now: the first of each stream, when it is due and nobody else holds it."""
        claimed = []
        for key in await self._heads(now, limit):
            row = await self._database.write_one(
                update(DeliveryRow)
                .where(col(DeliveryRow.id) == key, *self._waits(DeliveryRow), col(DeliveryRow.held_until) <= now)
                .values(holder=holder, held_until=now + lease_s)
                .returning(*self._columns)
            )
            if row is not None:
                claimed.append(StoredDelivery(**row._mapping))
        return sorted(claimed, key=lambda message: message.position)

    async def _heads(self, now: float, limit: int) -> list[str]:
        earlier = aliased(DeliveryRow)
        before = sa.exists(
            sa.select(col(earlier.id)).where(
                col(earlier.stream) == col(DeliveryRow.stream),
                col(earlier.position) < col(DeliveryRow.position),
                *self._waits(earlier),
            )
        )
        async with self._database.reading() as session:
            rows = await session.exec(
                select(col(DeliveryRow.id))
                .where(*self._waits(DeliveryRow), col(DeliveryRow.held_until) <= now)
                .where(col(DeliveryRow.due_at) <= now, ~before)
                .order_by(col(DeliveryRow.position))
                .limit(limit)
            )
            return list(rows)

    async def sent(self, key: str, holder: str, now: float) -> bool:
        """It has arrived. False: the claim had passed to somebody else."""
        return await self._settle(key, holder, sent_at=now, problem="")

    async def again(self, key: str, holder: str, attempts: int, due_at: float, problem: str) -> bool:
        """It has not arrived; it is tried again at `due_at`."""
        return await self._settle(key, holder, attempts=attempts, due_at=due_at, problem=problem)

    async def dead(self, key: str, holder: str, now: float, problem: str) -> bool:
        """It is given up; what comes after it in its stream goes on."""
        return await self._settle(key, holder, dead_at=now, problem=problem)

    async def release(self, holder: str) -> None:
        """Let go of everything a node holds, when it stops."""
        await self._database.write_one(
            update(DeliveryRow)
            .where(col(DeliveryRow.holder) == holder, *self._waits(DeliveryRow))
            .values(holder="", held_until=0.0)
            .returning(col(DeliveryRow.id))
        )

    async def next_due(self) -> float | None:
        """When the next waiting message is due or free again; None when nothing waits."""
        due = sa.case(
            (col(DeliveryRow.due_at) > col(DeliveryRow.held_until), col(DeliveryRow.due_at)),
            else_=col(DeliveryRow.held_until),
        )
        async with self._database.reading() as session:
            found: float | None = (await session.exec(select(sa.func.min(due)).where(*self._waits(DeliveryRow)))).one()
            return found

    async def counts(self) -> tuple[int, int]:
        """How many wait, and how many are dead."""
        async with self._database.reading() as session:
            waiting = (
                await session.exec(select(sa.func.count()).select_from(DeliveryRow).where(*self._waits(DeliveryRow)))
            ).one()
            dead = (
                select(sa.func.count())
                .select_from(DeliveryRow)
                .where(col(DeliveryRow.channel) == self._channel, col(DeliveryRow.dead_at).is_not(sa.null()))
            )
            return waiting, (await session.exec(dead)).one()

    async def purge(self, sent_before: float, dead_before: float) -> None:
        """Forget what arrived, and what was given up, long ago."""
        await self._database.write_one(
            sa.delete(DeliveryRow)
            .where(
                col(DeliveryRow.channel) == self._channel,
                sa.or_(col(DeliveryRow.sent_at) < sent_before, col(DeliveryRow.dead_at) < dead_before),
            )
            .returning(col(DeliveryRow.id))
        )

    async def _settle(self, key: str, holder: str, **values: object) -> bool:
        row = await self._database.write_one(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == key, col(DeliveryRow.holder) == holder, *self._waits(DeliveryRow))
            .values(held_until=0.0, holder="", **values)
            .returning(col(DeliveryRow.id))
        )
        return row is not None

    def _waits(self, row: type[DeliveryRow]) -> tuple[sa.ColumnElement[bool], ...]:
        return col(row.channel) == self._channel, col(row.sent_at).is_(sa.null()), col(row.dead_at).is_(sa.null())
