"""Business hours (S03: reminders and due dates keep to the calendar)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from center.promise.calendar import BusinessHours

ZAGREB = ZoneInfo("Europe/Zagreb")
LUNCH = BusinessHours(ZAGREB, spans=((8 * 60, 12 * 60), (13 * 60, 17 * 60)), holidays=frozenset({date(2026, 12, 25)}))


def at(text: str) -> datetime:
    """A local time such as `2026-11-23 09:00` (a Monday) as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZAGREB).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-23 09:00", 2, "2026-11-23 11:00"),
        ("2026-11-23 11:00", 2, "2026-11-23 14:00"),  # the lunch break does not count
        ("2026-11-23 16:00", 2, "2026-11-24 09:00"),
        ("2026-11-27 16:30", 2, "2026-11-30 09:30"),  # over a weekend
        ("2026-11-28 12:00", 2, "2026-11-30 10:00"),  # asked on a Saturday
        ("2026-12-24 16:30", 1, "2026-12-28 08:30"),  # Christmas and the weekend after it
        ("2026-03-27 16:30", 1, "2026-03-30 08:30"),  # summer time begins on the Sunday
    ],
)
def test_business_time_passes_only_in_business_hours(start: str, hours: float, end: str) -> None:
    assert LUNCH.after(at(start), hours * 3600) == at(end)
    assert LUNCH.between(at(start), at(end)) == hours * 3600


def test_the_next_business_day_ends_when_it_closes() -> None:
    assert LUNCH.end_of_next_day(at("2026-11-23 09:00")) == at("2026-11-24 17:00")
    assert LUNCH.end_of_next_day(at("2026-11-27 23:00")) == at("2026-11-30 17:00")
    assert LUNCH.end_of_next_day(at("2026-12-24 09:00")) == at("2026-12-28 17:00")


def test_a_moment_before_is_counted_in_business_time_and_never_before_its_limit() -> None:
    due, made = at("2026-11-24 08:10"), at("2026-11-23 16:00")
    assert LUNCH.before(due, 1_800, made) == at("2026-11-23 16:40")
    assert LUNCH.before(due, 36_000, made) == made


def test_round_the_clock_is_always_open() -> None:
    always = BusinessHours(UTC, frozenset(range(7)), ((0, 1440),))
    start = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
    assert always.after(start, 7_200) == start + timedelta(hours=2)
    assert always.end_of_next_day(start) == datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("weekdays", "spans"),
    [(frozenset[int](), ((0, 60),)), (frozenset({7}), ((0, 60),)), (frozenset({1}), ()), (frozenset({1}), ((60, 0),))],
)
def test_hours_that_cannot_be_are_refused(weekdays: frozenset[int], spans: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="hours"):
        BusinessHours(UTC, weekdays, spans)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(moments, st.floats(1, 400_000))
def test_after_and_between_agree_and_end_in_business(start: datetime, business_s: float) -> None:
    end = LUNCH.after(start, business_s)
    assert abs(LUNCH.between(start, end) - business_s) < 0.001
    assert LUNCH.is_open(end - timedelta(microseconds=2))
