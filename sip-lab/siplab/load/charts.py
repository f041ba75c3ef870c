"""Charts of the report as SVG; colours come from the page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 220, 56, 28, 12
BARS = 30
TOO_SHORT = '<p class="dim">Too short for a chart.</p>'

Series = tuple[str, str, Sequence[float | None]]
"""Label, colour of the page, and a value for each time (None: not known then)."""


def lines_chart(label: str, times_s: Sequence[float], series: Sequence[Series]) -> str:
    """Draw values over time."""
    known = [value for _label, _colour, values in series for value in values if value is not None]
    if len(times_s) < 2 or not known:
        return TOO_SHORT
    end, most = max(times_s[-1], 0.001), max(1.0, *known)
    drawn, legend, at = "", "", LEFT + 8
    for name, colour, values in series:
        points = " ".join(
            f"{_x(t / end):.1f},{_y(v / most):.1f}" for t, v in zip(times_s, values, strict=True) if v is not None
        )
        drawn += f'<polyline points="{points}" fill="none" stroke="var(--{colour})" stroke-width="2"/>'
        legend += f'<text x="{at}" y="{TOP + 12}" style="fill:var(--{colour})">{escape(name)}</text>'
        at += 30 + 7 * len(name)
    return _frame(label, drawn + legend, "0 s", f"{end:.0f} s", f"{most:.0f}")


def histogram(
    values: Sequence[float],
    unit: str,
    label: str,
    marks: Sequence[tuple[float, str]] = (),
    least: tuple[float, float] | None = None,
) -> str:
    """Draw how many values lie where.

    Args:
        values: What was measured.
        unit: Of the values, for the axis.
        label: What the chart says to those who cannot see it.
        marks: Bounds to be seen, each a value and what it is.
        least: The axis goes from here to there at least.
    """
    if not values:
        return '<p class="dim">Nothing to show.</p>'
    low, high = min(*values, *(least or values)), max(*values, *(least or values))
    span = (high - low) or 1.0
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int((value - low) / span * BARS))] += 1
    most = max(counts)
    width = (WIDTH - LEFT) / BARS
    bars = "".join(
        f'<rect x="{LEFT + i * width + 1:.1f}" y="{_y(n / most):.1f}" width="{width - 2:.1f}" '
        f'height="{HEIGHT - BOTTOM - _y(n / most):.1f}" fill="var(--first)"><title>{n}</title></rect>'
        for i, n in enumerate(counts)
        if n
    )
    for value, what in marks:
        x = _x((value - low) / span)
        bars += (
            f'<line class="mark" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text x="{x - 4:.1f}" y="{TOP + 12}" text-anchor="end">{escape(what)}</text>'
        )
    digits = 0 if span > 10 else 2
    return _frame(label, bars, f"{low:.{digits}f} {unit}", f"{low + span:.{digits}f} {unit}", str(most))


def _frame(label: str, content: str, low: str, high: str, most: str) -> str:
    base = HEIGHT - BOTTOM
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH}" y2="{base}"/>'
        f'<line class="axis" x1="{LEFT}" y1="{TOP}" x2="{LEFT}" y2="{base}"/>{content}'
        f'<text x="{LEFT}" y="{HEIGHT - 8}">{escape(low)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 8}" text-anchor="end">{escape(high)}</text>'
        f'<text x="{LEFT - 6}" y="{TOP + 10}" text-anchor="end">{escape(most)}</text>'
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">0</text></svg>'
    )


def _x(part: float) -> float:
    return LEFT + part * (WIDTH - LEFT)


def _y(part: float) -> float:
    return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)
