"""Keeps the numbers in docs/performance.md and its picture up to date: a marked section is replaced, the rest stays."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from siplab.bench.curve import curve_of, points_of
from siplab.bench.measure import Figure, number_text
from siplab.bench.pinning import this_pinning
from siplab.bench.rows import PINNED_ROWS
from siplab.errors import BadInput

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
PICTURE = Path("img") / "performance.svg"
CURVE_PICTURE = Path("img") / "performance-legs.svg"
MOST_SHOWN = 1.5
WIDTH, LABEL, BAR, LINE = 840, 330, 260, 20
WITHIN, OVER = "#2e7d5b", "#c0392b"


def write_page(
    path: Path, figures: Sequence[Figure], facts: dict[str, Any], runs: int, loads: Sequence[float], date: str
) -> None:
    """Write the section of the page, and the pictures beside it.

    Raises:
        BadInput: The page has one of the two marks only.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, begun, rest = text.partition(BEGIN)
    _old, ended, after = rest.partition(END)
    if not begun or not ended:
        raise BadInput(f"{path} must hold the lines {BEGIN} and {END}, in this order")
    section = "\n".join(_section(figures, facts, runs, loads, date))
    picture = path.parent / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(picture_of(figures), encoding="utf-8")
    if len(points_of(figures)) > 1:
        (path.parent / CURVE_PICTURE).write_text(curve_of(figures), encoding="utf-8")
    path.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}", encoding="utf-8")


def _section(
    figures: Sequence[Figure], facts: dict[str, Any], runs: int, loads: Sequence[float], date: str
) -> list[str]:
    peer = any(figure.peer is not None for figure in figures)
    rows = dict.fromkeys(figure.row for figure in figures)
    curve = ["", f"![CPU per leg against the number of legs]({CURVE_PICTURE.as_posix()})"] if points_of(figures) else []
    busy = f"{min(loads):.1f} to {max(loads):.1f}" if loads else f"{facts['load_1m']}"
    return [
        f"Measured on {date}: medians of {runs} runs. {facts['cores']} cores of {facts['processor']}, "
        f"{facts['memory_gib']} GiB, {facts['system']}, Python {facts['python']}. Pinned cores: {this_pinning()}; "
        f"in the rows {', '.join(row for row in rows if row in PINNED_ROWS) or 'none'}.",
        f"The load average meanwhile was {busy} on {facts['cores']} cores: other work ran on the machine. CPU figures "
        "are CPU time and suffer less from that than latencies do.",
        "",
        f"![Share of each budget that is used]({PICTURE.as_posix()})",
        *curve,
        "",
        "| row | what | median | lowest .. highest | unit | budget | |" + (" peer |" if peer else ""),
        "|---|---|---:|---|---|---|---|" + ("---:|" if peer else ""),
        *(_line(figure, peer) for figure in figures),
    ]


def _line(figure: Figure, peer: bool) -> str:
    mark = {True: "ok", False: "**over**", None: ""}[figure.within]
    cells = [figure.row, figure.name, number_text(figure.median), figure.spread, figure.unit, figure.budget, mark]
    if peer:
        cells.append("n/a" if figure.peer is None else number_text(figure.peer))
    return f"| {' | '.join(cells)} |"


def picture_of(figures: Sequence[Figure]) -> str:
    """Draw how much of each budget is used, as an SVG: one bar per figure with a budget, grouped by row."""
    parts: list[str] = []
    y = 44
    for row, members in groupby((f for f in figures if f.share_of_budget is not None), key=lambda f: f.row):
        parts.append(f'<text x="12" y="{y + 13}" font-weight="bold">{escape(row)}</text>')
        for figure in members:
            parts.append(_bar(figure, y))
            y += LINE
        y += 8
    limit = LABEL + BAR / MOST_SHOWN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 12}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{y + 12}" fill="white"/>'
        f'<text x="12" y="20" font-size="14">Share of the budget used: shorter is better, the line is the budget</text>'
        f"{''.join(parts)}"
        f'<line x1="{limit:.0f}" y1="34" x2="{limit:.0f}" y2="{y}" stroke="#333" stroke-dasharray="4 3"/></svg>\n'
    )


def _bar(figure: Figure, y: int) -> str:
    share = figure.share_of_budget or 0.0
    width = BAR * min(share, MOST_SHOWN) / MOST_SHOWN
    colour = WITHIN if share <= 1 else OVER
    label = f"{number_text(figure.median)} {figure.unit} ({share:.0%} of {figure.budget})"
    return (
        f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(_shortened(figure.name))}</text>'
        f'<rect x="{LABEL}" y="{y + 2}" width="{max(width, 1):.1f}" height="14" fill="{colour}"/>'
        f'<text x="{LABEL + BAR + 8}" y="{y + 13}" fill="#333">{escape(label)}</text>'
    )


def _shortened(name: str) -> str:
    return name.replace("escalate to INVITE, screen acknowledging,", "escalate to INVITE, screen,")
