"""Cases with every value they ever had (N9: nothing anybody wrote is lost)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from context.model import Case, CaseTemplate, CaseValue, ValueSource
from store.database import Database, uninterrupted
from store.directory import fields_from_json, fields_to_json
from store.errors import StoreConflict
from store.tables import CaseRow, CaseValueRow
from vocabulary import CaseId, CustomerId, QueueId


@uninterrupted
class Cases:
    """Saves cases whole; values of earlier versions stay behind as their history."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def create(self, case: Case) -> None:
        """Save a new case.

        Raises:
            StoreConflict: A case with this id is there already.
        """
        async with self._database.writing() as session:
            await session.exec(self._database.insert(self._head(case)))
            await self._add_values(session, case)

    async def save(self, case: Case) -> None:
        """Save a case as it stands now, and add its new values to those kept.

        Raises:
            StoreConflict: Another node saved a newer version, or the same version with other values. Load the case
                again, merge and save.
        """
        head = self._head(case)
        async with self._database.writing() as session:
            stored = await session.get(CaseRow, case.id, with_for_update=True)
            if stored and _is_ahead(stored, head):
                raise StoreConflict(f"version {stored.version} of the case is stored, version {case.version} came")
            await session.exec(self._database.upsert(head, keep=("opened_at",)))
            await self._add_values(session, case)

    async def get(self, case: CaseId) -> Case | None:
        async with self._database.reading() as session:
            row = await session.get(CaseRow, case)
            return (await _cases(session, [row]))[0] if row else None

    async def of_customer(self, customer: CustomerId) -> list[Case]:
        """The customer's cases, newest first."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(CaseRow)
                .where(CaseRow.customer == customer)
                .order_by(col(CaseRow.opened_at).desc(), col(CaseRow.id).desc())
            )
            return await _cases(session, list(rows))

    def _head(self, case: Case) -> CaseRow:
        return CaseRow(
            id=case.id,
            queue=case.queue,
            customer=case.customer,
            template=fields_to_json(case.template.fields),
            opened_at=datetime.fromtimestamp(self._clock(), UTC),
            version=case.version,
            standing={
                field: [[value.version, value.author] for value in values] for field, values in case.values.items()
            },
            outcome=case.outcome,
        )

    async def _add_values(self, session: AsyncSession, case: Case) -> None:
        rows = [_value_row(case.id, field, value) for field, values in case.values.items() for value in values]
        if rows:
            insert = self._database.insert_of(CaseValueRow).on_conflict_do_nothing()
            await (await session.connection()).execute(insert, rows)


def _is_ahead(stored: CaseRow, coming: CaseRow) -> bool:
    """Whether saving `coming` would undo what is stored."""
    same_version_differs = stored.version == coming.version and stored.standing != coming.standing
    return stored.version > coming.version or same_version_differs


async def _cases(session: AsyncSession, rows: list[CaseRow]) -> list[Case]:
    values = await session.exec(select(CaseValueRow).where(col(CaseValueRow.case).in_([row.id for row in rows])))
    by_key = {(value.case, value.field, value.version, value.author): value for value in values}
    return [_case(row, by_key) for row in rows]


def _case(row: CaseRow, by_key: dict[tuple[str, str, int, str], CaseValueRow]) -> Case:
    def standing(field: str, keys: Iterable[list[Any]]) -> tuple[CaseValue, ...]:
        return tuple(_value(by_key[row.id, field, version, author]) for version, author in keys)

    queue = QueueId(row.queue)
    return Case(
        id=CaseId(row.id),
        queue=queue,
        customer=CustomerId(row.customer) if row.customer is not None else None,
        template=CaseTemplate(queue, fields_from_json(row.template)),
        version=row.version,
        values={field: standing(field, keys) for field, keys in row.standing.items()},
        outcome=row.outcome,
    )


def _value(row: CaseValueRow) -> CaseValue:
    return CaseValue(row.text, ValueSource(row.source), row.author, row.at, row.version, row.confidence)


def _value_row(case: CaseId, field: str, value: CaseValue) -> dict[str, object]:
    row = CaseValueRow(
        case=case,
        field=field,
        version=value.version,
        author=value.author,
        text=value.text,
        source=value.source.value,
        at=value.at,
        confidence=value.confidence,
    )
    return row.model_dump()
