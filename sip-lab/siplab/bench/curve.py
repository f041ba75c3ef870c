"""The chart of CPU per leg against the number of legs, lowest to highest run as a bar at each point."""

from __future__ import annotations

import re
from collections.abc import Sequence

from siplab.bench.leg_rows import CURVE, LEG_BUDGETS
from siplab.bench.measure import Figure, number_text

WIDTH, HEIGHT = 840, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 44, 44
_LEGS = re.compile(re.escape(CURVE).replace(r"\{\}", r"(\d+)"))


def points_of(figures: Sequence[Figure]) -> list[tuple[int, Figure]]:
    """Give the figures of the curve with their numbers of legs, in order."""
    found = ((_LEGS.fullmatch(figure.name), figure) for figure in figures)
    return sorted(((int(match[1]), figure) for match, figure in found if match), key=lambda point: point[0])


def curve_of(figures: Sequence[Figure]) -> str:
    """Draw it, as an SVG; both axes begin at zero, the dashed line is the budget. There must be a point."""
    points = points_of(figures)
    limit = LEG_BUDGETS["legs"][points[0][1].name].limit or 0.0
    most_legs = points[-1][0]
    top = 1.15 * max(limit, *(max(figure.runs) for _, figure in points))

    def x(legs: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * legs / most_legs

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    line = " ".join(f"{x(legs):.1f},{y(figure.median):.1f}" for legs, figure in points)
    parts = [
        '<text x="12" y="20" font-size="14">% of a core per leg in three-way conferences, by number of legs</text>',
        f'<line x1="{LEFT}" y1="{y(0):.0f}" x2="{WIDTH - RIGHT}" y2="{y(0):.0f}" stroke="#333"/>',
        f'<line x1="{LEFT}" y1="{y(limit):.1f}" x2="{WIDTH - RIGHT}" y2="{y(limit):.1f}" stroke="#333" '
        f'stroke-dasharray="4 3"/><text x="12" y="{y(limit) + 4:.1f}">&lt;= {limit:g}</text>',
        f'<polyline points="{line}" fill="none" stroke="#2e7d5b" stroke-width="2"/>',
    ]
    for legs, figure in points:
        low, high = y(min(figure.runs)), y(max(figure.runs))
        parts.append(
            f'<line x1="{x(legs):.1f}" y1="{low:.1f}" x2="{x(legs):.1f}" y2="{high:.1f}" stroke="#2e7d5b"/>'
            f'<circle cx="{x(legs):.1f}" cy="{y(figure.median):.1f}" r="3.5" fill="#2e7d5b"/>'
            f'<text x="{x(legs):.1f}" y="{high - 8:.1f}" text-anchor="middle">{number_text(figure.median)}</text>'
            f'<text x="{x(legs):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{legs}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{"".join(parts)}</svg>\n'
    )
