"""`python -m siplab.soak`: the exit status is 0 if nothing was lost and nothing leaks, 1 if not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from siplab.errors import LabError
from siplab.report import write_json
from siplab.soak.run import soak
from siplab.soak.verdict import show

MOST_MINUTES = 24 * 60.0


def main(
    minutes: Annotated[float, typer.Option(min=1.0, max=MOST_MINUTES, help="About how long.")] = 30.0,
    crews: Annotated[int, typer.Option(min=1, max=20, help="Calls at the same time.")] = 2,
    database: Annotated[
        str, typer.Option(help="sqlite, postgresql (a private one), or auto: PostgreSQL where it is installed.")
    ] = "auto",
    json: Annotated[Path | None, typer.Option(help="Write everything to this file.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Keep the private node's state and log here.")] = None,
) -> None:
    """Let a private node work under steady load with faults, then race node processes for leases; judge."""
    console = Console(highlight=False)
    try:
        result = asyncio.run(soak(minutes, crews, state_dir, console, database))
    except LabError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(1) from error
    show(result, console)
    if json is not None:
        write_json(json, result.as_json())
        console.print(f"Everything: {json}")
    raise typer.Exit(0 if result.holds else 1)


if __name__ == "__main__":
    typer.run(main)
