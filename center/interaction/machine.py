"""The life of an interaction: `step(interaction, event, now) -> (interaction, effects)`.

    ARRIVAL ─answered─► GREETING ─prompt ended─► QUEUED ─offered─► OFFERED ─agent answers─► TALKING ◄─────────┐
                                                   ▲ │                │                        │ escalate      │ ended
                                                   └─┼── no answer ───┘                        ▼               │
                                                     │                                     ESCALATING ─────────┤
                                                     │ the agent is lost                       │ accepted      │
                                                     │ and nobody came                         ▼               │
                                                     └───────────────────────────────────  CONFERENCE ─one leaves
    any ── customer hangs up, or somebody closes with an outcome ──► WRAP_UP ── all after-call work done ──► CLOSED

Rules. The customer's leg is answered once and never re-invited: who hears whom is the mixing matrix alone (N3). The
customer is never alone in silence: with nobody to talk to he hears music and waits at his old place, or the call
ends. A person who leaves is released at once; the others talk on. Late and repeated events change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from center.interaction.effects import (
    AcceptReservation,
    Enqueue,
    FailReservation,
    InteractionEffect,
    LeaveQueue,
    OccupyPerson,
    ReleasePerson,
    StartRingTimer,
    StopEscalation,
)
from center.interaction.events import (
    AgentCameBack,
    Arrived,
    Closed,
    ConsultSwitched,
    EscalationBegan,
    EscalationEnded,
    InteractionEvent,
    NodeStopping,
    Offered,
    PersonLeft,
    RingTimeout,
    SpecialistAccepted,
    SupervisorCame,
    WrapUpDone,
)
from center.interaction.mixing import mix
from center.interaction.model import Interaction, Participant, Phase
from center.record import Record
from telephony.effects import AnswerLeg, DialLeg, EndLeg, PlayPrompt, StopPrompt
from telephony.events import DtmfReceived, LegAnswered, LegArrived, LegDialled, LegEnded, LegRinging, PromptEnded
from telephony.model import CallerIdentity, Destination, PromptName
from vocabulary import EndReason, LegId, ParticipantRole, PersonId

Step = tuple[Interaction, list[InteractionEffect]]

LEFT = EndReason.success("left")
COMPLETED = EndReason.success("completed")
CUSTOMER_LEFT = EndReason.success("customer_left")
ABANDONED = EndReason.success("abandoned")
NOT_EXPECTED = EndReason.client_error("not_expected")
ONE_MOMENT = PromptName("one-moment")
NO_ANSWER = EndReason.upstream_error("no_answer")


def step(call: Interaction, event: InteractionEvent, now: float) -> Step:
    """Apply one event. An interaction that is over only waits for the end of after-call work."""
    if not call.is_live:
        return _after_the_call(call, event, now)
    match event:
        case Arrived() if not call.participants:
            customer = Participant(ParticipantRole.CUSTOMER, call.customer_leg, None, now)
            call = replace(call, participants=(customer,))
            return call, [Record("interaction.arrived", {"queue": call.queue.id}), AnswerLeg(call.customer_leg)]
        case LegDialled(leg, sip_call_id):
            dialled = Record("leg.dialled", {**_who(call, leg), "sip_call_id": sip_call_id})
            return call, [dialled] if call.by_leg(leg) else []
        case LegRinging(leg):
            return call, [Record("leg.ringing", _who(call, leg))] if call.by_leg(leg) else []
        case LegAnswered(leg):
            return _leg_answered(call, leg, now)
        case PromptEnded(leg) if leg == call.customer_leg and call.phase is Phase.GREETING:
            return _wait_in_queue(call, now)
        case Offered(person, leg):
            return _ring_agent(call, person, leg, now)
        case RingTimeout(leg):
            return _no_answer(call, leg, now)
        case EscalationBegan(escalation) if call.phase is Phase.TALKING and call.escalation is None:
            return _enter(replace(call, escalation=escalation), Phase.ESCALATING, now), []
        case SpecialistAccepted():
            return _let_in(call, event, now)
        case EscalationEnded(escalation) if escalation == call.escalation:
            return _escalation_over(call, now)
        case PersonLeft(person):
            return _person_left(call, person, now)
        case AgentCameBack(person, leg):
            return _let_back_in(call, person, leg, now)
        case ConsultSwitched(person, on):
            return _consult(call, person, on)
        case SupervisorCame():
            return _supervise(call, event, now)
        case Closed(person, outcome, resolved):
            call = replace(call, outcome=outcome, resolved=resolved)
            data: dict[str, object] = {"by": person, "pii_outcome": outcome, "resolved": resolved}
            call, effects = _finish(call, COMPLETED, now)
            return call, [Record("interaction.outcome", data), *effects]
        case LegEnded(leg, end):
            return _leg_ended(call, leg, end, now)
        case NodeStopping(end):
            call, effects = _finish(call, end, now)
            return _closed(call, now), effects
        case WrapUpDone(person):  # he left earlier than the others and is done with it already
            return replace(call, wrapping_up=call.wrapping_up - {person}), []
        case LegArrived() | DtmfReceived() | PromptEnded():
            return call, []
        case Arrived() | EscalationBegan() | EscalationEnded():
            return call, []  # late and repeated events are normal and change nothing
        case _:
            assert_never(event)


def _enter(call: Interaction, phase: Phase, now: float) -> Interaction:
    return call if call.phase is phase else replace(call, phase=phase, phase_since=now)


def _who(call: Interaction, leg: LegId) -> dict[str, object]:
    participant = call.by_leg(leg)
    return {"leg": leg, "role": participant.role.value, "person": participant.person} if participant else {"leg": leg}


def _with_talking(call: Interaction, leg: LegId, now: float) -> Interaction:
    roster = tuple(replace(p, talking=True, since=now) if p.leg == leg else p for p in call.participants)
    return replace(call, participants=roster)


def _without(call: Interaction, leg: LegId, now: float) -> Interaction:
    """Take a leg out of the roster and add the time it talked to its role's budget."""
    gone = call.by_leg(leg)
    roster = tuple(p for p in call.participants if p.leg != leg)
    if gone is None or not gone.talking:
        return replace(call, participants=roster)
    spent = call.served_s.get(gone.role, 0.0) + now - gone.since
    return replace(call, participants=roster, served_s={**call.served_s, gone.role: spent})


def _leg_answered(call: Interaction, leg: LegId, now: float) -> Step:
    participant = call.by_leg(leg)
    if participant is None or participant.talking:
        return call, []
    call = _with_talking(call, leg, now)
    answered = Record("leg.answered", _who(call, leg))
    if leg == call.customer_leg:
        return _enter(call, Phase.GREETING, now), [answered, PlayPrompt(leg, call.greeting)]
    if participant.role is ParticipantRole.SUPERVISOR:
        return call, [answered, mix(call)]
    if call.lost is not None and call.lost[0] == participant.person:
        return _is_back(replace(call, lost=None), participant.person, answered, now)
    assert participant.person is not None
    call = _enter(replace(call, answered_at=call.answered_at or now), Phase.TALKING, now)
    return call, [answered, AcceptReservation(participant.person), mix(call)]


def _wait_in_queue(call: Interaction, now: float) -> Step:
    call = _enter(call, Phase.QUEUED, now)
    return call, [Record("interaction.queued", {"queue": call.queue.id}), mix(call), Enqueue()]


def _ring_agent(call: Interaction, person: PersonId, leg: LegId, now: float) -> Step:
    if call.phase is not Phase.QUEUED:
        return call, [FailReservation(person, unanswered=False)]
    agent = Participant(ParticipantRole.AGENT, leg, person, now)
    call = _enter(replace(call, participants=(*call.participants, agent)), Phase.OFFERED, now)
    return call, [
        Record("interaction.offered", {"agent": person}),
        DialLeg(leg, Destination(person=person), CallerIdentity("", call.caller_number)),
        StartRingTimer(leg, now + call.queue.ring_timeout_s),
    ]


def _no_answer(call: Interaction, leg: LegId, now: float) -> Step:
    participant = call.by_leg(leg)
    if participant is None or participant.talking or participant.role is not ParticipantRole.AGENT:
        return call, []
    assert participant.person is not None
    call = _enter(_without(call, leg, now), Phase.QUEUED, now)
    return call, [
        Record("reservation.timed_out", {"agent": participant.person}),
        EndLeg(leg, NO_ANSWER),
        FailReservation(participant.person, unanswered=True),
    ]


def _let_in(call: Interaction, event: SpecialistAccepted, now: float) -> Step:
    if call.escalation != event.escalation or call.by_leg(event.leg) is not None:
        return call, []
    specialist = Participant(ParticipantRole.SPECIALIST, event.leg, event.person, now, talking=True)
    call = _enter(replace(call, participants=(*call.participants, specialist)), Phase.CONFERENCE, now)
    # whatever is being said to either of them is cut: the customer hears the specialist at once (S07 step 5)
    return call, [StopPrompt(event.leg), StopPrompt(call.customer_leg), mix(call)]


def _escalation_over(call: Interaction, now: float) -> Step:
    call = replace(call, escalation=None)
    if call.phase is not Phase.ESCALATING:
        return call, []
    if call.by_role(ParticipantRole.AGENT) is None:
        return _wait_in_queue(call, now)  # the agent was lost meanwhile: back to the old place
    return _enter(call, Phase.TALKING, now), []


def _person_left(call: Interaction, person: PersonId, now: float) -> Step:
    participant = call.by_person(person)
    if participant is None:
        return call, []
    call, effects = _take_out(call, participant, LEFT, now)
    return call, [EndLeg(participant.leg, LEFT), *effects]


def _supervisor_left(call: Interaction, supervisor: Participant, end: EndReason, now: float) -> Step:
    call = _without(call, supervisor.leg, now)
    return call, [Record("supervision.ended", {"person": supervisor.person, "reason": end.reason}), mix(call)]


def _let_back_in(call: Interaction, person: PersonId, leg: LegId, now: float) -> Step:
    """Answer the agent who lost his phone; everything else happens when his leg is there."""
    if not call.may_come_back(person, now) or call.by_person(person) is not None:
        return call, [EndLeg(leg, NOT_EXPECTED, 480)]
    agent = Participant(ParticipantRole.AGENT, leg, person, now)
    return replace(call, participants=(*call.participants, agent)), [AnswerLeg(leg)]


def _is_back(call: Interaction, person: PersonId, answered: Record, now: float) -> Step:
    call = replace(call, wrapping_up=call.wrapping_up - {person})
    queued = call.phase is Phase.QUEUED
    if queued:
        call = _enter(call, Phase.TALKING, now)
    effects: list[InteractionEffect] = [answered, Record("participant.returned", {"person": person}), mix(call)]
    return call, [*effects, *([LeaveQueue()] if queued else []), OccupyPerson(person)]


def _consult(call: Interaction, person: PersonId, on: bool) -> Step:
    """Switch between the private talk of agent and specialist and the conference; the customer waits with music."""
    partners = sum(p.talking for p in call.staff)
    if call.consulting == on or (on and partners < 2):
        return call, []
    call = replace(call, consulting=on)
    return call, [Record("consult.began" if on else "consult.ended", {"by": person}), mix(call)]


def _supervise(call: Interaction, event: SupervisorCame, now: float) -> Step:
    """Bring a supervisor in by his phone, or change how he takes part. Each is a logged act of its own."""
    act = Record(f"supervision.{event.mode.value}", {"person": event.person})
    present = call.by_person(event.person)
    if present is not None and present.role is not ParticipantRole.SUPERVISOR:
        return call, []  # he is agent or specialist of this call himself
    if present is not None:
        roster = tuple(replace(p, mode=event.mode) if p is present else p for p in call.participants)
        call = replace(call, participants=roster)
        return call, [act, mix(call)]
    supervisor = Participant(ParticipantRole.SUPERVISOR, event.leg, event.person, now, mode=event.mode)
    call = replace(call, participants=(*call.participants, supervisor))
    return call, [act, DialLeg(event.leg, Destination(person=event.person), CallerIdentity("", call.caller_number))]


def _leg_ended(call: Interaction, leg: LegId, end: EndReason, now: float) -> Step:
    participant = call.by_leg(leg)
    if participant is None:
        return call, []
    if participant.role is ParticipantRole.CUSTOMER:
        ending = CUSTOMER_LEFT if call.answered_at else ABANDONED
        return _finish(_without(call, leg, now), ending, now)
    if not participant.talking and participant.role is ParticipantRole.AGENT and participant.person is not None:
        call = _enter(_without(call, leg, now), Phase.QUEUED, now)
        unanswered = end.reason in ("no_answer", "declined")
        return call, [FailReservation(participant.person, unanswered)]
    return _take_out(call, participant, end, now)


def _take_out(call: Interaction, participant: Participant, end: EndReason, now: float) -> Step:
    """A person who talked is out: the others go on, wait for the specialist, or the call ends."""
    if participant.role is ParticipantRole.SUPERVISOR:
        return _supervisor_left(call, participant, end, now)
    call = replace(call, consulting=False)
    call = _without(call, participant.leg, now)
    call, effects = _release(call, participant)
    effects.append(Record("participant.left", {"person": participant.person, "reason": end.reason}))
    if participant.role is ParticipantRole.SPECIALIST and call.escalation is not None:
        effects.append(StopEscalation(call.escalation, end))
        call = replace(call, escalation=None)
    if participant.role is ParticipantRole.AGENT and participant.person is not None and end != LEFT:
        call = replace(call, lost=(participant.person, now))
    if any(p.talking for p in call.staff):
        return _enter(call, Phase.TALKING, now), [*effects, mix(call)]
    if call.phase is Phase.ESCALATING:
        notice: list[InteractionEffect] = [PlayPrompt(call.customer_leg, ONE_MOMENT)]
        return call, [*effects, mix(call), *notice]
    call, more = _finish(call, COMPLETED, now)
    return call, [*effects, *more]


def _release(call: Interaction, participant: Participant) -> Step:
    if participant.person is None or participant.role is ParticipantRole.SUPERVISOR:
        return call, []
    if participant.role is not ParticipantRole.AGENT or call.queue.wrap_up_s <= 0:
        return call, [ReleasePerson(participant.person, 0.0)]
    call = replace(call, wrapping_up=call.wrapping_up | {participant.person})
    return call, [ReleasePerson(participant.person, call.queue.wrap_up_s)]


def _finish(call: Interaction, end: EndReason, now: float) -> Step:
    """End every leg, release everyone, settle the escalation; after-call work may follow."""
    effects: list[InteractionEffect] = [LeaveQueue()] if call.phase in (Phase.QUEUED, Phase.OFFERED) else []
    if call.escalation is not None:
        effects.append(StopEscalation(call.escalation, end))
    for participant in call.participants:
        effects.append(EndLeg(participant.leg, end))
        call = _without(call, participant.leg, now)
        if participant.talking:
            call, more = _release(call, participant)
            effects += more
        elif participant.role is ParticipantRole.AGENT and participant.person is not None:
            effects.append(FailReservation(participant.person, unanswered=False))
    call = replace(call, end=end, ended_at=now)
    phase = Phase.WRAP_UP if call.wrapping_up else Phase.CLOSED
    return _enter(call, phase, now), [*effects, _closing_record(call, end)]


def _closing_record(call: Interaction, end: EndReason) -> Record:
    budgets = {f"{role.value}_s": round(spent, 3) for role, spent in call.served_s.items()}
    data: dict[str, object] = {"result": end.result.value, "reason": end.reason, "fcr": call.resolved, **budgets}
    return Record("interaction.closed", data)


def _after_the_call(call: Interaction, event: InteractionEvent, now: float) -> Step:
    match event:
        case WrapUpDone(person):
            call = replace(call, wrapping_up=call.wrapping_up - {person})
            return (call if call.wrapping_up else _closed(call, now)), []
        case NodeStopping():
            return _closed(call, now), []
        case Offered(person, _):
            return call, [FailReservation(person, unanswered=False)]
        case _:
            return call, []


def _closed(call: Interaction, now: float) -> Interaction:
    return _enter(replace(call, wrapping_up=frozenset()), Phase.CLOSED, now)
