"""The runner: feeds events to the machines, performs their effects, feeds the outcomes back as events.

One queue of events for the node, drained on the event loop: mutate once, drain all, then mutate again. Nothing in here
waits; whatever needs waiting (the store) runs as a task and comes back as an event. What is new on screens is published
once per drain.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from center.background import Background
from center.documents import EscalationWork, Work
from center.escalation import effects as escalation_effects
from center.escalation import machine as escalation_machine
from center.escalation.events import (
    CandidatesFound,
    CasePushed,
    ConversationEnded,
    EscalationEvent,
    Joined,
    LeaseGranted,
    LeaseRefused,
    TimerFired,
)
from center.escalation.model import Choice, Escalation, EscalationState, Invitation
from center.interaction import effects as interaction_effects
from center.interaction import machine as interaction_machine
from center.interaction.events import (
    EscalationBegan,
    EscalationEnded,
    InteractionEvent,
    NodeStopping,
    Offered,
    RingTimeout,
    SpecialistAccepted,
    WrapUpDone,
)
from center.interaction.mixing import mix
from center.interaction.model import Interaction, Phase
from center.leases import LeaseKeeper
from center.record import Record
from context.record import completeness
from routing import effects as routing_effects
from routing import events as routing_events
from routing import machine as routing_machine
from routing.machine import Routing
from routing.model import Lease
from telephony.effects import DialLeg, EndLeg, LegEffect
from telephony.end_reasons import STALE_RESERVATION
from telephony.events import LegEnded, LegEvent
from telephony.fencing import UNFENCED
from telephony.model import Destination
from telephony.switch import Switch
from vocabulary import CaseId, EndReason, EscalationId, InteractionId, LegId, ParticipantRole, PersonId, new_id

log = structlog.get_logger(__name__)

CLOSED_KEPT = 200
"""How many closed interactions stay in memory, 14 kB each, for those who look right after the call."""


@dataclass(frozen=True, slots=True)
class LegOwner:
    """Whom the events of a leg concern: the interaction, and for a specialist's leg its escalation."""

    interaction: InteractionId
    role: ParticipantRole
    person: PersonId | None = None
    escalation: EscalationId | None = None


class EventLog(Protocol):
    """Where facts about interactions are appended; never blocks, never raises."""

    def append(self, interaction: InteractionId, name: str, data: dict[str, Any]) -> None: ...


Publish = Callable[[set[InteractionId], set[EscalationId], set[PersonId], bool], None]
"""Shows and stores what one drain changed: interactions, escalations, agents, and whether the queues did."""


class Surroundings(Protocol):
    """What escalations need from the rest of the node."""

    def find_candidates(self, esc: Escalation, work: Work) -> CandidatesFound:
        """Rank the specialists who may be invited now."""
        ...

    def push_case(self, esc: EscalationWork, work: Work, specialist: PersonId) -> CasePushed:
        """Send the context bundle to the specialist's screens."""
        ...

    def ring_headers(self, esc: Escalation) -> tuple[tuple[str, str], ...]:
        """Extra headers of the INVITE towards the specialist."""
        ...

    def speak_summary(self, esc: Escalation, invitation: Invitation, work: Work) -> None:
        """Tell the specialist on his handset who calls and why, and to press 1."""
        ...

    def offer_choices(self, esc: EscalationWork, work: Work) -> None:
        """Show the agent what can be done now that nobody is free."""
        ...

    def make_promise(self, esc: EscalationWork, work: Work, choice: Choice) -> None:
        """Create the task and tell the customer; must not fail."""
        ...

    def missed(self, specialist: PersonId) -> None:
        """The specialist let it ring."""
        ...

    def accepted(self, esc: Escalation, specialist: PersonId) -> None:
        """The specialist is in the conversation."""
        ...

    def ended(self, esc: Escalation) -> None:
        """The escalation is over."""
        ...

    def reserved(self, person: PersonId, holder: str | None) -> None:
        """Somebody may be rung, or no longer (None)."""
        ...


class Engine:
    """Every running interaction and escalation of the node, and its queues. Loop thread only."""

    def __init__(
        self,
        *,
        switch: Switch,
        leases: LeaseKeeper,
        events: EventLog,
        surroundings: Surroundings,
        publish: Publish,
        routing: Routing,
    ) -> None:
        self._switch = switch
        self._leases = leases
        self._events = events
        self._surroundings = surroundings
        self._publish_changes = publish
        self._loop = asyncio.get_running_loop()
        self.routing = routing
        self.works: dict[InteractionId, Work] = {}
        self.closed: OrderedDict[InteractionId, Work] = OrderedDict()
        self.escalations: dict[EscalationId, EscalationWork] = {}
        self._owners: dict[LegId, LegOwner] = {}
        self._queue: deque[Callable[[], None]] = deque()
        self._draining = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._background = Background()
        self._dirty_works: set[InteractionId] = set()
        self._dirty_escalations: set[EscalationId] = set()
        self._dirty_agents: set[PersonId] = set()
        self._dirty_queues = False

    # -- time ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Monotonic seconds, the machines' only clock."""
        return self._loop.time()

    def utc(self, at: float) -> datetime:
        """Wall-clock time of a monotonic time, for people."""
        return datetime.now(UTC) + timedelta(seconds=at - self.now())

    # -- events in ----------------------------------------------------------------------------------------------

    def begin(self, work: Work, first: InteractionEvent) -> None:
        """Take up a new interaction."""
        self.works[work.call.id] = work
        self._owners[work.call.customer_leg] = LegOwner(work.call.id, ParticipantRole.CUSTOMER)
        self.tell_interaction(work.call.id, first)

    def take_up(self, work: Work) -> None:
        """Take up a conversation whose legs are answered already, such as a callback."""
        call = work.call
        self.works[call.id] = work
        self._owners |= {p.leg: LegOwner(call.id, p.role, p.person) for p in call.participants}
        self._post(lambda: self._join_up(work))

    def _join_up(self, work: Work) -> None:
        call = work.call
        staff = {p.person for p in call.staff if p.person is not None}
        work.took_part |= staff
        self._dirty_works.add(call.id)
        self._switch.perform(mix(call))
        for person in staff:
            self.tell_routing(routing_events.AgentOccupied(person))

    def works_of_case(self, case: CaseId) -> list[Work]:
        """The interactions of one case, newest first, the running ones before the closed."""
        known = [*reversed(self.works.values()), *reversed(self.closed.values())]
        return [work for work in known if work.case.id == case]

    def running_of_case(self, case: CaseId) -> list[Work]:
        """Those not closed yet."""
        return [work for work in self.works.values() if work.case.id == case]

    def case_changed(self, work: Work) -> None:
        """The case of an interaction is new: all interactions of that case have it (a callback, an agent's wrap-up)."""
        for other in self.running_of_case(work.case.id):
            other.case = work.case
            self.changed(other.call.id)

    def stop_ringing(self, person: PersonId, holder: str) -> None:
        """End the ring of a person whose reservation was lost; who talks already talks on."""
        esc = self.escalations.get(EscalationId(holder))
        invitation = esc.state.of(person) if esc is not None else None
        if invitation is not None and invitation.is_live and not invitation.is_accepted:
            if invitation.dialled:
                self._switch.perform(EndLeg(invitation.leg, STALE_RESERVATION))
            else:
                self.tell_escalation(EscalationId(holder), LegEnded(invitation.leg, STALE_RESERVATION))
        work = self.works.get(InteractionId(holder))
        participant = work.call.by_person(person) if work is not None else None
        if participant is not None and not participant.talking:
            self._switch.perform(EndLeg(participant.leg, STALE_RESERVATION))

    def needs_lease(self, holder: str) -> bool:
        """Whether what a lease was taken for goes on: an escalation, or an interaction with its after-call work."""
        esc = self.escalations.get(EscalationId(holder))
        if esc is not None:
            return esc.state.is_live
        agents = self.routing.agents.values()
        return holder in self.works or any(a.lease is not None and a.interaction == holder for a in agents)

    def begin_escalation(self, state: Escalation, first: EscalationEvent) -> EscalationWork:
        """Take up an escalation; the conversation it serves is told first."""
        esc = EscalationWork(state)
        self.escalations[state.id] = esc
        self.works[state.interaction].escalation = state.id
        self.tell_interaction(state.interaction, EscalationBegan(state.id))
        self.tell_escalation(state.id, first)
        return esc

    def leg_event(self, event: LegEvent) -> None:
        """Bring an event of a leg to whom it concerns: the interaction, the escalation, or both."""
        owner = self._owners.get(event.leg)
        if owner is None:
            return
        if isinstance(event, LegEnded):
            self._leg_over(event, owner)
        if owner.escalation is not None:
            self.tell_escalation(owner.escalation, event)
        self.tell_interaction(owner.interaction, event)

    def _leg_over(self, event: LegEnded, owner: LegOwner) -> None:
        """Record the end of every leg, also of those we ended ourselves after their conversation was over."""
        del self._owners[event.leg]
        data = {"leg": event.leg, "role": owner.role.value, "person": owner.person}
        end = {"result": event.end.result.value, "reason": event.end.reason, "sip_status": event.sip_status}
        self._events.append(owner.interaction, "leg.ended", {**data, **end})

    def adopt(self, leg: LegId, interaction: InteractionId, person: PersonId) -> None:
        """Let a leg that came in from an agent's own phone belong to a running interaction."""
        self._owners[leg] = LegOwner(interaction, ParticipantRole.AGENT, person)

    def find(self, interaction: InteractionId) -> Work | None:
        """An interaction that runs, or that closed not long ago."""
        return self.works.get(interaction) or self.closed.get(interaction)

    def work_of_leg(self, leg: LegId) -> Work | None:
        """The running interaction a leg belongs to."""
        owner = self._owners.get(leg)
        return self.works.get(owner.interaction) if owner is not None else None

    def owner_of_leg(self, leg: LegId) -> LegOwner | None:
        """Whom a leg's events concern; None for a leg of no interaction."""
        return self._owners.get(leg)

    def tell_interaction(self, interaction: InteractionId, event: InteractionEvent) -> None:
        self._post(lambda: self._step_interaction(interaction, event))

    def tell_escalation(self, escalation: EscalationId, event: EscalationEvent) -> None:
        self._post(lambda: self._step_escalation(escalation, event))

    def tell_routing(self, event: routing_events.RoutingEvent) -> None:
        self._post(lambda: self._step_routing(event))

    def changed(self, interaction: InteractionId) -> None:
        """Something beside call control changed (case, customer): show and store it."""
        self._dirty_works.add(interaction)
        self._post(lambda: None)

    def _post(self, action: Callable[[], None]) -> None:
        self._queue.append(action)
        if self._draining:
            return
        self._draining = True
        try:
            while self._queue:
                self._queue.popleft()()
        finally:
            self._draining = False
        self._publish()

    def _publish(self) -> None:
        works, escalations, agents = self._dirty_works, self._dirty_escalations, self._dirty_agents
        queues, self._dirty_queues = self._dirty_queues, False
        if not (works or escalations or agents or queues):
            return
        self._dirty_works, self._dirty_escalations, self._dirty_agents = set(), set(), set()
        self._publish_changes(works, escalations, agents, queues)

    # -- interactions -------------------------------------------------------------------------------------------

    def _step_interaction(self, interaction: InteractionId, event: InteractionEvent) -> None:
        work = self.works.get(interaction)
        if work is None:
            return
        before = work.call
        try:
            work.call, effects = interaction_machine.step(before, event, self.now())
        except Exception:
            log.exception("interaction_bug", interaction_id=interaction, triggering_event=type(event).__name__)
            self._abandon_broken(work)
            return
        work.took_part.update(p.person for p in work.call.staff if p.person is not None and p.talking)
        self._dirty_works.add(interaction)
        if before.is_live and not work.call.is_live:
            self._events.append(interaction, "case.at_close", completeness(work.case))
        for effect in effects:
            self._perform_interaction_effect(work, effect)
        if work.call.phase is Phase.CLOSED:
            self._retire(work)

    def _perform_interaction_effect(self, work: Work, effect: interaction_effects.InteractionEffect) -> None:
        call = work.call
        match effect:
            case interaction_effects.Enqueue():
                self.tell_routing(routing_events.InteractionEnqueued(call.id, call.queue.id, call.arrived_at))
            case interaction_effects.LeaveQueue():
                self.tell_routing(routing_events.InteractionLeftQueue(call.id))
            case interaction_effects.AcceptReservation(person):
                self.tell_routing(routing_events.ReservationAccepted(person, call.id))
            case interaction_effects.FailReservation(person, unanswered):
                self.tell_routing(routing_events.ReservationFailed(person, call.id, unanswered))
            case interaction_effects.ReleasePerson(person, wrap_up_s):
                self.tell_routing(routing_events.AgentReleased(person, call.id, wrap_up_s))
            case interaction_effects.OccupyPerson(person):
                self.tell_routing(routing_events.AgentOccupied(person))
            case interaction_effects.StartRingTimer(leg, at):
                self._start_timer(f"ring/{leg}", at, lambda: self.tell_interaction(call.id, RingTimeout(leg)))
            case interaction_effects.StopEscalation(escalation, end):
                self.tell_escalation(escalation, ConversationEnded(end))
            case Record(name, data):
                self._events.append(call.id, name, data)
            case _:
                self._perform_leg_effect(effect, call.id)

    def _perform_leg_effect(self, effect: LegEffect, interaction: InteractionId) -> None:
        if isinstance(effect, DialLeg):
            self._owners[effect.leg] = LegOwner(interaction, ParticipantRole.AGENT, effect.to.person)
        self._switch.perform(effect)

    def _abandon_broken(self, work: Work) -> None:
        """A broken invariant ends that one call; the node serves on."""
        call, effects = interaction_machine.step(work.call, NodeStopping(EndReason.server_error("bug")), self.now())
        work.call = call
        for effect in effects:
            self._perform_interaction_effect(work, effect)
        self._dirty_works.add(call.id)
        self._retire(work)

    def _retire(self, work: Work) -> None:
        call = work.call
        self.works.pop(call.id, None)
        self.closed[call.id] = work
        while len(self.closed) > CLOSED_KEPT:
            self.closed.popitem(last=False)

    # -- escalations --------------------------------------------------------------------------------------------

    def _step_escalation(self, escalation: EscalationId, event: EscalationEvent) -> None:
        esc = self.escalations.get(escalation)
        if esc is None:
            return
        try:
            esc.state, effects = escalation_machine.step(esc.state, event, self.now())
        except Exception:
            log.exception("escalation_bug", escalation_id=escalation, triggering_event=type(event).__name__)
            bug = ConversationEnded(EndReason.server_error("bug"))
            esc.state, effects = escalation_machine.step(esc.state, bug, self.now())
        self._dirty_escalations.add(escalation)
        for effect in effects:
            self._perform_escalation_effect(esc, effect)
        if esc.state.state is EscalationState.CLOSED:
            self._cancel_timer(f"escalation/{escalation}")

    def _perform_escalation_effect(self, esc: EscalationWork, effect: escalation_effects.EscalationEffect) -> None:
        state = esc.state
        match effect:
            case escalation_effects.FindCandidates():
                self.find_candidates(state)
            case escalation_effects.AcquireLease(specialist):
                self._background.spawn(self._acquire_for_escalation(state, specialist))
            case escalation_effects.ReleaseLease(lease):
                self._surroundings.reserved(lease.person, None)
                self._background.spawn(self._leases.release(lease))
            case escalation_effects.PushCase(specialist):
                self._surroundings.reserved(specialist, state.id)
                work = self.works[state.interaction]
                self.tell_escalation(state.id, self._surroundings.push_case(esc, work, specialist))
            case escalation_effects.RingSpecialist(invitation):
                self._ring_specialist(state, invitation)
            case escalation_effects.SpeakSummary(invitation):
                self._surroundings.speak_summary(state, invitation, self.works[state.interaction])
            case escalation_effects.JoinConversation(invitation):
                self._join(state, invitation)
            case escalation_effects.OfferChoices():
                self._surroundings.offer_choices(esc, self.works[state.interaction])
            case escalation_effects.MakePromise(choice):
                self._surroundings.make_promise(esc, self.works[state.interaction], choice)
            case escalation_effects.CountMiss(specialist):
                self._surroundings.missed(specialist)
            case escalation_effects.ReportEnd():
                self._escalation_ended(state)
            case escalation_effects.StartTimer(at):
                self._start_timer(f"escalation/{state.id}", at, lambda: self.tell_escalation(state.id, TimerFired()))
            case Record(name, data):
                esc.note(name, data, datetime.now(UTC))
                self._events.append(state.interaction, name, {"escalation": state.id, **data})
            case _:
                self._switch.perform(effect)

    def find_candidates(self, state: Escalation) -> None:
        """Tell an escalation who may be invited now: because it asked, or because somebody became free."""
        work = self.works.get(state.interaction)
        if work is not None:
            self.tell_escalation(state.id, self._surroundings.find_candidates(state, work))

    def _ring_specialist(self, state: Escalation, invitation: Invitation) -> None:
        role = ParticipantRole.SPECIALIST
        self._owners[invitation.leg] = LegOwner(state.interaction, role, invitation.specialist, state.id)
        if invitation.lease is None or self._leases.is_fresh(invitation.lease):
            self._dial_specialist(state, invitation)
        else:
            self._background.spawn(self._dial_when_confirmed(state, invitation, invitation.lease))

    def _dial_specialist(self, state: Escalation, invitation: Invitation) -> None:
        to = Destination(person=invitation.specialist)
        headers = self._surroundings.ring_headers(state)
        token = invitation.lease.token if invitation.lease is not None else UNFENCED
        self._switch.perform(DialLeg(invitation.leg, to, state.shown, headers, token))

    async def _dial_when_confirmed(self, state: Escalation, invitation: Invitation, lease: Lease) -> None:
        """The reservation was made a while ago (a slow screen, a stalled machine): ask again before it rings (N4)."""
        is_ours = await self._leases.confirm(lease)
        esc = self.escalations.get(state.id)
        now = esc.state.of(invitation.specialist) if esc is not None else None
        if now is None or not now.is_live:
            return  # ended while we asked
        if is_ours:
            self._dial_specialist(state, invitation)
        else:
            self.leg_event(LegEnded(invitation.leg, STALE_RESERVATION))

    def _join(self, state: Escalation, invitation: Invitation) -> None:
        """Bring the specialist's leg into the conversation, if it still lives."""
        accepted = SpecialistAccepted(state.id, invitation.specialist, invitation.leg)
        self.tell_interaction(state.interaction, accepted)
        self._post(lambda: self._confirm_join(state, invitation))

    def _confirm_join(self, state: Escalation, invitation: Invitation) -> None:
        work = self.works.get(state.interaction)
        if work is not None and work.call.by_leg(invitation.leg) is not None:
            self._surroundings.accepted(state, invitation.specialist)
            joined = {"escalation": state.id, "specialist": invitation.specialist, **completeness(work.case)}
            self._events.append(state.interaction, "case.at_join", joined)
            self.tell_routing(routing_events.AgentOccupied(invitation.specialist))
            self.tell_escalation(state.id, Joined())
        else:
            self.tell_escalation(state.id, ConversationEnded(EndReason.success("customer_left")))

    def _escalation_ended(self, state: Escalation) -> None:
        self._surroundings.ended(state)
        work = self.works.get(state.interaction)
        if work is not None and work.escalation == state.id:
            work.escalation = None
        self.tell_interaction(state.interaction, EscalationEnded(state.id))

    async def _acquire_for_escalation(self, state: Escalation, specialist: PersonId) -> None:
        lease = await self._leases.acquire(specialist, state.id)
        event = LeaseGranted(specialist, lease) if lease is not None else LeaseRefused(specialist, "taken")
        self.tell_escalation(state.id, event)

    # -- routing ------------------------------------------------------------------------------------------------

    def _step_routing(self, event: routing_events.RoutingEvent) -> None:
        self.routing, effects = routing_machine.step(self.routing, event, self.now())
        self._dirty_queues = True
        for effect in effects:
            self._perform_routing_effect(effect)

    def _perform_routing_effect(self, effect: routing_effects.RoutingEffect) -> None:
        match effect:
            case routing_effects.AcquireLease(person, interaction):
                self._background.spawn(self._acquire_for_interaction(person, interaction))
            case routing_effects.ReleaseLease(lease):
                self._background.spawn(self._leases.release(lease))
            case routing_effects.OfferInteraction(person, interaction):
                self.tell_interaction(interaction, Offered(person, LegId(new_id("leg"))))
            case routing_effects.AgentChanged(person):
                self._dirty_agents.add(person)
            case routing_effects.WrapUpOver(person, interaction):
                self.tell_interaction(interaction, WrapUpDone(person))
            case routing_effects.StartTimer(at):
                self._start_timer("routing", at, lambda: self.tell_routing(routing_events.TimerFired()))

    async def _acquire_for_interaction(self, person: PersonId, interaction: InteractionId) -> None:
        lease = await self._leases.acquire(person, interaction)
        if lease is None:
            self.tell_routing(routing_events.LeaseRefused(person, interaction))
        else:
            self.tell_routing(routing_events.LeaseGranted(person, interaction, lease))

    # -- timers, tasks, the end ---------------------------------------------------------------------------------

    def _start_timer(self, name: str, at: float, action: Callable[[], None]) -> None:
        self._cancel_timer(name)

        def fire() -> None:
            self._timers.pop(name, None)
            action()

        self._timers[name] = self._loop.call_at(at, fire)

    def _cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    async def stop(self) -> None:
        """End every call in good order and wait until the store heard of it."""
        for interaction in list(self.works):
            self.tell_interaction(interaction, NodeStopping(EndReason.server_error("node_stopping")))
        for name in list(self._timers):
            self._cancel_timer(name)
        await self._background.finish(timeout_s=5)


def find_interaction_of(engine: Engine, person: PersonId) -> Interaction | None:
    """The live interaction a person is in, if any."""
    return next((work.call for work in engine.works.values() if work.call.by_person(person)), None)
