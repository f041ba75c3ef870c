"""Commands under `ringside presence`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from presence.bench import bench_presence
from presence.contract import Arrival
from presence.errors import MappingError
from presence.mapping import explain_mapping
from presence.mapping_file import load_mapping

MOST_SLOPE_KB_PER_MIN = 100.0
"""More growth than this over the second half counts as a leak; 6 MB an hour."""

LEAST_MINUTES_FOR_MEMORY = 10.0
"""Before that the caches of a fresh process still fill."""

app = typer.Typer(help="Presence: try foreign clients' messages, and how much it carries.", no_args_is_help=True)


@app.callback()
def presence() -> None:
    """Presence: try foreign clients' messages, and how much it carries."""


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


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.1, max=24 * 60, help="How long.")] = 60.0,
    specialists: Annotated[int, typer.Option(min=10, max=20_000, help="How many people.")] = 2_000,
    period_s: Annotated[float, typer.Option(min=1.0, max=600.0, help="Each changes this often, seconds.")] = 30.0,
) -> None:
    """Let everybody's status change on a private Mosquitto; exit status 1 if a change was missed or memory grows."""
    with tempfile.TemporaryDirectory(prefix="ringside-presence-") as folder:
        numbers = asyncio.run(
            bench_presence(Path(folder), seconds=minutes * 60, specialists=specialists, period_s=period_s)
        )
    for name, value in numbers.items():
        typer.echo(f"{name:<22}{value:>14,.2f}")
    unheard = numbers["published"] - numbers["heard"]
    grows = numbers["rss_slope_kb_per_min"] > MOST_SLOPE_KB_PER_MIN
    judged = minutes >= LEAST_MINUTES_FOR_MEMORY
    memory = ("grows" if grows else "flat") if judged else f"not judged under {LEAST_MINUTES_FOR_MEMORY:.0f} minutes"
    typer.echo(f"changes missed {unheard:,.0f}; memory {memory}")
    if unheard or (judged and grows):
        raise typer.Exit(1)
