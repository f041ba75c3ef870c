"""Checks and reports: nothing that was promised can go missing silently (mission 3.0)."""

from __future__ import annotations

import json

import pytest
from siplab.checks import Checks, Planned
from siplab.report import Report
from siplab.scenarios.s01_checks import PLANNED
from siplab.story import Story

TWO = (Planned("a", "A holds", "<= 1 ms", ("N1",)), Planned("b", "B holds", "yes", ("N3", "CE-01")))
REQUIRED_KEYS = {
    "scenario",
    "passed",
    "hold_s",
    "case_rendered_before_ringing",
    "rendered_ms",
    "invite_ms",
    "joined_after_accept_ms",
    "directions_heard",
    "longest_gap_ms",
    "reinvites_to_customer",
    "recorded_events",
    "checks",
    "timeline",
}


def test_check_that_was_never_reached_has_failed_and_says_why() -> None:
    checks = Checks(TWO)
    checks.record("a", True, "0 ms")
    a, b = checks.result("nobody answered")
    assert (a.passed, b.passed) == (True, False)
    assert "nobody answered" in b.measured
    assert b.proves == ("N3", "CE-01")


def test_check_recorded_twice_keeps_the_failure() -> None:
    checks = Checks(TWO)
    checks.record("a", False, "9 ms")
    checks.record("a", True, "0 ms")
    assert checks.result()[0].measured == "9 ms"


def test_check_that_was_not_planned_cannot_be_recorded() -> None:
    with pytest.raises(KeyError):
        Checks(TWO).record("c", True, "")


def test_bound_itself_still_passes() -> None:
    checks = Checks(TWO)
    assert checks.at_most("a", 1.0, 1.0, "ms")
    assert not checks.at_most("b", 1.01, 1.0, "s")


def test_report_has_failed_unless_every_check_passed() -> None:
    checks = Checks(TWO)
    checks.record("a", True, "")
    assert not Report("S", checks.result(), ()).passed
    checks.record("b", True, "")
    assert Report("S", checks.result(), ()).passed
    assert not Report("S", checks.result(), (), broken_off="the node died").passed
    assert not Report("S", (), ()).passed


def test_report_of_s01_has_the_promised_keys_even_when_it_breaks_off_at_once() -> None:
    """The JSON of `make demo`: every key is there, so a reader need not guess."""
    from siplab.node import NodeAccess
    from siplab.scenarios.s01 import S01Options, _Play

    play = _Play(NodeAccess("http://127.0.0.1:1", {}), S01Options(), Story())
    report = Report("S01", play.checks.result("no node"), (), play.numbers, "no node").as_json()
    assert set(report) >= REQUIRED_KEYS
    assert report["passed"] is False
    assert len(json.loads(json.dumps(report))["checks"]) == len(PLANNED)


def test_every_check_of_s01_proves_a_row_of_the_mission() -> None:
    assert all(plan.proves and plan.bound for plan in PLANNED)
    assert len({plan.name for plan in PLANNED}) == len(PLANNED)


def test_story_is_told_in_order_of_time_although_measured_later() -> None:
    story = Story()
    story.add("second", story.started_at + 2.0)
    story.add("first", story.started_at + 1.0)
    assert [str(moment) for moment in story.in_order()] == ["01.0 first", "02.0 second"]
