"""Counts of calls. Each call gives parts, each with its time; a tally is the sum of parts. Pure, and exact: integers
only, so that taking a part out again leaves no trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from center.report.facts import CallFacts, HandOver


class Measure(StrEnum):
    """What is counted; `_ms` are sums of milliseconds."""

    ARRIVED = "arrived"
    ANSWERED_IN_TIME = "answered_in_time"
    ANSWERED_LATE = "answered_late"
    LEFT_EARLY = "left_early"
    """The customer left while there was still time to answer; counts neither for nor against."""
    ABANDONED = "abandoned"
    CLOSED = "closed"
    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    WAIT_MS = "wait_ms"
    CUSTOMER_MS = "customer_ms"
    AGENT_MS = "agent_ms"
    SPECIALIST_MS = "specialist_ms"
    ASKED = "asked"
    JOINED = "joined"
    JOINED_WAITING = "joined_waiting"
    """A specialist joined after the agent had chosen to wait for one."""
    PROMISED = "promised"
    ENDED = "ended"
    """Taken back, or the customer left: neither joined nor promised."""
    REQUIRED_AT_JOIN = "required_at_join"
    EMPTY_AT_JOIN = "empty_at_join"
    REQUIRED_AT_CLOSE = "required_at_close"
    EMPTY_AT_CLOSE = "empty_at_close"


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as good: the share of calls answered in time, and the two marks of a hand-over."""

    answer_within_s: float = 20.0
    answered_share: float = 0.95
    target_s: float = 20.0
    ceiling_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Part:
    """What a call adds to the tally of the time `at` (UTC seconds); `hand_over_ds` in tenths of a second."""

    at: float
    counts: dict[Measure, int]
    hand_over_ds: int | None = None


class Tally:
    """A sum of parts."""

    def __init__(self) -> None:
        self.counts: Counter[Measure] = Counter()
        self.hand_overs_ds: Counter[int] = Counter()

    def add(self, part: Part, times: int = 1) -> None:
        """Add a part; `times` -1 takes it out again."""
        for measure, count in part.counts.items():
            self.counts[measure] += times * count
        if part.hand_over_ds is not None:
            self.hand_overs_ds[part.hand_over_ds] += times

    def add_all(self, other: Tally) -> None:
        self.counts.update(other.counts)
        self.hand_overs_ds.update(other.hand_overs_ds)

    @property
    def settled(self) -> int:
        """Calls that count for the service level."""
        counts = self.counts
        return counts[Measure.ANSWERED_IN_TIME] + counts[Measure.ANSWERED_LATE] + counts[Measure.ABANDONED]


def parts_of(facts: CallFacts, rules: Rules) -> Iterator[Part]:
    """What a call adds, as far as it has come."""
    if not facts.by_us:
        yield Part(facts.begun_at, _arrival(facts, rules))
    if facts.ended_at is not None:
        yield Part(facts.ended_at, _ending(facts, facts.ended_at))
    for hand_over in facts.hand_overs:
        yield _hand_over(hand_over)


def _arrival(facts: CallFacts, rules: Rules) -> dict[Measure, int]:
    counts = {Measure.ARRIVED: 1}
    wait_s = facts.wait_s
    if wait_s is None:
        return counts
    in_time = wait_s <= rules.answer_within_s
    if facts.answered_at is not None:
        counts[Measure.ANSWERED_IN_TIME if in_time else Measure.ANSWERED_LATE] = 1
    else:
        counts[Measure.LEFT_EARLY if in_time else Measure.ABANDONED] = 1
    return counts


def _ending(facts: CallFacts, ended_at: float) -> dict[Measure, int]:
    if facts.answered_at is None:
        return {}
    counts = {
        Measure.CLOSED: 1,
        Measure.WAIT_MS: _ms(facts.wait_s or 0.0),
        Measure.CUSTOMER_MS: _ms(ended_at - facts.begun_at),
        Measure.AGENT_MS: _ms(facts.agent_s),
        Measure.SPECIALIST_MS: _ms(facts.specialist_s),
    }
    if facts.resolved is not None:
        counts[Measure.RESOLVED if facts.resolved else Measure.UNRESOLVED] = 1
    if (join := facts.required_at_join) is not None:
        counts |= {Measure.REQUIRED_AT_JOIN: join.all, Measure.EMPTY_AT_JOIN: join.empty}
    if (close := facts.required_at_close) is not None:
        counts |= {Measure.REQUIRED_AT_CLOSE: close.all, Measure.EMPTY_AT_CLOSE: close.empty}
    return counts


def _hand_over(hand_over: HandOver) -> Part:
    counts = {Measure.ASKED: 1}
    if hand_over.joined_at is not None:
        counts[Measure.JOINED_WAITING if hand_over.waits else Measure.JOINED] = 1
    elif hand_over.promised:
        counts[Measure.PROMISED] = 1
    elif hand_over.end:
        counts[Measure.ENDED] = 1
    took_s = hand_over.took_s
    return Part(hand_over.asked_at, counts, None if took_s is None else round(took_s * 10))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
