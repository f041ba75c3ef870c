"""Runs the benchmark's rows several times and draws the table: medians with their spread, against the budgets."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from siplab.bench.measure import Figure, Measured, number_text
from siplab.bench.peer import Peer
from siplab.bench.pinning import pinned, this_pinning
from siplab.bench.rows import BUDGETS, PEER_ROWS, PINNED_ROWS, ROWS
from siplab.errors import BadInput, LabError
from siplab.report import machine_facts

MAX_RUNS = 9


def chosen_rows(text: str) -> tuple[str, ...]:
    """Read the list of rows, comma-separated; empty means all.

    Raises:
        BadInput: A name is unknown.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip()) or tuple(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise BadInput(f"there is no row {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    return names


async def run_rows(
    names: Sequence[str], runs: int, console: Console, peer: Peer | None = None
) -> tuple[list[Figure], dict[str, str]]:
    """Measure each row `runs` times, in turn; give all figures, and why rows failed. A failed row stops no other.

    Rows that a peer can be measured by are measured there as often; `PINNED_ROWS` run with their processes pinned.
    """
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    for name in names:
        measured, at_peer = list[Measured](), list[Measured]()
        try:
            for number in range(1, runs + 1):
                console.print(f"[cyan]{name}[/] run {number} of {runs} …")
                with pinned() if name in PINNED_ROWS else nullcontext():
                    measured.append(await ROWS[name]())
                    if peer is not None and name in PEER_ROWS:
                        at_peer.append(await PEER_ROWS[name](peer))
        except LabError as error:
            failures[name] = str(error)
            console.print(f"[bold red]{name} failed[/]: {escape(str(error))}")
            continue
        figures += figures_of(name, measured, at_peer)
    return figures, failures


def figures_of(row: str, measured: Sequence[Measured], at_peer: Sequence[Measured] = ()) -> list[Figure]:
    """Put the runs of a row together, figure by figure, in the order of the budgets."""
    return [
        Figure(
            row,
            name,
            b.unit,
            tuple(run[name] for run in measured),
            b.text,
            b.limit,
            b.at_least,
            _median_of(name, at_peer),
        )
        for name, b in BUDGETS[row].items()
        if all(name in run for run in measured)
    ]


def _median_of(name: str, runs: Sequence[Measured]) -> float | None:
    known = [run[name] for run in runs if name in run]
    return statistics.median(known) if known and len(known) == len(runs) else None


def as_json(
    figures: Sequence[Figure], failures: dict[str, str], runs: int, loads: Sequence[float] = ()
) -> dict[str, Any]:
    """Give the figures as the JSON file has them, with what they were measured on and the load averages meanwhile."""
    return {
        "benchmark": "ringside",
        "runs": runs,
        "load_averages": [round(load, 2) for load in loads],
        "machine": machine_facts(),
        "pinning": {**this_pinning().as_json(), "rows": sorted(PINNED_ROWS)},
        "failed_rows": failures,
        "rows": [figure.as_json() for figure in figures],
    }


def show(figures: Sequence[Figure], runs: int, console: Console) -> None:
    """Draw the table."""
    table = Table(title=f"Median of {runs} runs on this machine", title_justify="left")
    for heading in ("row", "what", "median", "lowest .. highest", "unit", "budget", ""):
        table.add_column(heading, justify="right" if heading == "median" else "left")
    for figure in figures:
        mark = {True: "[green]ok[/]", False: "[yellow]over[/]", None: ""}[figure.within]
        median = number_text(figure.median)
        table.add_row(figure.row, figure.name, median, figure.spread, figure.unit, figure.budget, mark)
    console.print(table)
    facts = machine_facts()
    console.print(
        f"{facts['cores']} cores, {facts['processor']}, {facts['memory_gib']} GiB, {facts['system']}, "
        f"Python {facts['python']}; load average now {facts['load_1m']}. A busy machine measures worse."
    )
