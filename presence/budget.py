"""A specialist's time as a budget: may he be interrupted now, and if not, when again (N14).

Pure: wall-clock times are aware UTC and come in as arguments. A person's rules are interruptions per hour (a sliding
hour), quiet windows of the week in the person's own time zone, and "focus until". The tightest rule decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from presence.errors import PresenceError
from presence.fusion import Rest
from vocabulary import PersonId

HOUR = timedelta(hours=1)
MAX_PER_HOUR = 60
MAX_QUIET_WINDOWS = 28
MAX_FOCUS = timedelta(days=31)
MAX_STEPS = 64
"""How many rules in a row may push the end of a rest further; more would be a rest for ever."""


class BadRules(PresenceError):
    """Somebody's interruption rules make no sense; the text says which one."""


@dataclass(frozen=True, slots=True)
class QuietWindow:
    """No interruptions on these weekdays (0 Monday … 6 Sunday) from start to end, local time.

    An end that is not after the start lies on the next day.
    """

    weekdays: frozenset[int]
    start: time
    end: time

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise BadRules("a quiet window needs weekdays from 0 (Monday) to 6 (Sunday)")
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise BadRules("a quiet window is in local time, without a zone")


@dataclass(frozen=True, slots=True)
class InterruptionRules:
    """What one person allows. `zone` is an IANA name such as Europe/Prague; `focus_until` is aware."""

    per_hour: int | None = None
    quiet: tuple[QuietWindow, ...] = ()
    focus_until: datetime | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.per_hour is not None and not 0 < self.per_hour <= MAX_PER_HOUR:
            raise BadRules(f"interruptions per hour must be 1 to {MAX_PER_HOUR}; for none at all choose not available")
        if len(self.quiet) > MAX_QUIET_WINDOWS:
            raise BadRules(f"at most {MAX_QUIET_WINDOWS} quiet windows are allowed")
        if self.focus_until is not None and self.focus_until.tzinfo is None:
            raise BadRules("focus until needs a time zone")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadRules(f"there is no time zone {self.zone[:64]!r}") from None


def check_focus(focus_until: datetime, now: datetime) -> None:
    """Refuse a focus that would last too long from `now` on (both aware).

    Raises:
        BadRules: It would.
    """
    if focus_until - now > MAX_FOCUS:
        raise BadRules(f"focus may last {MAX_FOCUS.days} days at most; for longer choose not available")


@dataclass(frozen=True, slots=True)
class Free:
    """He may be asked; `until` is when a rule next forbids it, as far as is known now."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resting:
    """He may not be asked before `until` (UTC); `because` names the rule that holds now."""

    until: datetime
    because: str

    def rest(self) -> Rest:
        return Rest(self.until, self.because)


def may_interrupt(
    rules: InterruptionRules, past_interruptions: Iterable[datetime], now_utc: datetime
) -> Free | Resting:
    """Decide whether the person may be interrupted at `now_utc`; a rest's end is the first moment no rule forbids."""
    past = sorted(past_interruptions)
    first = _forbidden(rules, past, now_utc)
    if first is None:
        return Free(_next_quiet_start(rules, now_utc))
    until = first.until
    for _ in range(MAX_STEPS):
        further = _forbidden(rules, past, until)
        if further is None:
            break
        until = further.until
    return Resting(until, first.because)


def fairest(candidates: Sequence[PersonId], interruptions: Mapping[PersonId, Sequence[datetime]]) -> PersonId | None:
    """Choose among equals who was interrupted least, then whose last interruption is longest ago, then the first."""

    def key(person: PersonId) -> tuple[int, datetime]:
        past = interruptions.get(person, ())
        return len(past), max(past, default=datetime.min.replace(tzinfo=UTC))

    return min(candidates, key=key, default=None)


def gini(counts: Sequence[float]) -> float:
    """How unevenly a load is spread: 0 all alike, towards 1 one person carries everything."""
    total, size = sum(counts), len(counts)
    if total == 0:
        return 0.0
    ranked = sum(rank * count for rank, count in enumerate(sorted(counts), 1))
    return 2 * ranked / (size * total) - (size + 1) / size


def _forbidden(rules: InterruptionRules, past: Sequence[datetime], at: datetime) -> Resting | None:
    """The rule that forbids an interruption at `at` for the longest, or None."""
    found = [*_focus(rules, at), *_quiet(rules, at), *_spent(rules, past, at)]
    return max(found, key=lambda resting: resting.until, default=None)


def _focus(rules: InterruptionRules, at: datetime) -> Iterable[Resting]:
    if rules.focus_until is not None and at < rules.focus_until:
        yield Resting(rules.focus_until.astimezone(UTC), "focus")


def _quiet(rules: InterruptionRules, at: datetime) -> Iterable[Resting]:
    for start, end in _windows_around(rules, at):
        if start <= at < end:
            yield Resting(end, "quiet time")


def _spent(rules: InterruptionRules, past: Sequence[datetime], at: datetime) -> Iterable[Resting]:
    if rules.per_hour is None:
        return
    # An interruption from a clock ahead of ours counts as one of now.
    recent = [min(moment, at) for moment in past if moment > at - HOUR]
    if len(recent) >= rules.per_hour:
        yield Resting(recent[-rules.per_hour] + HOUR, f"{rules.per_hour} interruptions an hour reached")


def _next_quiet_start(rules: InterruptionRules, at: datetime) -> datetime | None:
    return min((start for start, _ in _windows_around(rules, at) if start > at), default=None)


def _windows_around(rules: InterruptionRules, at: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Every quiet window from yesterday's to next week's, as UTC moments; local days differ in length."""
    zone = ZoneInfo(rules.zone)
    today = at.astimezone(zone).date()
    for offset in range(-1, 8):
        day = today + timedelta(days=offset)
        for window in rules.quiet:
            if day.weekday() in window.weekdays:
                last = day if window.end > window.start else day + timedelta(days=1)
                start = datetime.combine(day, window.start, zone).astimezone(UTC)
                end = datetime.combine(last, window.end, zone).astimezone(UTC)
                yield start, end
