"""The command `siplab`: play scenarios and run benchmarks against the product."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from siplab.bench.rows import ROWS
from siplab.bench.run import MAX_RUNS, chosen_rows, run_rows
from siplab.bench.run import as_json as figures_as_json
from siplab.bench.run import show as show_figures
from siplab.errors import BadInput, LabError
from siplab.node import PrivateNode, attach
from siplab.report import Report, show, show_timeline, write_json
from siplab.scenarios.s01 import S01Options, Tell, run_s01
from siplab.story import Moment

SCENARIOS = {"s01": "S01, steps 1 to 7: pull in a free specialist (customer, agent, three specialists; about 20 s)"}
EXIT_FAILED, EXIT_BAD_INPUT = 1, 2

app = typer.Typer(
    help="Robots with real phones that play acceptance scenarios.", no_args_is_help=True, add_completion=False
)


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios that can be played."""
    for name, says in SCENARIOS.items():
        print(f"{name}  {says}")


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Which one; `siplab list` names them.")],
    json: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Take the mission's times (60 s of talk) instead of the quick ones.")
    ] = False,
    talk_s: Annotated[
        float | None, typer.Option(min=0.0, max=600.0, help="Seconds of talk before the escalation.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Web address of a running node; default: a private one.")] = None,
    logins: Annotated[Path | None, typer.Option(help="With --target: what its `ringside init --json` printed.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Keep the private node's state and log here.")] = None,
) -> None:
    """Play a scenario; the exit status is 0 if it held, 1 if not, 2 for wrong input."""
    console = Console(highlight=False)
    if scenario.lower() not in SCENARIOS:
        raise _refuse(console, f"there is no scenario {scenario!r}; there are: {', '.join(SCENARIOS)}")
    options = S01Options.full() if full else S01Options()
    if talk_s is not None:
        options = S01Options(talk_s, options.accept_after_s, options.together_s, options.alone_s)
    try:
        report = asyncio.run(_play(options, target, logins, state_dir, console))
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    except LabError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(EXIT_FAILED) from error
    console.print()
    show_timeline(report, console)
    show(report, console)
    if json is not None:
        write_json(json, report.as_json())
        console.print(f"Report: {json}")
    raise typer.Exit(0 if report.passed else EXIT_FAILED)


@app.command()
def bench(
    rows: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(ROWS)}; default: all.")] = "",
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    runs: Annotated[int, typer.Option(min=1, max=MAX_RUNS, help="Runs per row; the median is quoted.")] = 3,
) -> None:
    """Measure what the switch and the node cost and how fast they are; about two minutes for three runs."""
    console = Console(highlight=False)
    try:
        figures, failures = asyncio.run(run_rows(chosen_rows(rows), runs, console))
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    if figures:
        show_figures(figures, runs, console)
    if json is not None:
        write_json(json, figures_as_json(figures, failures, runs))
        console.print(f"Figures: {json}")
    raise typer.Exit(EXIT_FAILED if failures else 0)


async def _play(
    options: S01Options, target: str | None, logins: Path | None, state_dir: Path | None, console: Console
) -> Report:
    def tell(moment: Moment) -> None:
        console.print(f"[cyan]{moment.t_s:04.1f}[/] {escape(moment.text)}")

    if target is not None:
        return await run_s01(attach(target, logins), options, tell)
    return await _play_privately(options, state_dir, console, tell)


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
