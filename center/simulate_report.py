"""What a simulation found, as a table, a histogram for the terminal, and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from center.simulate import Outcome, RunResult

CEILING_S = 30.0
TARGET_S = 20.0
BAR_CHARS = 50
_COLOURS = {Outcome.JOINED: "#2e7d5b", Outcome.PROMISE: "#c77700", Outcome.CUSTOMER_LEFT: "#8a8f98"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The promises of N2, each measured."""

    longest_s: float
    answerable: int
    answerable_p95_s: float
    rung_twice: int

    @property
    def holds(self) -> bool:
        return self.longest_s <= CEILING_S and self.answerable_p95_s <= TARGET_S and self.rung_twice == 0


def judge(results: Sequence[RunResult]) -> Verdict:
    """Measure the bound. `answerable` leaves out customers who gave up: nobody could have kept the promise to them."""
    answerable = sorted(r.seconds for r in results if r.answerable and r.outcome is not Outcome.CUSTOMER_LEFT)
    return Verdict(
        longest_s=max((r.seconds for r in results), default=0.0),
        answerable=len(answerable),
        answerable_p95_s=percentile(answerable, 0.95),
        rung_twice=sum(r.rung_twice for r in results),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of an ascending sequence lies; 0 for an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def show(console: Console, results: Sequence[RunResult], seed: int) -> Verdict:
    """Print table, histogram and verdict."""
    verdict = judge(results)
    table = Table(title=f"{len(results):,} simulated escalations, seed {seed}", title_justify="left")
    for heading in ("outcome", "runs", "share", "median", "95 %", "longest"):
        table.add_column(heading, justify="left" if heading == "outcome" else "right")
    for outcome in Outcome:
        seconds = sorted(r.seconds for r in results if r.outcome is outcome)
        share = len(seconds) / len(results) if results else 0.0
        spread = [f"{percentile(seconds, at):.1f} s" for at in (0.5, 0.95)]
        longest = f"{seconds[-1] if seconds else 0.0:.1f} s"
        table.add_row(outcome.value, f"{len(seconds):,}", f"{share:.1%}", *spread, longest)
    console.print(table)
    for line in histogram(results):
        console.print(line, highlight=False)
    mark = "[green]holds[/green]" if verdict.holds else "[red]does not hold[/red]"
    console.print(
        f"\nThe bound {mark}: longest {verdict.longest_s:.1f} s (ceiling {CEILING_S:.0f}); where one of the "
        f"specialists would have answered within the ring limit ({verdict.answerable:,} runs) 95 % within "
        f"{verdict.answerable_p95_s:.1f} s (target {TARGET_S:.0f}); rung twice: {verdict.rung_twice}."
    )
    return verdict


def histogram(results: Sequence[RunResult]) -> list[str]:
    """One line per second after the trigger: how many ended then, and how (█ joined, ▒ promise, · customer left)."""
    marks = {Outcome.JOINED: "█", Outcome.PROMISE: "▒", Outcome.CUSTOMER_LEFT: "·"}
    counts = Counter((int(r.seconds), r.outcome) for r in results)
    most = max((sum(counts[second, each] for each in Outcome) for second, _ in counts), default=1)
    lines = ["\nseconds after the trigger   █ joined  ▒ promise  · customer left"]
    for second in range(int(CEILING_S) + 1):
        bar = "".join(marks[each] * round(BAR_CHARS * counts[second, each] / most) for each in Outcome)
        lines.append(f"{second:>3} s │{bar}")
    return lines


def write_svg(results: Sequence[RunResult], path: Path) -> None:
    """Draw the same histogram as a picture."""
    counts = Counter((int(r.seconds), r.outcome) for r in results)
    most = max((sum(counts[second, each] for each in Outcome) for second, _ in counts), default=1)
    parts: list[str] = []
    for second in range(int(CEILING_S) + 1):
        top = 240.0
        for outcome in Outcome:
            height = 210.0 * counts[second, outcome] / most
            top -= height
            box = f'x="{40 + second * 18}" y="{top:.1f}" width="14" height="{height:.1f}"'
            parts.append(f'<rect {box} fill="{_COLOURS[outcome]}"><title>{outcome.value}</title></rect>')
        if second % 5 == 0:
            parts.append(f'<text x="{42 + second * 18}" y="256">{second}</text>')
    legend = "".join(
        f'<rect x="{60 + i * 130}" y="270" width="12" height="12" fill="{_COLOURS[each]}"/>'
        f'<text x="{78 + i * 130}" y="280">{each.value}</text>'
        for i, each in enumerate(Outcome)
    )
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 292" font-family="sans-serif" font-size="11">'
        '<rect width="620" height="292" fill="white"/>'
        '<text x="40" y="18">Escalations by seconds from trigger to end</text>'
        f"{''.join(parts)}{legend}</svg>\n"
    )
