"""The live page of a run in the terminal, and its end result."""

from __future__ import annotations

import math
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from siplab.load.outcome import escalation_summary, expectations, summary_of
from siplab.load.run import LoadRun, Second

RECENT_S = 5.0
BAR = 24
CAUSES = 6
TROUBLES = 5


def live_page(run: LoadRun) -> RenderableType:
    """Draw how the run stands."""
    summary = summary_of(run.results)
    last = run.history[-1] if run.history else None
    at_s = last.at_s if last else 0.0
    done = len(run.results) / max(1, run.planned)
    rows = Table(box=None, show_header=False, pad_edge=False)
    rows.add_column(style="dim")
    rows.add_column()
    rows.add_row(
        "time", f"{at_s:.0f} s of {run.plan.run.duration_s:.0f} s   {_bar(done)} {len(run.results)} of {run.planned}"
    )
    rows.add_row("calls", f"{_rate(run, 'begun'):.1f} begun and {_rate(run, 'ended'):.1f} ended per second")
    rows.add_row(
        "now", f"{run.active - run.talking} calling, {run.talking} connected; so far {summary.answered} answered"
    )
    set_up = f"p50 {_ms(summary.setup_p50_ms)}, p95 {_ms(summary.setup_p95_ms)}, p99 {_ms(summary.setup_p99_ms)}"
    rows.add_row("set-up", set_up)
    rows.add_row("sound", f"MOS {_mos(summary.mos_p50)}, {summary.one_way} one-way, {summary.gaps} with gaps")
    if run.agents:
        _staff_rows(rows, run)
    if last is not None and last.cpu_percent is not None:
        rows.add_row("target", f"{last.cpu_percent:.0f} % of a core, {last.memory_mib or 0:.0f} MiB")
    if last is not None and last.robots_cpu_percent is not None:
        rows.add_row("robots", f"{last.robots_cpu_percent:.0f} % of a core; at worst {run.lag_ms:.0f} ms late")
    failures = f"[bold red]{run.failed}[/]" if run.failed else "[green]0[/]"
    rows.add_row("failed", failures)
    for cause, count in run.causes.most_common(CAUSES):
        rows.add_row("", f"{count} x {escape(cause)}")
    title = Text.assemble((run.plan.name, "bold"), f"  →  {run.target.uri}   Ctrl-C ends it with the results so far")
    return Group(title, rows)


def _staff_rows(rows: Table, run: LoadRun) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(run.agents.items()))
    rows.add_row("agents", states)
    handed = escalation_summary(run.results)
    times = f"hand-over p50 {_s(handed.handover_p50_s)}, p95 {_s(handed.handover_p95_s)}" if handed.count else ""
    rings = ", ".join(f"{count} {what}" for what, count in run.rings.most_common())
    rows.add_row("escalations", f"{run.escalating} running. {times}")
    rows.add_row("specialists", rings or "not rung yet")


def show_outcome(run: LoadRun, console: Console) -> None:
    """Draw what was expected and how it came."""
    table = Table(title="What was expected", title_justify="left")
    for heading in ("", "what", "bound", "measured"):
        table.add_column(heading)
    for each in expectations(run):
        mark = "[green]kept[/]" if each.passed else "[bold red]broken[/]"
        table.add_row(mark, each.name, escape(each.bound), escape(each.measured))
    console.print(table)
    handed = escalation_summary(run.results)
    if handed.count:
        ends = ", ".join(f"{count} {end}" for end, count in handed.ends.items())
        console.print(
            f"{handed.count} escalations: {ends}. Hand-over p50 {_s(handed.handover_p50_s)}, p95 "
            f"{_s(handed.handover_p95_s)}, longest {_s(handed.handover_max_s)}."
        )
    for trouble in run.troubles[:TROUBLES]:
        console.print(f"[yellow]At the desks: {escape(trouble)}[/]")
    if run.pinned:
        console.print(f"Pinned: {run.pinned}.")
    if run.warning:
        console.print(f"[yellow]{run.warning}[/]")
    if run.stopped:
        console.print("[yellow]Stopped early; these are the results so far.[/]")


def _rate(run: LoadRun, what: Literal["begun", "ended"]) -> float:
    """Calls begun or ended per second lately."""
    if len(run.history) < 2:
        return 0.0
    now = run.history[-1]
    before: Second = next((s for s in run.history if s.at_s >= now.at_s - RECENT_S), run.history[0])
    return float(getattr(now, what) - getattr(before, what)) / max(0.001, now.at_s - before.at_s)


def _s(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.1f} s"


def _bar(part: float) -> str:
    full = round(min(1.0, part) * BAR)
    return "█" * full + "░" * (BAR - full)


def _ms(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.0f} ms"


def _mos(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.2f}"
