"""What people may ask of the centre from their desks: every command is checked here, then becomes an event.

Implements `center.api.CenterApi`. Who may do what is said in `center.access`; what comes of it, in documents and rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from center.access import Access, check_running
from center.asking import Asking
from center.attention import Attention
from center.directory import CompanyDirectory
from center.engine import Engine
from center.enrolment import Enrolment, NewPerson
from center.errors import BadRequest, WrongMoment
from center.escalation.events import (
    Accepted,
    Cancelled,
    CaseRendered,
    Chosen,
    Declined,
    Postponed,
)
from center.escalation.model import Choice, EscalationState, Trigger
from center.interaction.events import Closed, ConsultSwitched, PersonLeft, SupervisorCame
from center.interaction.model import SupervisionMode
from center.limits import parse_limits
from center.live import Document, LiveDocuments
from center.persistence import Persistence
from center.promises import Promises
from center.report.live import Reports
from center.screens import Screens
from center.vcon_export import VconExport
from context.bundle import utc_text
from context.errors import ContextError
from context.model import CaseEdit
from context.record import apply_edit, in_conflict
from presence.errors import ContractError
from presence.model import AvailabilityState, Kind, Status
from presence.runner import PresenceService
from routing.events import AgentStatusChosen, WrapUpFinished
from routing.model import AgentState, AgentStatus, Person
from store.store import Store
from vocabulary import (
    CaseId,
    EscalationId,
    InteractionId,
    LegId,
    ParticipantRole,
    PersonId,
    TaskId,
    new_id,
)


class Commands:
    """The commands of one node's centre. Loop thread only."""

    def __init__(
        self,
        *,
        live: LiveDocuments,
        reports: Reports,
        exports: VconExport,
        store: Store,
        directory: CompanyDirectory,
        presence: PresenceService,
        engine: Engine,
        access: Access,
        asking: Asking,
        attention: Attention,
        enrolment: Enrolment,
        promises: Promises,
        screens: Screens,
        persistence: Persistence,
    ) -> None:
        self.live = live
        self.reports = reports
        self.exports = exports
        self._store = store
        self._directory = directory
        self._presence = presence
        self._engine = engine
        self._access = access
        self._asking = asking
        self._attention = attention
        self._enrolment = enrolment
        self._promises = promises
        self._screens = screens
        self._persistence = persistence

    def person(self, person: PersonId) -> Person | None:
        return self._directory.people.get(person)

    async def new_phone_password(self, actor: PersonId) -> Document:
        """Make a new device password (phone and MQTT); shown once, stored only as digests."""
        return await self._directory.new_phone_password(actor)

    async def choose_agent_status(self, actor: PersonId, status: AgentStatus, reason: str) -> None:
        self._access.agent(actor)
        self._engine.tell_routing(AgentStatusChosen(actor, status, reason))

    async def choose_availability(
        self, actor: PersonId, status: Status | None, reason: str, until: datetime | None
    ) -> None:
        """Set the person's own word on his availability; None takes it back: the sources decide."""
        try:
            self._presence.choose(actor, status, until=until, reason=reason)
        except ContractError as error:
            raise BadRequest("bad_availability", f"This cannot be set: {error}.", field="reason") from None

    async def is_here(self, actor: PersonId) -> None:
        """Somebody who let it ring too often says that he is there."""
        self._attention.is_here(actor)

    async def set_limits(self, actor: PersonId, limits: dict[str, Any]) -> None:
        """How often and when this person lets himself be interrupted (N14)."""
        rules = parse_limits(limits, datetime.now(UTC))
        await self._store.directory.set_limits(actor, limits)
        self._directory.limits[actor] = limits
        self._presence.set_interruption_rules(actor, rules)
        self._screens.show_person(actor)

    async def enrol(self, actor: PersonId, new: NewPerson) -> Document:
        """Take a colleague into the company; his passwords come back this once (CE-24)."""
        return await self._enrolment.enrol(self._access.person(actor), new)

    async def finish_wrap_up(self, actor: PersonId, disposition: str, note: str) -> None:
        agent = self._access.agent(actor)
        if agent.state is not AgentState.WRAP_UP or agent.interaction is None:
            raise WrongMoment("no_wrap_up", "There is no after-call work to finish.")
        work = self._engine.find(agent.interaction)
        if work is not None:
            work.disposition = disposition
            data: dict[str, object] = {"person": actor, "disposition": disposition, "pii_note": note}
            self._store.events.append(work.call.id, "wrap_up.finished", data)
        self._engine.tell_routing(WrapUpFinished(actor))

    async def escalate(
        self,
        actor: PersonId,
        interaction: InteractionId,
        specialist: PersonId | None,
        reason: str,
        skill: str = "",
        override_reason: str = "",
    ) -> Document:
        """Ask a specialist, or whoever has a skill, into the conversation (CE-01, CE-15).

        Who rests by his own limits is asked only with a reason, which is recorded.
        """
        if specialist is not None and specialist in self._directory.people:
            await self._resolve_unknown(specialist)
        esc = self._asking.ask(actor, interaction, specialist, skill, reason, Trigger.DESK, override_reason)
        return self._screens.escalation_document(esc, self._engine.works[interaction])

    async def _resolve_unknown(self, specialist: PersonId) -> None:
        """Somebody unknown who is about to be picked is probed first: his phone and his clients, within 3 s (N6)."""
        availability = self._presence.availability(specialist)
        # A phone that answers OPTIONS does not show that anybody lifts it.
        if availability.state is AvailabilityState.UNKNOWN and availability.kind is not Kind.UNCONFIRMED:
            await self._presence.probe(specialist)

    async def leave(self, actor: PersonId, interaction: InteractionId) -> None:
        self._access.conversation(actor, interaction)
        self._engine.tell_interaction(interaction, PersonLeft(actor))

    async def close(self, actor: PersonId, interaction: InteractionId, outcome: str, resolved: bool, note: str) -> None:
        work = self._access.conversation(actor, interaction)
        work.case = replace(work.case, outcome=outcome)
        self._engine.case_changed(work)
        if note:
            self._store.events.append(interaction, "interaction.note", {"person": actor, "pii_note": note})
        self._engine.tell_interaction(interaction, Closed(actor, outcome, resolved))

    async def consult(self, actor: PersonId, interaction: InteractionId, on: bool) -> None:
        """Talk privately with the specialist while the customer hears music, or come back to him."""
        work = self._access.conversation(actor, interaction)
        if on and sum(p.talking for p in work.call.staff) < 2:
            raise WrongMoment("nobody_to_consult", "There is no colleague in the conversation to talk to.")
        self._engine.tell_interaction(interaction, ConsultSwitched(actor, on))

    async def supervise(self, actor: PersonId, interaction: InteractionId, mode: SupervisionMode) -> None:
        """Listen to, whisper into, or join a conversation with one's own phone."""
        work = self._access.supervised(actor, interaction)
        if not work.call.is_live or not any(p.talking for p in work.call.staff):
            raise WrongMoment("no_conversation", "Nobody talks in this interaction now.")
        already_in = work.call.by_person(actor)
        if already_in is not None and already_in.role is not ParticipantRole.SUPERVISOR:
            raise WrongMoment("already_in", "You are in this conversation yourself.")
        if already_in is None and not self._directory.registered.get(actor, False):
            raise WrongMoment("no_phone", "Your phone is not connected; the conversation comes to your phone.")
        self._engine.tell_interaction(interaction, SupervisorCame(actor, LegId(new_id("leg")), mode))

    async def stop_supervising(self, actor: PersonId, interaction: InteractionId) -> None:
        work = self._access.supervised(actor, interaction)
        participant = work.call.by_person(actor)
        if participant is None or participant.role is not ParticipantRole.SUPERVISOR:
            raise WrongMoment("not_supervising", "You are not in this conversation.")
        self._engine.tell_interaction(interaction, PersonLeft(actor))

    async def rendered(self, actor: PersonId, escalation: EscalationId, digest: str) -> None:
        self._access.invitation(actor, escalation)
        self._engine.tell_escalation(escalation, CaseRendered(actor, digest))

    async def accept(self, actor: PersonId, escalation: EscalationId) -> None:
        self._access.open_invitation(actor, escalation)
        self._engine.tell_escalation(escalation, Accepted(actor))

    async def decline(self, actor: PersonId, escalation: EscalationId, reason: str) -> None:
        self._access.open_invitation(actor, escalation)
        self._attention.is_here(actor)
        self._engine.tell_escalation(escalation, Declined(actor, reason))

    async def postpone(self, actor: PersonId, escalation: EscalationId, minutes: int) -> None:
        """Later: the next one is asked now, and until then this person is not asked again (N14)."""
        self._access.open_invitation(actor, escalation)
        again_at = self._engine.now() + 60.0 * minutes
        self._engine.tell_escalation(escalation, Postponed(actor, again_at))
        until = utc_text(self._engine.utc(again_at))
        limits = self._directory.limits.get(actor) or {}
        await self.set_limits(actor, {**limits, "focus_until": max(until, str(limits.get("focus_until") or ""))})

    async def cancel(self, actor: PersonId, escalation: EscalationId) -> None:
        """Take the request back: who made it, or a supervisor."""
        check_running(self._access.own_escalation(actor, escalation, or_supervisor=True))
        self._engine.tell_escalation(escalation, Cancelled())

    async def choose(self, actor: PersonId, escalation: EscalationId, choice: Choice) -> None:
        """Nobody is free: the agent chooses to wait, a callback, or a task (S03)."""
        esc = self._access.own_escalation(actor, escalation, or_supervisor=False)
        if esc.state.state not in (EscalationState.CHOOSING, EscalationState.WAITING):
            raise WrongMoment("nothing_to_choose", "There is nothing to choose now.")
        self._engine.tell_escalation(escalation, Chosen(choice))

    def tasks(self, actor: PersonId) -> Sequence[Document]:
        """Promises to keep that this person may see: his own, those offered to him; supervisors see all."""
        return self._promises.documents(self._access.person(actor))

    async def accept_task(self, actor: PersonId, task: TaskId) -> None:
        await self._promises.accept(self._access.person(actor), task)

    async def decline_task(self, actor: PersonId, task: TaskId) -> None:
        self._promises.decline(self._access.person(actor), task)

    async def finish_task(self, actor: PersonId, task: TaskId, outcome: str, resolved: bool) -> None:
        self._promises.done(self._access.person(actor), task, outcome, resolved)

    async def edit_case(
        self, actor: PersonId, case: CaseId, field: str, text: str, base_version: int
    ) -> dict[str, Any]:
        """Change one field; both screens see it at once, with who said it."""
        work = self._access.case(actor, case)
        source = self._access.source(actor, work)
        edit = CaseEdit(field, text, source, actor, datetime.now(UTC), base_version)
        try:
            edited = apply_edit(work.case, edit)
        except ContextError as error:
            raise BadRequest(error.code, str(error), field="text") from None
        if edited is not work.case:
            work.case = edited
            data: dict[str, object] = {
                "field": field,
                "pii_text": text,
                "source": source.value,
                "person": actor,
                "version": edited.version,
            }
            self._store.events.append(work.call.id, "case.edited", data)
            self._engine.case_changed(work)
        return {"version": edited.version, "conflict": in_conflict(edited, field)}

    async def interaction(self, actor: PersonId, interaction: InteractionId) -> Document:
        work, customers = self._engine.find(interaction), self._access.customers(actor)
        if work is None:
            return await self._persistence.old_interaction(interaction, self._access.person(actor), customers)
        is_past = not work.call.is_live and work.customer is not None and work.customer.id in customers
        return self._screens.work_document(work if is_past else self._access.work(actor, interaction))

    async def timeline(self, actor: PersonId, interaction: InteractionId) -> list[Document]:
        await self.interaction(actor, interaction)  # who may see the interaction may see its time line
        return await self._persistence.timeline(interaction)

    async def case(self, actor: PersonId, case: CaseId) -> Document:
        return self._screens.case_document(self._access.case(actor, case).case)

    def specialists_in_order(self, actor: PersonId, interaction: InteractionId) -> list[Document]:
        """The list of specialists as the agent in this interaction sees it."""
        work = self._access.work(actor, interaction)
        return self._screens.specialists_for(work.call.queue.specialist_skills)

    async def health(self) -> Document:
        degraded = self._screens.warnings(self._store.events.degraded)
        return {"ok": not degraded, "degraded": degraded}
