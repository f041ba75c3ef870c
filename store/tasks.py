"""Promises: the tasks they are kept as, and the messages to customers that wait to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import col, select, update

from store.database import Database, uninterrupted
from store.nodes import is_claimed
from store.records import StoredTask
from store.tables import TaskRow
from vocabulary import CaseId, InteractionId, TaskId

_OPEN = col(TaskRow.closed_at).is_(sa.null())


@uninterrupted
class Tasks:
    """Current state in ordinary rows; how it came about is in the event log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, task: StoredTask) -> bool:
        """Add or overwrite a task of this node; False when it is another node's by now, or closed."""
        return await self._database.write_one(self._save(task, keep=("taken_from",))) is not None

    async def begin(self, task: StoredTask) -> bool:
        """As `save`, by who begins to work on it: if True, no other node can take it back or call it off any more."""
        return await self._database.write_one(self._save(replace(task, taken_from=""), keep=())) is not None

    def _save(self, task: StoredTask, keep: tuple[str, ...]) -> UpdateBase:
        insert = self._database.insert(TaskRow(**asdict(task)))
        names = {column.name for column in TaskRow.__table__.columns} - {"id", "node", *keep}  # type: ignore[attr-defined]
        return insert.on_conflict_do_update(
            index_elements=[col(TaskRow.id)],
            set_={name: insert.excluded[name] for name in sorted(names)},
            where=sa.and_(col(TaskRow.node) == task.node, _OPEN),
        ).returning(col(TaskRow.id))

    async def get(self, task: TaskId) -> StoredTask | None:
        async with self._database.reading() as session:
            row = await session.get(TaskRow, task)
            return _task(row) if row else None

    async def open(self, node: str) -> list[StoredTask]:
        """Those of a node that are not done, in the order in which their customers came."""
        return await self._open(col(TaskRow.node) == node)

    async def open_of(self, interactions: Sequence[InteractionId]) -> list[StoredTask]:
        """Those promised in one of these interactions, whichever node keeps them."""
        return await self._open(col(TaskRow.interaction).in_(interactions)) if interactions else []

    async def _open(self, which: sa.ColumnElement[bool]) -> list[StoredTask]:
        async with self._database.reading() as session:
            rows = await session.exec(
                select(TaskRow).where(_OPEN, which).order_by(col(TaskRow.arrived_at), col(TaskRow.id))
            )
            return [_task(row) for row in rows]

    async def take_over(self, dead: str, claim: str, by: str) -> int:
        """Move what a dead node had to keep, while the claim holds; gives how many there were."""
        first_owner = sa.func.coalesce(sa.func.nullif(col(TaskRow.taken_from), ""), col(TaskRow.node))
        statement = (
            update(TaskRow)
            .where(col(TaskRow.node) == dead, _OPEN, is_claimed(dead, claim))
            .values(node=by, taken_from=first_owner)
            .returning(col(TaskRow.id))
        )
        return len(await self._database.write_many(statement))

    async def take_back(self, node: str, tasks: Sequence[TaskId]) -> list[TaskId]:
        """Undo that for those of them with which nobody has begun yet: the node was not dead after all."""
        statement = (
            update(TaskRow)
            .where(col(TaskRow.id).in_(tasks), col(TaskRow.taken_from) == node, _OPEN)
            .values(node=node, taken_from="")
            .returning(col(TaskRow.id))
        )
        return [TaskId(row.id) for row in await self._database.write_many(statement)] if tasks else []

    async def call_off(self, node: str, tasks: Sequence[TaskId], outcome: str, at: datetime) -> list[TaskId]:
        """Close callbacks for calls that live on at this node, unless somebody has begun with them."""
        statement = (
            update(TaskRow)
            .where(col(TaskRow.id).in_(tasks), col(TaskRow.taken_from) == node, _OPEN)
            .values(state="done", outcome=outcome, resolved=True, closed_at=at)
            .returning(col(TaskRow.id))
        )
        return [TaskId(row.id) for row in await self._database.write_many(statement)] if tasks else []

    async def kept_by(self, node: str) -> frozenset[TaskId]:
        """Which open tasks are this node's."""
        async with self._database.reading() as session:
            rows = await session.exec(select(TaskRow.id).where(col(TaskRow.node) == node, _OPEN))
            return frozenset(TaskId(task) for task in rows)

    async def of_case(self, case: CaseId) -> list[StoredTask]:
        """The tasks of a case, oldest first."""
        async with self._database.reading() as session:
            rows = await session.exec(select(TaskRow).where(TaskRow.case == case).order_by(col(TaskRow.made_at)))
            return [_task(row) for row in rows]


def _task(row: TaskRow) -> StoredTask:
    return StoredTask(**row.model_dump())
