"""The live record of a case (N9, CE-06, CE-09, CE-14)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context.errors import ContextError, NotAChoice, UnknownField, ValueTooLong, VersionAhead
from context.model import MAX_VALUE_CHARS, Case, CaseEdit, CaseTemplate, FieldKind, FieldSpec, ValueSource
from context.record import apply_edit, in_conflict, open_required
from vocabulary import CaseId, QueueId

AT = datetime(2026, 1, 1, tzinfo=UTC)
TEMPLATE = CaseTemplate(
    QueueId("claims"),
    (
        FieldSpec("policy", "Policy number", required=True),
        FieldSpec("place", "Place"),
        FieldSpec("kind", "Kind", required=True, kind=FieldKind.CHOICE, choices=("fire", "water")),
    ),
)


def given_case() -> Case:
    return Case(CaseId("case_1"), QueueId("claims"), None, TEMPLATE)


def edit(
    field: str, text: str, author: str = "anna", base: int = 0, source: ValueSource = ValueSource.AGENT
) -> CaseEdit:
    return CaseEdit(field, text, source, author, AT, base)


def texts(case: Case, field: str) -> list[str]:
    return [value.text for value in case.values.get(field, ())]


def test_a_value_keeps_its_source_author_and_time() -> None:
    case = apply_edit(given_case(), edit("policy", "P-1", source=ValueSource.SPECIALIST))
    value = case.values["policy"][0]
    assert (value.source, value.author, value.at, value.version) == (ValueSource.SPECIALIST, "anna", AT, 1)


def test_concurrent_edits_of_different_fields_merge() -> None:
    case = apply_edit(given_case(), edit("policy", "P-1", "anna", base=0))
    case = apply_edit(case, edit("place", "Split", "ella", base=0))
    assert texts(case, "policy") == ["P-1"]
    assert texts(case, "place") == ["Split"]


def test_concurrent_edits_of_one_field_keep_both_until_a_person_chooses() -> None:
    case = apply_edit(given_case(), edit("place", "Split", "anna", base=0))
    case = apply_edit(case, edit("place", "Zadar", "ella", base=0))
    assert texts(case, "place") == ["Split", "Zadar"]
    assert in_conflict(case, "place")
    settled = apply_edit(case, edit("place", "Zadar", "anna", base=2))
    assert texts(settled, "place") == ["Zadar"]


def test_an_author_who_types_on_does_not_disagree_with_himself() -> None:
    case = apply_edit(given_case(), edit("place", "Spl", "anna", base=0))
    case = apply_edit(case, edit("place", "Split", "anna", base=0))
    assert texts(case, "place") == ["Split"]


def test_two_people_who_say_the_same_do_not_disagree() -> None:
    case = apply_edit(given_case(), edit("place", "Split", "anna", base=0))
    case = apply_edit(case, edit("place", "Split", "ella", base=0))
    assert texts(case, "place") == ["Split"]


def test_required_fields_that_are_empty_or_emptied_are_open() -> None:
    case = apply_edit(given_case(), edit("policy", "P-1"))
    assert open_required(case) == ("kind",)
    assert open_required(apply_edit(case, edit("policy", "  ", base=1))) == ("policy", "kind")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (edit("colour", "red"), UnknownField),
        (edit("place", "x" * (MAX_VALUE_CHARS + 1)), ValueTooLong),
        (edit("kind", "earthquake"), NotAChoice),
        (edit("place", "Split", base=7), VersionAhead),
    ],
)
def test_a_bad_edit_is_refused_with_its_reason(bad: CaseEdit, error: type[ContextError]) -> None:
    with pytest.raises(error):
        apply_edit(given_case(), bad)


edits = st.lists(
    st.tuples(
        st.sampled_from(["policy", "place"]), st.text(min_size=1, max_size=3), st.sampled_from("abc"), st.integers(0, 9)
    ),
    max_size=25,
)


@given(edits)
def test_no_edit_is_lost_unless_its_replacer_had_seen_it(steps: list[tuple[str, str, str, int]]) -> None:
    """N9: whatever leaves the record had been seen, or written, by who replaced it."""
    case = given_case()
    for field, text, author, lag in steps:
        base = max(0, case.version - lag)
        before = case.values.get(field, ())
        case = apply_edit(case, edit(field, text, author, base))
        after = {value.text for value in case.values[field]}
        for value in before:
            replaced_knowingly = value.version <= base or value.author == author
            assert value.text in after or replaced_knowingly
        assert text in after
