"""What is promised: owner, due date, slot and sentence (N10, S03)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from center.promise.model import Promise, Slot, TaskKind
from center.promise.plan import in_words, plan_promise
from tests.center.promise.situations import (
    ANNA,
    EVA,
    HOURS,
    MARCUS,
    MONDAY_NINE,
    PEOPLE,
    REQUEST,
    RULES,
    SARA,
    promise,
)
from vocabulary import PersonId, TaskId


def clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%a %H:%M}"


def test_a_callback_is_promised_by_the_best_specialist_within_two_hours() -> None:
    made = promise()
    assert made.owner == EVA
    assert clock(made.due_at) == "Mon 11:00"
    assert made.slot == Slot(MONDAY_NINE + 300, MONDAY_NINE + 1_200)
    assert made.sentence == "Eva Horvat will call you back by 11:00 today."
    assert clock(made.half_at) == "Mon 10:00"
    assert clock(made.remind_at) == "Mon 10:30"
    assert made.arrived_at == REQUEST.arrived_at


def test_a_task_is_due_at_the_end_of_the_next_business_day() -> None:
    made = promise(TaskKind.TASK)
    assert clock(made.due_at) == "Tue 18:00"
    assert made.slot is None
    assert made.sentence == "Eva Horvat will take care of your matter and you will hear from us by 18:00 tomorrow."


def test_what_is_promised_at_night_is_due_in_business_hours() -> None:
    """S03: the due date keeps to the calendar."""
    saturday = datetime(2026, 11, 28, 22, 0, tzinfo=UTC).timestamp()
    made = plan_promise(REQUEST, PEOPLE, [], HOURS, RULES, saturday)
    assert clock(made.due_at) == "Mon 10:00"
    assert made.slot is not None
    assert clock(made.slot.begins_at) == "Mon 08:05"
    assert made.sentence == "Eva Horvat will call you back by 10:00 on Monday."
    assert [clock(each) for each in (made.half_at, made.remind_at)] == ["Mon 09:00", "Mon 09:30"]


def test_without_a_specialist_the_deputy_owns_it_then_who_talked_longest_then_who_asked() -> None:
    """N10: never nobody."""
    request = replace(REQUEST, skill="sailing", deputy=SARA, agents=(MARCUS, ANNA))
    owners = []
    for changed in (request, replace(request, deputy=None), replace(request, deputy=None, agents=())):
        owners.append(plan_promise(changed, PEOPLE, [], HOURS, RULES, MONDAY_NINE).owner)
    assert owners == [SARA, MARCUS, ANNA]
    unknown = replace(request, deputy=None, agents=(), asked_by=PersonId("left.company"))
    assert plan_promise(unknown, [], [], HOURS, RULES, MONDAY_NINE).owner == "left.company"


def test_who_said_later_owns_the_callback_and_gets_it_when_he_has_time() -> None:
    """The specialist's page, Later: nobody else came, so it is his, and not before the time he named."""
    willing = ((MARCUS, MONDAY_NINE + 1_800),)
    made = plan_promise(replace(REQUEST, willing=willing), PEOPLE, [], HOURS, RULES, MONDAY_NINE)
    assert made.owner == MARCUS
    assert made.slot is not None
    assert clock(made.slot.begins_at) == "Mon 09:35"
    gone = ((PersonId("left.company"), MONDAY_NINE),)
    assert plan_promise(replace(REQUEST, willing=gone), PEOPLE, [], HOURS, RULES, MONDAY_NINE).owner == EVA


def test_an_owner_without_time_before_the_due_date_gives_way_to_the_next() -> None:
    busy = Slot(MONDAY_NINE, MONDAY_NINE + 7_200)
    made = plan_promise(REQUEST, PEOPLE, [(EVA, busy)], HOURS, RULES, MONDAY_NINE)
    assert made.owner == MARCUS


def test_if_nobody_has_time_the_due_date_honestly_lies_later() -> None:
    later = [(EVA, Slot(MONDAY_NINE, MONDAY_NINE + 9_000)), (MARCUS, Slot(MONDAY_NINE, MONDAY_NINE + 8_000))]
    made = plan_promise(replace(REQUEST), PEOPLE, [*later], HOURS, RULES, MONDAY_NINE)
    assert made.owner == ANNA  # who asked has time
    made = plan_promise(REQUEST, PEOPLE, [*later, (ANNA, later[0][1])], HOURS, RULES, MONDAY_NINE)
    assert made.owner == MARCUS
    assert made.slot is not None
    assert made.due_at == made.slot.ends_at > MONDAY_NINE + 7_200


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=40))
def test_no_two_callbacks_of_one_owner_overlap_and_all_lie_in_business_hours(moments: list[int]) -> None:
    made: list[Promise] = []
    for number, after_s in enumerate(sorted(moments)):
        request = replace(REQUEST, id=TaskId(f"task_{number}"))
        reserved = [(each.owner, each.slot) for each in made if each.slot is not None]
        made.append(plan_promise(request, PEOPLE, reserved, HOURS, RULES, MONDAY_NINE + after_s))
    for number, first in enumerate(made):
        assert first.slot is not None
        assert HOURS.is_open(datetime.fromtimestamp(first.slot.begins_at, UTC))
        assert first.made_at <= first.half_at <= first.due_at
        assert first.made_at <= first.remind_at <= first.due_at
        assert first.slot.ends_at <= first.due_at
        for second in made[number + 1 :]:
            assert second.slot is not None
            assert first.owner != second.owner or not first.slot.overlaps(second.slot)


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "15:30 today"), (1, "15:30 tomorrow"), (3, "15:30 on Thursday"), (9, "15:30 on Wednesday, 2 December")],
)
def test_times_are_said_as_people_say_them(days: int, words: str) -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    at = datetime.fromtimestamp(now.timestamp() + days * 86_400 + 6.5 * 3_600, UTC)
    assert in_words(at, now, HOURS) == words
