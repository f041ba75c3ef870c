"""How long help takes, for honest estimates of when somebody will be free (CE-13, S03)."""

from __future__ import annotations

import pytest

from center.help_times import LEAST_SAMPLES, LEAST_WAIT_S, SAMPLES, HelpTimes
from vocabulary import EscalationId, PersonId

EVA, MARCUS, TOM = PersonId("eva"), PersonId("marcus"), PersonId("tom")


def helped(times: HelpTimes, count: int, each_s: float) -> None:
    """So many helps that are over."""
    for number in range(count):
        escalation = EscalationId(f"esc_over_{number}")
        times.began(escalation, TOM, 0.0)
        times.ended(escalation, each_s)


@pytest.fixture
def times() -> HelpTimes:
    """Helps lasted 300 s as a rule; Eva helps since second 0, Marcus since second 100."""
    usual = HelpTimes()
    helped(usual, LEAST_SAMPLES, 300.0)
    usual.began(EscalationId("esc_eva"), EVA, 0.0)
    usual.began(EscalationId("esc_marcus"), MARCUS, 100.0)
    return usual


@pytest.mark.parametrize(
    ("wanted", "now", "wait_s"),
    [
        ([EVA], 60.0, 240.0),
        ([MARCUS], 160.0, 240.0),
        ([MARCUS, EVA], 160.0, 140.0),
        ([EVA], 299.0, LEAST_WAIT_S),
        ([EVA], 5_000.0, LEAST_WAIT_S),
    ],
    ids=["one", "another", "the first of two", "nearly over", "longer than usual"],
)
def test_the_wait_is_what_is_left_of_the_usual_time(
    times: HelpTimes, wanted: list[PersonId], now: float, wait_s: float
) -> None:
    assert times.wait_s(wanted, now) == pytest.approx(wait_s)


def test_nobody_can_say_when_somebody_comes_who_does_not_help_now(times: HelpTimes) -> None:
    assert times.wait_s([TOM], 10.0) is None
    assert times.wait_s([], 10.0) is None


def test_a_few_helps_tell_nothing() -> None:
    times = HelpTimes()
    times.began(EscalationId("esc_eva"), EVA, 0.0)
    assert times.wait_s([EVA], 10.0) is None
    helped(times, LEAST_SAMPLES - 1, 100.0)
    assert times.wait_s([EVA], 10.0) is None
    helped(times, 1, 100.0)
    assert times.wait_s([EVA], 10.0) == pytest.approx(90.0)


def test_who_is_done_is_waited_for_no_longer_and_counts_for_the_next(times: HelpTimes) -> None:
    times.ended(EscalationId("esc_eva"), 700.0)
    assert times.wait_s([EVA], 700.0) is None
    usual_s = (LEAST_SAMPLES * 300.0 + 700.0) / (LEAST_SAMPLES + 1)
    assert times.wait_s([MARCUS], 100.0) == pytest.approx(usual_s)


def test_an_end_that_never_began_or_is_told_twice_changes_nothing(times: HelpTimes) -> None:
    times.ended(EscalationId("esc_eva"), 300.0)
    before = times.wait_s([MARCUS], 100.0)
    times.ended(EscalationId("esc_eva"), 9_000.0)
    times.ended(EscalationId("esc_nobody"), 9_000.0)
    assert times.wait_s([MARCUS], 100.0) == before


def test_what_was_usual_long_ago_is_forgotten() -> None:
    times = HelpTimes()
    helped(times, 5, 10_000.0)
    helped(times, SAMPLES, 60.0)
    times.began(EscalationId("esc_eva"), EVA, 0.0)
    assert times.wait_s([EVA], 0.0) == pytest.approx(60.0)
