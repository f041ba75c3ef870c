"""An interaction as a vCon: the fields of the IETF draft, and nothing that did not happen."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from context.bundle import make_bundle
from context.model import Case, CaseTemplate, Customer, FieldSpec
from context.vcon import Conversation, Stay, make_vcon
from vocabulary import CaseId, CustomerId, EscalationId, InteractionId, ParticipantRole, PersonId, QueueId

T0 = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANNA, EVA, SARA = PersonId("anna"), PersonId("eva"), PersonId("sara")
ANA = Customer(CustomerId("ana"), "Ana Kovač", ("+385915550101",))
CASE = Case(
    CaseId("case_1"), QueueId("claims"), ANA.id, CaseTemplate(QueueId("claims"), (FieldSpec("policy", "Policy"),))
)
BUNDLE = make_bundle(
    escalation=EscalationId("esc_1"),
    interaction=InteractionId("int_1"),
    case=CASE,
    customer=ANA,
    caller_number="+385915550101",
    requested_by=ANNA,
    reason="The flood clause — č",
    history=(),
)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


TALK = Conversation(
    interaction=InteractionId("int_1"),
    started_at=T0,
    service="Claims",
    company="Harbour Insurance",
    customer_name="Ana Kovač",
    number="+385915550101",
    stays=(
        Stay(ParticipantRole.CUSTOMER, None, at(1), at(200)),
        Stay(ParticipantRole.AGENT, ANNA, at(20), at(100)),
        Stay(ParticipantRole.SPECIALIST, EVA, at(60), at(200)),
    ),
    names={ANNA: "Anna Novak", EVA: "Eva Horvat", SARA: "Sara Quinn"},
    ended_at=at(200),
)


def vcon(talk: Conversation = TALK) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(make_vcon(talk, BUNDLE, at(300))))
    return made


def test_parties_are_the_customer_first_and_everybody_who_took_part() -> None:
    assert vcon()["parties"] == [
        {"tel": "tel:+385915550101", "name": "Ana Kovač", "type": "customer"},
        {"name": "Anna Novak", "type": "agent", "org": "Harbour Insurance"},
        {"name": "Eva Horvat", "type": "specialist", "org": "Harbour Insurance"},
    ]


def test_the_dialog_has_times_and_comings_and_goings_and_no_recording_that_was_never_made() -> None:
    (dialog,) = vcon()["dialog"]
    assert (dialog["type"], dialog["start"], dialog["duration"]) == ("recording", "2026-11-21T09:00:20.000Z", 180.0)
    assert (dialog["parties"], dialog["originator"]) == ([0, 1, 2], 0)
    assert [(e["party"], e["event"], e["time"][17:19]) for e in dialog["party_history"]] == [
        (0, "join", "01"),
        (1, "join", "20"),
        (2, "join", "00"),
        (1, "drop", "40"),
        (0, "drop", "20"),
        (2, "drop", "20"),
    ]
    assert not {"body", "url", "mediatype", "content_hash"} & set(dialog)
    assert vcon()["analysis"] == []


def test_a_running_conversation_has_no_duration_yet() -> None:
    open_stays = tuple(replace(stay, left_at=None) for stay in TALK.stays)
    (dialog,) = vcon(replace(TALK, stays=open_stays, ended_at=None))["dialog"]
    assert "duration" not in dialog
    assert [event["event"] for event in dialog["party_history"]] == ["join"] * 3


@pytest.mark.parametrize(("left", "disposition"), [(True, "hung-up"), (False, "failed")])
def test_a_call_in_which_nobody_talked_is_incomplete(left: bool, disposition: str) -> None:
    (dialog,) = vcon(replace(TALK, stays=TALK.stays[:1], customer_left=left))["dialog"]
    assert dialog == {
        "type": "incomplete",
        "start": "2026-11-21T09:00:00.000Z",
        "disposition": disposition,
        "parties": [0],
        "originator": 0,
    }


def test_the_attached_bundle_is_the_text_of_which_the_digest_is_the_hash() -> None:
    """N1: whoever gets the vCon can check that the specialist's screen showed the same."""
    (attachment,) = vcon()["attachments"]
    assert hashlib.sha256(attachment["body"].encode()).hexdigest() == BUNDLE.digest
    name, _, value = attachment["content_hash"].partition("-")
    assert (name, base64.urlsafe_b64decode(value + "=").hex()) == ("sha256", BUNDLE.digest)
    assert json.loads(attachment["body"])["reason"] == BUNDLE.reason
    assert (attachment["party"], attachment["dialog"], attachment["encoding"]) == (1, 0, "none")


def test_the_uuid_is_of_version_8_and_always_the_same_for_one_interaction() -> None:
    made = UUID(vcon()["uuid"])
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    assert vcon()["uuid"] == str(made)
    assert vcon(replace(TALK, interaction=InteractionId("int_2")))["uuid"] != str(made)


def test_a_withheld_number_and_an_unknown_customer_are_left_out() -> None:
    made = vcon(replace(TALK, number="anonymous", customer_name="", stays=(*TALK.stays, _supervisor())))
    assert made["parties"][0] == {"type": "customer"}
    assert made["parties"][3] == {"name": "Sara Quinn", "type": "supervisor", "org": "Harbour Insurance"}


def _supervisor() -> Stay:
    return Stay(ParticipantRole.SUPERVISOR, SARA, at(70), at(90))
