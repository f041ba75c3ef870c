"""The life of an escalation: `step(escalation, event, now) -> (escalation, effects)`.

    REQUESTED ─lease─► RESERVED ─case pushed─► OFFERED ─screen shows it, or cap of 0.5 s─► RENDERED
        │ refused         │ cancelled             │ declined                                  │ 180
        ▼                 ▼                       ▼                                           ▼
      CLOSED ◄─ left ── JOINED ◄── in the mix ── ACCEPTED ◄─────────── accept ─────────── RINGING ─ no answer ─► CLOSED

Rules. The phone rings only while we hold the lease, and only after the screen showed the case or the cap ran out (N1).
Answering is not yet accepting: joined is who lifted a trusted handset, clicked Accept, or pressed 1. Whatever ends an
escalation, it ends once: the leg is settled, the lease given back, the interaction told, the cause recorded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from center.escalation.effects import (
    AcquireLease,
    EscalationEffect,
    JoinConversation,
    PushCase,
    Record,
    ReleaseLease,
    ReportEnd,
    RingSpecialist,
    StartTimer,
)
from center.escalation.events import (
    Accepted,
    Cancelled,
    CasePushed,
    CaseRendered,
    ConversationEnded,
    Declined,
    EscalationEvent,
    Joined,
    LeaseGranted,
    LeaseRefused,
    Requested,
    Timer,
    TimerFired,
)
from center.escalation.model import Escalation, EscalationState
from telephony.effects import EndLeg, PlayPrompt
from telephony.events import DtmfReceived, LegAnswered, LegArrived, LegDialled, LegEnded, LegRinging, PromptEnded
from telephony.model import PromptName
from vocabulary import EndReason

Step = tuple[Escalation, list[EscalationEffect]]

S = EscalationState
ACCEPT_KEY = "1"
ACCEPT_PROMPT = PromptName("please-press-one")

NO_ANSWER = EndReason.upstream_error("no_answer")
NOT_A_PERSON = EndReason.upstream_error("not_a_person")
DECLINED = EndReason.client_error("declined")
CANCELLED = EndReason.success("cancelled")
STORE_SILENT = EndReason.server_error("store_silent")


def step(esc: Escalation, event: EscalationEvent, now: float) -> Step:
    """Apply one event. A closed escalation changes no more, but gives back a lease that comes late."""
    if not esc.is_live:
        return esc, [ReleaseLease(event.lease)] if isinstance(event, LeaseGranted) else []
    match event:
        case Requested():
            return esc, [_record(esc, "escalation.requested"), AcquireLease(), _timer(esc, Timer.LEASE, now)]
        case LeaseGranted(lease):
            return _reserved(replace(esc, lease=lease))
        case LeaseRefused(reason):
            return _close(esc, EndReason.client_error(reason))
        case CasePushed(digest, has_screen):
            return _offered(replace(esc, digest=digest, state=S.OFFERED), has_screen, now)
        case CaseRendered(digest):
            return _rendered(esc, digest, now)
        case LegRinging() if esc.state in (S.OFFERED, S.RENDERED):
            return replace(esc, state=S.RINGING), [_record(esc, "leg.ringing", role="specialist", leg=esc.leg)]
        case LegAnswered():
            return _answered(replace(esc, answered=True), now)
        case Accepted():
            return _clicked(replace(esc, clicked=True))
        case DtmfReceived(_, key) if key == ACCEPT_KEY and esc.answered:
            return _accept(esc, "key")
        case Joined():
            return replace(esc, state=S.JOINED), [_record(esc, "escalation.joined")]
        case Declined(reason):
            return _close(esc, DECLINED, pii_words=reason) if esc.state is not S.JOINED else (esc, [])
        case Cancelled():
            return _close(esc, CANCELLED) if esc.state not in (S.ACCEPTED, S.JOINED) else (esc, [])
        case TimerFired(timer):
            return _timer_fired(esc, timer, now)
        case LegEnded(_, end):
            return _close(esc, end) if esc.state not in (S.ACCEPTED, S.JOINED) else (esc, [])
        case ConversationEnded(end):
            return _close(esc, end)
        case LegDialled(_, sip_call_id):
            return esc, [_record(esc, "leg.dialled", role="specialist", leg=esc.leg, sip_call_id=sip_call_id)]
        case LegArrived() | LegRinging() | DtmfReceived() | PromptEnded():
            return esc, []
        case _:
            assert_never(event)


def _record(esc: Escalation, name: str, **data: object) -> Record:
    return Record(name, {"escalation": esc.id, "specialist": esc.specialist, **data})


def _timer(esc: Escalation, timer: Timer, now: float) -> StartTimer:
    limits = esc.timing
    wait_s = {
        Timer.LEASE: limits.lease_s,
        Timer.SCREEN: limits.screen_cap_s,
        Timer.RING: limits.ring_s,
        Timer.ACCEPT: limits.accept_s,
    }
    return StartTimer(timer, now + wait_s[timer])


def _reserved(esc: Escalation) -> Step:
    return replace(esc, state=S.RESERVED), [_record(esc, "escalation.reserved"), PushCase()]


def _offered(esc: Escalation, has_screen: bool, now: float) -> Step:
    pushed = [_record(esc, "case.pushed", digest=esc.digest), _record(esc, "escalation.offered", screen=has_screen)]
    if has_screen:
        return esc, [*pushed, _timer(esc, Timer.SCREEN, now)]
    esc, effects = _ring(esc, now)
    return esc, [*pushed, *effects]


def _rendered(esc: Escalation, digest: str, now: float) -> Step:
    if digest != esc.digest or esc.state not in (S.OFFERED, S.RINGING):
        return esc, []
    shown = _record(esc, "case.rendered", digest=digest)
    if esc.state is S.RINGING:
        return esc, [shown]  # later than the cap: the phone rings already
    esc, effects = _ring(replace(esc, state=S.RENDERED), now)
    return esc, [shown, *effects]


def _ring(esc: Escalation, now: float) -> Step:
    if esc.dialled:
        return esc, []
    return replace(esc, dialled=True), [RingSpecialist(esc.leg), _timer(esc, Timer.RING, now)]


def _answered(esc: Escalation, now: float) -> Step:
    answered = _record(esc, "leg.answered", role="specialist", leg=esc.leg)
    if esc.clicked or esc.off_hook_accepts:
        esc, effects = _accept(esc, "click" if esc.clicked else "off_hook")
        return esc, [answered, *effects]
    return esc, [answered, PlayPrompt(esc.leg, ACCEPT_PROMPT), _timer(esc, Timer.ACCEPT, now)]


def _clicked(esc: Escalation) -> Step:
    if esc.answered:
        return _accept(esc, "click")
    return esc, [_record(esc, "escalation.clicked")]


def _accept(esc: Escalation, by: str) -> Step:
    if esc.state in (S.ACCEPTED, S.JOINED):
        return esc, []
    return replace(esc, state=S.ACCEPTED), [_record(esc, "escalation.accepted", by=by), JoinConversation()]


def _timer_fired(esc: Escalation, timer: Timer, now: float) -> Step:
    match timer:
        case Timer.LEASE if esc.state is S.REQUESTED:
            return _close(esc, STORE_SILENT)
        case Timer.SCREEN if esc.state is S.OFFERED:
            return _ring(esc, now)
        case Timer.RING if not esc.answered:
            return _close(esc, NO_ANSWER)
        case Timer.ACCEPT if esc.state not in (S.ACCEPTED, S.JOINED):
            return _close(esc, NOT_A_PERSON)
        case _:
            return esc, []


def _close(esc: Escalation, end: EndReason, **data: object) -> Step:
    effects: list[EscalationEffect] = [EndLeg(esc.leg, end)] if esc.dialled else []
    if esc.lease is not None:
        effects.append(ReleaseLease(esc.lease))
    closed = _record(esc, "escalation.closed", result=end.result.value, reason=end.reason, **data)
    return replace(esc, state=S.CLOSED, end=end, lease=None), [*effects, ReportEnd(), closed]
