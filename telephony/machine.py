"""The life of one leg, whether it came in or rings several phones of one person at once.

A leg has *branches*, the SIP dialogs behind it: one when it arrived, one per registered phone when dialled. A page with
its phone on is a branch, too.

    arrived ─────────────┐
    dialled ─> ringing ──┴─> won (one branch confirmed, all others cancelled) ─> answered (its media runs) ─> ended

Invariants: LegRinging and LegAnswered at most once each, LegEnded exactly once and last; after an end was asked for,
nothing but LegEnded follows; the leg ends when its winner ends, or when no branch is left; a branch that wins too late
is hung up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NewType

from telephony import end_reasons
from telephony.events import LegAnswered, LegEnded, LegEvent, LegRinging
from vocabulary import EndReason, LegId

BranchId = NewType("BranchId", int)


@dataclass(frozen=True, slots=True)
class BranchRinging:
    """The far end alerts (180 or 183)."""

    branch: BranchId


@dataclass(frozen=True, slots=True)
class BranchConfirmed:
    """The dialog is established (200 and ACK), or somebody clicked Answer in a page (`by_person`)."""

    branch: BranchId
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class BranchMediaRuns:
    """The media of this branch is negotiated and active."""

    branch: BranchId


@dataclass(frozen=True, slots=True)
class BranchEnded:
    """The dialog is gone. `sip_status` is the final response that ended it, 0 for BYE."""

    branch: BranchId
    end: EndReason
    sip_status: int = 0


@dataclass(frozen=True, slots=True)
class EndAsked:
    """Somebody wants the leg to end (EndLeg, lost media, shutdown)."""

    end: EndReason
    sip_status: int = 0


BranchEvent = BranchRinging | BranchConfirmed | BranchMediaRuns | BranchEnded | EndAsked


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the event loop."""

    event: LegEvent


@dataclass(frozen=True, slots=True)
class HangUpBranch:
    """Refuse, cancel or say BYE to one branch, whatever fits its state, with a Reason header."""

    branch: BranchId
    end: EndReason
    sip_status: int = 0


LegAction = Report | HangUpBranch


@dataclass(frozen=True, slots=True)
class LegLife:
    """One leg with its live branches. `asked` is set once the end was asked for, `failure` explains lost branches."""

    leg: LegId
    branches: frozenset[BranchId]
    media: frozenset[BranchId] = frozenset()
    ringing: bool = False
    winner: BranchId | None = None
    by_person: bool = False
    answered: bool = False
    asked: EndAsked | None = None
    failure: tuple[EndReason, int] | None = None
    ended: bool = False


def step(life: LegLife, event: BranchEvent) -> tuple[LegLife, tuple[LegAction, ...]]:
    """Let one thing happen to a leg. Late words about a branch that is gone change nothing."""
    if life.ended or not (isinstance(event, EndAsked) or event.branch in life.branches):
        return life, ()
    match event:
        case BranchRinging():
            return _ringing(life)
        case BranchConfirmed(branch, by_person):
            return _confirmed(life, branch, by_person)
        case BranchMediaRuns(branch):
            return _answered(replace(life, media=life.media | {branch}))
        case BranchEnded():
            return _branch_ended(life, event)
        case EndAsked():
            return _end_asked(life, event)


def _ringing(life: LegLife) -> tuple[LegLife, tuple[LegAction, ...]]:
    if life.ringing or life.winner is not None or life.asked is not None:
        return life, ()
    return replace(life, ringing=True), (Report(LegRinging(life.leg)),)


def _confirmed(life: LegLife, branch: BranchId, by_person: bool) -> tuple[LegLife, tuple[LegAction, ...]]:
    if life.asked is not None:
        return life, (HangUpBranch(branch, life.asked.end, life.asked.sip_status),)
    if life.winner is not None:
        late = life.winner != branch
        return life, (HangUpBranch(branch, end_reasons.COMPLETED_ELSEWHERE),) if late else ()
    losers = sorted(life.branches - {branch})
    won, reports = _answered(replace(life, winner=branch, by_person=by_person))
    return won, (*(HangUpBranch(loser, end_reasons.COMPLETED_ELSEWHERE) for loser in losers), *reports)


def _answered(life: LegLife) -> tuple[LegLife, tuple[LegAction, ...]]:
    if life.answered or life.asked is not None or life.winner is None or life.winner not in life.media:
        return life, ()
    return replace(life, answered=True), (Report(LegAnswered(life.leg, life.by_person)),)


def _branch_ended(life: LegLife, gone: BranchEnded) -> tuple[LegLife, tuple[LegAction, ...]]:
    left = replace(life, branches=life.branches - {gone.branch})
    if life.winner is not None and gone.branch != life.winner:
        return left, ()
    told = (gone.end, gone.sip_status)
    if life.winner is None:
        told = told if life.failure is None else end_reasons.better(life.failure, told)
        left = replace(left, failure=told)
        if left.branches:
            return left, ()
    if life.asked is not None:
        told = (life.asked.end, life.asked.sip_status)
    return replace(left, ended=True), (Report(LegEnded(life.leg, *told)),)


def _end_asked(life: LegLife, asked: EndAsked) -> tuple[LegLife, tuple[LegAction, ...]]:
    """Hang all branches up; the first reason given is the one that counts."""
    if life.asked is not None:
        return life, ()
    asked_life = replace(life, asked=asked)
    if not life.branches:
        return replace(asked_life, ended=True), (Report(LegEnded(life.leg, asked.end, asked.sip_status)),)
    hang_ups = (HangUpBranch(branch, asked.end, asked.sip_status) for branch in sorted(life.branches))
    return asked_life, tuple(hang_ups)
