"""The commands `siplab init`, `check`, `load` and `compare`."""

from __future__ import annotations

import asyncio
import json as json_format
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from siplab.errors import BadInput, LabError
from siplab.load.arrivals import PlannedCall, planned_calls
from siplab.load.compare import compare_reports, read_report, show_differences
from siplab.load.engine import LoadEngine, LoadRun
from siplab.load.live import live_page, show_outcome
from siplab.load.outcome import as_json, as_junit, expectations
from siplab.load.page import as_html
from siplab.load.plan import EXAMPLE, Plan, read_plan, schema
from siplab.load.target import Target, check_machine, check_reachable, parse_target
from siplab.report import write_json

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2

PlanFile = Annotated[Path, typer.Argument(help="A load plan in TOML; `siplab init` writes an example.")]


def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("load.toml"),
    json_schema: Annotated[
        Path | None, typer.Option("--schema", help="Write the JSON schema of plans here instead.")
    ] = None,
) -> None:
    """Write a commented example of a load plan, or the JSON schema for editors."""
    console = Console(highlight=False)
    if json_schema is not None:
        write_json(json_schema, schema())
        console.print(f"Wrote {json_schema}")
        return
    if file.exists():
        raise _refuse(console, f"{file} is there already; give another name")
    file.write_text(EXAMPLE, encoding="utf-8")
    console.print(f"Wrote {file}. Next: siplab load {file} --target sip:127.0.0.1:5060")


def check(file: PlanFile) -> None:
    """Tell what is wrong with a load plan, line by line, or what it would do."""
    console = Console(highlight=False)
    try:
        plan = read_plan(file)
        calls = planned_calls(plan, file.parent)
        check_machine(plan)
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    talked_s = sum(call.talk_s for call in calls)
    last_s = calls[-1].at_s if calls else 0.0
    console.print(
        f"{file} is good: {len(calls)} calls in {last_s:.0f} s, {talked_s / max(1.0, last_s):.0f} at once on average."
    )


def load(
    file: PlanFile,
    target: Annotated[str, typer.Option(help="The server: sip:HOST:PORT, with ;transport=tcp or tls if need be.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html, report.json and junit.xml.")] = Path("build/load"),
    watch: Annotated[int, typer.Option(min=0, help="Process id of the target, to show its CPU and memory.")] = 0,
    owned: Annotated[
        bool, typer.Option("--i-own-this-target", help="Allow a target outside loopback and private networks.")
    ] = False,
) -> None:
    """Let customers call a SIP server as the plan says.

    The exit status is 0 if what it expects was kept, 1 if not, 2 for wrong input.
    """
    console = Console(highlight=False)
    try:
        plan = read_plan(file)
        calls = planned_calls(plan, file.parent)
        server = parse_target(target, plan.customers.transport, owned)
        check_machine(plan)
        check_reachable(server)
        if watch and not Path(f"/proc/{watch}").exists():
            raise BadInput(f"--watch: there is no process {watch}")
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    try:
        run = asyncio.run(_play(plan, server, calls, watch, console))
    except LabError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(EXIT_FAILED) from error
    write_reports(run, out)
    show_outcome(run, console)
    console.print(f"Report: {out / 'report.html'}, report.json, junit.xml")
    raise typer.Exit(0 if all(each.passed for each in expectations(run)) else EXIT_FAILED)


async def _play(plan: Plan, server: Target, calls: list[PlannedCall], watch: int, console: Console) -> LoadRun:
    """Run it under a live page; Ctrl-C ends it with what there is."""
    engine = LoadEngine(plan, server, calls, watch)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, engine.stop)
    try:
        with Live(live_page(engine.run), console=console, auto_refresh=False, transient=False) as live:
            return await engine.play(lambda run: live.update(live_page(run), refresh=console.is_terminal))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def write_reports(run: LoadRun, folder: Path) -> None:
    """Write the three reports of a run."""
    write_json(folder / "report.json", as_json(run))
    (folder / "report.html").write_text(as_html(run), encoding="utf-8")
    (folder / "junit.xml").write_text(as_junit(run), encoding="utf-8")


def compare(
    before: Annotated[Path, typer.Argument(help="report.json of `siplab load` or JSON of `siplab bench`.")],
    after: Annotated[Path, typer.Argument(help="The same of a later run.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show what got better or worse beyond noise; exit status 1 if anything got worse."""
    console = Console(highlight=False)
    try:
        found = compare_reports(read_report(before), read_report(after))
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    if json:
        print(
            json_format.dumps(
                [{"what": d.name, "before": d.before, "after": d.after, "verdict": d.verdict} for d in found]
            )
        )
    else:
        show_differences(found, console)
    raise typer.Exit(EXIT_FAILED if any(each.verdict == "worse" for each in found) else 0)


def _refuse(console: Console, message: str) -> typer.Exit:
    console.print(f"[bold red]siplab:[/] {escape(message)}")
    return typer.Exit(EXIT_BAD_INPUT)


def add_commands(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    for command in (init, check, load, compare):
        app.command()(command)
