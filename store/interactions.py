"""Where interactions and escalations stand, and stood."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from store.database import Database, uninterrupted
from store.records import StoredEscalation, StoredInteraction, TimeBudgets
from store.tables import EscalationRow, InteractionRow
from vocabulary import InteractionId, Result


@uninterrupted
class Interactions:
    """Current state in ordinary rows; how it came about is in the event log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, interaction: StoredInteraction) -> None:
        """Add or overwrite an interaction."""
        values = asdict(interaction)
        row = InteractionRow(**(values | values.pop("budgets")))
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(row))

    async def get(self, interaction: InteractionId) -> StoredInteraction | None:
        async with self._database.reading() as session:
            row = await session.get(InteractionRow, interaction)
            return _interaction(row) if row else None

    async def open(self, node: str) -> list[StoredInteraction]:
        """Those of a node that are not closed, oldest first: what it has to look after when it starts."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(InteractionRow)
                .where(col(InteractionRow.closed_at).is_(sa.null()), InteractionRow.node == node)
                .order_by(col(InteractionRow.enqueued_at), col(InteractionRow.id))
            )
            return [_interaction(row) for row in rows]

    async def recent(self, limit: int = 50) -> list[StoredInteraction]:
        """The latest, newest first."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(InteractionRow)
                .order_by(col(InteractionRow.enqueued_at).desc(), col(InteractionRow.id).desc())
                .limit(limit)
            )
            return [_interaction(row) for row in rows]

    async def save_escalation(self, escalation: StoredEscalation) -> None:
        """Add or overwrite an escalation."""
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(EscalationRow(**asdict(escalation))))

    async def escalations_of(self, interaction: InteractionId) -> list[StoredEscalation]:
        """The escalations of an interaction in the order they were asked for."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(EscalationRow)
                .where(EscalationRow.interaction == interaction)
                .order_by(col(EscalationRow.requested_at), col(EscalationRow.id))
            )
            return [StoredEscalation(**_with_result(row.model_dump(), "result")) for row in rows]


def _interaction(row: InteractionRow) -> StoredInteraction:
    values = _with_result(row.model_dump(), "end_result")
    budgets = TimeBudgets(**{part.name: values.pop(part.name) for part in fields(TimeBudgets)})
    return StoredInteraction(**values, budgets=budgets)


def _with_result(values: dict[str, Any], key: str) -> dict[str, Any]:
    """The row's values with the end's result as the enum it is."""
    stored = values[key]
    return values | {key: Result(stored) if stored is not None else None}
