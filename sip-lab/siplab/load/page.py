"""The report of a run as one HTML file: no scripts, nothing from elsewhere; charts are SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from siplab.load.engine import LoadRun
from siplab.load.outcome import Summary, expectations, summary_of
from siplab.load.verdict import CallResult
from siplab.report import machine_facts

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 220, 56, 28, 12
BARS = 30
MAX_FAILURES = 100
STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --dim: #5c6b7a; --line: #d5dce3; --paper: #ffffff; --good: #16794c;
  --bad: #b3261e; --first: #1f6feb; --second: #c2620a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --dim: #9aa8b5; --line: #35414d; --paper: #12181f;
  --good: #5fd39a; --bad: #ff8a80; --first: #7ab3ff; --second: #ffb36b; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .good, .bad { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
pre { margin: .3rem 0; font-size: .85rem; overflow-x: auto; } .axis { stroke: var(--line); }
"""


def as_html(run: LoadRun) -> str:
    """Draw the report."""
    summary = summary_of(run.results)
    judged = expectations(run)
    passed = all(each.passed for each in judged)
    verdict = '<span class="good">Passed</span>' if passed else '<span class="bad">Not passed</span>'
    stopped = " It was stopped early." if run.stopped else ""
    parts = [
        f"<h1>{escape(run.plan.name)}</h1>",
        f"<p>{verdict}. {summary.calls} calls to {escape(run.target.uri)} in {run.took_s:.1f} s, "
        f"{run.started_at:%Y-%m-%d %H:%M} UTC.{stopped}</p>",
        f'<p class="bad">{escape(run.warning)}</p>' if run.warning else "",
        "<h2>What was expected</h2>",
        _table(
            ("", "what", "bound", "measured"),
            [(_mark(e.passed), escape(e.name), escape(e.bound), escape(e.measured)) for e in judged],
        ),
        "<h2>Figures</h2>",
        _table(("what", "value"), _figures(summary)),
        "<h2>Calls over time</h2>",
        _lines_chart(run),
        "<h2>Set-up time</h2>",
        _histogram([r.setup_ms for r in run.results if r.setup_ms is not None], "ms", "calls by set-up time"),
        "<h2>Estimated quality (MOS)</h2>",
        _histogram([r.mos for r in run.results if r.mos is not None], "", "calls by mean opinion score"),
        "<h2>Failures</h2>",
        _failures(run.results),
        "<h2>Measured on</h2>",
        _table(("what", "value"), [(escape(k), escape(str(v))) for k, v in machine_facts().items()]),
        '<p class="dim">MOS: E-model of ITU-T G.107, from loss, jitter and delay as the callers received them.</p>',
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(run.plan.name)}</title><style>{STYLE}</style></head>\n<body>'
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _mark(passed: bool) -> str:
    return '<span class="good">kept</span>' if passed else '<span class="bad">broken</span>'


def _figures(summary: Summary) -> list[tuple[str, str]]:
    lost = 100.0 * summary.packets_lost / max(1, summary.packets_lost + summary.packets_received)
    return [
        ("calls", f"{summary.calls}, {summary.answered} answered, {summary.failed} failed"),
        ("set-up time", _three(summary.setup_p50_ms, summary.setup_p95_ms, summary.setup_p99_ms)),
        ("MOS", f"median {_said(summary.mos_p50, 2)}, 19 of 20 calls at least {_said(summary.mos_p5, 2)}"),
        ("one-way audio", f"{summary.one_way} calls"),
        ("gaps", f"{summary.gaps} calls"),
        ("packets", f"{summary.packets_received} received, {summary.packets_lost} lost ({lost:.3f} %)"),
    ]


def _three(p50: float, p95: float, p99: float) -> str:
    return f"p50 {_said(p50)} ms, p95 {_said(p95)} ms, p99 {_said(p99)} ms"


def _said(value: float, digits: int = 0) -> str:
    return "none" if math.isnan(value) else f"{value:.{digits}f}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _failures(results: Sequence[CallResult]) -> str:
    bad = [r for r in results if r.failed or r.faults]
    if not bad:
        return "<p>None.</p>"
    rows = []
    for r in bad[:MAX_FAILURES]:
        ladder = f"<pre>{escape(chr(10).join(r.ladder))}</pre>" if r.ladder else ""
        why = "; ".join(filter(None, (r.cause, ", ".join(r.faults))))
        rows.append((str(r.number), f"{r.at_s:.1f} s", escape(why) + ladder))
    more = f'<p class="dim">and {len(bad) - MAX_FAILURES} more; see report.json</p>' if len(bad) > MAX_FAILURES else ""
    return _table(("call", "begun at", "what and how"), rows) + more


def _lines_chart(run: LoadRun) -> str:
    """Draw active calls and failures so far over time."""
    history = run.history
    if len(history) < 2:
        return '<p class="dim">Too short for a chart.</p>'
    end = max(history[-1].at_s, 0.001)
    most = max(1, *(max(second.active, second.failed) for second in history))

    def path(values: Sequence[int], colour: str) -> str:
        points = " ".join(f"{_x(s.at_s / end):.1f},{_y(v / most):.1f}" for s, v in zip(history, values, strict=True))
        return f'<polyline points="{points}" fill="none" stroke="var(--{colour})" stroke-width="2"/>'

    drawn = path([s.active for s in history], "first") + path([s.failed for s in history], "second")
    legend = (
        f'<text x="{LEFT + 8}" y="{TOP + 12}" style="fill:var(--first)">active calls</text>'
        f'<text x="{LEFT + 100}" y="{TOP + 12}" style="fill:var(--second)">failed so far</text>'
    )
    return _frame("Active calls and failed calls over time", drawn + legend, "0 s", f"{end:.0f} s", str(most))


def _histogram(values: Sequence[float], unit: str, label: str) -> str:
    if not values:
        return "<p>No answered call.</p>"
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int((value - low) / span * BARS))] += 1
    most = max(counts)
    width = (WIDTH - LEFT) / BARS
    bars = "".join(
        f'<rect x="{LEFT + i * width + 1:.1f}" y="{_y(n / most):.1f}" width="{width - 2:.1f}" '
        f'height="{HEIGHT - BOTTOM - _y(n / most):.1f}" fill="var(--first)"><title>{n}</title></rect>'
        for i, n in enumerate(counts)
        if n
    )
    digits = 0 if unit == "ms" and span > 10 else 2
    return _frame(label, bars, f"{low:.{digits}f} {unit}", f"{low + span:.{digits}f} {unit}", str(most))


def _frame(label: str, content: str, low: str, high: str, most: str) -> str:
    base = HEIGHT - BOTTOM
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH}" y2="{base}"/>'
        f'<line class="axis" x1="{LEFT}" y1="{TOP}" x2="{LEFT}" y2="{base}"/>{content}'
        f'<text x="{LEFT}" y="{HEIGHT - 8}">{escape(low)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 8}" text-anchor="end">{escape(high)}</text>'
        f'<text x="{LEFT - 6}" y="{TOP + 10}" text-anchor="end">{escape(most)}</text>'
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">0</text></svg>'
    )


def _x(part: float) -> float:
    return LEFT + part * (WIDTH - LEFT)


def _y(part: float) -> float:
    return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)
