"""The document `report` (docs/api.md) and the lists behind its figures, built from the counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from center.report.facts import CallFacts, HandOver
from center.report.report import WHOLE, Report, Window
from center.report.tally import Measure, Tally
from context.bundle import utc_text
from vocabulary import PersonId, QueueId

BINS_S = (0, 5, 10, 15, 20, 25, 30)
"""Lower edges of the histogram of hand-over times, in seconds; the last bin is open."""

M = Measure


def report_document(report: Report, queues: Sequence[QueueId], now: float) -> dict[str, Any]:
    """Everything the supervisor's page shows; the same counts give the same document, whatever the clock says."""
    rules = report.rules
    windows = {
        window.value: {queue: _figures(report, window, queue, now) for queue in (WHOLE, *queues)} for window in Window
    }
    recent = windows[Window.RECENT.value]
    return {
        "target": {
            "answered_share": rules.answered_share,
            "answer_within_s": rules.answer_within_s,
            "hand_over_target_s": rules.target_s,
            "hand_over_ceiling_s": rules.ceiling_s,
        },
        "windows": windows,
        "hours": [
            {"at": utc_text(at), "in_time": tally.counts[M.ANSWERED_IN_TIME], "settled": tally.settled}
            for at, tally in report.hours(WHOLE, now)
        ],
        "below_target": [
            queue
            for queue, figures in recent.items()
            if figures["service_level"] is not None and figures["service_level"] < rules.answered_share
        ],
    }


def _figures(report: Report, window: Window, queue: QueueId, now: float) -> dict[str, Any]:
    tally = report.tally(window, queue, now)
    counts = tally.counts
    overdue = len(report.overdue(window, queue, now))
    settled = tally.settled + overdue
    known = counts[M.RESOLVED] + counts[M.UNRESOLVED]
    return {
        "arrived": counts[M.ARRIVED],
        "in_time": counts[M.ANSWERED_IN_TIME],
        "late": counts[M.ANSWERED_LATE],
        "abandoned": counts[M.ABANDONED],
        "left_early": counts[M.LEFT_EARLY],
        "waiting_late": overdue,
        "service_level": _share(counts[M.ANSWERED_IN_TIME], settled),
        "closed": counts[M.CLOSED],
        "resolved": counts[M.RESOLVED],
        "unresolved": counts[M.UNRESOLVED],
        "resolved_share": _share(counts[M.RESOLVED], known),
        "budgets": {name: _mean_s(counts[measure], counts[M.CLOSED]) for name, measure in _BUDGETS.items()},
        "hand_over": _hand_over(tally, report.rules.target_s, report.rules.ceiling_s),
        "required": {
            "at_join": _filled(counts[M.REQUIRED_AT_JOIN], counts[M.EMPTY_AT_JOIN]),
            "at_close": _filled(counts[M.REQUIRED_AT_CLOSE], counts[M.EMPTY_AT_CLOSE]),
        },
    }


_BUDGETS = {"wait_s": M.WAIT_MS, "customer_s": M.CUSTOMER_MS, "agent_s": M.AGENT_MS, "specialist_s": M.SPECIALIST_MS}


def _hand_over(tally: Tally, target_s: float, ceiling_s: float) -> dict[str, Any]:
    counts = tally.counts
    times = sorted((ds / 10, n) for ds, n in tally.hand_overs_ds.items() if n > 0)
    edges = [*BINS_S, float("inf")]
    return {
        "asked": counts[M.ASKED],
        "joined": counts[M.JOINED],
        "joined_waiting": counts[M.JOINED_WAITING],
        "promised": counts[M.PROMISED],
        "ended": counts[M.ENDED],
        "within_target": sum(n for took_s, n in times if took_s <= target_s),
        "within_ceiling": sum(n for took_s, n in times if took_s <= ceiling_s),
        "p50_s": percentile(times, 0.5),
        "p95_s": percentile(times, 0.95),
        "max_s": times[-1][0] if times else None,
        "histogram": [sum(n for took_s, n in times if low <= took_s < high) for low, high in pairwise(edges)],
    }


def percentile(times: Sequence[tuple[float, int]], share: float) -> float | None:
    """The nearest-rank percentile of (value, how often), sorted by value; None for nothing."""
    left = share * sum(n for _, n in times)
    for value, n in times:
        left -= n
        if left <= 1e-9:
            return value
    return None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _mean_s(sum_ms: int, count: int) -> float | None:
    return round(sum_ms / count / 1000, 1) if count else None


def _filled(required: int, empty: int) -> dict[str, Any]:
    return {"required": required, "empty": empty, "filled_share": _share(required - empty, required)}


class Behind(StrEnum):
    """Figures behind which calls can be looked at."""

    ARRIVED = "arrived"
    IN_TIME = "in_time"
    LATE = "late"
    ABANDONED = "abandoned"
    LEFT_EARLY = "left_early"
    CLOSED = "closed"
    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    ASKED = "asked"
    JOINED = "joined"
    PROMISED = "promised"
    ENDED = "ended"


def calls_behind(
    report: Report, figure: Behind, window: Window, queue: QueueId, now: float, bin_: int | None = None
) -> Iterable[CallFacts]:
    """The calls that make a figure, newest first. `bin_`: of joined ones only those in this bin of the histogram."""
    since = report.since(window, now)
    for facts in report.newest():
        if queue in (WHOLE, facts.queue) and any(at >= since for at in _times(report, facts, figure, now, bin_)):
            yield facts


def _times(report: Report, facts: CallFacts, figure: Behind, now: float, bin_: int | None) -> list[float]:
    """When a call counted for a figure; empty: it does not."""
    if figure in _OF_ARRIVAL:
        return [facts.begun_at] if not facts.by_us and _OF_ARRIVAL[figure](report, facts, now) else []
    if figure in _OF_END:
        ended = facts.answered_at is not None and facts.ended_at is not None
        return [facts.ended_at or 0.0] if ended and _OF_END[figure](facts) else []
    return [each.asked_at for each in facts.hand_overs if _OF_HAND_OVER[figure](each) and _in_bin(each, bin_)]


def _in_bin(hand_over: HandOver, bin_: int | None) -> bool:
    if bin_ is None:
        return True
    took_s = hand_over.took_s
    edges = [*BINS_S, float("inf")]
    return took_s is not None and edges[bin_] <= round(took_s, 1) < edges[bin_ + 1]


def _on_time(report: Report, facts: CallFacts, now: float) -> bool:
    wait_s = facts.wait_s if facts.wait_s is not None else now - facts.begun_at
    return wait_s <= report.rules.answer_within_s


_OF_ARRIVAL: dict[Behind, Callable[[Report, CallFacts, float], bool]] = {
    Behind.ARRIVED: lambda report, facts, now: True,
    Behind.IN_TIME: lambda report, facts, now: facts.answered_at is not None and _on_time(report, facts, now),
    Behind.LATE: lambda report, facts, now: (
        (facts.answered_at is not None or facts.waits) and not _on_time(report, facts, now)
    ),
    Behind.ABANDONED: lambda report, facts, now: (
        facts.answered_at is None and facts.ended_at is not None and not _on_time(report, facts, now)
    ),
    Behind.LEFT_EARLY: lambda report, facts, now: (
        facts.answered_at is None and facts.ended_at is not None and _on_time(report, facts, now)
    ),
}
_OF_END: dict[Behind, Callable[[CallFacts], bool]] = {
    Behind.CLOSED: lambda facts: True,
    Behind.RESOLVED: lambda facts: facts.resolved is True,
    Behind.UNRESOLVED: lambda facts: facts.resolved is False,
}
_OF_HAND_OVER: dict[Behind, Callable[[HandOver], bool]] = {
    Behind.ASKED: lambda each: True,
    Behind.JOINED: lambda each: each.joined_at is not None,
    Behind.PROMISED: lambda each: each.promised and each.joined_at is None,
    Behind.ENDED: lambda each: bool(each.end) and not each.promised and each.joined_at is None,
}


def call_row(facts: CallFacts, names: dict[PersonId, str], queue_names: dict[QueueId, str]) -> dict[str, Any]:
    """One call of such a list."""
    joined = [each for each in facts.hand_overs if each.joined_at is not None]
    return {
        "interaction": facts.id,
        "queue": facts.queue,
        "queue_name": queue_names.get(facts.queue, facts.queue),
        "started_at": utc_text(datetime.fromtimestamp(facts.begun_at, UTC)),
        "wait_s": None if facts.wait_s is None else round(facts.wait_s, 1),
        "answered": facts.answered_at is not None,
        "running": facts.ended_at is None,
        "called_back": facts.by_us,
        "agent_name": names.get(facts.agent, facts.agent) if facts.agent else None,
        "specialist_names": [names.get(each.specialist, each.specialist) for each in joined if each.specialist],
        "hand_over_s": next((round(each.took_s, 1) for each in joined if each.took_s is not None), None),
        "promised": any(each.promised for each in facts.hand_overs),
        "resolved": facts.resolved,
        "end": facts.end,
        "agent_s": round(facts.agent_s, 1),
        "specialist_s": round(facts.specialist_s, 1),
    }
