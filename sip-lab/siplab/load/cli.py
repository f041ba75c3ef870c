"""The commands `siplab init`, `check`, `load`, `compare` and `watch`."""

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
from siplab.load.cores import Cores
from siplab.load.engine import LoadEngine
from siplab.load.example import EXAMPLE
from siplab.load.live import live_page, show_outcome
from siplab.load.outcome import as_json, as_junit, expectations
from siplab.load.page import as_html
from siplab.load.plan import Plan, schema
from siplab.load.plan_file import read_plan
from siplab.load.preflight import check_machine, check_programs
from siplab.load.run import LoadRun
from siplab.load.system import Wanted, check_wanted, open_system
from siplab.load.trace import FILE as TRACE_FILE
from siplab.load.watch import watch_trace
from siplab.report import write_json

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2
DEFAULT_OUT = Path("build/load")

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
    console.print(f"Wrote {file}. Next: siplab load {file}")


def check(file: PlanFile) -> None:
    """Tell what is wrong with a load plan, line by line, or what it would do."""
    console = Console(highlight=False)
    try:
        plan = read_plan(file)
        calls = planned_calls(plan, file.parent)
        check_machine(plan)
        check_programs(plan)
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    talked_s = sum(call.talk_s for call in calls)
    last_s = calls[-1].at_s if calls else 0.0
    escalating = sum(call.escalates for call in calls)
    console.print(
        f"{file} is good: {len(calls)} calls in {last_s:.0f} s, {talked_s / max(1.0, last_s):.0f} at once on average"
        + (f", {escalating} of them escalate." if plan.escalations else ".")
    )


def load(
    file: PlanFile,
    target: Annotated[
        str,
        typer.Option(
            envvar="SIPLAB_TARGET",
            help="self: a node of its own; http://HOST:PORT: a running node, with --logins; sip:HOST:PORT: any SIP "
            "server (;transport=tcp or tls if need be). Default: the plan's target.",
        ),
    ] = "",
    out: Annotated[
        Path, typer.Option(help="Folder for report.html, report.json, junit.xml and trace.jsonl.")
    ] = DEFAULT_OUT,
    logins: Annotated[
        Path | None,
        typer.Option(envvar="SIPLAB_LOGINS", help="Log-ins of a running node: output of its `ringside init --json`."),
    ] = None,
    pid: Annotated[
        int,
        typer.Option(
            "--pid", "--watch", min=0, help="Process id of the target, for its CPU and memory. Found for our nodes."
        ),
    ] = 0,
    pinned: Annotated[
        bool, typer.Option("--pin", help="Give the last core to the robots and the others to the target.")
    ] = False,
    owned: Annotated[
        bool, typer.Option("--i-own-this-target", help="Allow a target outside loopback and private networks.")
    ] = False,
) -> None:
    """Let customers call a SIP server as the plan says, and people serve them.

    The exit status is 0 if what it expects was kept, 1 if not, 2 for wrong input.
    """
    console = Console(highlight=False)
    try:
        plan = read_plan(file)
        calls = planned_calls(plan, file.parent)
        wanted = Wanted(target or plan.target, owned, logins, pid)
        check_machine(plan)
        check_programs(plan)
        check_wanted(wanted, plan)
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    cores = Cores.apart() if pinned else Cores()
    try:
        run = asyncio.run(_play(plan, wanted, calls, cores, out / TRACE_FILE, console))
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    except LabError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(EXIT_FAILED) from error
    write_reports(run, out)
    show_outcome(run, console)
    console.print(f"Report: {out / 'report.html'}, report.json, junit.xml")
    raise typer.Exit(0 if all(each.passed for each in expectations(run)) else EXIT_FAILED)


async def _play(
    plan: Plan, wanted: Wanted, calls: list[PlannedCall], cores: Cores, trace: Path, console: Console
) -> LoadRun:
    """Run it under a live page; Ctrl-C ends it with what there is."""
    if wanted.text == "self":
        console.print("Starting a node of its own …")
    async with open_system(wanted, plan) as system:
        engine = LoadEngine(plan, system, calls, cores=cores, trace=trace)
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


def watch(
    run: Annotated[
        Path, typer.Argument(help="The folder of a running `siplab load`, or its trace.jsonl.")
    ] = DEFAULT_OUT,
    call: Annotated[int, typer.Option(min=-1, help="Show this call; -1: the newest, one after the other.")] = -1,
) -> None:
    """Show the SIP ladder of a live call of a running `siplab load`, message by message; Ctrl-C leaves it."""
    console = Console(highlight=False)
    try:
        asyncio.run(watch_trace(run, call if call >= 0 else None, console))
    except BadInput as error:
        raise _refuse(console, str(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _refuse(console: Console, message: str) -> typer.Exit:
    console.print(f"[bold red]siplab:[/] {escape(message)}")
    return typer.Exit(EXIT_BAD_INPUT)


def add_commands(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    for command in (init, check, load, compare, watch):
        app.command()(command)
