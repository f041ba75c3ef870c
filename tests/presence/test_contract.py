"""The door: what is let in, what is refused and how (design section 5)."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.contract import (
    Arrival,
    CaseRendered,
    EscalateCommand,
    IncomingMessage,
    Pong,
    Topics,
    availability_payload,
    fact_payload,
    is_person_name,
    parse,
)
from presence.errors import ContractError, RefusalCause
from presence.events import FactReported, FactWithdrawn
from presence.model import Availability, AvailabilityState, Fact, Kind, Source, SourceView, Status
from presence.refusals import MAX_REMEMBERED, Refusals
from vocabulary import PersonId

TOPICS = Topics("ringside/v1")
EVA = PersonId("eva")
PEOPLE = frozenset({EVA})
AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
ARRIVAL = Arrival(1_000.0, AT)
UC = TOPICS.source("eva", Source.UC)


def message(payload: bytes, topic: str = UC, *, retained: bool = False) -> IncomingMessage:
    return IncomingMessage(topic, payload, retained)


def parsed_fact(payload: bytes, *, retained: bool = False) -> Fact:
    report = parse(message(payload, retained=retained), TOPICS, PEOPLE, ARRIVAL)
    assert isinstance(report, FactReported)
    assert report.person == EVA
    return report.fact


def test_full_source_message_becomes_a_fact() -> None:
    """DC-02: status, since, until, reason and seq; until is translated to our own clock."""
    fact = parsed_fact(
        b'{"status":"dnd","since":"2026-11-21T13:00:00Z","until":"2026-11-21T14:03:00+00:00","reason":"exam","seq":4}',
        retained=True,
    )
    assert fact == Fact(
        source=Source.UC,
        status=Status.DND,
        since=datetime(2026, 11, 21, 13, tzinfo=UTC),
        received_at=1_000.0,
        reason="exam",
        until=AT + timedelta(minutes=1),
        seq=4,
        expires_at=1_060.0,
        stated_at=1_000.0,
        retained=True,
    )


def test_since_is_the_arrival_when_the_sender_cannot_know_it() -> None:
    """A last will is written when the client connects, long before it is needed."""
    assert parsed_fact(b'{"status":"offline"}').since == AT


def test_unknown_fields_are_ignored() -> None:
    assert parsed_fact(b'{"status":"busy","colour":"red"}').status is Status.BUSY


def test_empty_payload_withdraws_the_fact() -> None:
    assert parse(message(b""), TOPICS, PEOPLE, ARRIVAL) == FactWithdrawn(EVA, Source.UC)


def test_commands_and_acknowledgements_carry_their_person() -> None:
    """The broker lets a person write below his own name only, so the topic tells who it is."""
    command = parse(message(b'{"skill":"claims"}', TOPICS.escalate("eva")), TOPICS, PEOPLE, ARRIVAL)
    assert command == EscalateCommand(EVA, {"skill": "claims"})
    rendered = parse(message(b'{"escalation":"esc_1"}', TOPICS.rendered("eva")), TOPICS, PEOPLE, ARRIVAL)
    assert rendered == CaseRendered(EVA, {"escalation": "esc_1"})


REFUSED = [
    ("other topic", "ringside/v1/weather/eva", b"{}", RefusalCause.UNKNOWN_TOPIC),
    ("other prefix", "elsewhere/v1/presence/eva/uc", b"{}", RefusalCause.UNKNOWN_TOPIC),
    ("too few levels", "ringside/v1/presence/eva", b"{}", RefusalCause.UNKNOWN_TOPIC),
    ("too many levels", f"{UC}/laptop/more", b"{}", RefusalCause.UNKNOWN_TOPIC),
    ("client of a person's source", "ringside/v1/presence/eva/manual/laptop", b"{}", RefusalCause.UNKNOWN_TOPIC),
    ("pong without nonce", "ringside/v1/pong/eva", b"{}", RefusalCause.BAD_FIELD),
    ("clock a day off", UC, b'{"status":"busy","sent_at":"2026-11-19T14:02:00Z"}', RefusalCause.BAD_FIELD),
    ("other command", "ringside/v1/command/eva/reboot", b"{}", RefusalCause.UNKNOWN_TOPIC),
    ("unknown person", "ringside/v1/presence/nobody/uc", b'{"status":"busy"}', RefusalCause.UNKNOWN_PERSON),
    ("unknown commander", "ringside/v1/command/nobody/escalate", b"{}", RefusalCause.UNKNOWN_PERSON),
    ("unknown source", "ringside/v1/presence/eva/crystal_ball", b'{"status":"busy"}', RefusalCause.UNKNOWN_SOURCE),
    ("too large", UC, b'{"status":"busy","x":"' + b"x" * 2_048 + b'"}', RefusalCause.TOO_LARGE),
    ("not JSON", UC, b"{status: busy", RefusalCause.MALFORMED_JSON),
    ("not UTF-8", UC, b'{"status":"\xff\xfe"}', RefusalCause.MALFORMED_JSON),
    ("deep nesting", UC, b"[" * 2_000, RefusalCause.MALFORMED_JSON),
    ("long number", UC, b'{"status":"busy","seq":' + b"9" * 2_000 + b"}", RefusalCause.BAD_FIELD),
    ("not an object", UC, b'"busy"', RefusalCause.MALFORMED_JSON),
    ("no status", UC, b"{}", RefusalCause.UNKNOWN_STATUS),
    ("unknown status", UC, b'{"status":"sleepy"}', RefusalCause.UNKNOWN_STATUS),
    ("status is a list", UC, b'{"status":["busy"]}', RefusalCause.UNKNOWN_STATUS),
    ("long reason", UC, json.dumps({"status": "busy", "reason": "x" * 201}).encode(), RefusalCause.REASON_TOO_LONG),
    ("reason is a number", UC, b'{"status":"busy","reason":7}', RefusalCause.BAD_FIELD),
    ("reason with controls", UC, b'{"status":"busy","reason":"a\\u001b[31m"}', RefusalCause.BAD_FIELD),
    ("since without zone", UC, b'{"status":"busy","since":"2026-11-21T13:00:00"}', RefusalCause.BAD_FIELD),
    ("since is a number", UC, b'{"status":"busy","since":1790000000}', RefusalCause.BAD_FIELD),
    ("until nonsense", UC, b'{"status":"busy","until":"noon"}', RefusalCause.BAD_FIELD),
    ("until at the end of time", UC, b'{"status":"busy","until":"9999-12-31T23:59:59-12:00"}', RefusalCause.BAD_FIELD),
    ("seq negative", UC, b'{"status":"busy","seq":-1}', RefusalCause.BAD_FIELD),
    ("seq a boolean", UC, b'{"status":"busy","seq":true}', RefusalCause.BAD_FIELD),
]


@pytest.mark.parametrize(("topic", "payload", "cause"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_message_is_refused_with_its_cause(topic: str, payload: bytes, cause: RefusalCause) -> None:
    """Issue 2: malformed JSON, an unknown topic, an over-long field: a clear refusal each."""
    with pytest.raises(ContractError) as refused:
        parse(message(payload, topic), TOPICS, PEOPLE, ARRIVAL)
    assert refused.value.cause is cause
    assert refused.value.end_reason.reason == cause.value
    assert str(refused.value)


@settings(deadline=None)
@given(
    st.binary(max_size=3_000),
    st.sampled_from([UC, f"{UC}/laptop", TOPICS.escalate("eva"), TOPICS.rendered("eva"), TOPICS.pong("eva")]),
)
def test_whatever_comes_is_parsed_or_refused(payload: bytes, topic: str) -> None:
    """No bytes from outside raise anything but the typed refusal."""
    with suppress(ContractError):
        assert parse(message(payload, topic), TOPICS, PEOPLE, ARRIVAL)


def test_what_the_node_publishes_as_a_choice_is_understood_by_its_own_door() -> None:
    payload = fact_payload(Status.AWAY, AT, until=AT + timedelta(seconds=30), reason="lunch")
    fact = parsed_fact(payload)
    assert (fact.status, fact.since, fact.reason, fact.expires_at) == (Status.AWAY, AT, "lunch", 1_030.0)


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines"])
def test_bad_reason_of_a_choice_is_refused_before_it_is_published(reason: str) -> None:
    with pytest.raises(ContractError):
        fact_payload(Status.AWAY, AT, until=None, reason=reason)


def test_a_choice_needs_a_zone_in_its_until() -> None:
    with pytest.raises(ContractError):
        fact_payload(Status.AWAY, AT, until=datetime(2026, 11, 21, 15), reason="")


def test_published_availability_has_state_since_because_freshness_and_sources() -> None:
    """Design section 5: what readers of the retained availability get."""
    view = SourceView(Source.UC, Status.AVAILABLE, AT, 2.00049)
    availability = Availability(EVA, AvailabilityState.FREE, AT, "UC status: available", 2.00049, (view,))
    assert json.loads(availability_payload(availability, AT)) == {
        "person": "eva",
        "state": "free",
        "since": "2026-11-21T14:02:00.000+00:00",
        "because": "UC status: available",
        "freshness_s": 2.0,
        "at": "2026-11-21T14:02:00.000+00:00",
        "kind": "plain",
        "reachable": False,
        "free_again_at": None,
        "resting_until": None,
        "sources": [
            {"source": "uc", "status": "available", "since": "2026-11-21T14:02:00.000+00:00", "age_s": 2.0},
        ],
    }


def test_published_availability_names_the_client_and_the_end() -> None:
    """N6: which of several clients said it, and when the person is free again."""
    view = SourceView(Source.UC, Status.AVAILABLE, AT, 2.0, "laptop")
    end = AT + timedelta(minutes=28)
    availability = Availability(
        EVA, AvailabilityState.BUSY, AT, "busy by calendar", 2.0, (view,), Kind.BUSY_BY_CALENDAR, False, end, end
    )
    document = json.loads(availability_payload(availability, AT))
    assert document["sources"][0]["client"] == "laptop"
    assert document["free_again_at"] == document["resting_until"] == "2026-11-21T14:30:00.000+00:00"


def test_several_clients_of_a_person_have_a_topic_each() -> None:
    report = parse(message(b'{"status":"busy"}', f"{UC}/laptop"), TOPICS, PEOPLE, ARRIVAL)
    assert isinstance(report, FactReported)
    assert (report.fact.source, report.fact.client) == (Source.UC, "laptop")
    assert parse(message(b"", f"{UC}/laptop"), TOPICS, PEOPLE, ARRIVAL) == FactWithdrawn(EVA, Source.UC, "laptop")


def test_pong_carries_the_nonce() -> None:
    assert parse(message(b'{"nonce":"4f"}', TOPICS.pong("eva")), TOPICS, PEOPLE, ARRIVAL) == Pong(EVA, "4f")


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_ten_minutes_off_is_corrected_by_sent_at(minutes: int) -> None:
    """S06 step 4: since and until are what they would be with a right clock."""
    off = timedelta(minutes=minutes)
    fields = {"since": AT - timedelta(minutes=5), "until": AT + timedelta(minutes=1), "sent_at": AT}
    payload = {"status": "away"} | {key: (moment + off).isoformat() for key, moment in fields.items()}
    fact = parsed_fact(json.dumps(payload).encode())
    assert (fact.since, fact.until, fact.expires_at) == (fields["since"], fields["until"], 1_060.0)


def test_a_choice_from_memory_is_as_old_as_it_says() -> None:
    """A restart of ours must not make last week's "available" new."""
    manual = TOPICS.source("eva", Source.MANUAL)
    ages = []
    for payload in (b'{"status":"available","since":"2026-11-21T08:02:00Z"}', b'{"status":"available"}'):
        report = parse(message(payload, manual, retained=True), TOPICS, PEOPLE, ARRIVAL)
        assert isinstance(report, FactReported)
        ages.append(ARRIVAL.now - report.fact.received_at)
    assert ages == [6 * 3_600.0, 86_400.0]


def test_nothing_begins_in_the_future() -> None:
    assert parsed_fact(b'{"status":"busy","since":"2026-11-21T14:12:00Z"}').since == AT


def test_a_refusal_of_a_status_knows_whose_word_it_was() -> None:
    """So that an earlier "available" of that source is doubted."""
    with pytest.raises(ContractError) as refused:
        parse(message(b"{status", f"{UC}/laptop"), TOPICS, PEOPLE, ARRIVAL)
    assert (refused.value.person, refused.value.source, refused.value.client) == ("eva", Source.UC, "laptop")


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "a b", "a:b", "-a", "a\n", "x" * 65, "é"])
def test_names_that_would_bend_topics_or_files_are_no_person_names(name: str) -> None:
    assert not is_person_name(name)


def test_ordinary_names_are_person_names() -> None:
    assert all(is_person_name(name) for name in ("eva", "jan.novak", "E-1_x", "7"))


def test_refusals_are_all_counted_and_logged_once_a_minute_per_person_and_cause() -> None:
    """A broken client cannot fill the log."""
    refusals = Refusals()
    error = ContractError(RefusalCause.MALFORMED_JSON, "payload is not UTF-8 JSON", person="eva")
    assert [refusals.note(error, now) for now in (0.0, 1.0, 59.9, 60.0, 61.0)] == [True, False, False, True, False]
    other = ContractError(RefusalCause.TOO_LARGE, "payload is too large", person="eva")
    assert refusals.note(other, 61.0)
    assert refusals.counts == {RefusalCause.MALFORMED_JSON: 5, RefusalCause.TOO_LARGE: 1}


def test_memory_of_refusals_is_bounded() -> None:
    refusals = Refusals()
    errors = [ContractError(RefusalCause.TOO_LARGE, "large", person=f"p{n}") for n in range(MAX_REMEMBERED + 5)]
    assert sum(refusals.note(error, 0.0) for error in errors) == MAX_REMEMBERED
    assert refusals.note(errors[-1], 60.0)
