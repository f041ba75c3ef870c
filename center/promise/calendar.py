"""Business hours: when a promise may be due, and how much of the time until then has passed. Pure.

All times are aware UTC; the hours are those of a zone, so summer time is counted right. A day without hours (weekend,
holiday) passes in no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY_MINUTES = 24 * 60
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When people of a queue work. `spans` are minutes of a working day, in order, such as (480, 720), (780, 1080)."""

    zone: tzinfo = UTC
    weekdays: frozenset[int] = frozenset(range(5))
    """0 is Monday."""
    spans: tuple[tuple[int, int], ...] = ((8 * 60, 18 * 60),)
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        edges = [minute for span in self.spans for minute in span]
        if not self.weekdays or not edges or not self.weekdays <= frozenset(range(7)):
            raise ValueError("business hours need a weekday (0 to 6) and a span")
        if edges != sorted(set(edges)) or edges[0] < 0 or edges[-1] > DAY_MINUTES:
            raise ValueError("spans of business hours are minutes of a day in growing order")

    def is_open(self, at: datetime) -> bool:
        return any(begin <= at < end for begin, end in self._spans_of(self._day(at)))

    def next_open(self, at: datetime) -> datetime:
        """The first moment of business at or after `at`."""
        return max(at, next(self._from(at))[0])

    def after(self, at: datetime, business_s: float) -> datetime:
        """The moment when so many seconds of business have passed since `at`."""
        left = timedelta(seconds=business_s)
        for begin, end in self._from(at):
            begin = max(begin, at)
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise AssertionError("the search never ends")

    def before(self, at: datetime, business_s: float, not_before: datetime) -> datetime:
        """The moment so many seconds of business before `at`, but not earlier than `not_before`."""
        between = self.between(not_before, at)
        return self.after(not_before, between - business_s) if between > business_s else not_before

    def between(self, start: datetime, end: datetime) -> float:
        """Seconds of business from `start` to `end`."""
        passed = timedelta()
        for begin, close in self._from(start):
            if begin >= end:
                break
            passed += max(timedelta(), min(close, end) - max(begin, start))
        return passed.total_seconds()

    def end_of_next_day(self, at: datetime) -> datetime:
        """When the next business day after the day of `at` closes."""
        first = self._day(at) + timedelta(days=1)
        spans = next(self._from(datetime.combine(first, time(), self.zone).astimezone(UTC)))
        return self._spans_of(self._day(spans[0]))[-1][1]

    def local(self, at: datetime) -> datetime:
        """The time as people at work read it."""
        return at.astimezone(self.zone)

    def _day(self, at: datetime) -> date:
        return self.local(at).date()

    def _from(self, at: datetime) -> Iterator[Span]:
        """Every span of business that ends after `at`, for ever."""
        day = self._day(at)
        while True:
            yield from (span for span in self._spans_of(day) if span[1] > at)
            day += timedelta(days=1)

    def _spans_of(self, day: date) -> list[Span]:
        if day.weekday() not in self.weekdays or day in self.holidays:
            return []
        return [(self._at(day, begin), self._at(day, end)) for begin, end in self.spans]

    def _at(self, day: date, minute: int) -> datetime:
        day, minute = (day + timedelta(days=1), 0) if minute == DAY_MINUTES else (day, minute)
        return datetime.combine(day, time(minute // 60, minute % 60), self.zone).astimezone(UTC)
