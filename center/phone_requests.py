"""What phones ask of the centre beside calls: REFER to bring somebody in, PUBLISH of presence, and what watchers see.

A REFER to `bring-in+<skill>` is a trigger like any other (N5); the phone hears 180 while somebody rings and 200, or the
failure, at the end (RFC 3515). A published presence document is one more source of availability (RFC 3903). Watchers
get the fused availability (RFC 3856) and a person's own calls for busy lamp keys (RFC 4235).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import structlog

from center.documents import EscalationWork
from center.engine import Engine
from center.errors import CenterError, NotAllowed, UnknownThing
from center.escalation.model import EscalationState, InvitationState, Trigger
from center.lamps import rings
from center.triggers import PhoneTriggers, skill_of
from presence.errors import ContractError, PublicationError
from presence.model import Source
from presence.pidf import DialogEntry, DialogState, availability_pidf, dialog_info, parse_pidf
from presence.runner import PresenceService
from telephony.adapters.pjsip_watchers import PresenceBodies
from telephony.effects import ReportRefer
from telephony.events import PhoneRequest, PresencePublished, PresenceWithdrawn, ReferReceived
from telephony.model import ReferId
from telephony.switch import Switch
from vocabulary import EscalationId, LegId, PersonId

log = structlog.get_logger(__name__)

RINGING, DONE, NOT_FOUND, REFUSED, PENDING, FAILED = 180, 200, 404, 403, 491, 480
STATUS_BY_REASON = {"busy": 486, "declined": 603, "no_answer": 408, "cancelled": 487}
"""What the phone that asked by REFER is told when nobody came; everything else is 480."""


@dataclass(frozen=True, slots=True)
class _OpenRefer:
    leg: LegId
    refer: ReferId
    reported: int = 0


class PhoneRequests:
    """Answers REFERs as their escalations go on, and feeds published presence in. Loop thread only."""

    def __init__(self, *, switch: Switch, engine: Engine, presence: PresenceService, triggers: PhoneTriggers) -> None:
        self._switch = switch
        self._engine = engine
        self._presence = presence
        self._triggers = triggers
        self._refers: dict[EscalationId, _OpenRefer] = {}

    def take(self, request: PhoneRequest) -> None:
        """Take one request of a phone."""
        match request:
            case ReferReceived():
                self._refer(request)
            case PresencePublished():
                self._published(request)
            case PresenceWithdrawn(person, publication):
                self._presence.report(person, Source.UC, None, client=publication)
            case _:
                assert_never(request)

    def escalation_changed(self, esc: EscalationWork) -> None:
        """Tell the phone that asked by REFER how it goes."""
        open_refer = self._refers.get(esc.state.id)
        status = _refer_status(esc)
        if open_refer is None or status is None or status == open_refer.reported:
            return
        final = status != RINGING
        self._switch.perform(ReportRefer(open_refer.leg, open_refer.refer, status, final))
        if final:
            del self._refers[esc.state.id]
        else:
            self._refers[esc.state.id] = _OpenRefer(open_refer.leg, open_refer.refer, status)

    def _refer(self, request: ReferReceived) -> None:
        work = self._engine.work_of_leg(request.leg)
        participant = work.call.by_leg(request.leg) if work is not None else None
        if work is None or participant is None or participant.person is None:
            self._switch.perform(ReportRefer(request.leg, request.refer, REFUSED, final=True))
            return
        try:
            skill = skill_of(request.target)
        except CenterError:
            self._switch.perform(ReportRefer(request.leg, request.refer, REFUSED, final=True))
            return
        answer = self._triggers.request(participant.person, work.call.id, skill, Trigger.REFER, None)
        if isinstance(answer, CenterError):
            log.info("refer_refused", leg_id=request.leg, code=answer.code)
            self._switch.perform(ReportRefer(request.leg, request.refer, _refusal_status(answer), final=True))
            return
        self._refers[answer.state.id] = _OpenRefer(request.leg, request.refer)
        self.escalation_changed(answer)

    def _published(self, request: PresencePublished) -> None:
        try:
            said = parse_pidf(request.body)
            self._presence.report(
                request.person,
                Source.UC,
                said.status,
                until=said.until,
                reason=said.note[:200],
                ttl_s=request.expires_s,
                client=request.publication,
            )
        except (PublicationError, ContractError) as error:
            log.info("publication_refused", person=request.person, error=str(error))


def _refusal_status(error: CenterError) -> int:
    """The SIP status of a request that began nothing: no such skill, no part in the call, or not now."""
    match error:
        case UnknownThing():
            return NOT_FOUND
        case NotAllowed():
            return REFUSED
        case _:
            return PENDING


def _refer_status(esc: EscalationWork) -> int | None:
    """The SIP status that tells how an escalation goes; None: nothing to tell beyond the 100 it had."""
    state = esc.state
    if state.state is EscalationState.JOINED:
        return DONE
    if state.state is EscalationState.CLOSED:
        last = state.invitations[-1].end if state.invitations else state.end
        return STATUS_BY_REASON.get(last.reason, FAILED) if last is not None else FAILED
    ringing = any(each.state is InvitationState.RINGING for each in state.live_invitations)
    return RINGING if ringing else None


def watched_documents(presence: PresenceService, engine: Engine, domain: str) -> PresenceBodies:
    """The documents for phones that watch a person."""

    def pidf(person: PersonId) -> bytes:
        return availability_pidf(presence.availability(person), f"sip:{person}@{domain}")

    def dialogs(person: PersonId, version: int) -> bytes:
        return dialog_info(f"sip:{person}@{domain}", version, list(_dialogs(engine, person)))

    return PresenceBodies(pidf, dialogs)


def _dialogs(engine: Engine, person: PersonId) -> Iterator[DialogEntry]:
    """A person's calls: the roster, and phones that ring for an escalation."""
    for work in engine.works.values():
        participant = work.call.by_person(person)
        if participant is not None:
            state = DialogState.CONFIRMED if participant.talking else DialogState.EARLY
            yield DialogEntry(participant.leg, state, incoming=True)
    for esc in engine.escalations.values():
        invitation = esc.state.of(person)
        if invitation is not None and rings(invitation):
            yield DialogEntry(invitation.leg, DialogState.EARLY, incoming=True)
