"""Which specialist the store knows an escalation by: what his help changed is told to him."""

from __future__ import annotations

from datetime import UTC, datetime

from center.documents import EscalationWork
from center.escalation.model import Escalation, EscalationState, Invitation, InvitationState, Trigger
from center.persistence import stored_escalation
from telephony.model import CallerIdentity
from vocabulary import CaseId, EscalationId, InteractionId, LegId, PersonId

ANNA, EVA, MARCUS = PersonId("anna"), PersonId("eva"), PersonId("marcus")
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def ended(specialist: PersonId) -> Invitation:
    return Invitation(specialist, LegId(f"leg_{specialist}"), True, 0.0, 8.0, InvitationState.ENDED)


def closed(*asked: PersonId) -> EscalationWork:
    state = Escalation(
        id=EscalationId("esc_1"),
        interaction=InteractionId("int_1"),
        case=CaseId("case_1"),
        agent=ANNA,
        shown=CallerIdentity("Ana", "+385915550101"),
        reason="",
        trigger=Trigger.DESK,
        requested_at=0.0,
        state=EscalationState.CLOSED,
        invitations=tuple(ended(each) for each in asked),
    )
    return EscalationWork(state, {"requested": AT, "closed": AT})


def test_who_joined_is_stored_though_another_was_rung_after_him() -> None:
    """CE-27: several are rung together in time for the target; who joined reads what his help changed."""
    work = closed(EVA, MARCUS)
    work.times["joined"] = AT
    work.reached[EVA] = {"accepted": AT}
    assert stored_escalation(work).specialist == EVA
    assert stored_escalation(work).accepted_at == AT


def test_without_anybody_who_joined_the_last_one_tried_is_stored() -> None:
    work = closed(EVA, MARCUS)
    work.reached[EVA] = {"accepted": AT}  # his line died before he was in the call
    assert stored_escalation(work).specialist == MARCUS
