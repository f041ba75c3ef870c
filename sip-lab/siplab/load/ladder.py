"""SIP ladders: who sent what to whom and when, as text and as a drawing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

CUSTOMER, AGENT, SPECIALIST, TARGET = "customer", "agent", "specialist", "target"
COLUMN, ROW, HEAD, TIMES, MARGIN = 190, 24, 34, 74, 20
TEXT_COLUMN = 26
MAX_STEPS = 60


@dataclass(frozen=True, slots=True)
class LadderStep:
    """A SIP message between a party and the target, milliseconds after the call began.

    `way` is out (the party sent it), in (the party got it) or lost (the party waited in vain).
    """

    at_ms: float
    who: str
    way: str
    what: str

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> LadderStep:
        """Read what `dataclasses.asdict` gave."""
        return cls(float(content["at_ms"]), str(content["who"]), str(content["way"]), str(content["what"]))


def in_order(steps: Sequence[LadderStep]) -> tuple[LadderStep, ...]:
    """Order by time and keep the first of too many."""
    return tuple(sorted(steps, key=lambda step: step.at_ms)[:MAX_STEPS])


def lifelines(steps: Sequence[LadderStep]) -> list[str]:
    """Say who takes part, from left to right: customer, target, then those whom the target calls."""
    others = sorted({step.who for step in steps} - {CUSTOMER})
    return [CUSTOMER, TARGET, *others]


def as_text(steps: Sequence[LadderStep]) -> str:
    """Draw a ladder for a terminal: a column for each party, an arrow for each message."""
    parties = lifelines(steps)
    places = {party: n * TEXT_COLUMN for n, party in enumerate(parties)}
    width = TEXT_COLUMN * (len(parties) - 1) + 1
    head = "".join(party.ljust(TEXT_COLUMN) for party in parties).rstrip()
    lines = [f"{'':12}{head}"]
    for step in in_order(steps):
        row = [("|" if at in places.values() else " ") for at in range(width)]
        left, right = sorted((places[step.who], places[TARGET]))
        towards_right = (places[step.who] < places[TARGET]) == (step.way == "out")
        inside = f" {step.what} "[: right - left - 3].center(right - left - 3, "-" if step.way != "lost" else ".")
        arrow = f"-{inside}>" if towards_right else f"<{inside}-"
        row[left + 1 : right] = arrow if step.way != "lost" else f"x{inside}x"
        lines.append(f"{step.at_ms:8.0f} ms {''.join(row)}")
    return "\n".join(lines)


def as_svg(steps: Sequence[LadderStep], label: str) -> str:
    """Draw a ladder for the report; colours come from the page."""
    shown, parties = in_order(steps), lifelines(steps)
    x = {party: TIMES + MARGIN + n * COLUMN + COLUMN // 2 for n, party in enumerate(parties)}
    width, height = TIMES + 2 * MARGIN + COLUMN * len(parties), HEAD + ROW * len(shown) + 14
    parts = [f'<svg class="ladder" viewBox="0 0 {width} {height}" style="max-width:{width}px" role="img" ']
    parts.append(f'aria-label="{escape(label)}">')
    for party, at in x.items():
        parts.append(f'<text x="{at}" y="16" text-anchor="middle" class="party">{escape(party)}</text>')
        parts.append(f'<line class="axis" x1="{at}" y1="24" x2="{at}" y2="{height - 4}"/>')
    for row, step in enumerate(shown):
        parts.append(_arrow(step, x, HEAD + ROW * row + 14))
    return "".join([*parts, "</svg>"])


def _arrow(step: LadderStep, x: dict[str, int], y: int) -> str:
    here, there = x[step.who], x[TARGET]
    begin, end = (here, there) if step.way == "out" else (there, here)
    middle = (begin + end) / 2
    kind = "lost" if step.way == "lost" or step.what[:1] in "456" else "sent"
    tip = -7 if end > begin else 7
    head = f'<path class="{kind}" d="M{end + tip},{y - 4} L{end},{y} L{end + tip},{y + 4}" fill="none"/>'
    return (
        f'<text x="{TIMES}" y="{y + 4}" text-anchor="end">{step.at_ms:.0f} ms</text>'
        f'<line class="{kind}" x1="{begin}" y1="{y}" x2="{end}" y2="{y}"/>{head if step.way != "lost" else ""}'
        f'<text x="{middle:.0f}" y="{y - 4}" text-anchor="middle" class="what">{escape(step.what)}</text>'
    )
