"""The lab's numbers, decided purely (DC-06): what each of them does with its callers."""

from __future__ import annotations

import pytest

from center.lab.machine import BeginConversation, LabCalled, LabEffect, LabEvent, step
from center.lab.model import MOST_IN_A_ROOM, TONE, LabCalls, Service, Wanted, wanted_by
from telephony import end_reasons
from telephony.effects import AnswerLeg, DialLeg, EndLeg, PlayPrompt, RingLeg, SetMix
from telephony.events import LegAnswered, LegArrived, LegEnded, LegRinging, PromptEnded
from telephony.model import CallerIdentity, Destination, TrunkOrigin, everyone_hears_everyone
from vocabulary import LegId, PersonId

A, B, C = LegId("leg_a"), LegId("leg_b"), LegId("leg_c")
CALLER = CallerIdentity("Load", "load1")


def calls(leg: LegId, called: str, spare: LegId = B) -> LabCalled:
    return LabCalled(LegArrived(leg, f"id-{leg}", CALLER, called, TrunkOrigin("lab")), spare)


def played(*events: LabEvent) -> tuple[LabCalls, list[LabEffect]]:
    """Apply events to an empty lab; gives the state and the effects of the last event."""
    state, effects = LabCalls(), list[LabEffect]()
    for event in events:
        state, effects = step(state, event)
    return state, effects


@pytest.mark.parametrize(
    ("called", "wanted"),
    [
        ("echo", Wanted(Service.ECHO)),
        ("answer", Wanted(Service.ANSWER)),
        ("room-7", Wanted(Service.ROOM, "7")),
        ("call-lab1", Wanted(Service.CALL, "lab1")),
        ("call-anna.novak", Wanted(Service.CALL, "anna.novak")),
        ("room-", None),
        ("room", None),
        ("room-a b", None),
        ("echo-1", None),
        ("5001", None),
    ],
)
def test_a_number_is_understood_or_not_the_labs(called: str, wanted: Wanted | None) -> None:
    assert wanted_by(called) == wanted


def test_echo_hears_himself() -> None:
    assert played(calls(A, "echo"))[1] == [AnswerLeg(A)]
    assert played(calls(A, "echo"), LegAnswered(A))[1] == [SetMix(frozenset({A}), frozenset({(A, A)}))]


def test_answer_plays_its_tone_again_and_again() -> None:
    assert played(calls(A, "answer"), LegAnswered(A))[1] == [PlayPrompt(A, TONE)]
    assert played(calls(A, "answer"), LegAnswered(A), PromptEnded(A, TONE))[1] == [PlayPrompt(A, TONE)]


def test_a_room_mixes_those_of_one_key_who_are_answered() -> None:
    here = (calls(A, "room-1"), calls(B, "room-1"), calls(C, "room-2"), LegAnswered(C), LegAnswered(A))
    assert played(*here)[1] == [SetMix(frozenset({A}), frozenset())]
    both = frozenset({A, B})
    assert played(*here, LegAnswered(B))[1] == [SetMix(both, everyone_hears_everyone(both))]


def test_a_full_room_refuses() -> None:
    many = [calls(LegId(f"leg_{n}"), "room-1") for n in range(MOST_IN_A_ROOM)]
    state, effects = played(*many, calls(A, "room-1"))
    assert A not in state.legs
    assert [(type(each), each.sip_status) for each in effects if isinstance(each, EndLeg)] == [(EndLeg, 486)]


def test_a_bridged_call_rings_answers_and_becomes_a_conversation() -> None:
    begun = (calls(A, "call-lab1"),)
    assert played(*begun)[1] == [RingLeg(A), DialLeg(B, Destination(person=PersonId("lab1")), CALLER)]
    assert played(*begun, LegRinging(B), LegAnswered(B))[1] == [AnswerLeg(A)]
    state, effects = played(*begun, LegAnswered(B), LegAnswered(A))
    assert not state.legs
    conversation = effects[0]
    assert isinstance(conversation, BeginConversation)
    assert (conversation.customer.leg, conversation.user.leg, conversation.person) == (A, B, "lab1")
    assert conversation.customer.sip_call_id == f"id-{A}"


def test_a_refusal_is_handed_on_with_its_status() -> None:
    state, effects = played(calls(A, "call-lab1"), LegEnded(B, end_reasons.of_status(603), 603))
    assert effects == [EndLeg(A, end_reasons.of_status(603), 603)]
    assert step(state, LegEnded(A, end_reasons.of_status(603), 603)) == (LabCalls(), [])


def test_a_caller_who_hangs_up_takes_the_other_end_along() -> None:
    ringing = (calls(A, "call-lab1"), LegRinging(B), LegEnded(A, end_reasons.CANCELLED, 487))
    effects = played(*ringing)[1]
    assert [each.leg for each in effects if isinstance(each, EndLeg)] == [B]
    assert played(*ringing, LegAnswered(B))[1] == []
    assert played(*ringing, LegEnded(B, end_reasons.CANCELLED, 487)) == (LabCalls(), [])


def test_events_of_other_legs_change_nothing() -> None:
    state, effects = played(calls(A, "echo"), LegAnswered(C), LegEnded(C, end_reasons.HUNG_UP))
    assert (set(state.legs), effects) == ({A}, [])
