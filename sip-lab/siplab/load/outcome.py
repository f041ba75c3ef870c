"""What a run came to: figures, expectations kept or not, and the report as JSON and JUnit XML. Pure but for writing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from siplab.bench.measure import percentile
from siplab.load.engine import LoadRun
from siplab.load.verdict import CallResult
from siplab.report import machine_facts

FORMAT = "siplab-load/1"
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


def summary_of(results: Sequence[CallResult]) -> Summary:
    """Put the calls of a run together."""
    setups = [r.setup_ms for r in results if r.setup_ms is not None]
    scores = [r.mos for r in results if r.mos is not None]
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
        "planned_calls": run.planned,
        "caller_lag_ms": round(run.lag_ms, 1),
        "warning": run.warning,
        "summary": {name: _number(value) for name, value in asdict(summary_of(run.results)).items()},
        "expectations": [asdict(each) for each in judged],
        "causes": dict(run.causes.most_common()),
        "history": [asdict(second) for second in run.history],
        "calls": [_call_json(result) for result in run.results[:MAX_LISTED]],
        "machine": machine_facts(),
    }


def _call_json(result: CallResult) -> dict[str, Any]:
    content = asdict(result)
    content["setup_ms"] = _number(result.setup_ms)
    content["mos"] = _number(result.mos)
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
