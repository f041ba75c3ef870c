"""What another system shall be told, until it has been told (outbox).

Within one stream (a case) only the first that is neither sent nor dead can be claimed, so the order holds on any number
of nodes. A claim is one conditional statement with a lease: while it lasts nobody else sends that message.
"""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select, update

from store.database import Database, uninterrupted
from store.records import StoredWebhook
from store.tables import WebhookRow


@uninterrupted
class Webhooks:
    """Messages in the order in which they were made. Times are UTC seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = WebhookRow.__table__  # type: ignore[attr-defined]

    async def put(self, message: StoredWebhook) -> None:
        """Let a message wait; writing it twice is harmless."""
        async with self._database.writing() as session:
            await session.exec(self._database.insert(WebhookRow(**asdict(message))).on_conflict_do_nothing())

    async def claim(self, holder: str, now: float, lease_s: float, limit: int) -> list[StoredWebhook]:
        """Take what may be sent now: the first of each stream, when it is due and nobody else holds it."""
        claimed = []
        for key in await self._heads(now, limit):
            row = await self._database.write_one(
                update(WebhookRow)
                .where(col(WebhookRow.id) == key, *_waits(WebhookRow), col(WebhookRow.held_until) <= now)
                .values(holder=holder, held_until=now + lease_s)
                .returning(*self._table.columns)
            )
            if row is not None:
                claimed.append(StoredWebhook(**row._mapping))
        return sorted(claimed, key=lambda message: message.position)

    async def _heads(self, now: float, limit: int) -> list[str]:
        earlier = aliased(WebhookRow)
        before = sa.exists(
            sa.select(col(earlier.id)).where(
                col(earlier.stream) == col(WebhookRow.stream),
                col(earlier.position) < col(WebhookRow.position),
                *_waits(earlier),
            )
        )
        async with self._database.reading() as session:
            rows = await session.exec(
                select(col(WebhookRow.id))
                .where(*_waits(WebhookRow), col(WebhookRow.held_until) <= now, col(WebhookRow.due_at) <= now, ~before)
                .order_by(col(WebhookRow.position))
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
            update(WebhookRow)
            .where(col(WebhookRow.holder) == holder, *_waits(WebhookRow))
            .values(holder="", held_until=0.0)
            .returning(col(WebhookRow.id))
        )

    async def next_due(self) -> float | None:
        """When the next waiting message is due or free again; None when nothing waits."""
        due = sa.case(
            (col(WebhookRow.due_at) > col(WebhookRow.held_until), col(WebhookRow.due_at)),
            else_=col(WebhookRow.held_until),
        )
        async with self._database.reading() as session:
            found: float | None = (await session.exec(select(sa.func.min(due)).where(*_waits(WebhookRow)))).one()
            return found

    async def counts(self) -> tuple[int, int]:
        """How many wait, and how many are dead."""
        async with self._database.reading() as session:
            waiting = (
                await session.exec(select(sa.func.count()).select_from(WebhookRow).where(*_waits(WebhookRow)))
            ).one()
            dead = select(sa.func.count()).select_from(WebhookRow).where(col(WebhookRow.dead_at).is_not(sa.null()))
            return waiting, (await session.exec(dead)).one()

    async def purge(self, sent_before: float, dead_before: float) -> None:
        """Forget what arrived, and what was given up, long ago."""
        await self._database.write_one(
            sa.delete(WebhookRow)
            .where(sa.or_(col(WebhookRow.sent_at) < sent_before, col(WebhookRow.dead_at) < dead_before))
            .returning(col(WebhookRow.id))
        )

    async def _settle(self, key: str, holder: str, **values: object) -> bool:
        row = await self._database.write_one(
            update(WebhookRow)
            .where(col(WebhookRow.id) == key, col(WebhookRow.holder) == holder, *_waits(WebhookRow))
            .values(held_until=0.0, holder="", **values)
            .returning(col(WebhookRow.id))
        )
        return row is not None


def _waits(row: type[WebhookRow]) -> tuple[sa.ColumnElement[bool], ...]:
    return col(row.sent_at).is_(sa.null()), col(row.dead_at).is_(sa.null())
