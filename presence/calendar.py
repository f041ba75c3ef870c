"""What a person's calendar says now: nothing on, busy until, out of office until.

Pure: iCalendar bytes (RFC 5545) and a moment in, busy stretches out; recurrences are expanded for two days only.
Titles, places and guests are never looked at: "busy by calendar" is all that anybody needs to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from presence.errors import CalendarError
from presence.model import Status

if TYPE_CHECKING:
    from icalendar import Component

LOOK_AHEAD = timedelta(days=2)
MAX_CALENDAR_BYTES = 4_000_000
MAX_EVENTS = 20_000
MAX_STRETCHES = 1_000
_TOO_OFTEN = re.compile(rb"^RRULE[^\r\n]*(FREQ=(SECONDLY|MINUTELY)|BYSECOND|BYMINUTE=\d+(,\d+){4})", re.M | re.I)
_FOLD = re.compile(rb"\r?\n[ \t]")
# X-MICROSOFT-CDO-BUSYSTATUS: what Outlook and Exchange show as the colour of an entry.
_NOT_BUSY = frozenset({"FREE", "TENTATIVE", "WORKINGELSEWHERE"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time for which the calendar takes the person away: busy, or away (out of office). UTC."""

    start: datetime
    end: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class CalendarWord:
    """What the calendar says at one moment, since when, and until when at the longest (None: not known)."""

    status: Status
    since: datetime
    until: datetime | None


def read_stretches(ics: bytes, now: datetime, zone: tzinfo) -> list[Stretch]:
    """Busy stretches that run at `now` or begin within two days, in order. `zone`: of times without a zone.

    Raises:
        CalendarError: Too large, too many entries or repetitions, or not a calendar.
    """
    if len(ics) > MAX_CALENDAR_BYTES:
        raise CalendarError(f"the calendar has more than {MAX_CALENDAR_BYTES} bytes")
    if ics.count(b"BEGIN:VEVENT") > MAX_EVENTS:
        raise CalendarError(f"the calendar has more than {MAX_EVENTS} entries")
    if _TOO_OFTEN.search(_FOLD.sub(b"", ics)):
        raise CalendarError("an entry repeats more often than every 15 minutes")
    import recurring_ical_events  # slow and large, as is the next, and most nodes read no calendars
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(ics)
        if isinstance(calendar, list):
            raise CalendarError("the file holds several calendars")
        found = recurring_ical_events.of(calendar, skip_bad_series=True).between(now, now + LOOK_AHEAD)
        stretches = [stretch for event in found[:MAX_STRETCHES] for stretch in _stretches(event, zone)]
    except CalendarError:
        raise
    except Exception as error:  # the libraries raise whatever they meet: KeyError, ValueError, AttributeError, …
        raise CalendarError(f"not a readable calendar ({type(error).__name__})") from None
    return sorted(stretches, key=lambda stretch: stretch.start)


def calendar_word(stretches: Sequence[Stretch], now: datetime) -> CalendarWord:
    """What holds at `now`; out of office goes before busy, stretches that touch are one."""
    for status in (Status.AWAY, Status.BUSY):
        since, until = _joined([stretch for stretch in stretches if stretch.status is status], now)
        if since is not None:
            return CalendarWord(status, since, until)
    coming = min((stretch.start for stretch in stretches if stretch.start > now), default=None)
    return CalendarWord(Status.AVAILABLE, now, coming)


def next_turn(stretches: Sequence[Stretch], now: datetime) -> datetime | None:
    """When the word may next change by time alone."""
    moments = (moment for stretch in stretches for moment in (stretch.start, stretch.end))
    return min((moment for moment in moments if moment > now), default=None)


def _joined(stretches: Sequence[Stretch], now: datetime) -> tuple[datetime | None, datetime | None]:
    """Start and end of the joined stretch that runs at `now`."""
    running = [stretch for stretch in stretches if stretch.start <= now < stretch.end]
    if not running:
        return None, None
    since, until = min(stretch.start for stretch in running), max(stretch.end for stretch in running)
    for stretch in stretches:  # in order of their starts
        if since <= stretch.start <= until:
            until = max(until, stretch.end)
    return since, until


def _stretches(event: Component, zone: tzinfo) -> Iterable[Stretch]:
    status = _status(event)
    if status is None:
        return
    start = _moment(event.decoded("dtstart"), zone)
    end = _moment(event.decoded("dtend"), zone) if "dtend" in event else start
    if end > start:
        yield Stretch(start, end, status)


def _status(event: Component) -> Status | None:
    """Busy, away, or None for what takes nobody away."""
    busy = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    transparent = str(event.get("TRANSP", "OPAQUE")).upper() == "TRANSPARENT"
    if str(event.get("STATUS", "")).upper() in ("CANCELLED", "TENTATIVE") or transparent or busy in _NOT_BUSY:
        return None
    return Status.AWAY if busy == "OOF" else Status.BUSY


def _moment(value: object, zone: tzinfo) -> datetime:
    """A time, or a whole day's beginning, in UTC; without a zone it is the company's."""
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), zone).astimezone(UTC)
    raise CalendarError("an entry has no time")
