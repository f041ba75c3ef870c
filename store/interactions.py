"""Where interactions and escalations stand, and stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select, update

from store.database import Database, uninterrupted
from store.nodes import is_claimed
from store.records import HelpGiven, StoredEscalation, StoredInteraction, TimeBudgets
from store.tables import CaseRow, CustomerRow, EscalationRow, InteractionRow, ServiceQueueRow
from vocabulary import EndReason, InteractionId, PersonId, Result


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
        """Those of a node that are not closed, oldest first."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(InteractionRow)
                .where(col(InteractionRow.closed_at).is_(sa.null()), InteractionRow.node == node)
                .order_by(col(InteractionRow.enqueued_at), col(InteractionRow.id))
            )
            return [_interaction(row) for row in rows]

    async def take_over(self, dead: str, claim: str, by: str) -> list[InteractionId]:
        """Move what a dead node had open, while the claim holds."""
        statement = (
            update(InteractionRow)
            .where(
                col(InteractionRow.node) == dead, col(InteractionRow.closed_at).is_(sa.null()), is_claimed(dead, claim)
            )
            .values(node=by)
            .returning(col(InteractionRow.id))
        )
        return [InteractionId(row.id) for row in await self._database.write_many(statement)]

    async def close_lost(self, interaction: StoredInteraction, node: str, end: EndReason, at: datetime) -> bool:
        """Close what ended with its node; False when that node came back with the call alive. An end it had stays."""
        result = interaction.end_result or end.result
        reason = interaction.end_reason if interaction.end_result is not None else end.reason
        statement = (
            update(InteractionRow)
            .where(col(InteractionRow.id) == interaction.id, col(InteractionRow.node) == node)
            .values(phase="closed", closed_at=at, end_result=result.value, end_reason=reason)
            .returning(col(InteractionRow.id))
        )
        if await self._database.write_one(statement) is None:
            return False
        escalations = (
            update(EscalationRow)
            .where(col(EscalationRow.interaction) == interaction.id, col(EscalationRow.closed_at).is_(sa.null()))
            .values(closed_at=at, result=end.result.value, reason=end.reason)
            .returning(col(EscalationRow.id))
        )
        await self._database.write_many(escalations)
        return True

    async def not_of(self, node: str, interactions: Sequence[InteractionId]) -> frozenset[InteractionId]:
        """Which of these the store holds as closed or as another node's."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(InteractionRow.id).where(
                    col(InteractionRow.id).in_(interactions),
                    sa.or_(col(InteractionRow.node) != node, col(InteractionRow.closed_at).is_not(sa.null())),
                )
            )
            return frozenset(InteractionId(each) for each in rows)

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

    async def callers(self, interactions: Sequence[InteractionId]) -> dict[InteractionId, tuple[str, str | None]]:
        """Who called: number, and the customer's name if he is known."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(InteractionRow.id, InteractionRow.caller_number, CustomerRow.name)
                .join(CustomerRow, col(CustomerRow.id) == InteractionRow.customer, isouter=True)
                .where(col(InteractionRow.id).in_(interactions))
            )
            return {InteractionId(id_): (number, name) for id_, number, name in rows}

    async def helped_by(self, person: PersonId, limit: int) -> list[HelpGiven]:
        """The conversations a person joined as a specialist, or brought one into, newest first, with their outcome."""
        mine = sa.or_(col(EscalationRow.specialist) == person, col(EscalationRow.agent) == person)
        async with self._database.reading() as session:
            found = await session.exec(
                select(EscalationRow, InteractionRow, CustomerRow.name, ServiceQueueRow.name)
                .join(InteractionRow, col(InteractionRow.id) == EscalationRow.interaction)
                .join(CustomerRow, col(CustomerRow.id) == InteractionRow.customer, isouter=True)
                .join(ServiceQueueRow, col(ServiceQueueRow.id) == InteractionRow.queue, isouter=True)
                .where(mine, col(EscalationRow.joined_at).is_not(sa.null()))
                .order_by(col(EscalationRow.requested_at).desc())
                .limit(limit)
            )
            rows = list(found)
            cases = select(CaseRow.id, CaseRow.outcome).where(col(CaseRow.id).in_([call.case for _, call, *_ in rows]))
            outcomes = dict((await session.exec(cases)).all())
            return [_help(*row, outcomes.get(row[1].case or "")) for row in rows]


def _help(
    asked: EscalationRow, call: InteractionRow, customer: str | None, queue: str | None, outcome: str | None
) -> HelpGiven:
    assert asked.joined_at is not None
    return HelpGiven(
        interaction=InteractionId(call.id),
        agent=PersonId(asked.agent),
        specialist=PersonId(asked.specialist),
        joined_at=asked.joined_at,
        closed_at=call.closed_at,
        customer_name=customer or "",
        queue_name=queue or call.queue or "",
        outcome=outcome or call.disposition,
        fcr=call.fcr,
        specialist_s=call.specialist_s,
    )


def _interaction(row: InteractionRow) -> StoredInteraction:
    values = _with_result(row.model_dump(), "end_result")
    budgets = TimeBudgets(**{part.name: values.pop(part.name) for part in fields(TimeBudgets)})
    return StoredInteraction(**values, budgets=budgets)


def _with_result(values: dict[str, Any], key: str) -> dict[str, Any]:
    """The row's values with the end's result as the enum it is."""
    stored = values[key]
    return values | {key: Result(stored) if stored is not None else None}
