"""The audio prover: from what each party's tone meters measured to who hears whom, since when, with which gaps.

Pure functions on reports; no sound and no clock here. All times are CLOCK_MONOTONIC seconds, so reports of different
processes on one machine compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Direction = tuple[str, str]
"""(speaker, listener)."""


@dataclass(frozen=True, slots=True)
class ToneReading:
    """What one meter says about one speaker's tone since it was armed.

    `first_heard_at` is None when the tone was never there. `longest_gap_ms` is the longest time without the tone after
    it was first heard, or after gaps were armed anew; an unfinished gap is included. `heard_ms` is all time with it.
    """

    speaker: str
    present: bool
    first_heard_at: float | None
    longest_gap_ms: float
    heard_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class HearingReport:
    """What one listener heard of everybody until `at`."""

    listener: str
    at: float
    readings: tuple[ToneReading, ...]

    def of(self, speaker: str) -> ToneReading | None:
        """Give the reading of one speaker's tone; None when it was not measured."""
        return next((reading for reading in self.readings if reading.speaker == speaker), None)


def all_directions(parties: Iterable[str]) -> frozenset[Direction]:
    """Give every ordered pair: six for three parties."""
    people = tuple(parties)
    return frozenset((speaker, listener) for speaker in people for listener in people if speaker != listener)


def who_hears_whom(reports: Iterable[HearingReport]) -> frozenset[Direction]:
    """Give the directions that are audible at the time of the reports."""
    return frozenset(
        (reading.speaker, report.listener) for report in reports for reading in report.readings if reading.present
    )


def heard_since(reports: Iterable[HearingReport], since: float) -> dict[Direction, float]:
    """Tell how many milliseconds after `since` each direction was proved; directions never proved are left out.

    A tone first heard before `since` and present later counts as 0: it never stopped (gaps are judged apart).
    """
    proved: dict[Direction, float] = {}
    for report in reports:
        for reading in report.readings:
            first = reading.first_heard_at
            if first is None or report.at < since or (first < since and not reading.present):
                continue
            direction = (reading.speaker, report.listener)
            proved[direction] = min(max(0.0, (first - since) * 1000.0), proved.get(direction, float("inf")))
    return proved


def heard_before(reports: Iterable[HearingReport], direction: Direction, until: float) -> bool:
    """Tell whether a direction was audible before `until`: somebody listened in before he was joined."""
    speaker, listener = direction
    readings = (report.of(speaker) for report in reports if report.listener == listener)
    return any(r is not None and r.first_heard_at is not None and r.first_heard_at < until for r in readings)


def longest_gaps(reports: Iterable[HearingReport], directions: Iterable[Direction]) -> dict[Direction, float | None]:
    """Give the longest gap in milliseconds of each direction over all reports; None when it was never heard."""
    known = tuple(reports)
    gaps: dict[Direction, float | None] = {}
    for speaker, listener in directions:
        readings = [report.of(speaker) for report in known if report.listener == listener]
        heard = [r.longest_gap_ms for r in readings if r is not None and r.first_heard_at is not None]
        gaps[speaker, listener] = max(heard) if heard else None
    return gaps


def verdict_lines(
    reports: Iterable[HearingReport], expected: frozenset[Direction], gap_bound_ms: float
) -> tuple[str, ...]:
    """Say in sentences what is wrong with who hears whom; no line means that all is as expected."""
    known = tuple(reports)
    heard = who_hears_whom(known)
    listening = {report.listener for report in known}
    lines = [f"{listener} does not hear {speaker}" for speaker, listener in sorted(expected - heard)]
    lines += [f"{who} hears {speaker} and should not" for speaker, who in sorted(heard - expected) if who in listening]
    for (speaker, listener), gap in sorted(longest_gaps(known, expected & heard).items()):
        if gap is not None and gap > gap_bound_ms:
            lines.append(f"{listener} lost {speaker} for {gap:.0f} ms (bound {gap_bound_ms:.0f} ms)")
    return tuple(lines)
