"""A busy day's figures for the mock desk: events of a made-up log, counted by the real module."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from center.report.documents import Behind, call_row, calls_behind, report_document
from center.report.facts import LogEvent
from center.report.report import Report, Window
from vocabulary import InteractionId, PersonId, QueueId

Doc = dict[str, Any]
QUEUES = {QueueId("claims"): "Claims", QueueId("billing"): "Billing", QueueId("technical"): "Technical help"}
NAMES = {PersonId("petra"): "Petra Malá", PersonId("eva"): "Eva Novak", PersonId("jan"): "Jan Dvořák"}
CALLERS = [("Ana Kovač", "+385 1 555 0142"), ("Ben Adler", "+44 20 5550 199"), (None, "+420 225 550 101")]
CALLS = 64


def busy_day() -> Report:
    """Calls since this morning, some late, some with a specialist. Where the company is it is afternoon, always."""
    now_utc = datetime.now(UTC)
    report, random = Report(zone=timezone(timedelta(hours=15 - now_utc.hour))), Random(7)
    now = now_utc.timestamp()
    since = now - 7 * 3600
    for number in range(CALLS):
        at = since + (now - since - 60) * number / CALLS
        for event in _call(f"int_old_{number}", at, list(QUEUES)[number % 3], random, now):
            report.take(event)
    return report


def _call(name: str, at: float, queue: QueueId, random: Random, now: float) -> list[LogEvent]:
    def event(kind: str, after_s: float, **data: object) -> LogEvent:
        return LogEvent(InteractionId(name), kind, at + after_s, data)

    wait_s = (
        random.choice([4.0, 6.0, 7.5, 9.0, 12.0, 28.0]) if queue != "technical" else random.choice([9.0, 19.0, 45.0])
    )
    talk_s = random.uniform(40, 400)
    events = [event("interaction.arrived", 0, queue=queue)]
    if wait_s > 40:
        return [*events, event("interaction.closed", wait_s, reason="abandoned")]
    events.append(event("leg.answered", wait_s, role="agent", person="petra" if queue == "claims" else "jan"))
    specialist_s = 0.0
    if random.random() < 0.5:
        took_s = random.choice([4.2, 5.1, 6.3, 7.9, 9.4, 11.0, 14.5, 18.2, 23.7])
        asked: Doc = {"escalation": f"esc_{name}", "specialist": "eva"}
        joined = {"required": 6, "empty": ["damage", "cause"][: random.randrange(3)]}
        events += [
            event("escalation.requested", wait_s + 20, **asked),
            event("escalation.joined", wait_s + 20 + took_s, **asked),
            event("case.at_join", wait_s + 20 + took_s, **joined),
        ]
        specialist_s = talk_s * 0.4
    events += [
        event("interaction.outcome", wait_s + talk_s, resolved=random.random() < 0.8),
        event("case.at_close", wait_s + talk_s, required=6, empty=[]),
        event("interaction.closed", wait_s + talk_s, agent_s=talk_s, specialist_s=specialist_s, reason="completed"),
    ]
    return [each for each in events if each.at <= now]


def report_now(report: Report) -> Doc:
    return report_document(report, list(QUEUES), datetime.now(UTC).timestamp())


def behind(report: Report, figure: str, window: str, queue: str, bin_: int | None) -> Doc:
    """What `/api/report/calls` answers."""
    now = datetime.now(UTC).timestamp()
    found = list(calls_behind(report, Behind(figure), Window(window), QueueId(queue), now, bin_))
    rows = [call_row(facts, NAMES, QUEUES) for facts in found[:100]]
    for index, row in enumerate(rows):
        row["customer_name"], row["caller_number"] = CALLERS[index % 3]
    return {"rows": rows, "count": len(found)}


def help_given(ago: Any) -> Doc:
    """What Eva's help changed."""
    common = {"closed": True, "asked_by": "Petra Malá", "queue_name": "Claims", "rating": None, "words": ""}
    rows = [
        {
            **common,
            "interaction": "int_old_1",
            "joined_at": ago(3_000),
            "customer_name": "Ben Adler",
            "outcome": "The excess does not apply; he sends the plumber's report.",
            "resolved": True,
            "specialist_s": 142.0,
            "empty_at_join": 3,
            "empty_at_close": 0,
            "rating": 5,
            "words": "“Nobody put me on hold, and she knew what it was about.”",
        },
        {
            **common,
            "interaction": "int_old_2",
            "joined_at": ago(90_000),
            "customer_name": "Ana Kovač",
            "outcome": "Needs the neighbour's insurer.",
            "resolved": False,
            "specialist_s": 305.0,
            "empty_at_join": 1,
            "empty_at_close": 1,
        },
    ]
    return {"rows": rows, "joined": 2, "resolved": 1, "known": 2}
