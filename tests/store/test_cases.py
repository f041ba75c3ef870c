"""Cases keep every value anybody wrote, with its origin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from context.model import Case, CaseTemplate, CaseValue, FieldKind, FieldSpec, ValueSource
from store import Store, StoreConflict
from store.tables import CaseValueRow
from tests.store.situations import VirtualClock
from vocabulary import CaseId, CustomerId, QueueId

AT = datetime(2027, 1, 10, 12, 30, 15, 250_000, tzinfo=UTC)
CLAIMS = QueueId("claims")
TEMPLATE = CaseTemplate(
    CLAIMS,
    (
        FieldSpec("policy", "Policy number", required=True),
        FieldSpec("kind", "What happened", kind=FieldKind.CHOICE, choices=("Fire", "Theft")),
    ),
)
EMPTY = Case(CaseId("case_1"), CLAIMS, CustomerId("ana"), TEMPLATE)


def _value(text: str, author: str, version: int, source: ValueSource = ValueSource.AGENT) -> CaseValue:
    return CaseValue(text, source, author, AT, version, 0.75)


FILLED = replace(EMPTY, version=1, values={"policy": (_value("HI-77 ž", "anna", 1),)})


async def test_a_case_comes_back_with_sources_authors_and_times(store: Store) -> None:
    """N9: fields carry source, time and confidence."""
    await store.cases.create(EMPTY)
    assert await store.cases.get(EMPTY.id) == EMPTY
    await store.cases.save(FILLED)
    assert await store.cases.get(EMPTY.id) == FILLED
    assert await store.cases.get(CaseId("case_2")) is None


async def test_a_case_can_be_saved_without_being_created(store: Store) -> None:
    await store.cases.save(FILLED)
    assert await store.cases.get(FILLED.id) == FILLED


async def test_values_that_disagree_are_both_kept_until_one_is_chosen(store: Store) -> None:
    """N9: concurrent edits are never lost."""
    hers, his = _value("HI-77", "anna", 1), _value("HI-71", "eva", 2, ValueSource.SPECIALIST)
    both = replace(EMPTY, version=2, values={"policy": (hers, his)})
    await store.cases.save(both)
    assert await store.cases.get(EMPTY.id) == both
    chosen = replace(EMPTY, version=3, values={"policy": (_value("HI-71", "anna", 3),)})
    await store.cases.save(chosen)
    assert await store.cases.get(EMPTY.id) == chosen
    async with store.database.reading() as session:
        kept = await session.exec(select(CaseValueRow.text).order_by(CaseValueRow.version))  # type: ignore[arg-type]
        assert list(kept) == ["HI-77", "HI-71", "HI-71"]


async def test_an_outcome_is_saved_without_a_new_version(store: Store) -> None:
    """CE-07: the solution is kept as the case's outcome."""
    await store.cases.save(FILLED)
    await store.cases.save(replace(FILLED, outcome="solved"))
    assert await store.cases.get(FILLED.id) == replace(FILLED, outcome="solved")


async def test_an_old_version_does_not_overwrite_a_newer_one(store: Store) -> None:
    newer = replace(FILLED, version=2, values=FILLED.values | {"kind": (_value("Fire", "eva", 2),)})
    await store.cases.save(newer)
    with pytest.raises(StoreConflict, match="version 2 of the case is stored"):
        await store.cases.save(FILLED)
    assert await store.cases.get(FILLED.id) == newer


async def test_two_nodes_saving_the_same_version_do_not_undo_each_other(store: Store, url: str, tmp_path: Path) -> None:
    other = await Store.open(url, journal_dir=tmp_path / "other")
    saved = FILLED
    await store.cases.save(saved)
    try:
        for version in range(2, 12):
            edits = [
                replace(saved, version=version, values=saved.values | {"kind": (_value("Fire", author, version),)})
                for author in ("anna", "eva", "tom", "ben")
            ]
            nodes = (store, other, store, other)
            saving = (node.cases.save(edit) for node, edit in zip(nodes, edits, strict=True))
            results = await asyncio.gather(*saving, return_exceptions=True)
            [saved] = [edit for edit, result in zip(edits, results, strict=True) if result is None]
            assert [type(result) for result in results if result is not None] == [StoreConflict] * 3
            assert await store.cases.get(FILLED.id) == saved
    finally:
        await other.close()


async def test_a_case_is_created_once(store: Store) -> None:
    await store.cases.create(FILLED)
    with pytest.raises(StoreConflict):
        await store.cases.create(EMPTY)
    assert await store.cases.get(FILLED.id) == FILLED


async def test_a_case_keeps_the_template_it_was_opened_with(store: Store) -> None:
    await store.cases.create(EMPTY)
    loaded = await store.cases.get(EMPTY.id)
    assert loaded is not None
    assert loaded.template == TEMPLATE


async def test_a_customers_cases_come_newest_first(store: Store, clock: VirtualClock) -> None:
    cases = []
    for number in range(3):
        cases.append(replace(FILLED, id=CaseId(f"case_{9 - number}")))
        await store.cases.create(cases[-1])
        clock.now += 60
    await store.cases.save(replace(cases[0], outcome="saved again, opened first"))
    await store.cases.create(replace(EMPTY, id=CaseId("other"), customer=None))
    found = await store.cases.of_customer(CustomerId("ana"))
    assert [case.id for case in found] == [cases[2].id, cases[1].id, cases[0].id]
