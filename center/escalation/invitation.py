"""One invitation inside an escalation: what each event does to it. Pure; used by `machine.py` only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from center.escalation.effects import (
    AcquireLease,
    CountMiss,
    EscalationEffect,
    JoinConversation,
    PushCase,
    ReleaseLease,
    RingSpecialist,
    SpeakSummary,
)
from center.escalation.model import Invitation, InvitationState, Timing
from center.record import Record
from routing.model import Lease
from telephony.effects import EndLeg
from vocabulary import EndReason

Changed = tuple[Invitation, list[EscalationEffect]]
Change = Callable[[Invitation], Changed]

State = InvitationState

ACCEPT_KEY, DECLINE_KEY = "1", "2"

NO_ANSWER = EndReason.upstream_error("no_answer")
NOT_A_PERSON = EndReason.upstream_error("not_a_person")
DECLINED = EndReason.client_error("declined")
LATER = EndReason.client_error("later")
STORE_SILENT = EndReason.server_error("store_silent")


def record(invitation: Invitation, name: str, **data: object) -> Record:
    """An entry of the event log that names the specialist and his leg."""
    return Record(name, {"specialist": invitation.specialist, "role": "specialist", "leg": invitation.leg, **data})


def begun(invitation: Invitation) -> list[EscalationEffect]:
    return [record(invitation, "invitation.begun"), AcquireLease(invitation.specialist)]


def reserved(invitation: Invitation, lease: Lease) -> Changed:
    if invitation.state is not State.REQUESTED:
        return invitation, [] if lease == invitation.lease else [ReleaseLease(lease)]
    invitation = replace(invitation, state=State.RESERVED, lease=lease)
    return invitation, [record(invitation, "escalation.reserved"), PushCase(invitation.specialist)]


def pushed(invitation: Invitation, digest: str, has_screen: bool, now: float) -> Changed:
    if invitation.state is not State.RESERVED:
        return invitation, []
    invitation = replace(invitation, state=State.OFFERED, digest=digest, has_screen=has_screen, pushed_at=now)
    effects: list[EscalationEffect] = [
        record(invitation, "case.pushed", digest=digest),
        record(invitation, "escalation.offered", screen=has_screen),
    ]
    if has_screen:
        return invitation, effects
    invitation, ring = _ring(invitation)
    return invitation, [*effects, *ring]


def rendered(invitation: Invitation, digest: str) -> Changed:
    if digest != invitation.digest or invitation.state not in (State.OFFERED, State.RINGING):
        return invitation, []
    shown = record(invitation, "case.rendered", digest=digest)
    invitation = replace(invitation, has_screen=True)
    if invitation.state is State.RINGING or invitation.dialled:
        return invitation, [shown]  # later than the cap: the phone is being rung already
    invitation, effects = _ring(replace(invitation, state=State.RENDERED))
    return invitation, [shown, *effects]


def ringing(invitation: Invitation, now: float) -> Changed:
    if invitation.state not in (State.OFFERED, State.RENDERED):
        return invitation, []
    return replace(invitation, state=State.RINGING, rang_at=now), [record(invitation, "leg.ringing")]


def answered(invitation: Invitation, timing: Timing, now: float, *, clicked: bool = False) -> Changed:
    """A handset was lifted, or something answered. Only a click in a page (`clicked`), or a trusted, humanly slow or
    announced answer accepts."""
    invitation = replace(invitation, answered_at=now)
    answer = record(invitation, "leg.answered")
    by_person = invitation.rang_at is not None and now - invitation.rang_at >= timing.reflex_s
    if invitation.clicked or clicked:
        invitation, effects = _accept(invitation, "click")
    elif invitation.trusted and invitation.has_screen and by_person:
        invitation, effects = _accept(invitation, "off_hook")
    else:
        effects = [SpeakSummary(invitation)]
    return invitation, [answer, *effects]


def clicked(invitation: Invitation) -> Changed:
    if invitation.answered_at is not None:
        return _accept(invitation, "click")
    return replace(invitation, clicked=True), [record(invitation, "escalation.clicked")]


def key_pressed(invitation: Invitation, key: str) -> Changed:
    if invitation.answered_at is None or invitation.is_accepted:
        return invitation, []
    if key == ACCEPT_KEY:
        return _accept(invitation, "key")
    return declined(invitation, "") if key == DECLINE_KEY else (invitation, [])


def declined(invitation: Invitation, words: str) -> Changed:
    if invitation.is_accepted:
        return invitation, []
    invitation, effects = ended(invitation, DECLINED)
    return invitation, [record(invitation, "escalation.declined", pii_words=words), *effects]


def postponed(invitation: Invitation, again_at: float) -> Changed:
    """As declined, but it says when he has time: the agent sees it, and a promise would be his."""
    if invitation.is_accepted:
        return invitation, []
    invitation, effects = ended(replace(invitation, again_at=again_at), LATER)
    return invitation, [record(invitation, "escalation.postponed"), *effects]


def leg_ended(invitation: Invitation, end: EndReason) -> Changed:
    """The phone is busy, refused, forwarded, unreachable, or hung up before accepting."""
    if invitation.is_accepted:
        return invitation, []  # the interaction hears of it and ends the escalation
    hung_up = invitation.answered_at is not None
    return ended(invitation, NOT_A_PERSON if hung_up else end)


def ended(invitation: Invitation, end: EndReason) -> Changed:
    """End a live invitation: settle leg and lease, keep the cause."""
    effects = settled(invitation, end)
    if end == NO_ANSWER:
        effects.append(CountMiss(invitation.specialist))
    effects.append(record(invitation, "invitation.ended", result=end.result.value, reason=end.reason))
    return replace(invitation, state=State.ENDED, lease=None, end=end), effects


def settled(invitation: Invitation, end: EndReason) -> list[EscalationEffect]:
    """End the leg and give the lease back."""
    effects: list[EscalationEffect] = [EndLeg(invitation.leg, end)] if invitation.dialled else []
    if invitation.lease is not None:
        effects.append(ReleaseLease(invitation.lease))
    return effects


def due(invitation: Invitation, timing: Timing, now: float) -> Changed:
    """Apply whatever limit of this invitation has passed; no effects: none has."""
    if invitation.is_accepted or not invitation.is_live:
        return invitation, []
    if invitation.state is State.REQUESTED and now >= invitation.begun_at + timing.lease_s:
        return ended(invitation, STORE_SILENT)
    if invitation.answered_at is not None:
        return ended(invitation, NOT_A_PERSON) if now >= _accept_until(invitation, timing) else (invitation, [])
    if now >= invitation.ring_until:
        return ended(invitation, NO_ANSWER)
    if (
        invitation.pushed_at is not None
        and not invitation.dialled
        and now >= invitation.pushed_at + timing.screen_cap_s
    ):
        return _ring(invitation)
    return invitation, []


def wake_ups(invitation: Invitation, timing: Timing) -> list[float]:
    """When `due` should be asked again."""
    if invitation.is_accepted:
        return []
    if invitation.answered_at is not None:
        return [_accept_until(invitation, timing)]
    wakes = [invitation.ring_until]
    if invitation.state is State.REQUESTED:
        wakes.append(invitation.begun_at + timing.lease_s)
    if invitation.pushed_at is not None and not invitation.dialled:
        wakes.append(invitation.pushed_at + timing.screen_cap_s)
    return wakes


def _accept_until(invitation: Invitation, timing: Timing) -> float:
    """A phone without a screen first hears the summary."""
    spoken_s = 0.0 if invitation.has_screen else timing.announce_s
    return (invitation.answered_at or 0.0) + spoken_s + timing.accept_s


def _ring(invitation: Invitation) -> Changed:
    invitation = replace(invitation, dialled=True)
    return invitation, [RingSpecialist(invitation)]


def _accept(invitation: Invitation, by: str) -> Changed:
    if invitation.is_accepted:
        return invitation, []
    invitation = replace(invitation, state=State.ACCEPTED)
    return invitation, [record(invitation, "escalation.accepted", by=by), JoinConversation(invitation)]
