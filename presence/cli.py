"""Commands under `ringside presence`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from presence.contract import Arrival
from presence.errors import MappingError
from presence.mapping import explain_mapping
from presence.mapping_file import load_mapping

app = typer.Typer(help="Presence: try how foreign clients' messages are understood.", no_args_is_help=True)


@app.callback()
def presence() -> None:
    """Presence: try how foreign clients' messages are understood."""


@app.command("test-mapping")
def try_mapping(
    topic: Annotated[str, typer.Argument(help="Topic of a message, such as teams/eva/status")],
    payload: Annotated[str, typer.Argument(help="Its payload, such as true or a JSON document")],
    mapping: Annotated[
        str, typer.Option("--mapping", help="TOML file, or the name of a bundled mapping")
    ] = "teams-for-linux",
) -> None:
    """Show what one MQTT message becomes; exit status 1 when it becomes nothing."""
    try:
        chosen = load_mapping(mapping)
    except MappingError as error:
        typer.echo(f"ringside: {error}", err=True)
        raise typer.Exit(2) from None
    lines = explain_mapping(chosen, topic, payload.encode(), Arrival(time.monotonic(), datetime.now(UTC)))
    for line in lines:
        typer.echo(line)
    if not lines[-1].startswith("becomes"):
        raise typer.Exit(1)
