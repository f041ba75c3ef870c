"""SIP ladders and the trace they are watched by (issue 6)."""

from __future__ import annotations

from pathlib import Path

from defusedxml import ElementTree
from siplab.load.ladder import LadderStep, as_svg, as_text, in_order, lifelines
from siplab.load.trace import TraceFile, Watched, whole_lines

THREE = (
    LadderStep(0.0, "customer", "out", "INVITE"),
    LadderStep(8.0, "customer", "in", "200 OK"),
    LadderStep(6.0, "agent.01", "in", "INVITE"),
    LadderStep(7.0, "agent.01", "out", "486 <Busy>"),
    LadderStep(900.0, "expert.01", "lost", "no answer to INVITE"),
)


def test_parties_stand_from_customer_over_target_to_whom_it_calls() -> None:
    assert lifelines(THREE) == ["customer", "target", "agent.01", "expert.01"]


def test_messages_are_in_order_of_time_and_point_the_right_way() -> None:
    lines = as_text(THREE).splitlines()
    assert [line.split(" ms ")[0].strip() for line in lines[1:]] == ["0", "6", "7", "8", "900"]
    assert lines[1].index("INVITE") < lines[1].index(">")  # from the customer, rightwards
    assert ">" in lines[2]  # to the agent, rightwards
    assert "<" in lines[3]  # from the agent, leftwards
    assert "<" in lines[4]  # to the customer, leftwards
    assert "no answer to INVITE" in lines[5]


def test_drawing_is_well_formed_and_escaped() -> None:
    drawn = as_svg(THREE, "call <1>")
    tree = ElementTree.fromstring(drawn)
    assert tree.get("aria-label") == "call <1>"
    assert "486 <Busy>" in [text.text for text in tree.iter("text")]
    assert drawn.count('class="lost"') == 3  # the refusal with its tip, and what was awaited in vain


def test_endless_ladder_is_cut() -> None:
    assert len(in_order([LadderStep(float(n), "customer", "out", "OPTIONS") for n in range(1_000)])) == 60


def given_trace(path: Path) -> list[str]:
    with TraceFile(path) as trace:
        trace.step(0, THREE[0])
        trace.step(1, THREE[0])
        trace.step(0, THREE[1])
        trace.over(0, "")
        trace.step(1, THREE[1])
        trace.step(2, THREE[0])
        trace.over(2, "486 Busy Here")
    return path.read_text().splitlines()


def test_newest_call_is_shown_until_it_is_over_and_released(tmp_path: Path) -> None:
    watched = Watched()
    lines = given_trace(tmp_path / "trace.jsonl")
    for line in lines[:4]:
        watched.take(line)
    assert (watched.call, len(watched.steps), watched.over) == (0, 2, "")
    for line in lines[4:6]:
        watched.take(line)
    assert watched.call == 0  # not released: who looks at it has time to
    watched.release()
    for line in lines[5:]:
        watched.take(line)
    assert (watched.call, watched.over, watched.ended) == (2, "486 Busy Here", True)


def test_call_that_was_asked_for_is_shown_and_no_other(tmp_path: Path) -> None:
    watched = Watched(wanted=1)
    for line in given_trace(tmp_path / "trace.jsonl"):
        watched.take(line)
    assert (watched.call, [step.what for step in watched.steps]) == (1, ["INVITE", "200 OK"])


def test_half_written_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("w", buffering=1) as writing, path.open() as reading:
        writing.write("one\ntw")
        writing.flush()
        assert list(whole_lines(reading)) == ["one\n"]
        writing.write("o\n")
        assert list(whole_lines(reading)) == ["two\n"]
