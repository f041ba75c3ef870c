"""The life of an escalation: `step(escalation, event, now) -> (escalation, effects)`.

    SEARCHING ── accept ──► JOINED ── conversation over, specialist left ──► CLOSED
      │  ▲  └─ nobody free, nobody left ──► CHOOSING ── wait ──► WAITING ── somebody free ──┐
      │  └──────────────────────────────────────────────────────────────────────────────────┘
      └─ fall-through time, callback or task chosen ──► promise made ──► CLOSED   (cancelled, customer left: too)

Search. One deadline rules (N2), t seconds after the trigger:
  0         the best is invited; when he refuses, the next at once, each for the ring limit at most;
  12        (target - ring limit) everyone left is invited together, so whoever answers in time still makes the target;
  then      the deputy, if there is time for a ring;
  27        (ceiling - promise) the search ends and the promise is made. No try begins that cannot ring before that.

Invitation. REQUESTED ─lease─► RESERVED ─case pushed─► OFFERED ─screen shows it─► RENDERED ─180─► RINGING ─► ACCEPTED.
The phone rings only while we hold the lease, and only after the screen showed the case or 0.5 s passed (N1). Answering
is not yet accepting: joined is who lifted a trusted handset, clicked Accept, or pressed 1 (N8). The first accept wins;
the other phones are told that the call was completed elsewhere.

Invariants (property tests): nobody is invited twice; every lease granted is released; every leg dialled is ended or
joined; it ends exactly once, at the latest at the ceiling, as joined, promise, cancelled or customer gone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from center.escalation import invitation as inv
from center.escalation.effects import (
    EscalationEffect,
    FindCandidates,
    MakePromise,
    OfferChoices,
    ReleaseLease,
    ReportEnd,
    StartTimer,
)
from center.escalation.events import (
    Accepted,
    Cancelled,
    CandidatesFound,
    CasePushed,
    CaseRendered,
    Chosen,
    ConversationEnded,
    Declined,
    EscalationEvent,
    Joined,
    LeaseGranted,
    LeaseRefused,
    Postponed,
    Requested,
    TakenOver,
    TimerFired,
)
from center.escalation.model import Candidate, Choice, Escalation, EscalationState, Invitation, InvitationState
from center.record import Record
from telephony.events import DtmfReceived, LegAnswered, LegArrived, LegDialled, LegEnded, LegRinging, PromptEnded
from vocabulary import EndReason, LegId

Step = tuple[Escalation, list[EscalationEffect]]

S = EscalationState

CANCELLED = EndReason.success("cancelled")
PROMISED = EndReason.success("promised")
ELSEWHERE = EndReason.success("completed_elsewhere")
NODE_LOST = EndReason.server_error("node_lost")
TIME_IS_UP = EndReason.upstream_error("no_answer")


def step(esc: Escalation, event: EscalationEvent, now: float) -> Step:
    """Apply one event, then do what the time asks for. A closed escalation only gives back leases that come late."""
    if not esc.is_live:
        return esc, [ReleaseLease(event.lease)] if isinstance(event, LeaseGranted) else []
    esc, effects = _apply(esc, event, now)
    esc, due = _do_what_is_due(esc, now)
    effects += due
    if esc.is_live and (wake_at := _next_wake(esc, now)) is not None:
        effects.append(StartTimer(wake_at))
    return esc, effects


def _apply(esc: Escalation, event: EscalationEvent, now: float) -> Step:
    match event:
        case Requested():
            asked = Record("escalation.requested", {**_names(esc), "trigger": esc.trigger.value})
            return replace(esc, clock_from=now, asking=True), [asked, FindCandidates()]
        case CandidatesFound():
            return _invite(esc, event, now)
        case LeaseGranted(person, lease):
            return _of(esc, esc.of(person), lambda i: inv.reserved(i, lease), otherwise=[ReleaseLease(lease)])
        case LeaseRefused(person, reason):
            return _of(esc, esc.of(person), lambda i: inv.ended(i, EndReason.client_error(reason)))
        case CasePushed(person, digest, has_screen):
            return _of(esc, esc.of(person), lambda i: inv.pushed(i, digest, has_screen, now))
        case CaseRendered(person, digest):
            return _of(esc, esc.of(person), lambda i: inv.rendered(i, digest))
        case Accepted(person):
            return _of(esc, esc.of(person), inv.clicked)
        case Declined(person, reason):
            return _of(esc, esc.of(person), lambda i: inv.declined(i, reason))
        case Postponed(person, again_at):
            return _of(esc, esc.of(person), lambda i: inv.postponed(i, again_at))
        case LegDialled(leg, sip_call_id):
            return _of(esc, esc.by_leg(leg), lambda i: (i, [inv.record(i, "leg.dialled", sip_call_id=sip_call_id)]))
        case LegRinging(leg):
            return _of(esc, esc.by_leg(leg), lambda i: inv.ringing(i, now))
        case LegAnswered(leg, by_person):
            return _of(esc, esc.by_leg(leg), lambda i: inv.answered(i, esc.timing, now, clicked=by_person))
        case DtmfReceived(leg, key):
            return _of(esc, esc.by_leg(leg), lambda i: inv.key_pressed(i, key))
        case LegEnded(leg, end):
            return _of(esc, esc.by_leg(leg), lambda i: inv.leg_ended(i, end))
        case Chosen(choice):
            return _chosen(esc, choice, now)
        case Joined():
            return replace(esc, state=S.JOINED), [Record("escalation.joined", _names(esc))]
        case Cancelled():
            return _close(esc, CANCELLED) if esc.winner is None else (esc, [])
        case ConversationEnded(end):
            return _close(esc, end)
        case TakenOver():
            return _promise(esc, Choice.CALLBACK) if esc.winner is None else _close(esc, NODE_LOST)
        case TimerFired() | LegArrived() | PromptEnded():
            return esc, []
        case _:
            assert_never(event)


def _of(
    esc: Escalation,
    invitation: Invitation | None,
    change: inv.Change,
    otherwise: list[EscalationEffect] | None = None,
) -> Step:
    """Apply a change to one live invitation; the first that becomes accepted ends the others."""
    if invitation is None or not invitation.is_live:
        return esc, otherwise or []
    if esc.winner is not None and invitation is not esc.winner:
        return esc, otherwise or []
    changed, effects = change(invitation)
    esc = esc.with_invitation(changed)
    if changed.is_accepted and not invitation.is_accepted:
        esc, others = _end_invitations(esc, ELSEWHERE, but=changed)
        effects = [*effects, *others]
    return esc, effects


def _do_what_is_due(esc: Escalation, now: float) -> Step:
    """Limits of the invitations first, then the plan: who is next, or the end of the search."""
    effects: list[EscalationEffect] = []
    for invitation in esc.live_invitations:
        changed, more = inv.due(invitation, esc.timing, now)
        if more:
            esc = esc.with_invitation(changed)
            effects += more
    if not esc.is_live or esc.winner is not None or esc.asking:
        return esc, effects
    match esc.state:
        case S.SEARCHING | S.CHOOSING if now >= esc.fall_through_at:
            esc, more = _promise(esc, Choice.CALLBACK)
        case S.WAITING if esc.wait_until is not None and now >= esc.wait_until:
            esc, more = _promise(esc, Choice.CALLBACK)
        case S.SEARCHING if not esc.live_invitations or _broadcast_is_due(esc, now):
            esc, more = replace(esc, asking=True), [FindCandidates()]
        case _:
            more = []
    return esc, [*effects, *more]


def _broadcast_is_due(esc: Escalation, now: float) -> bool:
    return not esc.broadcast and now >= esc.broadcast_at


def _invite(esc: Escalation, found: CandidatesFound, now: float) -> Step:
    """Begin the next invitations: one, or everyone left; without anybody the deputy, a choice, or the promise."""
    esc = replace(esc, asking=False)
    if esc.winner is not None or esc.state is S.JOINED:
        return esc, []
    fresh = [candidate for candidate in found.ranked if candidate.person not in esc.invited]
    if esc.state is not S.SEARCHING and not fresh:
        return esc, []  # still nobody; the choice or the wait goes on
    if esc.state is S.WAITING:
        esc = replace(esc, clock_from=now, broadcast=False, wait_until=None)  # the deadline runs anew
    esc = replace(esc, state=S.SEARCHING)
    ring_s = min(esc.timing.ring_s, esc.fall_through_at - now)
    if ring_s < esc.timing.least_ring_s:
        esc = replace(esc, broadcast=True)
        return (esc, []) if esc.live_invitations else _promise(esc, Choice.CALLBACK)
    return _begin(esc, fresh, found, now + ring_s, now)


def _begin(esc: Escalation, fresh: list[Candidate], found: CandidatesFound, ring_until: float, now: float) -> Step:
    if now >= esc.broadcast_at:
        esc = replace(esc, broadcast=True)
        chosen = fresh[: max(0, esc.timing.group - len(esc.live_invitations))]
    else:
        chosen = fresh[:1]
    if not chosen and not esc.live_invitations:
        deputy = found.deputy
        if esc.invitations and deputy is not None and deputy.person not in esc.invited:
            chosen = [deputy]
        else:
            return _nobody_left(esc)
    effects: list[EscalationEffect] = []
    for candidate, leg in zip(chosen, found.legs, strict=False):
        esc, more = _begin_one(esc, candidate, leg, ring_until, now)
        effects += more
    return esc, effects


def _begin_one(esc: Escalation, candidate: Candidate, leg: LegId, ring_until: float, now: float) -> Step:
    invitation = Invitation(candidate.person, leg, candidate.trusted, begun_at=now, ring_until=ring_until)
    return esc.with_invitation(invitation), inv.begun(invitation)


def _nobody_left(esc: Escalation) -> Step:
    """Nobody is free, or everybody was tried: the agent may choose; without a choice the deadline makes the promise."""
    return replace(esc, state=S.CHOOSING), [Record("escalation.nobody_free", _names(esc)), OfferChoices()]


def _chosen(esc: Escalation, choice: Choice, now: float) -> Step:
    if esc.state not in (S.CHOOSING, S.WAITING):
        return esc, []
    chosen = Record("escalation.chosen", {**_names(esc), "choice": choice.value})
    if choice is Choice.WAIT:
        waiting = replace(esc, state=S.WAITING, wait_until=now + esc.timing.wait_s)
        return waiting, [chosen, FindCandidates()]  # somebody may have become free while the agent read
    esc, effects = _promise(esc, choice)
    return esc, [chosen, *effects]


def _promise(esc: Escalation, choice: Choice) -> Step:
    """The search is over without a person: a definite next step instead (N10)."""
    fell = Record("escalation.fell_through", {**_names(esc), "choice": choice.value, "tried": len(esc.invitations)})
    esc, effects = _end_invitations(esc, TIME_IS_UP)
    esc, closing = _close(esc, PROMISED)
    return esc, [*effects, fell, MakePromise(choice), *closing]


def _close(esc: Escalation, end: EndReason) -> Step:
    winner = esc.winner
    effects = inv.settled(winner, end) if winner is not None else []
    if winner is not None:
        esc = esc.with_invitation(replace(winner, state=InvitationState.ENDED, lease=None, end=end))
    esc, others = _end_invitations(esc, end)
    closed = Record("escalation.closed", {**_names(esc), "result": end.result.value, "reason": end.reason})
    return replace(esc, state=S.CLOSED, end=end), [*effects, *others, ReportEnd(), closed]


def _end_invitations(esc: Escalation, end: EndReason, but: Invitation | None = None) -> Step:
    effects: list[EscalationEffect] = []
    for invitation in esc.live_invitations:
        if invitation == but:
            continue
        ended, more = inv.ended(invitation, end)
        esc = esc.with_invitation(ended)
        effects += more
    return esc, effects


def _names(esc: Escalation) -> dict[str, object]:
    winner = esc.winner
    return {"escalation": esc.id, "skill": esc.skill, "specialist": winner.specialist if winner else esc.first}


def _next_wake(esc: Escalation, now: float) -> float | None:
    """The next time at which anything is due."""
    wakes = [at for invitation in esc.live_invitations for at in inv.wake_ups(invitation, esc.timing)]
    if esc.winner is None:
        if esc.state in (S.SEARCHING, S.CHOOSING):
            wakes.append(esc.fall_through_at)
            if not esc.broadcast and esc.state is S.SEARCHING:
                wakes.append(esc.broadcast_at)
        if esc.wait_until is not None:
            wakes.append(esc.wait_until)
    return min((at for at in wakes if at > now), default=None)
