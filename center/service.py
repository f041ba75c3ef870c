"""One node's centre: joins its parts, hands them what telephones and presence report, and shows and stores the results.

What people at their desks ask comes in by `center.commands`. The engine's results become live documents for screens,
rows in the store, and line states for presence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from center.access import Access
from center.administration.running import RunningCompany
from center.arrivals import Arrivals
from center.asking import Asking
from center.attention import DEFAULT_MISSES, Attention
from center.background import Background
from center.commands import Commands
from center.directory import CompanyDirectory
from center.documents import EscalationWork, Work
from center.engine import Engine
from center.enrolment import Enrolment
from center.errors import BadRequest
from center.escalation.events import (
    CaseRendered,
)
from center.escalation.model import EscalationState, Timing
from center.inviting import ACCEPT_PROMPT, Inviting
from center.lamps import Lamps
from center.leases import LeaseKeeper
from center.limits import parse_limits
from center.live import LiveDocuments
from center.nodes.model import ALONE, NodeTiming
from center.nodes.runner import NodeWatch
from center.persistence import Persistence
from center.phone_book import PhoneBook
from center.phone_requests import PhoneRequests
from center.promise.calendar import BusinessHours
from center.promise.model import PromiseRules
from center.promises import Promises
from center.report.live import Reports
from center.report.tally import Rules
from center.screens import Screens
from center.speech import Speech
from center.triggers import PhoneTriggers
from center.vcon_export import VconExport
from center.webhook.outgoing import NobodyListens, Outgoing
from presence.model import Availability, AvailabilityState
from presence.runner import PresenceService
from routing.events import AgentEnrolled, PhoneChanged
from routing.machine import Agent, Routing
from routing.model import AgentState, AgentStatus, Person
from store.store import Store
from telephony.effects import PlayPrompt
from telephony.events import (
    DtmfReceived,
    LegArrived,
    LegEnded,
    LegEvent,
    PhoneRegistered,
    PhoneUnregistered,
    SwitchEvent,
)
from telephony.switch import Switch
from vocabulary import (
    DeskRole,
    EscalationId,
    InteractionId,
    LegId,
    PersonId,
    QueueId,
)

log = structlog.get_logger(__name__)

SHOWN_AFTER_CLOSING_S = 20.0
"""How long a closed escalation stays on the screens, so that its cause can be read."""


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
        hash_password: Callable[[str], str],
        leases: LeaseKeeper | None = None,
        promise_rules: PromiseRules | None = None,
        hours: Callable[[QueueId], BusinessHours] = lambda _queue: BusinessHours(),
        lines_changed: Callable[[PersonId], None] = lambda _person: None,
        node_timing: NodeTiming | None = None,
        misses: int = DEFAULT_MISSES,
        outgoing: Outgoing | None = None,
        texts: bool = False,
        phone_book: PhoneBook | None = None,
    ) -> None:
        self.live = live
        self._outgoing = outgoing or NobodyListens()
        self._lamps = Lamps(lines_changed)
        self._speech = speech
        self._store = store
        self._presence = presence
        self._directory = directory
        self._leases = leases or LeaseKeeper(store.leases)
        self._persistence = Persistence(store, self._leases.node)
        self._loop = asyncio.get_running_loop()
        self._background = Background()
        self.attention = Attention(presence, store.interruptions, self._persistence, misses)
        self.inviting = Inviting(
            presence=presence,
            attention=self.attention,
            directory=directory,
            live=live,
            speech=speech,
            switch=switch,
            background=self._background,
            case_url=case_url,
            now=self._loop.time,
        )
        self.engine = Engine(
            switch=switch,
            leases=self._leases,
            events=store.events,
            surroundings=self.inviting,
            publish=self._publish,
            routing=_start_routing(directory, agent_status, self._loop.time()),
        )
        self.enrolment = Enrolment(store, directory, hash_password, self._welcome)
        access = Access(directory, self.engine)
        self._asking = Asking(
            access=access,
            engine=self.engine,
            directory=directory,
            presence=presence,
            events=store.events,
            timing=lambda queue: self.running.timing.for_queue(queue),
            alone=self._leases.alone,
        )
        self._triggers = PhoneTriggers(self._asking.ask, self._say)
        exports = VconExport(
            access=access,
            engine=self.engine,
            directory=directory,
            store=store,
            persistence=self._persistence,
            company=company,
        )
        self._arrivals = Arrivals(
            switch=switch,
            engine=self.engine,
            directory=directory,
            store=store,
            triggers=self._triggers,
            background=self._background,
            phone_book=phone_book,
        )
        self._switch = switch
        self.phone_requests = PhoneRequests(
            switch=switch, engine=self.engine, presence=presence, triggers=self._triggers
        )
        self._screens = Screens(live, directory, presence, self.engine, company, self.inviting.free_in_s)
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
            outgoing=outgoing,
            texts=texts,
        )
        self.inviting.connect(self._promises)
        self.running = RunningCompany(
            directory=directory,
            engine=self.engine,
            presence=presence,
            inviting=self.inviting,
            attention=self.attention,
            screens=self._screens,
            live=live,
            keeper=self._promises.keeper,
            timing=timing,
        )
        self.nodes = NodeWatch(
            name=self._leases.node,
            store=store,
            engine=self.engine,
            promises=self._promises,
            persistence=self._persistence,
            timing=node_timing or (ALONE if self._leases.alone else NodeTiming()),
            on_living=presence.nodes_living,
        )
        rules = Rules(target_s=timing.target_s, ceiling_s=timing.ceiling_s)
        self._reports = Reports(store, live, lambda: directory.queues, lambda: directory.names, rules)
        self.commands = Commands(
            live=live,
            reports=self._reports,
            exports=exports,
            store=store,
            directory=directory,
            presence=presence,
            engine=self.engine,
            access=access,
            asking=self._asking,
            attention=self.attention,
            enrolment=self.enrolment,
            promises=self._promises,
            screens=self._screens,
            persistence=self._persistence,
        )

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin: close what an earlier run left open, show everything."""
        await self._leases.start(self._needs_lease, self._stop_ringing)
        self._persistence.start()
        await self.inviting.read_back()
        for availability in self._presence.all():
            self.inviting.availability_changed(availability)
        self._screens.show_all()
        self._read_limits()
        await self.nodes.start()
        await self._reports.start()

    def _read_limits(self) -> None:
        """Let everybody's stored limits count; one that can no longer be read must not keep the node from starting."""
        for person, limits in self._directory.limits.items():
            try:
                self._presence.set_interruption_rules(person, parse_limits(limits))
            except BadRequest as error:
                log.warning("limits_unreadable", person=person, field=error.field)

    async def stop(self) -> None:
        """End calls in good order, write what is left."""
        await self.nodes.stop()
        await self.engine.stop()
        await self._reports.stop()
        self._background.cancel()
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
                self._arrivals.arrived(event)
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
        self.system_changed()  # a broker that was away for less than a second is told of, too
        self.inviting.availability_changed(availability)
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

    def _stop_ringing(self, person: PersonId, holder: str) -> None:
        """A reservation could not be kept: whoever rings the person in its name stops (N4)."""
        self.engine.stop_ringing(person, holder)
        self._promises.keeper.stop_ringing(holder)

    def _needs_lease(self, holder: str) -> bool:
        return self.engine.needs_lease(holder) or self._promises.keeper.is_live(holder)

    def mqtt_command(self, person: PersonId, payload: Mapping[str, Any]) -> None:
        """An escalation asked for over MQTT by a person's own client."""
        self._asking.by_mqtt(person, payload)

    def mqtt_rendered(self, person: PersonId, payload: Mapping[str, Any]) -> None:
        """A screen that lives on MQTT shows the case: `{"escalation", "digest"}`."""
        esc = self.engine.escalations.get(EscalationId(str(payload.get("escalation", ""))))
        if esc is not None and esc.state.of(person) is not None:
            self.engine.tell_escalation(esc.state.id, CaseRendered(person, str(payload.get("digest", ""))))

    def warn_of(self, others: Callable[[], list[tuple[str, str]]]) -> None:
        """Let other parts of the node say what works less well; screens and health show it."""
        self._screens.other_warnings = others

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

    # -- to screens and store -----------------------------------------------------------------------------------

    def _publish(
        self, works: set[InteractionId], escalations: set[EscalationId], agents: set[PersonId], queues: bool
    ) -> None:
        """Show and store what one drain of the engine changed."""
        for interaction in works:
            work = self.engine.works.get(interaction) or self.engine.closed.get(interaction)
            if work is not None:
                self._note_lines(work)
                self._lamps.call_changed(work.call)
                self._promises.call_changed(work.call)
                self._screens.show_work(work)
                self._persistence.keep_work(work, self.engine.utc)
                self._outgoing.work_changed(work)
        for escalation in escalations:
            self._show_escalation(escalation)
        for person in agents:
            self._screens.show_me(person)
            agent = self.engine.routing.agents.get(person)
            if agent is not None:
                self._persistence.keep_agent(agent)
                wrapping_up = agent.state is AgentState.WRAP_UP
                until = self.engine.utc(agent.wrap_up_ends_at) if agent.wrap_up_ends_at else None
                self._presence.wrap_up(person, active=wrapping_up, until=until)
        if queues:
            self._screens.show_queues()

    def _show_escalation(self, escalation: EscalationId) -> None:
        esc = self.engine.escalations[escalation]
        self._persistence.keep_escalation(esc)
        self._lamps.escalation_changed(esc.state)
        work = self.engine.find(esc.state.interaction)
        if work is None:
            return
        self._screens.show_work(work)
        self._screens.show_escalation(esc, work)
        self.phone_requests.escalation_changed(esc)
        if not esc.state.is_live:
            self._loop.call_later(SHOWN_AFTER_CLOSING_S, self._forget_escalation, escalation)

    def _forget_escalation(self, escalation: EscalationId) -> None:
        esc = self.engine.escalations.pop(escalation, None)
        if esc is None:
            return
        self._screens.drop_escalation(esc)
        work = self.engine.find(esc.state.interaction)
        if work is not None:
            self._screens.show_work(work)

    def _note_lines(self, work: Work) -> None:
        """Own line state for presence: who talks is busy, who left is not."""
        talking = {p.person for p in work.call.staff if p.talking and p.person is not None}
        for person in work.took_part:
            self._presence.line_state(person, in_call=person in talking)

    def _welcome(self, person: Person) -> None:
        self._presence.watch(person.id)
        self.inviting.person_changed(person)
        if DeskRole.AGENT in person.roles:
            self.engine.tell_routing(AgentEnrolled(person))
        self._screens.show_person(person.id)

    def numbers(self) -> dict[str, float]:
        """What goes on now, for monitoring."""
        return {
            "interactions": len(self.engine.works),
            "escalations": sum(esc.state.is_live for esc in self.engine.escalations.values()),
            "leases": len(self._leases.held),
            "events_lost": self._store.events.lost,
        }

    def _say(self, leg: LegId, sentence: str) -> None:
        """Say a sentence to one leg; nobody else hears it."""
        self._background.spawn(self._say_soon(leg, sentence))

    async def _say_soon(self, leg: LegId, sentence: str) -> None:
        self._switch.perform(PlayPrompt(leg, await self._speech.prompt(sentence, ACCEPT_PROMPT)))


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
