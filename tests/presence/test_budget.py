"""Expert time is a budget: limits, quiet time, fair spread (N14, S06 step 8)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.budget import (
    BadRules,
    Free,
    InterruptionRules,
    QuietWindow,
    Resting,
    fairest,
    gini,
    may_interrupt,
)
from presence.fusion import Rest
from presence.resting import RestKeeper
from vocabulary import PersonId

EVA = PersonId("eva")
NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WORKDAYS = frozenset(range(5))
LUNCH = QuietWindow(WORKDAYS, time(12), time(13))


def test_the_fifth_request_within_an_hour_finds_him_resting() -> None:
    """S06 step 8: 4 an hour; the rest ends an hour after the first of them."""
    rules = InterruptionRules(per_hour=4)
    past = [NOW - 50 * MINUTE, NOW - 30 * MINUTE, NOW - 20 * MINUTE]
    assert may_interrupt(rules, past, NOW) == Free()
    past.append(NOW - MINUTE)
    assert may_interrupt(rules, past, NOW) == Resting(NOW + 10 * MINUTE, "4 interruptions an hour reached")
    assert may_interrupt(rules, past, NOW + 10 * MINUTE) == Free()


def test_quiet_time_is_in_his_own_zone() -> None:
    """S06 step 8: quiet 12 to 13 h; in Prague that is 11 to 12 UTC in winter."""
    rules = InterruptionRules(quiet=(LUNCH,), zone="Europe/Prague")
    assert may_interrupt(rules, (), NOW) == Resting(datetime(2026, 11, 23, 12, tzinfo=UTC), "quiet time")
    summer = datetime(2026, 7, 20, 10, 30, tzinfo=UTC)
    assert may_interrupt(rules, (), summer) == Resting(datetime(2026, 7, 20, 11, tzinfo=UTC), "quiet time")
    assert may_interrupt(rules, (), NOW + timedelta(hours=1)) == Free(datetime(2026, 11, 24, 11, tzinfo=UTC))


def test_free_says_until_when() -> None:
    assert may_interrupt(InterruptionRules(quiet=(LUNCH,)), (), NOW) == Free(NOW + 30 * MINUTE)
    saturday = NOW + timedelta(days=5, minutes=45)
    assert isinstance(may_interrupt(InterruptionRules(quiet=(LUNCH,)), (), saturday), Free)


def test_a_window_over_midnight_belongs_to_the_day_it_begins() -> None:
    night = InterruptionRules(quiet=(QuietWindow(frozenset({0}), time(22), time(6)),))
    tuesday = datetime(2026, 11, 24, 5, 59, tzinfo=UTC)
    assert may_interrupt(night, (), tuesday) == Resting(tuesday + MINUTE, "quiet time")
    assert isinstance(may_interrupt(night, (), tuesday + timedelta(days=1)), Free)


def test_rests_that_follow_each_other_are_one() -> None:
    """ "resting until" names the moment from which he may really be asked."""
    rules = InterruptionRules(per_hour=1, quiet=(LUNCH,), focus_until=NOW + 5 * MINUTE)
    answer = may_interrupt(rules, [NOW - 20 * MINUTE], NOW)
    assert answer == Resting(datetime(2026, 11, 23, 13, tzinfo=UTC), "1 interruptions an hour reached")


def test_focus_holds_until_its_end() -> None:
    rules = InterruptionRules(focus_until=NOW + 5 * MINUTE)
    assert may_interrupt(rules, (), NOW) == Resting(NOW + 5 * MINUTE, "focus")
    assert may_interrupt(rules, (), NOW + 5 * MINUTE) == Free()


@pytest.mark.parametrize(
    "make",
    [
        lambda: InterruptionRules(per_hour=0),
        lambda: InterruptionRules(per_hour=61),
        lambda: InterruptionRules(zone="Europe/Atlantis"),
        lambda: InterruptionRules(zone="../etc/passwd"),
        lambda: InterruptionRules(focus_until=datetime(2026, 1, 1)),
        lambda: InterruptionRules(quiet=(LUNCH,) * 29),
        lambda: QuietWindow(frozenset(), time(1), time(2)),
        lambda: QuietWindow(frozenset({7}), time(1), time(2)),
        lambda: QuietWindow(WORKDAYS, time(1, tzinfo=UTC), time(2)),
    ],
)
def test_rules_without_sense_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(BadRules):
        make()


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 240), max_size=12),
    st.integers(1, 5),
    st.integers(0, 23),
    st.integers(0, 23),
    st.integers(0, 10_000),
)
def test_the_end_of_a_rest_is_free_and_nothing_before_it_is(
    minutes: list[int], per_hour: int, start: int, end: int, offset: int
) -> None:
    now = NOW + offset * MINUTE
    rules = InterruptionRules(per_hour, (QuietWindow(WORKDAYS, time(start), time(end, 30)),), zone="Europe/Prague")
    past = [now - minute * MINUTE for minute in minutes]
    answer = may_interrupt(rules, past, now)
    if isinstance(answer, Resting):
        assert isinstance(may_interrupt(rules, past, answer.until), Free)
        half = now + (answer.until - now) / 2
        assert isinstance(may_interrupt(rules, past, half), Resting)


def test_ten_thousand_escalations_exceed_no_limit_and_spread_evenly() -> None:
    """N14: limits never exceeded in 10,000 escalations; Gini among equals at most 0.2."""
    chance = random.Random(14)
    people = [PersonId(f"p{number}") for number in range(12)]
    rules = InterruptionRules(per_hour=4, quiet=(LUNCH,))
    past: dict[PersonId, list[datetime]] = {person: [] for person in people}
    busy_until = dict.fromkeys(people, NOW)
    now, given = NOW, 0
    for _ in range(10_000):
        now += timedelta(seconds=chance.expovariate(1 / 75))
        allowed = [
            person
            for person in people
            if busy_until[person] <= now and isinstance(may_interrupt(rules, past[person][-8:], now), Free)
        ]
        chosen = fairest(allowed, past)
        if chosen is None:
            continue
        given += 1
        past[chosen].append(now)
        busy_until[chosen] = now + timedelta(minutes=chance.uniform(1, 12))
    assert given > 5_000
    assert gini([len(times) for times in past.values()]) <= 0.2
    for times in past.values():
        assert all(later - earlier >= HOUR for earlier, later in zip(times, times[4:], strict=False))
        assert not any(at.weekday() < 5 and at.hour == 12 for at in times)


def test_fairest_prefers_who_was_asked_least_then_longest_ago() -> None:
    ann, bob, cyr = PersonId("ann"), PersonId("bob"), PersonId("cyr")
    past: dict[PersonId, Sequence[datetime]] = {ann: [NOW], bob: [NOW - HOUR], cyr: [NOW, NOW]}
    assert fairest([ann, bob, cyr], past) == bob
    assert fairest([PersonId("new"), bob], past) == "new"
    assert fairest([], past) is None


def test_gini_knows_even_and_uneven() -> None:
    assert gini([3, 3, 3]) == pytest.approx(0.0)
    assert gini([0, 0, 9]) == pytest.approx(2 / 3)
    assert gini([0, 0]) == 0.0


class Keeper:
    """A rest keeper on a clock of its own."""

    def __init__(self) -> None:
        self.now = NOW
        self.told: list[tuple[PersonId, Rest | None]] = []
        self.keeper = RestKeeper(lambda person, rest: self.told.append((person, rest)), lambda: self.now)


async def test_keeper_tells_when_a_rest_begins_and_ends() -> None:
    at = Keeper()
    at.keeper.set_rules(EVA, InterruptionRules(per_hour=1))
    at.keeper.note(EVA, NOW)
    assert at.told == [(EVA, Rest(NOW + HOUR, "1 interruptions an hour reached"))]
    assert at.keeper.rest(EVA) is not None
    at.keeper.note(EVA, NOW - 2 * HOUR)
    at.now = NOW + HOUR
    assert at.keeper.rest(EVA) is None
    at.keeper.set_rules(EVA, None)
    assert at.told[-1] == (EVA, None)
    assert len(at.told) == 2
    assert at.keeper.interruptions() == {EVA: [NOW, NOW - 2 * HOUR]}
    at.keeper.stop()


async def test_keeper_forgets_interruptions_of_yesterday() -> None:
    at = Keeper()
    at.keeper.note(EVA, NOW)
    at.now = NOW + timedelta(days=1, seconds=1)
    assert at.keeper.interruptions() == {EVA: []}
    at.keeper.note(EVA, at.now)
    assert at.keeper.interruptions() == {EVA: [at.now]}
    at.keeper.forget(EVA)
    assert at.keeper.interruptions() == {}
