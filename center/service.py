"""The centre as its people see it: commands in, documents out. Implements `center.api.CenterApi`.

Commands are checked here (who may do what, when) and become events for the engine. The engine's results become live
documents for screens, rows in the store, and line states for presence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from center.directory import PREFIX, CompanyDirectory
from center.documents import EscalationWork, Work, cause_text
from center.engine import Engine, find_interaction_of
from center.errors import BadRequest, CenterError, NotAllowed, UnknownThing, WrongMoment
from center.escalation.events import (
    Accepted,
    Cancelled,
    CandidatesFound,
    CasePushed,
    CaseRendered,
    Chosen,
    Declined,
    Requested,
)
from center.escalation.model import Candidate, Choice, Escalation, EscalationState, Invitation, Timing, Trigger
from center.interaction.events import AgentCameBack, Arrived, Closed, ConsultSwitched, PersonLeft, SupervisorCame
from center.interaction.model import Interaction, Phase, SupervisionMode
from center.leases import LeaseKeeper
from center.live import Document, LiveDocuments
from center.persistence import Persistence
from center.phone_requests import PhoneRequests
from center.promise.calendar import BusinessHours
from center.promise.model import PromiseRules, TaskKind
from center.promises import Promises
from center.screens import Screens
from center.speech import Speech
from center.triggers import PhoneTriggers, skill_of
from context.bundle import bundle_json, make_bundle
from context.errors import ContextError
from context.model import Case, CaseEdit, ContextBundle, Customer, PastContact, ValueSource
from context.record import apply_edit, field_spec, in_conflict
from presence.errors import ContractError
from presence.model import Availability, AvailabilityState, Status
from presence.runner import PresenceService
from routing.events import AgentStatusChosen, PhoneChanged, WrapUpFinished
from routing.machine import Agent, Routing
from routing.model import AgentState, AgentStatus, Person
from routing.specialists import by_usefulness
from store.store import Store
from telephony.effects import EndLeg, PlayPrompt
from telephony.events import (
    DtmfReceived,
    LegArrived,
    LegEnded,
    LegEvent,
    PhoneRegistered,
    PhoneUnregistered,
    SwitchEvent,
)
from telephony.model import CallerIdentity, PersonOrigin, PromptName, TrunkOrigin
from telephony.switch import Switch
from vocabulary import (
    CaseId,
    DeskRole,
    EndReason,
    EscalationId,
    InteractionId,
    LegId,
    ParticipantRole,
    PersonId,
    QueueId,
    TaskId,
    new_id,
)

log = structlog.get_logger(__name__)

SHOWN_AFTER_CLOSING_S = 20.0
"""How long a closed escalation stays on the screens, so that its cause can be read."""

ACCEPT_PROMPT = PromptName("please-press-one")
SUMMARY_S = 6.0
"""The longest spoken summary (S04 step 4)."""
NOT_IN_A_CALL = EndReason.client_error("not_in_a_call")
REQUEST_TAKEN = EndReason.success("request_taken")
REQUEST_REFUSED = EndReason.client_error("request_refused")
UNKNOWN_NUMBER = EndReason.client_error("unknown_number")

CUSTOMER_NAME_FIELD = "policy_holder"
"""The field of a case template that a known customer's name is filled into."""


class ContactCenter:
    """One node's centre. Loop thread only."""

    def __init__(
        self,
        *,
        store: Store,
        switch: Switch,
        presence: PresenceService,
        directory: CompanyDirectory,
        live: LiveDocuments,
        timing: Timing,
        agent_status: Mapping[PersonId, tuple[AgentStatus, str]],
        case_url: Callable[[EscalationId], str],
        company: str,
        speech: Speech,
        leases: LeaseKeeper | None = None,
        promise_rules: PromiseRules | None = None,
        hours: Callable[[QueueId], BusinessHours] = lambda _queue: BusinessHours(),
    ) -> None:
        self.live = live
        self._speech = speech
        self._triggers = PhoneTriggers(self._ask, self._say)
        self._store = store
        self._presence = presence
        self._directory = directory
        self._timing = timing
        self._case_url = case_url
        self._leases = leases or LeaseKeeper(store.leases)
        self._persistence = Persistence(store)
        self._bundles: dict[EscalationId, ContextBundle] = {}
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.engine = Engine(
            switch=switch,
            leases=self._leases,
            events=store.events,
            surroundings=self,
            routing=_start_routing(directory, agent_status, self._loop.time()),
        )
        self._switch = switch
        self.phone_requests = PhoneRequests(
            switch=switch, engine=self.engine, presence=presence, triggers=self._triggers
        )
        self._screens = Screens(live, directory, presence, self.engine, company)
        self._promises = Promises(
            store=store,
            switch=switch,
            engine=self.engine,
            leases=self._leases,
            presence=presence,
            directory=directory,
            live=live,
            persistence=self._persistence,
            speech=speech,
            rules=promise_rules or PromiseRules(),
            hours=hours,
            company=company,
        )

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin: close what an earlier run left open, show everything."""
        await self._leases.start(self._needs_lease)
        self._persistence.start()
        await self._persistence.close_leftovers()
        self._screens.show_all()
        await self._promises.start()

    async def stop(self) -> None:
        """End calls in good order, write what is left."""
        await self.engine.stop()
        for task in list(self._tasks):
            task.cancel()
        await self._promises.stop()
        await self._leases.stop()
        await self._persistence.stop()

    # -- from the switch and presence ---------------------------------------------------------------------------

    def switch_event(self, event: SwitchEvent) -> None:
        """Take an event of the switch."""
        if isinstance(event, LegEvent) and self._promises.leg_event(event):
            return
        match event:
            case LegArrived():
                self._arrived(event)
            case PhoneRegistered(person):
                self._phone(PersonId(person), registered=True)
            case PhoneUnregistered(person):
                self._phone(PersonId(person), registered=False)
            case DtmfReceived(leg, digit):
                self._key_pressed(leg, digit)
                self.engine.leg_event(event)
            case LegEnded(leg):
                self._triggers.forget(leg)
                self.engine.leg_event(event)
            case _:
                self.engine.leg_event(event)

    def availability_changed(self, availability: Availability) -> None:
        """Take a new fused availability: the list of specialists shows it, and who waits for somebody may go on."""
        self._screens.show_person(availability.person)
        if availability.state is AvailabilityState.FREE:
            self._promises.somebody_free()
            for esc in list(self.engine.escalations.values()):
                if esc.state.state in (EscalationState.WAITING, EscalationState.CHOOSING):
                    self._go_on_waiting(esc, availability.person)

    def _go_on_waiting(self, esc: EscalationWork, person: PersonId) -> None:
        """Somebody is free for an escalation that waits, unless a callback's customer came earlier (S03)."""
        work = self.engine.works.get(esc.state.interaction)
        if work is not None and not self._promises.comes_before(person, work.first_came_at):
            self.engine.find_candidates(esc.state)

    def _needs_lease(self, holder: str) -> bool:
        return self.engine.needs_lease(holder) or self._promises.keeper.is_live(holder)

    def mqtt_command(self, person: PersonId, payload: Mapping[str, Any]) -> None:
        """An escalation asked for over MQTT by a person's own client: `{"specialist" or "skill", "reason"?}`."""
        work = next((w for w in self.engine.works.values() if w.call.by_person(person)), None)
        if work is None:
            log.info("mqtt_command_without_call", person=person)
            return
        specialist, skill = str(payload.get("specialist", "")), str(payload.get("skill", ""))
        reason = str(payload.get("reason", ""))[:200]
        try:
            self._ask(person, work.call.id, PersonId(specialist) or None, skill, reason, Trigger.MQTT)
        except CenterError as error:
            log.info("mqtt_command_refused", person=person, code=error.code)

    def mqtt_rendered(self, person: PersonId, payload: Mapping[str, Any]) -> None:
        """A screen that lives on MQTT shows the case: `{"escalation", "digest"}`."""
        esc = self.engine.escalations.get(EscalationId(str(payload.get("escalation", ""))))
        if esc is not None and esc.state.of(person) is not None:
            self.engine.tell_escalation(esc.state.id, CaseRendered(person, str(payload.get("digest", ""))))

    def system_changed(self) -> None:
        """Broker or store came or went: screens show the warning."""
        self._screens.show_system(self._store.events.degraded)

    def _phone(self, person: PersonId, *, registered: bool) -> None:
        self._directory.registered[person] = registered
        self._presence.line_state(person, registered=registered)
        self.engine.tell_routing(PhoneChanged(person, registered))
        self._screens.show_person(person)

    def _key_pressed(self, leg: LegId, digit: str) -> None:
        work = self.engine.work_of_leg(leg)
        if work is not None:
            self._triggers.digit(work, leg, digit, self.engine.now())

    def _speed_dialled(self, event: LegArrived) -> None:
        """A call to bring-in+<skill> from a phone whose owner is in a conversation: ask, say so, hang up."""
        person = event.origin.person if isinstance(event.origin, PersonOrigin) else None
        call = find_interaction_of(self.engine, person) if person is not None else None
        if person is None or call is None:
            self._switch.perform(EndLeg(event.leg, NOT_IN_A_CALL, 480))
            return
        answer = self._triggers.request(person, call.id, skill_of(event.called), Trigger.SPEED_DIAL, None)
        refused = isinstance(answer, CenterError)
        self._switch.perform(EndLeg(event.leg, REQUEST_REFUSED if refused else REQUEST_TAKEN, 480 if refused else 486))

    def _arrived(self, event: LegArrived) -> None:
        if event.called.startswith(PREFIX):
            self._speed_dialled(event)
            return
        if isinstance(event.origin, PersonOrigin) and self._came_back(event.origin.person, event.leg):
            return
        queue = self._directory.queue_by_number(event.called)
        if queue is None:
            self._switch.perform(EndLeg(event.leg, UNKNOWN_NUMBER, 404))
            return
        number = event.caller.number
        interaction = InteractionId(new_id("int"))
        case = Case(CaseId(new_id("case")), queue.id, None, self._directory.template(queue.id))
        call = Interaction(interaction, queue, number, event.leg, arrived_at=self.engine.now())
        trunk = event.origin.trunk if isinstance(event.origin, TrunkOrigin) else None
        work = Work(call, case, started_at=datetime.now(UTC), trunk=trunk)
        data: dict[str, object] = {
            "pii_number": number,
            "queue": queue.id,
            "sip_call_id": event.sip_call_id,
            "leg": event.leg,
        }
        if isinstance(event.origin, PersonOrigin):
            data["person"] = event.origin.person
        self._store.events.append(interaction, "leg.arrived", data)
        self.engine.begin(work, Arrived())
        self._spawn(self._recognise(work, number))

    def _came_back(self, person: PersonId, leg: LegId) -> bool:
        """An agent whose phone was lost a moment ago calls in: back into the same conversation with him."""
        now = self.engine.now()
        work = next((work for work in self.engine.works.values() if work.call.may_come_back(person, now)), None)
        if work is None:
            return False
        self.engine.adopt(leg, work.call.id, person)
        self.engine.tell_interaction(work.call.id, AgentCameBack(person, leg))
        return True

    def _fill_in(self, case: Case, field: str, text: str, source: ValueSource) -> Case:
        if field_spec(case, field) is None:
            return case
        edit = CaseEdit(field, text, source, source.value, datetime.now(UTC), case.version)
        return apply_edit(case, edit)

    async def _recognise(self, work: Work, number: str) -> None:
        """Find out who calls; the call does not wait for it."""
        try:
            customer = await self._store.customers.by_number(number)
            history = await self._store.customers.history(customer.id) if customer else []
        except Exception as error:
            log.warning("customer_lookup_failed", interaction_id=work.call.id, error=type(error).__name__)
            return
        if customer is not None:
            self._known(work, customer, tuple(history))
        self.engine.changed(work.call.id)

    def _known(self, work: Work, customer: Customer, history: tuple[PastContact, ...]) -> None:
        work.customer, work.history = customer, history
        case = self._fill_in(work.case, CUSTOMER_NAME_FIELD, customer.name, ValueSource.CRM)
        work.case = replace(case, customer=customer.id)
        self._store.events.append(work.call.id, "customer.recognised", {"customer": customer.id})

    # -- surroundings of the engine -----------------------------------------------------------------------------

    def find_candidates(self, esc: Escalation, work: Work) -> CandidatesFound:
        """Rank the specialists who are surely free and reachable: the picked one first, then by the wanted skills."""
        wanted = (esc.skill,) if esc.skill else work.call.queue.specialist_skills
        states = {each.person: each.state for each in self._presence.all()}
        ranked = [
            Candidate(person.id, person.off_hook_accepts)
            for person in by_usefulness(self._directory.people.values(), states, wanted)
            if states.get(person.id) is AvailabilityState.FREE
            and self._directory.registered.get(person.id, False)
            and work.call.by_person(person.id) is None
            and (person.id == esc.first or any(skill in person.skills for skill in wanted))
        ]
        ranked.sort(key=lambda candidate: candidate.person != esc.first)
        legs = tuple(LegId(new_id("leg")) for _ in range(len(ranked) + 1))
        return CandidatesFound(tuple(ranked), self._deputy(work), legs)

    def _deputy(self, work: Work) -> Candidate | None:
        """Who stands in when no specialist could be had, if his phone is there and he is not in a conversation."""
        deputy = work.call.queue.deputy
        person = self._directory.people.get(deputy) if deputy is not None else None
        if person is None or not self._directory.registered.get(person.id, False):
            return None
        busy = self._presence.availability(person.id).state is AvailabilityState.BUSY
        return None if busy else Candidate(person.id, person.off_hook_accepts)

    def speak_summary(self, esc: Escalation, invitation: Invitation, work: Work) -> None:
        """Ask for key 1; who has no screen first hears, alone, who calls and why (at most 6 s)."""
        summary = self._speech.cached(self._summary(esc, work), most_s=SUMMARY_S)
        spoken = summary if summary is not None and not invitation.has_screen else ACCEPT_PROMPT
        self._switch.perform(PlayPrompt(invitation.leg, spoken))

    def _summary(self, esc: Escalation, work: Work) -> str:
        caller = work.customer.name if work.customer else "a customer"
        asks = self._directory.names.get(esc.agent, "a colleague")
        about = f" about {esc.reason}" if esc.reason else ""
        return f"{asks} asks you to join {caller}{about}, {work.call.queue.name}. Press one to join, two to decline."

    def offer_choices(self, esc: EscalationWork, work: Work) -> None:
        """Nobody is free: waiting, a callback, a task; with what the customer would be told."""
        promised = {kind: self._promises.preview(esc, work, kind) for kind in TaskKind}
        esc.choices = [
            {"choice": Choice.WAIT.value, "says": "Wait for the first who becomes free"},
            {"choice": Choice.CALLBACK.value, "says": promised[TaskKind.CALLBACK]["sentence"]},
            {"choice": Choice.TASK.value, "says": promised[TaskKind.TASK]["sentence"]},
        ]

    def make_promise(self, esc: EscalationWork, work: Work, choice: Choice) -> None:
        """Promise the customer a callback or a task instead of a person, and tell him (N10)."""
        kind = TaskKind.TASK if choice is Choice.TASK else TaskKind.CALLBACK
        esc.promise = dict(self._promises.make(esc, work, kind, self._bundle(esc.state, work).digest))

    def missed(self, specialist: PersonId) -> None:
        """Count an unanswered ring."""
        log.info("specialist_missed_a_ring", person=specialist)

    def push_case(self, esc: EscalationWork, work: Work, specialist: PersonId) -> CasePushed:
        """Send the context bundle to every screen of the specialist (WebSocket, MQTT)."""
        state = esc.state
        bundle = self._bundle(state, work)
        self._bundles[state.id] = bundle
        try:
            self._presence.push_case(specialist, bundle_json(bundle))
        except ContractError as error:  # larger than a packet: the desk still shows it
            log.warning("case_not_pushed_over_mqtt", escalation_id=state.id, error=str(error))
        has_screen = self.live.is_watching(specialist)
        if not has_screen:  # ready by the time the phone is answered
            self._spawn(self._speech.prompt(self._summary(state, work), ACCEPT_PROMPT, most_s=SUMMARY_S))
        return CasePushed(specialist, bundle.digest, has_screen)

    def _bundle(self, esc: Escalation, work: Work) -> ContextBundle:
        return make_bundle(
            escalation=esc.id,
            interaction=esc.interaction,
            case=work.case,
            customer=work.customer,
            caller_number=work.call.caller_number,
            requested_by=esc.agent,
            reason=esc.reason,
            history=work.history,
        )

    def ring_headers(self, esc: Escalation) -> tuple[tuple[str, str], ...]:
        """The case key (RFC 7433, never the case) and where to read it (Call-Info)."""
        key = esc.case.encode().hex()
        return (
            ("User-to-User", f"{key};encoding=hex"),
            ("Call-Info", f"<{self._case_url(esc.id)}>;purpose=info"),
        )

    def reserved(self, person: PersonId, holder: str | None) -> None:
        self._presence.reservation(person, holder)

    def publish(
        self, works: set[InteractionId], escalations: set[EscalationId], agents: set[PersonId], queues: bool
    ) -> None:
        """Show and store what one drain of the engine changed."""
        for interaction in works:
            work = self.engine.works.get(interaction) or self.engine.closed.get(interaction)
            if work is not None:
                self._note_lines(work)
                self._promises.call_changed(work.call)
                self._screens.show_work(work)
                self._persistence.keep_work(work, self.engine.utc)
        for escalation in escalations:
            self._show_escalation(escalation)
        for person in agents:
            self._screens.show_me(person)
            agent = self.engine.routing.agents.get(person)
            if agent is not None:
                self._persistence.keep_agent(agent)
        if queues:
            self._screens.show_queues()

    def _show_escalation(self, escalation: EscalationId) -> None:
        esc = self.engine.escalations[escalation]
        self._persistence.keep_escalation(esc)
        work = self._work(esc.state.interaction)
        if work is None:
            return
        self._screens.show_work(work)
        self._screens.show_escalation(esc, work)
        self.phone_requests.escalation_changed(esc)
        if not esc.state.is_live:
            self._loop.call_later(SHOWN_AFTER_CLOSING_S, self._forget_escalation, escalation)

    def _forget_escalation(self, escalation: EscalationId) -> None:
        esc = self.engine.escalations.pop(escalation, None)
        self._bundles.pop(escalation, None)
        if esc is None:
            return
        self._screens.drop_escalation(esc)
        work = self._work(esc.state.interaction)
        if work is not None:
            self._screens.show_work(work)

    def _note_lines(self, work: Work) -> None:
        """Own line state for presence: who talks is busy, who left is not."""
        talking = {p.person for p in work.call.staff if p.talking and p.person is not None}
        for person in work.took_part:
            self._presence.line_state(person, in_call=person in talking)

    # -- commands -----------------------------------------------------------------------------------------------

    def person(self, person: PersonId) -> Person | None:
        return self._directory.people.get(person)

    async def new_phone_password(self, actor: PersonId) -> Document:
        """Make a new device password (phone and MQTT); shown once, stored only as digests."""
        return await self._directory.new_phone_password(actor)

    async def choose_agent_status(self, actor: PersonId, status: AgentStatus, reason: str) -> None:
        self._agent(actor)
        self.engine.tell_routing(AgentStatusChosen(actor, status, reason))

    async def choose_availability(self, actor: PersonId, status: Status, reason: str, until: datetime | None) -> None:
        try:
            self._presence.choose(actor, status, until=until, reason=reason)
        except ContractError as error:
            raise BadRequest("bad_availability", f"This cannot be set: {error}.", field="reason") from None

    async def finish_wrap_up(self, actor: PersonId, disposition: str, note: str) -> None:
        agent = self._agent(actor)
        if agent.state is not AgentState.WRAP_UP or agent.interaction is None:
            raise WrongMoment("no_wrap_up", "There is no after-call work to finish.")
        work = self._work(agent.interaction)
        if work is not None:
            work.disposition = disposition
            data: dict[str, object] = {"person": actor, "disposition": disposition, "pii_note": note}
            self._store.events.append(work.call.id, "wrap_up.finished", data)
        self.engine.tell_routing(WrapUpFinished(actor))

    async def escalate(
        self, actor: PersonId, interaction: InteractionId, specialist: PersonId | None, reason: str, skill: str = ""
    ) -> Document:
        """Ask a specialist, or whoever has a skill, into the conversation (CE-01, CE-15)."""
        esc = self._ask(actor, interaction, specialist, skill, reason, Trigger.DESK)
        return self._screens.escalation_document(esc, self.engine.works[interaction])

    def _ask(
        self,
        actor: PersonId,
        interaction: InteractionId,
        specialist: PersonId | None,
        skill: str,
        reason: str,
        trigger: Trigger,
    ) -> EscalationWork:
        """Check a request from whatever trigger and begin the escalation; one path for all of them (N5)."""
        work = self._work_of_participant(actor, interaction)
        if work.call.phase is not Phase.TALKING or work.call.escalation is not None:
            raise WrongMoment("already_escalating", "A specialist is being brought in already, or nobody talks yet.")
        if specialist is not None:
            self._check_askable(work, specialist)
        elif skill and not any(skill in person.skills for person in self._specialists()):
            raise UnknownThing("unknown_skill", "Nobody in the company has that skill.")
        state = Escalation(
            id=EscalationId(new_id("esc")),
            interaction=interaction,
            case=work.case.id,
            agent=actor,
            shown=CallerIdentity(work.customer.name if work.customer else "", work.call.caller_number),
            reason=reason,
            trigger=trigger,
            requested_at=self.engine.now(),
            skill=skill,
            first=specialist,
            timing=self._timing,
        )
        return self.engine.begin_escalation(state, Requested())

    def _specialists(self) -> list[Person]:
        return [person for person in self._directory.people.values() if DeskRole.SPECIALIST in person.roles]

    def _check_askable(self, work: Work, specialist: PersonId) -> None:
        person = self._directory.people.get(specialist)
        if person is None or DeskRole.SPECIALIST not in person.roles:
            raise UnknownThing("unknown_specialist", "There is no specialist of that name.")
        if work.call.by_person(specialist) is not None:
            raise WrongMoment("already_in", f"{person.name} is in this conversation already.")
        if not self._directory.registered.get(specialist, False):
            raise WrongMoment("not_reachable", f"{person.name} has no phone connected.")
        availability = self._presence.availability(specialist)
        if availability.state is not AvailabilityState.FREE:
            raise WrongMoment("not_free", f"{person.name} is not free: {availability.because}.")

    async def leave(self, actor: PersonId, interaction: InteractionId) -> None:
        self._work_of_participant(actor, interaction)
        self.engine.tell_interaction(interaction, PersonLeft(actor))

    async def close(self, actor: PersonId, interaction: InteractionId, outcome: str, resolved: bool, note: str) -> None:
        work = self._work_of_participant(actor, interaction)
        work.case = replace(work.case, outcome=outcome)
        if note:
            self._store.events.append(interaction, "interaction.note", {"person": actor, "pii_note": note})
        self.engine.tell_interaction(interaction, Closed(actor, outcome, resolved))

    async def consult(self, actor: PersonId, interaction: InteractionId, on: bool) -> None:
        """Talk privately with the specialist while the customer hears music, or come back to him."""
        work = self._work_of_participant(actor, interaction)
        if on and sum(p.talking for p in work.call.staff) < 2:
            raise WrongMoment("nobody_to_consult", "There is no colleague in the conversation to talk to.")
        self.engine.tell_interaction(interaction, ConsultSwitched(actor, on))

    async def supervise(self, actor: PersonId, interaction: InteractionId, mode: SupervisionMode) -> None:
        """Listen to, whisper into, or join a conversation with one's own phone."""
        work = self._work_for_supervisor(actor, interaction)
        if not work.call.is_live or not work.call.staff:
            raise WrongMoment("no_conversation", "Nobody talks in this interaction now.")
        already_in = work.call.by_person(actor)
        if already_in is not None and already_in.role is not ParticipantRole.SUPERVISOR:
            raise WrongMoment("already_in", "You are in this conversation yourself.")
        if already_in is None and not self._directory.registered.get(actor, False):
            raise WrongMoment("no_phone", "Your phone is not connected; the conversation comes to your phone.")
        self.engine.tell_interaction(interaction, SupervisorCame(actor, LegId(new_id("leg")), mode))

    async def stop_supervising(self, actor: PersonId, interaction: InteractionId) -> None:
        work = self._work_for_supervisor(actor, interaction)
        participant = work.call.by_person(actor)
        if participant is None or participant.role is not ParticipantRole.SUPERVISOR:
            raise WrongMoment("not_supervising", "You are not in this conversation.")
        self.engine.tell_interaction(interaction, PersonLeft(actor))

    async def rendered(self, actor: PersonId, escalation: EscalationId, digest: str) -> None:
        self._escalation_of_specialist(actor, escalation)
        self.engine.tell_escalation(escalation, CaseRendered(actor, digest))

    async def accept(self, actor: PersonId, escalation: EscalationId) -> None:
        self._invited(self._escalation_of_specialist(actor, escalation), actor)
        self.engine.tell_escalation(escalation, Accepted(actor))

    async def decline(self, actor: PersonId, escalation: EscalationId, reason: str) -> None:
        self._invited(self._escalation_of_specialist(actor, escalation), actor)
        self.engine.tell_escalation(escalation, Declined(actor, reason))

    async def cancel(self, actor: PersonId, escalation: EscalationId) -> None:
        """Take the request back: who made it, or a supervisor."""
        esc = self._escalation(escalation)
        work = self._work(esc.state.interaction)
        if work is None or not self._sees(actor, work):
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        if actor != esc.state.agent and DeskRole.SUPERVISOR not in self._require(actor).roles:
            raise NotAllowed("not_yours", "Only who asked for the specialist, or a supervisor, can take that back.")
        self._running(esc)
        self.engine.tell_escalation(escalation, Cancelled())

    async def choose(self, actor: PersonId, escalation: EscalationId, choice: Choice) -> None:
        """Nobody is free: the agent chooses to wait, a callback, or a task (S03)."""
        esc = self._escalation(escalation)
        if actor != esc.state.agent:
            raise NotAllowed("not_yours", "Only who asked for the specialist can choose.")
        if esc.state.state not in (EscalationState.CHOOSING, EscalationState.WAITING):
            raise WrongMoment("nothing_to_choose", "There is nothing to choose now.")
        self.engine.tell_escalation(escalation, Chosen(choice))

    def tasks(self, actor: PersonId) -> Sequence[Document]:
        """Promises to keep that this person may see: his own, those offered to him; supervisors see all."""
        return self._promises.documents(self._require(actor))

    async def accept_task(self, actor: PersonId, task: TaskId) -> None:
        self._promises.accept(self._require(actor), task)

    async def decline_task(self, actor: PersonId, task: TaskId) -> None:
        self._promises.decline(self._require(actor), task)

    async def finish_task(self, actor: PersonId, task: TaskId, outcome: str, resolved: bool) -> None:
        self._promises.done(self._require(actor), task, outcome, resolved)

    async def edit_case(
        self, actor: PersonId, case: CaseId, field: str, text: str, base_version: int
    ) -> dict[str, Any]:
        """Change one field; both screens see it at once, with who said it."""
        work = self._work_of_case(actor, case)
        source = self._source_of(actor, work)
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
            self.engine.changed(work.call.id)
        return {"version": edited.version, "conflict": in_conflict(edited, field)}

    async def interaction(self, actor: PersonId, interaction: InteractionId) -> Document:
        work = self._work(interaction)
        if work is not None:
            self._check_sees(actor, work)
            return self._screens.work_document(work)
        return await self._persistence.old_interaction(interaction, self._require(actor))

    async def timeline(self, actor: PersonId, interaction: InteractionId) -> list[Document]:
        await self.interaction(actor, interaction)  # who may see the interaction may see its time line
        return await self._persistence.timeline(interaction)

    async def case(self, actor: PersonId, case: CaseId) -> Document:
        return self._screens.case_document(self._work_of_case(actor, case).case)

    def specialists_in_order(self, actor: PersonId, interaction: InteractionId) -> list[Document]:
        """The list of specialists as the agent in this interaction sees it."""
        work = self._work(interaction)
        if work is None:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        self._check_sees(actor, work)
        return self._screens.specialists_for(work.call.queue.specialist_skills)

    async def health(self) -> Document:
        degraded = self._screens.warnings(self._store.events.degraded)
        return {"ok": not degraded, "degraded": degraded}

    # -- checks -------------------------------------------------------------------------------------------------

    def _require(self, actor: PersonId) -> Person:
        person = self._directory.people.get(actor)
        if person is None:
            raise NotAllowed("unknown_person", "This person is no longer in the company.")
        return person

    def _agent(self, actor: PersonId) -> Agent:
        agent = self.engine.routing.agents.get(actor)
        if agent is None:
            raise NotAllowed("not_an_agent", "Only agents take interactions from queues.")
        return agent

    def _work(self, interaction: InteractionId) -> Work | None:
        return self.engine.works.get(interaction) or self.engine.closed.get(interaction)

    def _check_sees(self, actor: PersonId, work: Work) -> None:
        if not self._sees(actor, work):
            raise UnknownThing("unknown_interaction", "There is no such interaction.")

    def _sees(self, actor: PersonId, work: Work) -> bool:
        person = self._require(actor)
        asked_in = self._is_asked_in(actor, work)
        offered = work.call.by_person(actor) is not None
        return actor in work.took_part or offered or asked_in or DeskRole.SUPERVISOR in person.roles

    def _work_of_participant(self, actor: PersonId, interaction: InteractionId) -> Work:
        work = self._work(interaction)
        if work is None:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        self._check_sees(actor, work)
        participant = work.call.by_person(actor)
        if participant is None or not participant.talking:
            raise NotAllowed("not_in_the_call", "Only who talks in this conversation can do that.")
        return work

    def _work_for_supervisor(self, actor: PersonId, interaction: InteractionId) -> Work:
        if DeskRole.SUPERVISOR not in self._require(actor).roles:
            raise NotAllowed("not_a_supervisor", "Only supervisors can do that.")
        work = self.engine.works.get(interaction)
        if work is None:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        return work

    def _work_of_case(self, actor: PersonId, case: CaseId) -> Work:
        candidates = [*self.engine.works.values(), *reversed(self.engine.closed.values())]
        work = next((work for work in candidates if work.case.id == case), None)
        if work is None or not self._sees(actor, work):
            raise UnknownThing("unknown_case", "There is no such case.")
        return work

    def _source_of(self, actor: PersonId, work: Work) -> ValueSource:
        participant = work.call.by_person(actor)
        if participant is not None:
            is_specialist = participant.role is ParticipantRole.SPECIALIST
        else:
            is_specialist = self._is_asked_in(actor, work)
        return ValueSource.SPECIALIST if is_specialist else ValueSource.AGENT

    def _is_asked_in(self, actor: PersonId, work: Work) -> bool:
        """Whether an escalation of this interaction invites, or invited, the person."""
        return any(
            esc.state.interaction == work.call.id and esc.state.of(actor) is not None
            for esc in self.engine.escalations.values()
        )

    def _escalation(self, escalation: EscalationId) -> EscalationWork:
        esc = self.engine.escalations.get(escalation)
        if esc is None:
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        return esc

    def _escalation_of_specialist(self, actor: PersonId, escalation: EscalationId) -> EscalationWork:
        esc = self._escalation(escalation)
        if esc.state.of(actor) is None:
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        return esc

    def _running(self, esc: EscalationWork) -> None:
        if esc.state.state in (EscalationState.CLOSED, EscalationState.JOINED):
            why = cause_text(esc.state.end) or "the specialist is in the conversation already"
            raise WrongMoment("too_late", f"Too late: {why}.")

    def _invited(self, esc: EscalationWork, actor: PersonId) -> None:
        invitation = esc.state.of(actor)
        if invitation is not None and not invitation.is_live:
            raise WrongMoment("too_late", f"Too late: {cause_text(invitation.end)}.")
        self._running(esc)

    def _say(self, leg: LegId, sentence: str) -> None:
        """Say a sentence to one leg; nobody else hears it."""
        self._spawn(self._say_soon(leg, sentence))

    async def _say_soon(self, leg: LegId, sentence: str) -> None:
        self._switch.perform(PlayPrompt(leg, await self._speech.prompt(sentence, ACCEPT_PROMPT)))

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _start_routing(
    directory: CompanyDirectory, statuses: Mapping[PersonId, tuple[AgentStatus, str]], now: float
) -> Routing:
    agents = {}
    for person in directory.people.values():
        if DeskRole.AGENT in person.roles:
            status, reason = statuses.get(person.id, (AgentStatus.NOT_READY, "start"))
            registered = directory.registered.get(person.id, False)
            agents[person.id] = Agent(person, status, reason, since=now, idle_since=now, phone=registered)
    return Routing(queues={queue.id: queue for queue in directory.queues}, agents=agents)
