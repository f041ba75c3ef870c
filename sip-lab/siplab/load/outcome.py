"""What a run came to: figures, expectations kept or not, and the report as JSON and JUnit XML. Pure but for writing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from siplab.bench.measure import percentile
from siplab.load.escalation import CEILING_S, JOINED, TARGET_S, EscalationResult
from siplab.load.run import LoadRun
from siplab.load.verdict import CallResult
from siplab.report import machine_facts

FORMAT = "siplab-load/2"
MAX_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something the plan demands, and how it came."""

    name: str
    bound: str
    measured: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers. Percentiles are NaN when there was no answered call."""

    calls: int
    answered: int
    failed: int
    setup_p50_ms: float
    setup_p95_ms: float
    setup_p99_ms: float
    mos_p5: float
    mos_p50: float
    one_way: int
    gaps: int
    packets_received: int
    packets_lost: int
    deaf: int
    """Calls in which somebody did not hear somebody, or heard a stranger."""
    waited_p50_s: float
    waited_p95_s: float


@dataclass(frozen=True, slots=True)
class EscalationSummary:
    """The escalations of a run in numbers. Times are NaN when there was none that came to a person or a promise."""

    count: int
    ends: dict[str, int]
    causes: dict[str, int]
    """What came of each invitation that did not lead to somebody."""
    handover_p50_s: float
    handover_p95_s: float
    handover_max_s: float
    after_target: int
    after_ceiling: int
    gap_max_ms: float
    broken: dict[str, int]
    """Broken promises by their number."""

    @property
    def joined(self) -> int:
        return self.ends.get(JOINED, 0)


def escalations_of(results: Sequence[CallResult]) -> list[EscalationResult]:
    """Give the escalations of calls."""
    return [r.escalation for r in results if r.escalation is not None]


def escalation_summary(results: Sequence[CallResult]) -> EscalationSummary:
    """Put the escalations of a run together."""
    all_of_them = escalations_of(results)
    times = [each.handover_s for each in all_of_them if each.handover_s is not None]
    gaps = [each.gap_ms for each in all_of_them if each.gap_ms is not None]
    causes = Counter(cause for each in all_of_them for _who, cause in each.asked if cause not in ("joined", "accepted"))
    return EscalationSummary(
        count=len(all_of_them),
        ends=dict(Counter(each.end for each in all_of_them).most_common()),
        causes=dict(causes.most_common()),
        handover_p50_s=percentile(times, 0.5),
        handover_p95_s=percentile(times, 0.95),
        handover_max_s=max(times, default=math.nan),
        after_target=sum(time > TARGET_S for time in times),
        after_ceiling=sum(time > CEILING_S for time in times),
        gap_max_ms=max(gaps, default=math.nan),
        broken=dict(Counter(line.partition(":")[0] for each in all_of_them for line in each.broken)),
    )


def summary_of(results: Sequence[CallResult]) -> Summary:
    """Put the calls of a run together."""
    setups = [r.setup_ms for r in results if r.setup_ms is not None]
    scores = [r.mos for r in results if r.mos is not None]
    waits = [r.waited_s for r in results if r.waited_s is not None]
    return Summary(
        calls=len(results),
        answered=len(setups),
        failed=sum(r.failed for r in results),
        setup_p50_ms=percentile(setups, 0.5),
        setup_p95_ms=percentile(setups, 0.95),
        setup_p99_ms=percentile(setups, 0.99),
        mos_p5=percentile(scores, 0.05),
        mos_p50=percentile(scores, 0.5),
        one_way=sum("one_way" in r.faults for r in results),
        gaps=sum("gap" in r.faults for r in results),
        packets_received=sum(r.media.received for r in results),
        packets_lost=sum(r.media.lost for r in results),
        deaf=sum(bool(r.deaf) for r in results),
        waited_p50_s=percentile(waits, 0.5),
        waited_p95_s=percentile(waits, 0.95),
    )


def expectations(run: LoadRun) -> list[Expectation]:
    """Judge what the plan expects; always that there was a call at all."""
    summary, expect = summary_of(run.results), run.plan.expect
    cut_off = sum(not r.answered and not r.failed for r in run.results)  # the run was stopped before their answer
    judged_calls = summary.calls - cut_off
    percent = 100.0 * summary.answered / judged_calls if judged_calls else 0.0
    judged = [Expectation("calls", ">= 1", str(summary.calls), summary.calls >= 1)]

    def judge(name: str, limit: float | None, value: float, sign: str, holds: Callable[[float, float], bool]) -> None:
        if limit is not None:
            kept = not math.isnan(value) and holds(value, limit)
            judged.append(Expectation(name, f"{sign} {limit:g}", f"{value:.4g}", kept))

    judge("answered_percent", expect.answered_percent, percent, ">=", lambda v, b: v >= b)
    judge("setup_p95_ms", expect.setup_p95_ms, summary.setup_p95_ms, "<=", lambda v, b: v <= b)
    judge("mos_p5", expect.mos_p5, summary.mos_p5, ">=", lambda v, b: v >= b)
    judge("one_way_calls", expect.one_way_calls, summary.one_way, "<=", lambda v, b: v <= b)
    judge("calls_with_gaps", expect.calls_with_gaps, summary.gaps, "<=", lambda v, b: v <= b)
    judge("deaf_calls", expect.deaf_calls, summary.deaf, "<=", lambda v, b: v <= b)
    handed = escalation_summary(run.results)
    joined = 100.0 * handed.joined / handed.count if handed.count else math.nan
    judge("promises_broken", expect.promises_broken, sum(handed.broken.values()), "<=", lambda v, b: v <= b)
    judge("joined_percent", expect.joined_percent, joined, ">=", lambda v, b: v >= b)
    judge("handover_p95_s", expect.handover_p95_s, handed.handover_p95_s, "<=", lambda v, b: v <= b)
    return judged


def as_json(run: LoadRun) -> dict[str, Any]:
    """Give the report as the JSON file has it."""
    judged = expectations(run)
    return {
        "format": FORMAT,
        "name": run.plan.name,
        "passed": all(each.passed for each in judged),
        "stopped_early": run.stopped,
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "took_s": round(run.took_s, 2),
        "target": run.target.uri,
        "plan": run.plan.model_dump(),
        "pinned": run.pinned or "nobody was pinned to a core",
        "planned_calls": run.planned,
        "caller_lag_ms": round(run.lag_ms, 1),
        "warning": run.warning,
        "summary": _numbers(asdict(summary_of(run.results))),
        "escalations": _numbers(asdict(escalation_summary(run.results))),
        "specialists_did": dict(run.rings.most_common()),
        "presence": _presence_json(run),
        "desk_troubles": run.troubles,
        "expectations": [asdict(each) for each in judged],
        "causes": dict(run.causes.most_common()),
        "history": [asdict(second) for second in run.history],
        "calls": [_call_json(result) for result in run.results[:MAX_LISTED]],
        "machine": machine_facts(),
    }


def _numbers(content: dict[str, Any]) -> dict[str, Any]:
    return {name: _number(value) if isinstance(value, (int, float)) else value for name, value in content.items()}


def _presence_json(run: LoadRun) -> dict[str, Any] | None:
    if run.presence is None:
        return None
    seen = run.presence.seen_ms
    figures = {"to_screen_p50_ms": percentile(seen, 0.5), "to_screen_p95_ms": percentile(seen, 0.95)}
    return _numbers({"said": run.presence.said, "unseen": run.presence.unseen, "measured": len(seen), **figures})


def _call_json(result: CallResult) -> dict[str, Any]:
    content = asdict(result)
    content["setup_ms"] = _number(result.setup_ms)
    content["mos"] = _number(result.mos)
    content["waited_s"] = _number(result.waited_s)
    if result.escalation is not None:
        content["escalation"] = _numbers(content["escalation"])
    content["talked_s"] = round(result.talked_s, 3)
    content["media"] = {name: _number(value) for name, value in content["media"].items()}
    return content


def _number(value: float | int | None) -> float | int | None:
    """Round; what is no number becomes null, because JSON has no NaN."""
    if value is None or isinstance(value, int):
        return value
    return round(value, 3) if math.isfinite(value) else None


def as_junit(run: LoadRun) -> str:
    """Give expectations and failed calls as JUnit XML, for CI: one case each, failed calls by cause."""
    judged = expectations(run)
    causes = run.causes
    failures = sum(not each.passed for each in judged)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name={quoteattr(run.plan.name)} tests="{len(judged)}" failures="{failures}" '
        f'errors="0" skipped="0" time="{run.took_s:.3f}">',
    ]
    for each in judged:
        opening = f'  <testcase classname="siplab.load" name={quoteattr(f"{each.name} {each.bound}")}'
        if each.passed:
            lines.append(f"{opening}/>")
        else:
            told = "; ".join(f"{count} x {cause}" for cause, count in causes.most_common(10))
            said = quoteattr(f"measured {each.measured}" + (f" ({told})" if told else ""))
            lines += [f"{opening}>", f"    <failure message={said}/>", "  </testcase>"]
    return "\n".join([*lines, "</testsuite>", ""])
