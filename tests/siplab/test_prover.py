"""The audio prover's arithmetic: who hears whom, since when, with which gaps (mission 3.0)."""

from __future__ import annotations

from siplab.prover import (
    HearingReport,
    ToneReading,
    all_directions,
    heard_before,
    heard_since,
    longest_gaps,
    verdict_lines,
    who_hears_whom,
)


def given_report(listener: str, *readings: ToneReading, at: float = 10.0) -> HearingReport:
    return HearingReport(listener, at, readings)


def heard(speaker: str, first: float, gap_ms: float = 0.0, present: bool = True) -> ToneReading:
    return ToneReading(speaker, present, first, gap_ms)


def silent(speaker: str) -> ToneReading:
    return ToneReading(speaker, False, None, 0.0)


def test_three_parties_have_six_directions() -> None:
    """CE-03: the six hearing directions of a conference of three."""
    assert len(all_directions(("C", "A", "E1"))) == 6


def test_who_hears_whom_takes_only_tones_that_are_there_now() -> None:
    report = given_report("C", heard("A", 1.0), heard("E1", 2.0, present=False), silent("E2"))
    assert who_hears_whom([report]) == {("A", "C")}


def test_heard_since_counts_a_tone_that_never_stopped_as_at_once() -> None:
    assert heard_since([given_report("C", heard("A", 1.0))], since=5.0) == {("A", "C"): 0.0}


def test_heard_since_gives_the_delay_of_a_new_tone() -> None:
    delays = heard_since([given_report("C", heard("E1", 5.25))], since=5.0)
    assert delays["E1", "C"] == 250.0


def test_heard_since_ignores_a_tone_that_ended_before() -> None:
    assert heard_since([given_report("C", heard("A", 1.0, present=False))], since=5.0) == {}


def test_heard_since_ignores_reports_from_before() -> None:
    """A report that was made before joining proves nothing about the time after it."""
    assert heard_since([given_report("C", heard("A", 1.0), at=4.0)], since=5.0) == {}


def test_heard_since_keeps_the_first_proof_of_repeated_reports() -> None:
    first = given_report("C", heard("E1", 5.2), at=5.5)
    second = given_report("C", heard("E1", 5.2), at=6.5)
    assert heard_since([first, second], since=5.0)["E1", "C"] == heard_since([first], since=5.0)["E1", "C"]


def test_somebody_heard_before_he_was_joined_is_found() -> None:
    """N8: nobody is exposed before the accept."""
    report = given_report("E1", heard("C", 4.9))
    assert heard_before([report], ("C", "E1"), until=5.0)
    assert not heard_before([report], ("C", "E1"), until=4.5)
    assert not heard_before([report], ("A", "E1"), until=5.0)


def test_longest_gap_is_the_worst_of_all_reports() -> None:
    reports = [given_report("C", heard("A", 1.0, 40.0)), given_report("C", heard("A", 1.0, 90.0))]
    assert longest_gaps(reports, [("A", "C")]) == {("A", "C"): 90.0}


def test_gap_of_a_tone_never_heard_is_not_zero() -> None:
    assert longest_gaps([given_report("C", silent("A"))], [("A", "C")]) == {("A", "C"): None}


def test_verdict_names_silence_eavesdropping_and_loss() -> None:
    """N3: a gap over 100 ms is a fault."""
    reports = [given_report("C", heard("A", 1.0, 140.0), heard("E2", 1.0)), given_report("A", silent("C"))]
    lines = verdict_lines(reports, frozenset({("A", "C"), ("C", "A")}), gap_bound_ms=100.0)
    assert lines == (
        "A does not hear C",
        "C hears E2 and should not",
        "C lost A for 140 ms (bound 100 ms)",
    )


def test_verdict_is_empty_when_all_is_as_expected() -> None:
    reports = [given_report("C", heard("A", 1.0, 100.0)), given_report("A", heard("C", 1.0))]
    assert verdict_lines(reports, all_directions(("C", "A")), gap_bound_ms=100.0) == ()
