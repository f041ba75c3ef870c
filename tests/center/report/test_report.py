"""The figures of a supervisor's page: equal to a recount, right at their edges (RR-03, RR-05)."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from center.report.documents import Behind, calls_behind, report_document
from center.report.facts import LogEvent
from center.report.report import KEPT_S, MOST_CALLS, WHOLE, Report, Window
from vocabulary import InteractionId, QueueId

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
CLAIMS, BILLING = QueueId("claims"), QueueId("billing")


def event(call: str, name: str, at_s: float, **data: object) -> LogEvent:
    return LogEvent(InteractionId(call), name, NOON + at_s, data)


def answered(call: str, after_s: float, at_s: float = 0.0, queue: str = "claims") -> list[LogEvent]:
    return [
        event(call, "interaction.arrived", at_s, queue=queue),
        event(call, "leg.answered", at_s + 0.1, role="customer", person=None),
        event(call, "interaction.queued", at_s + 1, queue=queue),
        event(call, "leg.answered", at_s + after_s, role="agent", person="anna"),
    ]


def closed(call: str, at_s: float, reason: str = "completed", **spent: object) -> LogEvent:
    return event(call, "interaction.closed", at_s, result="success", reason=reason, **spent)


def counted(*events: LogEvent) -> Report:
    report = Report()
    for each in events:
        report.take(each)
    return report


def figures(report: Report, at_s: float, queue: str = "", window: str = "today") -> dict[str, object]:
    found = report_document(report, [CLAIMS, BILLING], NOON + at_s)["windows"][window][queue]
    assert isinstance(found, dict)
    return found


def test_a_call_answered_within_twenty_seconds_counts_for_the_service_level_and_a_later_one_against() -> None:
    """RR-05: 95 % within 20 s, from the customer's arrival."""
    report = counted(*answered("a", 20.0), *answered("b", 20.1, queue="billing"))
    assert figures(report, 60)["service_level"] == 0.5
    assert figures(report, 60, "claims")["service_level"] == 1.0
    assert report_document(report, [CLAIMS, BILLING], NOON + 60)["below_target"] == ["", "billing"]


def test_who_still_waits_too_long_counts_against_the_service_level_before_anybody_answers() -> None:
    """RR-04: a queue that nobody answers is not shown as good until somebody does."""
    report = counted(*answered("a", 5.0), event("b", "interaction.arrived", 0, queue="claims"))
    assert figures(report, 20)["service_level"] == 1.0
    assert (figures(report, 21)["waiting_late"], figures(report, 21)["service_level"]) == (1, 0.5)


def test_who_hangs_up_at_once_counts_neither_way_and_who_gave_up_counts_against() -> None:
    """A caller who left before the limit was never late."""
    report = counted(
        *answered("a", 5.0),
        event("b", "interaction.arrived", 0, queue="claims"),
        closed("b", 4, "abandoned"),
        event("c", "interaction.arrived", 0, queue="claims"),
        closed("c", 40, "abandoned"),
    )
    found = figures(report, 60)
    assert (found["arrived"], found["left_early"], found["abandoned"], found["service_level"]) == (3, 1, 1, 0.5)


def test_hand_over_times_have_percentiles_a_maximum_and_bars_and_a_chosen_wait_is_none() -> None:
    """RR-05: from the request to the specialist in the conversation, against 20 and 30 s."""
    events = [*answered("a", 1.0)]
    for number, took_s in enumerate((3.0, 6.0, 19.9, 24.0)):
        name = f"esc_{number}"
        events += [
            event("a", "escalation.requested", 60, escalation=name),
            event("a", "escalation.joined", 60 + took_s, escalation=name, specialist="eva"),
        ]
    events += [
        event("a", "escalation.requested", 60, escalation="w"),
        event("a", "escalation.chosen", 80, escalation="w", choice="wait"),
        event("a", "escalation.joined", 400, escalation="w", specialist="eva"),
        event("a", "escalation.requested", 60, escalation="p"),
        event("a", "escalation.fell_through", 87, escalation="p"),
        event("a", "escalation.closed", 87, escalation="p", reason="promised"),
    ]
    found = figures(counted(*events), 500)["hand_over"]
    assert isinstance(found, dict)
    assert (found["asked"], found["joined"], found["joined_waiting"], found["promised"]) == (6, 4, 1, 1)
    assert (found["p50_s"], found["p95_s"], found["max_s"]) == (6.0, 24.0, 24.0)
    assert (found["within_target"], found["within_ceiling"]) == (3, 4)
    assert found["histogram"] == [1, 1, 0, 1, 1, 0, 0]


def test_budgets_first_contact_resolution_and_required_fields_are_those_of_closed_calls() -> None:
    """RR-03, CE-21, N9: what each of the three spent, whether it was solved, what was empty at join and at close."""
    report = counted(
        *answered("a", 10.0),
        event("a", "case.at_join", 40, required=6, empty=["x", "y", "z"]),
        event("a", "interaction.outcome", 99, resolved=True),
        event("a", "case.at_close", 100, required=6, empty=[]),
        closed("a", 100, agent_s=50.0, specialist_s=30.0),
        *answered("b", 10.0),
        closed("b", 30, "customer_left", agent_s=20.0),
        event("b", "wrap_up.finished", 45, disposition="follow_up"),
    )
    found = figures(report, 200)
    assert found["budgets"] == {"wait_s": 10.0, "customer_s": 65.0, "agent_s": 35.0, "specialist_s": 15.0}
    assert (found["resolved"], found["unresolved"], found["resolved_share"]) == (1, 1, 0.5)
    assert found["required"] == {
        "at_join": {"required": 6, "empty": 3, "filled_share": 0.5},
        "at_close": {"required": 6, "empty": 0, "filled_share": 1.0},
    }


def test_the_last_half_hour_forgets_what_today_keeps() -> None:
    report = counted(*answered("a", 5.0), *answered("b", 50.0, at_s=2400))
    assert figures(report, 2500)["service_level"] == 0.5
    assert figures(report, 2500, window="recent")["service_level"] == 0.0


def test_a_figure_leads_to_the_calls_that_make_it() -> None:
    """Drill down: as many calls as the number says, and those."""
    report = counted(
        *answered("quick", 5.0), *answered("late", 25.0), event("waits", "interaction.arrived", 0, queue="claims")
    )
    now = NOON + 60
    assert [f.id for f in calls_behind(report, Behind.IN_TIME, Window.TODAY, WHOLE, now)] == ["quick"]
    assert [f.id for f in calls_behind(report, Behind.LATE, Window.TODAY, CLAIMS, now)] == ["waits", "late"]
    assert [f.id for f in calls_behind(report, Behind.LATE, Window.TODAY, BILLING, now)] == []


def test_callbacks_are_no_part_of_the_service_level() -> None:
    """We called: nobody waited for an answer."""
    called_back = event("a", "interaction.called_back", 0, queue="claims", person="eva")
    found = figures(counted(called_back, closed("a", 60)), 100)
    assert (found["arrived"], found["service_level"], found["closed"]) == (0, None, 1)


def test_after_a_restart_calls_of_other_nodes_that_still_run_are_left_out() -> None:
    """Their end is not heard of here: they must not wait too long for ever."""
    report = counted(*answered("a", 5.0), closed("a", 60), event("b", "interaction.arrived", 0, queue="claims"))
    report.leave_out_running()
    found = figures(report, 500)
    assert (found["arrived"], found["waiting_late"], found["service_level"]) == (1, 0, 1.0)


def test_memory_stays_bounded_and_what_was_counted_stays_counted() -> None:
    report = counted(*(event(f"c{n}", "interaction.arrived", n / 1000, queue="claims") for n in range(MOST_CALLS + 50)))
    assert (len(report.calls), len(report.waiting)) == (MOST_CALLS, MOST_CALLS)
    assert figures(report, 60)["arrived"] == MOST_CALLS + 50
    report.forget(NOON + 2 * KEPT_S + 3600)
    assert len(report.calls) == 0
    assert not report._tallies


NAMES = st.sampled_from(
    [
        ("interaction.arrived", {"queue": "claims"}),
        ("interaction.called_back", {"queue": "billing", "person": "eva"}),
        ("interaction.queued", {"queue": "billing"}),
        ("leg.answered", {"role": "agent", "person": "anna"}),
        ("leg.answered", {"role": "specialist"}),
        ("escalation.requested", {"escalation": "e1"}),
        ("escalation.requested", {"escalation": "e2"}),
        ("escalation.chosen", {"escalation": "e1", "choice": "wait"}),
        ("escalation.joined", {"escalation": "e1", "specialist": "eva"}),
        ("escalation.joined", {"escalation": "e2", "specialist": "eva"}),
        ("escalation.fell_through", {"escalation": "e2"}),
        ("escalation.closed", {"escalation": "e1", "reason": "completed"}),
        ("interaction.outcome", {"resolved": True}),
        ("interaction.outcome", {"resolved": "?"}),
        ("wrap_up.finished", {"disposition": "follow_up"}),
        ("case.at_join", {"required": 5, "empty": ["a"]}),
        ("case.at_close", {"required": 5, "empty": "odd"}),
        ("interaction.closed", {"reason": "completed", "agent_s": 12.5}),
        ("interaction.closed", {"reason": "abandoned", "agent_s": None}),
    ]
)
LOGS = st.lists(st.tuples(st.sampled_from("abc"), NAMES, st.integers(0, 4000)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(LOGS, st.integers(4000, 9000))
def test_counting_event_by_event_equals_a_recount_of_the_final_facts(
    log: list[tuple[str, tuple[str, dict[str, object]], int]], now_s: int
) -> None:
    """The tallies that grew with each event are those of the calls as they finally stand."""
    events = [event(call, name, at_s, **data) for call, (name, data), at_s in sorted(log, key=lambda each: each[2])]
    report, recount = counted(*events), Report()
    for facts in report.calls.values():
        recount._count(None, -1)
        recount._count(facts, 1)
        recount.calls[facts.id] = facts
        if facts.waits:
            recount.waiting.add(facts.id)
    queues = [CLAIMS, BILLING]
    assert report_document(report, queues, NOON + now_s) == report_document(recount, queues, NOON + now_s)
    for figure, key in ((Behind.IN_TIME, "in_time"), (Behind.RESOLVED, "resolved"), (Behind.ARRIVED, "arrived")):
        behind = list(calls_behind(report, figure, Window.TODAY, WHOLE, NOON + now_s))
        assert len(behind) == figures(report, now_s)[key]
