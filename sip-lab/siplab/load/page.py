"""The report of a run as one HTML file: no scripts, nothing from elsewhere; charts and ladders are SVG."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from html import escape

from siplab.bench.measure import percentile
from siplab.load.charts import histogram, lines_chart
from siplab.load.escalation import CEILING_S, TARGET_S, EscalationResult
from siplab.load.ladder import as_svg
from siplab.load.outcome import Summary, escalation_summary, escalations_of, expectations, summary_of
from siplab.load.run import LoadRun
from siplab.load.verdict import CallResult
from siplab.report import machine_facts

MAX_FAILURES = 100
STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --dim: #5c6b7a; --line: #d5dce3; --paper: #ffffff; --good: #16794c;
  --bad: #b3261e; --first: #1f6feb; --second: #c2620a; --third: #7a3fb5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --dim: #9aa8b5; --line: #35414d; --paper: #12181f;
  --good: #5fd39a; --bad: #ff8a80; --first: #7ab3ff; --second: #ffb36b; --third: #c79bff; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .good, .bad { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
.axis { stroke: var(--line); } .mark { stroke: var(--bad); stroke-dasharray: 4 3; }
.ladder text.party, .ladder text.what { fill: var(--ink); } .ladder text.party { font-weight: 600; }
.sent { stroke: var(--first); stroke-width: 1.5; } .lost { stroke: var(--bad); stroke-width: 1.5; }
line.lost { stroke-dasharray: 3 3; } details { margin: .3rem 0; } summary { cursor: pointer; color: var(--first); }
"""


def as_html(run: LoadRun) -> str:
    """Draw the report."""
    parts = [*_head(run), *_figures_part(run), *_escalations_part(run), *_quality_part(run)]
    parts += [*_target_part(run), *_presence_part(run), *_failures_part(run)]
    facts = {**machine_facts(), "cores given": run.pinned or "nobody was pinned to a core"}
    parts += [
        "<h2>Measured on</h2>",
        _table(("what", "value"), [(escape(k), escape(str(v))) for k, v in facts.items()]),
        '<p class="dim">MOS: E-model of ITU-T G.107, from loss, jitter and delay as the callers received them.</p>',
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(run.plan.name)}</title><style>{STYLE}</style></head>\n<body>'
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _head(run: LoadRun) -> list[str]:
    judged = expectations(run)
    passed = all(each.passed for each in judged)
    verdict = '<span class="good">Passed</span>' if passed else '<span class="bad">Not passed</span>'
    stopped = " It was stopped early." if run.stopped else ""
    return [
        f"<h1>{escape(run.plan.name)}</h1>",
        f"<p>{verdict}. {len(run.results)} calls to {escape(run.target.uri)} in {run.took_s:.1f} s, "
        f"{run.started_at:%Y-%m-%d %H:%M} UTC.{stopped}</p>",
        f'<p class="bad">{escape(run.warning)}</p>' if run.warning else "",
        "<h2>What was expected</h2>",
        _table(
            ("", "what", "bound", "measured"),
            [(_mark(e.passed), escape(e.name), escape(e.bound), escape(e.measured)) for e in judged],
        ),
    ]


def _figures_part(run: LoadRun) -> list[str]:
    history, results = run.history, run.results
    times = [second.at_s for second in history]
    calls = lines_chart(
        "Active, connected and failed calls over time",
        times,
        (
            ("active calls", "first", [s.active for s in history]),
            ("connected", "third", [s.talking for s in history]),
            ("failed so far", "second", [s.failed for s in history]),
        ),
    )
    return [
        "<h2>Figures</h2>",
        _table(("what", "value"), _figures(summary_of(results))),
        _kinds(results),
        "<h2>Calls over time</h2>",
        calls,
    ]


def _target_part(run: LoadRun) -> list[str]:
    history = run.history
    if all(second.cpu_percent is None for second in history):
        return []
    times = [second.at_s for second in history]
    cpu = ("target, % of a core", "first", [s.cpu_percent for s in history])
    memory = ("target, MiB", "third", [s.memory_mib for s in history])
    robots = ("callers, % of a core", "second", [s.robots_cpu_percent for s in history])
    return [
        "<h2>What the target used</h2>",
        lines_chart("CPU of target and callers over time", times, (cpu, robots)),
        lines_chart("Memory of the target over time", times, (memory,)),
    ]


def _quality_part(run: LoadRun) -> list[str]:
    setups = [r.setup_ms for r in run.results if r.setup_ms is not None]
    scores = [r.mos for r in run.results if r.mos is not None]
    return [
        "<h2>Set-up time</h2>",
        histogram(setups, "ms", "calls by set-up time"),
        "<h2>Estimated quality (MOS)</h2>",
        histogram(scores, "", "calls by mean opinion score", least=(1.0, 4.5)),
    ]


def _kinds(results: Sequence[CallResult]) -> str:
    """Compare the kinds of customers, if there are several."""
    kinds = Counter(r.kind for r in results if r.kind)
    if len(kinds) < 2:
        return ""
    rows = []
    for kind, count in kinds.most_common():
        mine = summary_of([r for r in results if r.kind == kind])
        figures = (f"{mine.answered}", f"{mine.failed}", f"{_said(mine.setup_p95_ms)} ms", _said(mine.mos_p50, 2))
        rows.append((escape(kind), str(count), *figures))
    return _table(("customers", "calls", "answered", "failed", "set-up p95", "median MOS"), rows)


def _escalations_part(run: LoadRun) -> list[str]:
    escalations = escalations_of(run.results)
    if not escalations:
        return []
    summary = escalation_summary(run.results)
    times = [each.handover_s for each in escalations if each.handover_s is not None]
    broken = "; ".join(f"{name}: {count}" for name, count in summary.broken.items()) or "none"
    figures = [
        ("escalations", f"{summary.count}, {summary.joined} joined by a specialist"),
        (
            "hand-over, request to person or promise",
            f"p50 {_said(summary.handover_p50_s, 1)} s, p95 {_said(summary.handover_p95_s, 1)} s, longest "
            f"{_said(summary.handover_max_s, 1)} s; {summary.after_target} after {TARGET_S:.0f} s, "
            f"{summary.after_ceiling} after {CEILING_S:.0f} s",
        ),
        ("gap between customer and agent, longest", f"{_said(summary.gap_max_ms)} ms"),
        ("promises broken", escape(broken)),
        ("specialists, when rung", escape(_counts(run.rings))),
        ("invitations that led to nobody", escape(_counts(Counter(summary.causes)))),
    ]
    marks = ((TARGET_S, "20 s target"), (CEILING_S, "30 s ceiling"))
    return [
        "<h2>Escalations</h2>",
        _table(("what", "value"), figures),
        _ends(escalations),
        "<h2>Hand-over time</h2>",
        histogram(times, "s", "escalations by hand-over time", marks, (0.0, CEILING_S + 2)),
    ]


def _ends(escalations: Sequence[EscalationResult]) -> str:
    """Show how escalations ended, and what came of the invitations on the way."""
    rows = []
    for end, count in Counter(each.end for each in escalations).most_common():
        mine = [each for each in escalations if each.end == end]
        asked = Counter(cause for each in mine for _who, cause in each.asked)
        times = [each.handover_s for each in mine if each.handover_s is not None]
        rows.append((escape(end), str(count), f"{_said(percentile(times, 0.5), 1)} s", escape(_counts(asked))))
    return _table(("ended as", "how many", "median hand-over", "what came of those asked"), rows)


def _presence_part(run: LoadRun) -> list[str]:
    presence = run.presence
    if presence is None:
        return []
    p50, p95 = percentile(presence.seen_ms, 0.5), percentile(presence.seen_ms, 0.95)
    figures = [
        ("said over MQTT", f"{presence.said} times"),
        ("until it was on a screen", f"p50 {_said(p50)} ms, p95 {_said(p95)} ms ({len(presence.seen_ms)} measured)"),
        ("not on the screen within 5 s", str(presence.unseen)),
    ]
    return ["<h2>Presence</h2>", _table(("what", "value"), figures)]


def _mark(passed: bool) -> str:
    return '<span class="good">kept</span>' if passed else '<span class="bad">broken</span>'


def _figures(summary: Summary) -> list[tuple[str, str]]:
    lost = 100.0 * summary.packets_lost / max(1, summary.packets_lost + summary.packets_received)
    rows = [
        ("calls", f"{summary.calls}, {summary.answered} answered, {summary.failed} failed"),
        ("set-up time", _three(summary.setup_p50_ms, summary.setup_p95_ms, summary.setup_p99_ms)),
        ("MOS", f"median {_said(summary.mos_p50, 2)}, 19 of 20 calls at least {_said(summary.mos_p5, 2)}"),
        ("one-way audio", f"{summary.one_way} calls"),
        ("gaps", f"{summary.gaps} calls"),
        ("packets", f"{summary.packets_received} received, {summary.packets_lost} lost ({lost:.3f} %)"),
    ]
    if not math.isnan(summary.waited_p50_s):
        waited = f"p50 {_said(summary.waited_p50_s, 1)} s, p95 {_said(summary.waited_p95_s, 1)} s"
        rows += [("waited for an agent", waited), ("somebody did not hear somebody", f"{summary.deaf} calls")]
    return rows


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.most_common()) or "none"


def _three(p50: float, p95: float, p99: float) -> str:
    return f"p50 {_said(p50)} ms, p95 {_said(p95)} ms, p99 {_said(p99)} ms"


def _said(value: float, digits: int = 0) -> str:
    return "none" if math.isnan(value) else f"{value:.{digits}f}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _failures_part(run: LoadRun) -> list[str]:
    bad = [r for r in run.results if r.broken]
    good = next((r for r in run.results if not r.broken and r.ladder), None)
    parts = ["<h2>Failures</h2>", "<p>None.</p>" if not bad else ""]
    if bad:
        causes = Counter(cause for r in bad for cause in _causes(r))
        parts.append(_table(("what", "how many"), [(escape(what), str(n)) for what, n in causes.most_common(30)]))
        rows = [
            (f"{r.number}", f"{r.at_s:.1f} s", escape("; ".join(_causes(r))) + _ladder(r)) for r in bad[:MAX_FAILURES]
        ]
        parts.append(_table(("call", "begun at", "what and how"), rows))
    if len(bad) > MAX_FAILURES:
        parts.append(f'<p class="dim">and {len(bad) - MAX_FAILURES} more; see report.json</p>')
    if good is not None:
        parts += [f"<h2>For comparison: call {good.number}, which went well</h2>", _ladder(good)]
    if run.troubles:
        told = "".join(f"<li>{escape(trouble)}</li>" for trouble in run.troubles[:MAX_FAILURES])
        parts += ["<h2>Troubles at the desks</h2>", f"<ul>{told}</ul>"]
    return parts


def _causes(result: CallResult) -> list[str]:
    promises = result.escalation.broken if result.escalation is not None else ()
    return [each for each in (result.cause, *result.faults, *result.deaf, *promises) if each]


def _ladder(result: CallResult) -> str:
    if not result.ladder:
        return ""
    drawn = as_svg(result.ladder, f"SIP messages of call {result.number}")
    return f"<details><summary>SIP ladder, {len(result.ladder)} messages</summary>{drawn}</details>"
