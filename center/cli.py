"""The `ringside` command: `serve`, `init`, `doctor`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from center.demo import make_company
from center.directory import new_password
from center.doctor import Finding, Verdict, examine
from center.logs import configure_logging
from center.node import Node, login_json, open_store, prepare_state_dir
from center.settings import Settings, SettingsError, load_settings
from center.simulate import simulate
from center.simulate_report import show, write_svg
from desk.errors import DeskError
from desk.logins import hash_password
from presence.cli import app as presence_app
from presence.errors import PresenceError
from store.errors import StoreError
from store.records import GeneratedLogin
from telephony.errors import SwitchError
from vocabulary import PersonId

app = typer.Typer(
    help="Ringside: a contact centre in which every employee can be pulled into the call.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
simulate_app = typer.Typer(help="Play the real machines on virtual time.", no_args_is_help=True)
app.add_typer(simulate_app, name="simulate")
app.add_typer(presence_app, name="presence")
console = Console()
errors = Console(stderr=True)

T = TypeVar("T")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file; default: ./ringside.toml if there.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

FAILURES = (SettingsError, StoreError, PresenceError, SwitchError, DeskError, OSError)
"""What an operator can mend; told in one sentence, without a stack."""


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run a node until Ctrl-C or SIGTERM. The first start makes the demo company and prints its log-ins."""
    settings = _settings(config)
    configure_logging(settings.state_dir)
    _run(_serve(settings))


@app.command()
def init(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Make database and demo company if they are not there; print the new log-ins, this once."""
    settings = _settings(config)
    logins = _run(_init(settings))
    if as_json:
        print(json.dumps({"logins": [login_json(login) for login in logins]}))
    elif logins:
        show_logins(logins)
    else:
        console.print("There is a company already; its passwords are stored only as hashes.")


@app.command()
def password(
    person: Annotated[str, typer.Argument(help="Whose, such as anna.novak.")], config: ConfigOption = None
) -> None:
    """Make a new desk password for a person, print it once, and end that person's log-ins."""
    new = _run(_new_desk_password(_settings(config), PersonId(person)))
    console.print(f"{person}'s new desk password (shown only now): [bold]{new}[/bold]", highlight=False)


@app.command()
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check ports, broker, database, disk, certificates and the web desk; say what to mend (exit status 1)."""
    settings = _settings(config)
    findings = asyncio.run(examine(settings))
    if as_json:
        print(json.dumps([{"check": f.check, "verdict": f.verdict.value, "says": f.says} for f in findings]))
    else:
        console.print(_findings_table(findings))
    if any(finding.verdict is Verdict.BROKEN for finding in findings):
        raise typer.Exit(1)


@simulate_app.command()
def escalations(
    runs: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many escalations to play.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same results.")] = 1,
    svg: Annotated[Path | None, typer.Option(help="Also draw the histogram into this file.")] = None,
    config: ConfigOption = None,
) -> None:
    """Play the escalation machine on virtual time against random phones; exit status 1 if the bound does not hold."""
    timing = _settings(config).escalation.timing()
    with console.status(f"Playing {runs:,} escalations …"):
        results = simulate(runs, seed, timing)
    verdict = show(console, results, seed)
    if svg is not None:
        write_svg(results, svg)
        console.print(f"Picture: {svg}")
    if not verdict.holds:
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the console command."""
    app()


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Node(settings) as node:
        show_start(node, settings)
        await stopping.wait()
        console.print("Stopping: ending calls, closing the store …")


async def _init(settings: Settings) -> list[GeneratedLogin]:
    prepare_state_dir(settings.state_dir)
    store = await open_store(settings)
    try:
        return await make_company(store, settings)
    finally:
        await store.close()


async def _new_desk_password(settings: Settings, person: PersonId) -> str:
    store = await open_store(settings)
    try:
        if await store.directory.person(person) is None:
            raise StoreError(f"there is nobody called {person}")
        new = new_password()
        await store.directory.set_password_hash(person, hash_password(new))
        await store.web_sessions.revoke_all(person)
        return new
    finally:
        await store.close()


def show_start(node: Node, settings: Settings) -> None:
    """Tell the person at the terminal where everything is."""
    where = node.addresses
    console.print(f"\n[bold]{settings.company}[/bold] is open.\n")
    console.print(f"  Web desk     [link={where.web}]{where.web}[/link]")
    console.print(f"  Phones       {where.sip_address}  UDP {where.udp}, TCP {where.tcp}, TLS {where.tls}")
    console.print(f"  Presence     mqtt://{where.mqtt_host}:{where.mqtt_port}  ({where.mqtt_prefix}/…)")
    if settings.lab.enabled:
        console.print("  Testers      call echo, answer, room-<k>, call-<user> (docs/load-testing.md)")
    else:
        console.print("  Customers    call 5001 (claims), 5002 (billing), 5003 (technical)")
    if node.new_logins:
        show_logins(node.new_logins)
    else:
        console.print("\n  Log-ins were printed at the first start; a new phone password can be made at the desk.")
    console.print("\nCtrl-C stops.\n")


def show_logins(logins: list[GeneratedLogin]) -> None:
    """Print the passwords, which exist nowhere else in clear."""
    table = Table(title="Log-ins (shown only now; stored only as hashes)", title_justify="left", box=None)
    for heading in ("user", "name", "role", "desk password", "phone and presence password"):
        table.add_column(heading, no_wrap=True)
    for login in logins:
        table.add_row(login.person, login.name, ", ".join(login.roles), login.web_password, login.phone_password)
    wide_enough = Console(width=max(console.width, 110))  # a password must never be cut
    wide_enough.print()
    wide_enough.print(table)


def _findings_table(findings: list[Finding]) -> Table:
    colours = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BROKEN: "red"}
    table = Table(title="ringside doctor", title_justify="left")
    for heading in ("check", "", "what it says"):
        table.add_column(heading)
    for finding in findings:
        colour = colours[finding.verdict]
        table.add_row(finding.check, f"[{colour}]{finding.verdict.value}[/{colour}]", finding.says)
    return table


def _settings(config: Path | None) -> Settings:
    try:
        return load_settings(config)
    except SettingsError as error:
        _fail(error)


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except FAILURES as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    errors.print(f"[red]ringside:[/red] {error}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)
