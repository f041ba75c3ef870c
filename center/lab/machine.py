"""What the lab does with its callers: `step(calls, event) -> (calls, effects)`.

    echo, answer, room-<k>   arrived ─► answered ─► mixed with himself / a tone / the room ─► ended
    call-<user>              arrived ─► 180, the user is dialled ─► user answered ─► caller answered ─► a conversation

A bridged call is from then on an interaction like any other, with the same machines and the same matrix. Who hangs up
first ends the other leg; a refused call hands the refusal's status on. Late and repeated events change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType

from center.lab.model import MOST_IN_A_ROOM, TONE, LabCalls, LabLeg, Service, wanted_by
from telephony.effects import AnswerLeg, DialLeg, EndLeg, LegEffect, PlayPrompt, RingLeg, SetMix
from telephony.events import LegAnswered, LegArrived, LegEnded, LegEvent, PromptEnded
from telephony.model import Destination, everyone_hears_everyone
from vocabulary import EndReason, LegId, PersonId

ROOM_IS_FULL = EndReason.client_error("room_is_full")
UNKNOWN_NUMBER = EndReason.client_error("unknown_number")
PARTNER_LEFT = EndReason.success("partner_left")


@dataclass(frozen=True, slots=True)
class LabCalled:
    """Somebody calls a lab number. `spare` is the id of the second leg, should there be one."""

    arrived: LegArrived
    spare: LegId


@dataclass(frozen=True, slots=True)
class BeginConversation:
    """Both legs of a `call-<user>` are answered: from now on they are an interaction of the centre."""

    customer: LabLeg
    user: LabLeg

    @property
    def person(self) -> PersonId:
        return PersonId(self.user.wanted.key)


LabEvent = LabCalled | LegEvent
LabEffect = LegEffect | BeginConversation
Step = tuple[LabCalls, list[LabEffect]]


def step(calls: LabCalls, event: LabEvent) -> Step:
    """Apply one event."""
    if isinstance(event, LabCalled):
        return _called(calls, event)
    known = calls.legs.get(event.leg)
    if known is None:
        return calls, []
    match event:
        case LegAnswered():
            return _answered(_with(calls, [replace(known, is_answered=True)]), known)
        case PromptEnded() if known.wanted.service is Service.ANSWER:
            return calls, [PlayPrompt(known.leg, TONE)]
        case LegEnded():
            return _ended(calls, known, event)
        case _:
            return calls, []


def _called(calls: LabCalls, event: LabCalled) -> Step:
    arrived = event.arrived
    wanted = wanted_by(arrived.called)
    if wanted is None:
        return calls, [EndLeg(arrived.leg, UNKNOWN_NUMBER, 404)]
    if wanted.service is Service.ROOM and len(calls.in_room(wanted.key)) >= MOST_IN_A_ROOM:
        return calls, [EndLeg(arrived.leg, ROOM_IS_FULL, 486)]
    caller = LabLeg(arrived.leg, wanted, arrived.caller.number, arrived.sip_call_id)
    if wanted.service is not Service.CALL:
        return _with(calls, [caller]), [AnswerLeg(caller.leg)]
    user = LabLeg(event.spare, wanted, partner=caller.leg)
    dial = DialLeg(user.leg, Destination(person=PersonId(wanted.key)), arrived.caller)
    return _with(calls, [replace(caller, partner=user.leg), user]), [RingLeg(caller.leg), dial]


def _answered(calls: LabCalls, leg: LabLeg) -> Step:
    match leg.wanted.service:
        case Service.ECHO:
            return calls, [SetMix(frozenset({leg.leg}), frozenset({(leg.leg, leg.leg)}))]
        case Service.ANSWER:
            return calls, [PlayPrompt(leg.leg, TONE)]
        case Service.ROOM:
            present = frozenset(each.leg for each in calls.in_room(leg.wanted.key) if each.is_answered)
            return calls, [SetMix(present, everyone_hears_everyone(present))]
        case Service.CALL:
            return _one_end_answered(calls, leg)


def _one_end_answered(calls: LabCalls, leg: LabLeg) -> Step:
    partner = calls.legs.get(leg.partner) if leg.partner is not None else None
    if partner is None:
        return calls, []  # the other end hung up in the same moment; this leg is being ended
    if not partner.is_answered:
        return calls, [AnswerLeg(partner.leg)]
    return _without(calls, [leg.leg, partner.leg]), [BeginConversation(customer=leg, user=partner)]


def _ended(calls: LabCalls, gone: LabLeg, event: LegEnded) -> Step:
    calls = _without(calls, [gone.leg])
    partner = calls.legs.get(gone.partner) if gone.partner is not None else None
    if partner is None:
        return calls, []
    is_refusal = event.sip_status >= 300 and not partner.is_answered
    end = EndLeg(partner.leg, event.end, event.sip_status) if is_refusal else EndLeg(partner.leg, PARTNER_LEFT, 480)
    return _with(calls, [replace(partner, partner=None)]), [end]


def _with(calls: LabCalls, legs: Iterable[LabLeg]) -> LabCalls:
    return LabCalls(MappingProxyType({**calls.legs, **{each.leg: each for each in legs}}))


def _without(calls: LabCalls, legs: Iterable[LegId]) -> LabCalls:
    return LabCalls(MappingProxyType({leg: each for leg, each in calls.legs.items() if leg not in set(legs)}))
