"""The command `siplab`: play scenarios and run benchmarks against the product."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from siplab.bench.page import write_page
from siplab.bench.peer import peer_of
from siplab.bench.rows import ROWS
from siplab.bench.run import MAX_RUNS, chosen_rows, run_rows
from siplab.bench.run import as_json as figures_as_json
from siplab.bench.run import show as show_figures
from siplab.errors import BadInput, LabError
from siplab.load.cli import add_commands
from siplab.load.target import parse_target
from siplab.node import PrivateNode, attach
from siplab.report import Report, machine_facts, show, show_summary, show_timeline, write_json
from siplab.scenarios.catalogue import SCENARIOS, chosen_scenarios
from siplab.scenarios.s01 import S01Options, Tell, run_s01
from siplab.scenarios.scene import Pace, play_scene
from siplab.story import Moment

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2

app = typer.Typer(
    help="Robots with real phones: acceptance scenarios, load, benchmarks.", no_args_is_help=True, add_completion=False
)

add_commands(app)


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios that can be played."""
    for name, scenario in SCENARIOS.items():
        print(f"{name}  {scenario.says}")


@app.command()
def run(
    scenarios: Annotated[list[str], typer.Argument(help="Which ones, or `all`; `siplab list` names them.")],
    json: Annotated[
        Path | None, typer.Option(help="Write the report to this file; of several, one each into this folder.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Take the mission's times (60 s of talk) instead of the quick ones.")
    ] = False,
    short: Annotated[
        bool, typer.Option("--short", help="Scale the product's limits down where they can be set (S02).")
    ] = False,
    talk_s: Annotated[
        float | None, typer.Option(min=0.0, max=600.0, help="S01: seconds of talk before the escalation.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="S01: web address of a running node; default: a private one.")
    ] = None,
    logins: Annotated[Path | None, typer.Option(help="With --target: what its `ringside init --json` printed.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Keep the private node's state and log here.")] = None,
) -> None:
    """Play scenarios; the exit status is 0 if all held, 1 if not, 2 for wrong input."""
    console = Console(highlight=False)
    try:
        names = chosen_scenarios(scenarios)
        if target is not None and names != ("s01",):
            raise BadInput("--target is for s01 alone; the others need a company of their own on a private node")
        if state_dir is not None and len(names) > 1:
            raise BadInput("--state-dir is for one scenario; each has a node of its own")
        options = S01Options.full() if full else S01Options()
        if talk_s is not None:
            options = S01Options(talk_s, options.accept_after_s, options.together_s, options.alone_s)
        reports = asyncio.run(_play_all(names, options, Pace(short), target, logins, state_dir, console))
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    except LabError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(EXIT_FAILED) from error
    if json is not None:
        _write_reports(json, reports, console)
    if len(reports) > 1:
        show_summary(list(reports.values()), console)
    raise typer.Exit(0 if all(report.passed for report in reports.values()) else EXIT_FAILED)


def _write_reports(path: Path, reports: dict[str, Report], console: Console) -> None:
    """Write one report to the file; several into a folder of that name, one file each."""
    if len(reports) == 1:
        write_json(path, next(iter(reports.values())).as_json())
        console.print(f"Report: {path}")
        return
    folder = path.with_suffix("") if path.suffix == ".json" else path
    for name, report in reports.items():
        write_json(folder / f"{name}.json", report.as_json())
    console.print(f"Reports: {folder}/{{{','.join(reports)}}}.json")


@app.command()
def bench(
    rows: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(ROWS)}; default: all.")] = "",
    json: Annotated[
        Path | None, typer.Option(help="Write all runs of all figures, the machine and the pinned cores to this file.")
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, max=MAX_RUNS, help="Runs per row; the median is quoted, with lowest and highest.")
    ] = 3,
    markdown: Annotated[
        Path | None, typer.Option(help="Keep the marked section of this page, and its picture, up to date.")
    ] = None,
    peer: Annotated[
        str,
        typer.Option(help="host:port of another SIP server that answers 5001: its column, n/a where it has no number."),
    ] = "",
    peer_pid: Annotated[
        int, typer.Option(min=0, help="Its process on this machine: then also its CPU per call and per leg.")
    ] = 0,
) -> None:
    """Measure the budgets: what switch and node cost and how fast they are. Three runs take a quarter of an hour.

    The system under test has one core to itself, its load the others. Exit status 1 if a row could not be measured.
    """
    console = Console(highlight=False)
    loads = [os.getloadavg()[0]]
    try:
        if peer:
            parse_target(f"sip:{peer}", "udp", owned=False)
        other = peer_of(peer, peer_pid)
        figures, failures = asyncio.run(run_rows(chosen_rows(rows), runs, console, other))
        loads.append(os.getloadavg()[0])
        if markdown is not None and figures:
            today = datetime.now(UTC).date().isoformat()
            write_page(markdown, figures, machine_facts(), runs, loads, today)
            console.print(f"Page: {markdown}")
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    if figures:
        show_figures(figures, runs, console)
    if json is not None:
        write_json(json, figures_as_json(figures, failures, runs, loads))
        console.print(f"Figures: {json}")
    raise typer.Exit(EXIT_FAILED if failures else 0)


async def _play_all(
    names: tuple[str, ...],
    options: S01Options,
    pace: Pace,
    target: str | None,
    logins: Path | None,
    state_dir: Path | None,
    console: Console,
) -> dict[str, Report]:
    """Play one after the other and draw each; a scenario that fails stops no other."""

    def tell(moment: Moment) -> None:
        console.print(f"[cyan]{moment.t_s:04.1f}[/] {escape(moment.text)}")

    reports: dict[str, Report] = {}
    for name in names:
        console.print(f"\n[bold]{name.upper()}[/] {SCENARIOS[name].says}")
        kind = SCENARIOS[name].scene
        if kind is not None:
            reports[name] = await play_scene(kind, pace, tell, state_dir)
        elif target is not None:
            reports[name] = await run_s01(attach(target, logins), options, tell)
        else:
            reports[name] = await _play_privately(options, state_dir, console, tell)
        console.print()
        show_timeline(reports[name], console)
        show(reports[name], console)
    return reports


async def _play_privately(options: S01Options, state_dir: Path | None, console: Console, tell: Tell) -> Report:
    node = PrivateNode(state_dir)
    console.print("Starting a private instance on free ports …")
    async with node as access:
        console.print(f"It runs at {access.web}; its log is {node.log_path}")
        report = await run_s01(access, options, tell)
        if report.broken_off:
            console.print(f"[yellow]The end of the node's log:[/]\n{escape(node.log_tail())}")
    return report


def _refuse(console: Console, message: str) -> typer.Exit:
    console.print(f"[bold red]siplab:[/] {escape(message)}")
    return typer.Exit(EXIT_BAD_INPUT)


def main() -> None:
    """Run the command line."""
    app()
