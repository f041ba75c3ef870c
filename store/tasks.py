"""Promises: the tasks they are kept as, and the messages to customers that wait to be sent."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from sqlmodel import col, select

from store.database import Database, uninterrupted
from store.records import OutgoingMessage, StoredTask
from store.tables import OutboxRow, TaskRow
from vocabulary import CaseId, TaskId


@uninterrupted
class Tasks:
    """Current state in ordinary rows; how it came about is in the event log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, task: StoredTask) -> None:
        """Add or overwrite a task."""
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(TaskRow(**asdict(task))))

    async def get(self, task: TaskId) -> StoredTask | None:
        async with self._database.reading() as session:
            row = await session.get(TaskRow, task)
            return _task(row) if row else None

    async def open(self) -> list[StoredTask]:
        """Those not done, in the order in which their customers came."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(TaskRow)
                .where(col(TaskRow.closed_at).is_(sa.null()))
                .order_by(col(TaskRow.arrived_at), col(TaskRow.id))
            )
            return [_task(row) for row in rows]

    async def of_case(self, case: CaseId) -> list[StoredTask]:
        """The tasks of a case, oldest first."""
        async with self._database.reading() as session:
            rows = await session.exec(select(TaskRow).where(TaskRow.case == case).order_by(col(TaskRow.made_at)))
            return [_task(row) for row in rows]

    async def put_out(self, message: OutgoingMessage) -> None:
        """Let a message wait for a channel; one that waits, or was sent, stays as it is."""
        async with self._database.writing() as session:
            await session.exec(self._database.insert(OutboxRow(**asdict(message))).on_conflict_do_nothing())

    async def outbox(self, limit: int = 100) -> list[OutgoingMessage]:
        """Messages that were not sent yet, oldest first."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(OutboxRow)
                .where(col(OutboxRow.sent_at).is_(sa.null()))
                .order_by(col(OutboxRow.at), col(OutboxRow.id))
                .limit(limit)
            )
            return [OutgoingMessage(**row.model_dump()) for row in rows]


def _task(row: TaskRow) -> StoredTask:
    return StoredTask(**row.model_dump())
