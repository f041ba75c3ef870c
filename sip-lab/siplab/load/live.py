"""The live page of a run in the terminal, and its end result."""

from __future__ import annotations

import math

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from siplab.load.engine import LoadRun
from siplab.load.outcome import expectations, summary_of

RECENT_S = 5.0
BAR = 24
CAUSES = 6


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
    rows.add_row("calls", f"{run.active} active, {_rate(run):.1f} begun per second, {summary.answered} answered")
    set_up = f"p50 {_ms(summary.setup_p50_ms)}, p95 {_ms(summary.setup_p95_ms)}, p99 {_ms(summary.setup_p99_ms)}"
    rows.add_row("set-up", set_up)
    rows.add_row("sound", f"MOS {_mos(summary.mos_p50)}, {summary.one_way} one-way, {summary.gaps} with gaps")
    if last is not None and last.cpu_percent is not None:
        rows.add_row("target", f"{last.cpu_percent:.0f} % of a core, {last.memory_mib or 0:.0f} MiB")
    failures = f"[bold red]{run.failed}[/]" if run.failed else "[green]0[/]"
    rows.add_row("failed", failures)
    for cause, count in run.causes.most_common(CAUSES):
        rows.add_row("", f"{count} x {escape(cause)}")
    title = Text.assemble((run.plan.name, "bold"), f"  →  {run.target.uri}   Ctrl-C ends it with the results so far")
    return Group(title, rows)


def show_outcome(run: LoadRun, console: Console) -> None:
    """Draw what was expected and how it came."""
    table = Table(title="What was expected", title_justify="left")
    for heading in ("", "what", "bound", "measured"):
        table.add_column(heading)
    for each in expectations(run):
        mark = "[green]kept[/]" if each.passed else "[bold red]broken[/]"
        table.add_row(mark, each.name, escape(each.bound), escape(each.measured))
    console.print(table)
    if run.warning:
        console.print(f"[yellow]{run.warning}[/]")
    if run.stopped:
        console.print("[yellow]Stopped early; these are the results so far.[/]")


def _rate(run: LoadRun) -> float:
    """Calls begun per second lately."""
    if len(run.history) < 2:
        return 0.0
    now = run.history[-1]
    before = next((s for s in run.history if s.at_s >= now.at_s - RECENT_S), run.history[0])
    return (now.begun - before.begun) / max(0.001, now.at_s - before.at_s)


def _bar(part: float) -> str:
    full = round(min(1.0, part) * BAR)
    return "█" * full + "░" * (BAR - full)


def _ms(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.0f} ms"


def _mos(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.2f}"
