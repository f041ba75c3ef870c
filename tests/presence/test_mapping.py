"""Foreign clients by configuration: what becomes of their messages, and what configuration is refused (DC-02)."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from presence.cli import app
from presence.contract import Arrival, IncomingMessage
from presence.errors import ContractError, MappingError, RefusalCause
from presence.events import FactReported, FactWithdrawn
from presence.mapping import ClientMapping, explain_mapping, translate
from presence.mapping_file import load_mapping, read_mapping
from presence.model import Fact, Source, Status
from vocabulary import PersonId

EVA = PersonId("eva")
PEOPLE = frozenset({EVA})
ARRIVAL = Arrival(1_000.0, datetime(2026, 11, 21, 14, 2, tzinfo=UTC))
TEAMS = load_mapping("teams-for-linux")
GATEWAY = {
    "name": "pbx-gateway",
    "account": "gateway",
    "people": {"4711": "eva"},
    "topics": [
        {
            "topic": "pbx/events",
            "source": "phone",
            "person": "device.extension",
            "value": "device.states.0",
            "values": {"IDLE": "available", "TALKING": "busy", "DND": "dnd"},
        }
    ],
}


def fact(mapping: ClientMapping, topic: str, payload: bytes) -> Fact:
    event = translate(mapping, IncomingMessage(topic, payload, False), PEOPLE, ARRIVAL)
    assert isinstance(event, FactReported)
    assert event.person == EVA
    return event.fact


@pytest.mark.parametrize(
    ("topic", "payload", "source", "status"),
    [
        ("status", b'{"status":"available","statusCode":1,"clientId":"x"}', Source.UC, Status.AVAILABLE),
        ("status", b'{"status":"busy","statusCode":2}', Source.UC, Status.BUSY),
        ("status", b'{"status":"do_not_disturb","statusCode":3}', Source.UC, Status.DND),
        ("status", b'{"status":"away","statusCode":4}', Source.UC, Status.AWAY),
        ("status", b'{"status":"be_right_back","statusCode":5}', Source.UC, Status.AWAY),
        ("status", b'{"status":"unknown","statusCode":-1}', Source.UC, Status.UNKNOWN),
        ("connected", b"true", Source.CONNECTED, Status.AVAILABLE),
        ("connected", b"false", Source.CONNECTED, Status.OFFLINE),
        ("in-call", b"true", Source.IN_CALL, Status.BUSY),
        ("in-call", b"false", Source.IN_CALL, Status.AVAILABLE),
        ("microphone", b"true", Source.MICROPHONE, Status.BUSY),
    ],
)
def test_teams_for_linux_is_understood_as_it_is(topic: str, payload: bytes, source: Source, status: Status) -> None:
    """Design section 5: the client's own topics, its own payloads."""
    said = fact(TEAMS, f"teams/eva/{topic}", payload)
    assert (said.source, said.status, said.client) == (source, status, "teams-for-linux")
    assert said.begins_anew == (source is Source.CONNECTED)


def test_a_value_the_table_does_not_list_is_unknown() -> None:
    """A client's next version with one more status makes nobody free."""
    said = fact(TEAMS, "teams/eva/status", b'{"status":"presenting"}')
    assert (said.status, said.reason) == (Status.UNKNOWN, "unlisted value")


def test_other_topics_are_not_ours() -> None:
    for topic in ("teams/eva/camera", "teams/eva", "teams/eva/status/more", "zoom/eva/status"):
        assert translate(TEAMS, IncomingMessage(topic, b"true", False), PEOPLE, ARRIVAL) is None


def test_an_empty_payload_takes_the_word_back() -> None:
    event = translate(TEAMS, IncomingMessage("teams/eva/status", b"", False), PEOPLE, ARRIVAL)
    assert event == FactWithdrawn(EVA, Source.UC, "teams-for-linux")


@pytest.mark.parametrize(
    ("topic", "payload", "cause"),
    [
        ("teams/nobody/status", b'{"status":"busy"}', RefusalCause.UNKNOWN_PERSON),
        ("teams/eva/status", b"{status", RefusalCause.MALFORMED_JSON),
        ("teams/eva/status", b"[" * 2_000, RefusalCause.MALFORMED_JSON),
        ("teams/eva/status", b'{"state":"busy"}', RefusalCause.BAD_FIELD),
        ("teams/eva/status", b'{"status":["busy"]}', RefusalCause.BAD_FIELD),
        ("teams/eva/status", b'{"status":"' + b"x" * 3_000 + b'"}', RefusalCause.TOO_LARGE),
    ],
)
def test_bad_foreign_messages_are_refused_with_their_cause(topic: str, payload: bytes, cause: RefusalCause) -> None:
    with pytest.raises(ContractError) as refused:
        translate(TEAMS, IncomingMessage(topic, payload, False), PEOPLE, ARRIVAL)
    assert refused.value.cause is cause


def test_person_and_value_may_stand_in_the_payload() -> None:
    """A gateway with one topic for everybody and names of its own."""
    mapping = read_mapping(GATEWAY)
    said = fact(mapping, "pbx/events", b'{"device":{"extension":4711,"states":["DND"]}}')
    assert (said.source, said.status) == (Source.PHONE, Status.DND)
    with pytest.raises(ContractError):
        fact(mapping, "pbx/events", b'{"device":{"extension":4712,"states":["IDLE"]}}')


def test_machines_of_one_person_are_clients_of_their_own() -> None:
    document = {
        "name": "teams",
        "people": {"eva-desk": "eva", "eva-home": "eva"},
        "topics": [{"topic": "teams/{person}/status", "source": "uc", "values": {"on": "available"}}],
    }
    mapping = read_mapping(document)
    clients = {fact(mapping, f"teams/{key}/status", b"on").client for key in ("eva-desk", "eva-home")}
    assert len(clients) == 2
    assert mapping.access_rules()[1] == [
        "user eva", "topic write teams/eva-desk/status", "user eva", "topic write teams/eva-home/status",
    ]  # fmt: skip


def test_access_rules_let_a_person_write_below_his_own_name_only() -> None:
    reading, writing = TEAMS.access_rules()
    assert "topic read teams/+/status" in reading
    assert "pattern write teams/%u/status" in writing
    assert read_mapping(GATEWAY).access_rules() == (
        ["topic read pbx/events"],
        ["user gateway", "topic write pbx/events"],
    )


RULE = {"topic": "teams/{person}/status", "source": "uc", "value": "status", "values": {"on": "available"}}
BROKEN: list[tuple[dict[str, object], str]] = [
    ({"name": None}, "name"),
    ({"name": "a/b"}, "name"),
    ({"topics": []}, "topics"),
    ({"topics": [RULE] * 33}, "topics"),
    ({"colour": "red"}, "colour"),
    ({"account": "a b"}, "account"),
    ({"repeats_after_connect": "yes"}, "repeats_after_connect"),
    ({"people": {"a/b": "eva"}}, "people.a/b"),
    ({"people": {"x": "#"}}, "people.x"),
    ({"topics": [RULE | {"topic": "{person}/status"}]}, "first level"),
    ({"topics": [RULE | {"topic": "#"}]}, "first level"),
    ({"topics": [RULE | {"topic": "$SYS/{person}"}]}, "first level"),
    ({"topics": [RULE | {"topic": "teams/{person}/#"}]}, "level '#'"),
    ({"topics": [RULE | {"topic": "teams/{person}/{person}"}]}, "twice"),
    ({"topics": [RULE | {"topic": "ringside/{person}/status"}]}, "our own contract"),
    ({"topics": [RULE | {"topic": "teams/status", "person": "clientId"}]}, "anybody could write"),
    ({"topics": [RULE | {"topic": "teams/status"}]}, "neither in the topic"),
    ({"topics": [RULE | {"source": "manual"}]}, "source"),
    ({"topics": [RULE | {"values": {}}]}, "values"),
    ({"topics": [RULE | {"values": {"on": "green"}}]}, "values.on"),
    ({"topics": [RULE | {"value": "a..b"}]}, "value"),
    ({"topics": [RULE | {"topic": 7}]}, "topic"),
    ({"topics": ["x"]}, "topics 1"),
]


@pytest.mark.parametrize(("change", "says"), BROKEN, ids=[says for _, says in BROKEN])
def test_a_mapping_that_cannot_be_used_is_refused_with_the_place(change: dict[str, object], says: str) -> None:
    document = deepcopy({"name": "teams", "topics": [RULE]}) | change
    with pytest.raises(MappingError, match=says.replace("(", r"\(")):
        read_mapping(document)


def test_a_missing_or_broken_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="bundled mappings are: teams-for-linux"):
        load_mapping(tmp_path / "nothing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = [")
    with pytest.raises(MappingError, match="not TOML"):
        load_mapping(broken)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["status", "connected", "in-call", "microphone"]))
def test_whatever_a_foreign_client_sends_is_translated_or_refused(payload: bytes, topic: str) -> None:
    with suppress(ContractError):
        assert translate(TEAMS, IncomingMessage(f"teams/eva/{topic}", payload, False), PEOPLE, ARRIVAL)


def test_explaining_says_what_a_message_becomes() -> None:
    assert explain_mapping(TEAMS, "teams/eva/in-call", b"true", ARRIVAL)[-1] == "becomes   eva: in_call = busy"
    assert "no rule" in "".join(explain_mapping(TEAMS, "zoom/eva", b"true", ARRIVAL))
    assert explain_mapping(TEAMS, "teams/eva/status", b"{", ARRIVAL)[-1].startswith("refused   malformed_json")
    assert "taken back" in explain_mapping(TEAMS, "teams/eva/status", b"", ARRIVAL)[-1]


def test_the_command_shows_it_too(tmp_path: Path) -> None:
    """Issue 4: `ringside presence test-mapping`."""
    run = CliRunner()
    good = run.invoke(app, ["test-mapping", "teams/eva/status", '{"status":"away"}'])
    assert good.exit_code == 0
    assert "becomes   eva: uc = away" in good.output
    assert run.invoke(app, ["test-mapping", "other/topic", "x"]).exit_code == 1
    lost = run.invoke(app, ["test-mapping", "--mapping", str(tmp_path / "lost.toml"), "a/b", "x"])
    assert lost.exit_code == 2
