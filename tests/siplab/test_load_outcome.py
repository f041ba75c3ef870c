"""Verdicts, reports and comparisons of load runs (DC-06): the E-model's known values, faults, CI formats, noise."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from defusedxml import ElementTree
from rich.console import Console, RenderableType
from siplab.errors import BadInput
from siplab.load.compare import compare_reports
from siplab.load.escalation import Observed, hearing_faults, judge
from siplab.load.ladder import LadderStep
from siplab.load.live import live_page
from siplab.load.outcome import as_json, as_junit, escalation_summary, expectations, summary_of
from siplab.load.page import as_html
from siplab.load.plan_file import parse_plan
from siplab.load.run import LoadRun, PresenceFigures, Second
from siplab.load.target import Target
from siplab.load.verdict import CallResult, MediaFacts, estimated_mos, faults_of, mos_of, rating
from siplab.prover import HearingReport, ToneReading

GOOD = MediaFacts(sent=500, received=500, buffer_ms=40.0, sound_ms=9_000.0, echo_ms=8_000.0, loudest_dbfs=-12.0)


LADDER = (LadderStep(0.0, "customer", "out", "INVITE"), LadderStep(2.0, "customer", "in", "486 Busy Here"))


def given_run(*results: CallResult, expect: str = "") -> LoadRun:
    text = f'name = "A <busy> hour"\n[arrivals]\nkind = "constant"\nrate_per_s = 1\n[expect]\n{expect}'
    run = LoadRun(parse_plan(text, "x"), Target("127.0.0.1", 5060, "udp"), len(results), datetime.now(UTC))
    run.results = list(results)
    run.history = [Second(0.0, 0, 0, 0, 0), Second(1.0, 2, 2, 0, 0), Second(2.0, 2, 0, 2, 1)]
    return run


def answered(number: int, setup_ms: float = 100.0, mos: float = 4.4, *faults: str) -> CallResult:
    return CallResult(number, float(number), setup_ms, 10.0, "", mos, faults, GOOD)


def refused(number: int, cause: str = "486 Busy Here") -> CallResult:
    return CallResult(number, float(number), cause=cause, ladder=LADDER)


@pytest.mark.parametrize(
    ("loss", "delay_ms", "r"),
    [(0.0, 0.0, 93.2), (0.0, 100.0, 93.2), (0.01, 50.0, 89.56), (0.05, 50.0, 77.42), (0.0, 400.0, 69.5)],
)
def test_rating_has_the_values_of_the_recommendation(loss: float, delay_ms: float, r: float) -> None:
    """ITU-T G.107: 93.2 by default; Ie,eff = 95 Ppl / (Ppl + 25.1) for G.711 with concealment; Idd from 100 ms on."""
    assert rating(loss, delay_ms) == pytest.approx(r, abs=0.6)


def test_mean_opinion_score_stays_between_one_and_four_and_a_half() -> None:
    assert mos_of(93.2) == pytest.approx(4.41, abs=0.01)
    assert (mos_of(-5.0), mos_of(120.0)) == (1.0, 4.5)
    assert all(mos_of(r / 2) <= mos_of((r + 1) / 2) for r in range(40, 200))


def test_late_packets_count_as_lost_and_jitter_as_delay() -> None:
    clean = estimated_mos(GOOD)
    late = estimated_mos(replace(GOOD, discarded=25))
    jumpy = estimated_mos(replace(GOOD, jitter_ms=150.0))
    assert clean is not None
    assert late is not None
    assert jumpy is not None
    assert late < clean
    assert jumpy < clean
    assert estimated_mos(MediaFacts(sent=500)) is None


@pytest.mark.parametrize(
    ("media", "hears", "faults"),
    [
        (GOOD, "echo", ()),
        (replace(GOOD, received=0), "sound", ("one_way",)),
        (replace(GOOD, sound_ms=0.0), "sound", ("silent",)),
        (replace(GOOD, echo_ms=0.0), "echo", ("no_echo",)),
        (replace(GOOD, longest_silence_ms=1_500.0), "sound", ("gap",)),
        (replace(GOOD, loudest_dbfs=-1.0), "sound", ("clipped",)),
        (replace(GOOD, sound_ms=0.0, longest_silence_ms=9_000.0), "nothing", ()),
    ],
)
def test_faults_of_a_call_are_named(media: MediaFacts, hears: str, faults: tuple[str, ...]) -> None:
    assert faults_of(media, hears, 1_000.0) == faults


def test_expectations_are_judged_and_what_is_left_out_is_not() -> None:
    run = given_run(answered(0), refused(1), expect="answered_percent = 90\nmos_p5 = 4\n")
    assert {each.name: each.passed for each in expectations(run)} == {
        "calls": True,
        "answered_percent": False,
        "mos_p5": True,
    }


def test_run_without_any_call_has_not_passed() -> None:
    assert [each.passed for each in expectations(given_run())] == [False]
    assert not expectations(given_run(refused(0), expect="setup_p95_ms = 100\n"))[-1].passed


def test_json_report_is_valid_json_even_without_an_answered_call() -> None:
    report = json.loads(json.dumps(as_json(given_run(refused(0))), allow_nan=False))
    assert report["summary"]["setup_p95_ms"] is None
    assert report["causes"] == {"486 Busy Here": 1}
    assert report["calls"][0]["ladder"]


def test_junit_names_what_broke_and_why() -> None:
    suite = ElementTree.fromstring(as_junit(given_run(refused(0, '503 "<down>"'), expect="answered_percent = 99\n")))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert '1 x 503 "<down>"' in (failure.get("message") or "")


class TagCounter(HTMLParser):
    """Counts what an HTML file opens and closes, and what it would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.foreign += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.foreign += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_report_is_whole_escaped_and_needs_nothing_from_elsewhere() -> None:
    page = as_html(given_run(answered(0, 90), answered(1, 140, 4.1, "gap"), refused(2, "<script>")))
    reader = TagCounter()
    reader.feed(page)
    assert (reader.open, reader.foreign) == ([], [])
    assert "A &lt;busy&gt; hour" in page
    assert "<script" not in page
    assert "486 Busy Here" in page
    assert 'class="ladder"' in page


def test_starved_callers_are_told_in_every_report() -> None:
    run = given_run(answered(0))
    run.lag_ms = 400.0
    assert "up to 400 ms late" in as_html(run)
    assert "up to 400 ms late" in as_json(run)["warning"]


JOINED_DOC = {
    "specialist": "expert.02",
    "joined_at": "2026-11-22T10:00:09Z",
    "pushed_at": "2026-11-22T10:00:05.000Z",
    "rendered_at": "2026-11-22T10:00:05.040Z",
    "ringing_at": "2026-11-22T10:00:05.060Z",
    "cause": "",
    "invitations": [
        {"specialist": "expert.01", "state": "ended", "cause": "declined"},
        {"specialist": "expert.02", "state": "accepted", "cause": ""},
    ],
}
PROMISED_DOC = {**JOINED_DOC, "joined_at": None, "promise": {"kind": "callback"}, "cause": "promised"}


def test_escalation_that_went_well_breaks_no_promise() -> None:
    result = judge(Observed(JOINED_DOC, 9.0, True, gap_ms=20.0, answered_by="answers"))
    assert (result.end, result.specialist, result.broken) == ("joined", "expert.02", ())
    assert result.asked == (("expert.01", "declined"), ("expert.02", "accepted"))
    assert judge(Observed(PROMISED_DOC, 29.0, False)).end == "promised"


@pytest.mark.parametrize(
    ("seen", "broken"),
    [
        (Observed({**JOINED_DOC, "rendered_at": None}, 9.0, True), "N1"),
        (Observed({**JOINED_DOC, "rendered_at": "2026-11-22T10:00:05.300Z"}, 9.0, True), "N1"),
        (Observed(PROMISED_DOC, 31.0, False), "N2"),
        (Observed({**JOINED_DOC, "cause": "no_answer"}, None, False), "N2"),
        (Observed(JOINED_DOC, 9.0, True, gap_ms=180.0), "N3"),
        (Observed(JOINED_DOC, 9.0, True, customer_hold_s=1.0), "N3"),
        (Observed(JOINED_DOC, 9.0, True, customer_reinvites=1), "N3"),
        (Observed(JOINED_DOC, 9.0, True, answered_by="mailbox"), "N8"),
    ],
)
def test_broken_promise_is_named_by_its_number(seen: Observed, broken: str) -> None:
    """Issue 6: the measures of N1 to N8."""
    assert [line.partition(":")[0] for line in judge(seen).broken] == [broken]


def test_silent_screen_may_hold_the_phone_up_for_half_a_second() -> None:
    """N1: by a short cap if the screen is silent."""
    late = {**JOINED_DOC, "rendered_at": None, "ringing_at": "2026-11-22T10:00:05.510Z"}
    assert judge(Observed(late, 9.0, True)).broken == ()


def test_customer_who_hangs_up_breaks_no_promise_of_ours() -> None:
    assert judge(Observed({**JOINED_DOC, "cause": "customer_left"}, None, False)).broken == ()


def heard_by(listener: str, **heard_ms: float) -> HearingReport:
    readings = tuple(ToneReading(who, ms > 0, 1.0 if ms else None, 0.0, ms) for who, ms in heard_ms.items())
    return HearingReport(listener, 2.0, readings)


def test_who_does_not_hear_whom_is_told_in_words() -> None:
    tones = {"C1": "the customer", "A2": "the agent"}
    well = [heard_by("C1", A2=900), heard_by("A2", C1=900)]
    assert hearing_faults(well, tones) == ()
    assert hearing_faults([heard_by("C1", A2=0), well[1]], tones) == ("the customer does not hear the agent",)
    crossed = [heard_by("C1", A2=900, A3=500), well[1]]
    assert hearing_faults(crossed, tones) == ("the customer heard A3, who is in another call",)


def escalated(number: int, seen: Observed) -> CallResult:
    return replace(answered(number), agent="agent.01", waited_s=0.5, escalation=judge(seen), ladder=LADDER)


def test_escalations_are_summed_up_by_their_ends() -> None:
    run = given_run(
        escalated(0, Observed(JOINED_DOC, 9.0, True, gap_ms=20.0)),
        escalated(1, Observed(PROMISED_DOC, 31.0, False)),
        expect="promises_broken = 0\njoined_percent = 50\nhandover_p95_s = 20\n",
    )
    summary = escalation_summary(run.results)
    assert (summary.ends, summary.causes) == ({"joined": 1, "promised": 1}, {"declined": 2})
    assert (summary.after_target, summary.after_ceiling, summary.gap_max_ms) == (1, 1, 20.0)
    assert {each.name: each.passed for each in expectations(run)} == {
        "calls": True,
        "promises_broken": False,
        "joined_percent": True,
        "handover_p95_s": False,
    }


def test_report_shows_escalations_by_end_and_their_times_against_the_bounds() -> None:
    """Issue 6: the hand-over histogram against 20 and 30 s; presence beside it."""
    run = given_run(escalated(0, Observed(JOINED_DOC, 9.0, True)), escalated(1, Observed(PROMISED_DOC, 31.0, False)))
    run.presence = PresenceFigures(10, 1, [4.0, 8.0])
    run.history = [replace(second, cpu_percent=12.0, memory_mib=160.0) for second in run.history]
    page = as_html(run)
    reader = TagCounter()
    reader.feed(page)
    assert (reader.open, reader.foreign) == ([], [])
    for shown in ("20 s target", "30 s ceiling", "1 declined", "N2: a person or a promise after 31.0 s", "p95 8 ms"):
        assert shown in page
    assert json.loads(json.dumps(as_json(run), allow_nan=False))["escalations"]["count"] == 2


def test_good_call_keeps_its_ladder_for_comparison() -> None:
    page = as_html(given_run(replace(answered(4), ladder=LADDER)))
    assert "call 4, which went well" in page


def test_kinds_of_customers_are_compared_when_there_are_several() -> None:
    run = given_run(replace(answered(0), kind="PCMU udp"), replace(answered(1, 90, 3.1), kind="opus tls srtp"))
    assert "opus tls srtp" in as_html(run)


def drawn(page: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(page)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_live_page_can_be_drawn_before_the_first_call_is_over() -> None:
    assert "so far 0 answered" in drawn(live_page(given_run()))
    assert summary_of([]).answered == 0


def test_live_page_shows_states_people_and_the_target() -> None:
    """Issue 6: rates, states, failures by cause, latency percentiles, CPU and memory of the system under test."""
    run = given_run(answered(0), refused(1), escalated(2, Observed(JOINED_DOC, 9.0, True)))
    run.active, run.talking, run.escalating = 5, 3, 1
    run.agents, run.rings = Counter({"talking": 2, "idle": 1}), Counter({"answers": 4})
    run.history.append(Second(3.0, 8, 5, 3, 1, cpu_percent=42.0, memory_mib=170.0, robots_cpu_percent=7.0))
    page = " ".join(drawn(live_page(run)).split())
    for shown in (
        "2 calling, 3 connected",
        "p50 100 ms",
        "1 x 486 Busy Here",
        "42 % of a core, 170 MiB",
        "7 % of a core",
    ):
        assert shown in page
    for shown in ("1 idle, 2 talking", "1 running", "hand-over p50 9.0 s", "4 answers"):
        assert shown in page


def given_report(setup_ms: float, failed: int, seed: int) -> dict[str, object]:
    chance = random.Random(seed)
    results = [answered(n, chance.gauss(setup_ms, 10.0)) for n in range(200 - failed)]
    return as_json(given_run(*results, *(refused(200 - n) for n in range(failed))))


def test_comparison_sees_real_changes_and_not_noise() -> None:
    """Issue 6: `siplab compare` shows what got better or worse beyond noise."""
    base = given_report(100.0, 2, 1)
    noise = {d.name: d.verdict for d in compare_reports(base, given_report(100.0, 3, 2))}
    worse = {d.name: d.verdict for d in compare_reports(base, given_report(120.0, 40, 3))}
    better = {d.name: d.verdict for d in compare_reports(given_report(120.0, 40, 3), base)}
    assert set(noise.values()) == {"same"}
    assert (worse["set-up time, median ms"], worse["failed, share of calls"]) == ("worse", "worse")
    assert (better["set-up time, median ms"], better["failed, share of calls"]) == ("better", "better")


def test_benchmarks_are_compared_by_whether_their_runs_overlap() -> None:
    def bench(*runs: float) -> dict[str, object]:
        row = {"row": "setup", "name": "calls", "unit": "calls/s", "median": sorted(runs)[1], "runs": list(runs)}
        return {"benchmark": "ringside", "rows": [{**row, "budget": ">= 300"}]}

    def verdict(one: dict[str, object], other: dict[str, object]) -> str:
        return compare_reports(one, other)[0].verdict

    assert verdict(bench(300, 310, 320), bench(400, 410, 420)) == "better"
    assert verdict(bench(300, 310, 320), bench(200, 210, 220)) == "worse"
    assert verdict(bench(300, 310, 320), bench(315, 330, 340)) == "same"


def test_reports_of_different_kinds_are_not_compared() -> None:
    with pytest.raises(BadInput, match="both files must be"):
        compare_reports({"benchmark": "ringside", "rows": []}, as_json(given_run(answered(0))))
