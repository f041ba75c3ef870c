"""Who may see and do what: every command of the desk, the phone or MQTT passes one of these checks.

What a person may not see does not exist for him (UnknownThing), so that refusals tell nothing.
"""

from __future__ import annotations

from center.directory import CompanyDirectory
from center.documents import EscalationWork, Work, cause_text
from center.engine import Engine
from center.errors import NotAllowed, UnknownThing, WrongMoment
from center.escalation.model import EscalationState
from context.model import ValueSource
from routing.machine import Agent
from routing.model import Person
from vocabulary import CaseId, CustomerId, DeskRole, EscalationId, InteractionId, ParticipantRole, PersonId


class Access:
    """Looks things up for a person, or raises a CenterError."""

    def __init__(self, directory: CompanyDirectory, engine: Engine) -> None:
        self._directory = directory
        self._engine = engine

    def person(self, actor: PersonId) -> Person:
        person = self._directory.people.get(actor)
        if person is None:
            raise NotAllowed("unknown_person", "This person is no longer in the company.")
        return person

    def agent(self, actor: PersonId) -> Agent:
        agent = self._engine.routing.agents.get(actor)
        if agent is None:
            raise NotAllowed("not_an_agent", "Only agents take interactions from queues.")
        return agent

    def sees(self, actor: PersonId, work: Work) -> bool:
        """Whoever takes or took part, is offered the call, is asked in, or supervises."""
        person = self.person(actor)
        part = actor in work.took_part or work.call.by_person(actor) is not None
        return part or self.is_asked_in(actor, work) or DeskRole.SUPERVISOR in person.roles

    def customers(self, actor: PersonId) -> frozenset[CustomerId]:
        """Whose calls this person is in, or asked into, now: their earlier contacts may be looked at."""
        mine = (
            work
            for work in self._engine.works.values()
            if work.call.is_live and (work.call.by_person(actor) is not None or self.is_asked_in(actor, work))
        )
        return frozenset(work.customer.id for work in mine if work.customer is not None)

    def is_asked_in(self, actor: PersonId, work: Work) -> bool:
        """Whether an escalation of this interaction invites, or invited, the person."""
        return any(
            esc.state.interaction == work.call.id and esc.state.of(actor) is not None
            for esc in self._engine.escalations.values()
        )

    def work(self, actor: PersonId, interaction: InteractionId) -> Work:
        """An interaction this person may see, running or just closed."""
        work = self._engine.find(interaction)
        if work is None or not self.sees(actor, work):
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        return work

    def conversation(self, actor: PersonId, interaction: InteractionId) -> Work:
        """An interaction in which this person talks as agent or specialist; who supervises it looks on."""
        work = self.work(actor, interaction)
        if not any(p.person == actor and p.talking for p in work.call.staff):
            raise NotAllowed("not_in_the_call", "Only who talks in this conversation can do that.")
        return work

    def supervised(self, actor: PersonId, interaction: InteractionId) -> Work:
        """A running interaction, for a supervisor."""
        if DeskRole.SUPERVISOR not in self.person(actor).roles:
            raise NotAllowed("not_a_supervisor", "Only supervisors can do that.")
        work = self._engine.works.get(interaction)
        if work is None:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        return work

    def case(self, actor: PersonId, case: CaseId) -> Work:
        """The interaction of a case this person may see."""
        work = next((work for work in self._engine.works_of_case(case) if self.sees(actor, work)), None)
        if work is None:
            raise UnknownThing("unknown_case", "There is no such case.")
        return work

    def source(self, actor: PersonId, work: Work) -> ValueSource:
        """As what a person writes into a case: by his place in the call, else by whether he was asked in."""
        participant = work.call.by_person(actor)
        if participant is not None:
            is_specialist = participant.role is ParticipantRole.SPECIALIST
        else:
            is_specialist = self.is_asked_in(actor, work)
        return ValueSource.SPECIALIST if is_specialist else ValueSource.AGENT

    def escalation(self, escalation: EscalationId) -> EscalationWork:
        esc = self._engine.escalations.get(escalation)
        if esc is None:
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        return esc

    def invitation(self, actor: PersonId, escalation: EscalationId) -> EscalationWork:
        """An escalation that invites, or invited, this person."""
        esc = self.escalation(escalation)
        if esc.state.of(actor) is None:
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        return esc

    def open_invitation(self, actor: PersonId, escalation: EscalationId) -> EscalationWork:
        """An escalation that this person can still accept or decline."""
        esc = self.invitation(actor, escalation)
        invitation = esc.state.of(actor)
        if invitation is not None and not invitation.is_live:
            raise WrongMoment("too_late", f"Too late: {cause_text(invitation.end)}.")
        check_running(esc)
        return esc

    def own_escalation(self, actor: PersonId, escalation: EscalationId, *, or_supervisor: bool) -> EscalationWork:
        """An escalation this person asked for (or supervises)."""
        esc = self.escalation(escalation)
        work = self._engine.find(esc.state.interaction)
        if work is None or not self.sees(actor, work):
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        supervises = or_supervisor and DeskRole.SUPERVISOR in self.person(actor).roles
        if actor != esc.state.agent and not supervises:
            raise NotAllowed("not_yours", "Only who asked for the specialist can do that.")
        return esc


def check_running(esc: EscalationWork) -> None:
    """Refuse what comes after the specialist joined or the escalation ended."""
    if esc.state.state in (EscalationState.CLOSED, EscalationState.JOINED):
        why = cause_text(esc.state.end) or "the specialist is in the conversation already"
        raise WrongMoment("too_late", f"Too late: {why}.")
