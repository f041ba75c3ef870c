"""Who gets which waiting interaction: `step(state, event, now) -> (state, effects)`.

Theory. Waiting interactions are served in the order of `enqueued_at`, which never changes, so one that comes back from
an agent who did not answer stands where it stood. Each is offered to the agent who has been idle longest among those
who are ready, idle, reachable by phone, and have both competences: the queue's skill at its least level, and the voice
channel.

    agent state:  idle ─lease asked─► reserved ─answered─► busy ─released─► wrap_up ─done or deadline─► idle
                   ▲                       │
                   └────── refused / unanswered (unanswered also makes him not_ready(rona))

Invariants (property tests): an agent is reserved for at most one interaction; an interaction is on offer to at most one
agent; nobody not ready is offered anything; a qualified idle agent and a waiting interaction never stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from routing.effects import (
    AcquireLease,
    AgentChanged,
    OfferInteraction,
    ReleaseLease,
    RoutingEffect,
    StartTimer,
    WrapUpOver,
)
from routing.events import (
    AgentEnrolled,
    AgentOccupied,
    AgentReleased,
    AgentStatusChosen,
    InteractionEnqueued,
    InteractionLeftQueue,
    LeaseGranted,
    LeaseRefused,
    PersonChanged,
    PersonRemoved,
    PhoneChanged,
    QueueChanged,
    ReservationAccepted,
    ReservationFailed,
    RoutingEvent,
    TimerFired,
    WrapUpFinished,
)
from routing.model import AgentState, AgentStatus, Channel, Lease, Person, ServiceQueue
from vocabulary import DeskRole, InteractionId, PersonId, QueueId

RONA = "rona"
"""Reason of not_ready after an unanswered ring (redirection on no answer)."""

REFUSED_PAUSE_S = 1.0
"""How long an agent whose lease was refused is left alone: somebody else is ringing him."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as routing sees him."""

    person: Person
    status: AgentStatus = AgentStatus.NOT_READY
    reason: str = ""
    state: AgentState = AgentState.IDLE
    since: float = 0.0
    idle_since: float = 0.0
    phone: bool = False
    interaction: InteractionId | None = None
    lease: Lease | None = None
    wrap_up_ends_at: float | None = None
    paused_until: float = 0.0

    def can_be_offered(self, queue: ServiceQueue, now: float) -> bool:
        return (
            self.status is AgentStatus.READY
            and self.state is AgentState.IDLE
            and self.phone
            and self.paused_until <= now
            and self.person.channels.get(Channel.VOICE, 0) >= 1
            and self.person.skills.get(queue.skill, 0) >= queue.least_level
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """One interaction in its queue; `offered_to` while somebody is being asked."""

    interaction: InteractionId
    queue: QueueId
    enqueued_at: float
    offered_to: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """All queues and agents of a node."""

    queues: dict[QueueId, ServiceQueue]
    agents: dict[PersonId, Agent] = field(default_factory=dict)
    waiting: dict[InteractionId, Waiting] = field(default_factory=dict)

    def with_agent(self, agent: Agent) -> Routing:
        return replace(self, agents={**self.agents, agent.person.id: agent})

    def with_waiting(self, entry: Waiting) -> Routing:
        return replace(self, waiting={**self.waiting, entry.interaction: entry})

    def without_waiting(self, interaction: InteractionId) -> Routing:
        return replace(self, waiting={key: entry for key, entry in self.waiting.items() if key != interaction})


def step(state: Routing, event: RoutingEvent, now: float) -> tuple[Routing, list[RoutingEffect]]:
    """Apply one event, then bring waiting interactions and idle agents together."""
    state, effects = _apply(state, event, now)
    state, offers = _match_waiting(state, now)
    wake_ups = [
        wake
        for agent in state.agents.values()
        for wake in (agent.wrap_up_ends_at, agent.paused_until)
        if wake is not None and wake > now
    ]
    timer: list[RoutingEffect] = [StartTimer(min(wake_ups))] if wake_ups else []
    return state, [*effects, *offers, *timer]


def _apply(state: Routing, event: RoutingEvent, now: float) -> tuple[Routing, list[RoutingEffect]]:
    match event:
        case InteractionEnqueued(interaction, queue, enqueued_at):
            return state.with_waiting(Waiting(interaction, queue, enqueued_at)), []
        case InteractionLeftQueue(interaction):
            return _left_queue(state, interaction, now)
        case AgentEnrolled(newcomer):
            return _newcomer(state, newcomer, now)
        case PersonChanged(changed):
            return _person_changed(state, changed, now)
        case PersonRemoved(person):
            return _removed(state, person)
        case QueueChanged(queue_now):
            return replace(state, queues={**state.queues, queue_now.id: queue_now}), []
        case AgentStatusChosen(person, status, reason):
            return _change(state, person, now, status=status, reason=reason)
        case PhoneChanged(person, registered):
            return _change(state, person, now, phone=registered)
        case LeaseGranted():
            return _lease_granted(state, event, now)
        case LeaseRefused(person, interaction):
            return _give_up(state, person, interaction, now, paused_until=now + REFUSED_PAUSE_S)
        case ReservationAccepted(person, interaction):
            state = state.without_waiting(interaction)
            return _change(state, person, now, state=AgentState.BUSY, interaction=interaction)
        case ReservationFailed(person, interaction, unanswered):
            if unanswered:
                return _give_up(state, person, interaction, now, status=AgentStatus.NOT_READY, reason=RONA)
            return _give_up(state, person, interaction, now, paused_until=now + REFUSED_PAUSE_S)
        case AgentOccupied(person):
            return _occupied(state, person, now)
        case AgentReleased(person, interaction, wrap_up_s):
            return _released(state, person, interaction, wrap_up_s, now)
        case WrapUpFinished(person):
            return _end_wrap_up(state, person, now)
        case TimerFired():
            return _end_due_wrap_ups(state, now)
        case _:
            assert_never(event)


def _match_waiting(state: Routing, now: float) -> tuple[Routing, list[RoutingEffect]]:
    effects: list[RoutingEffect] = []
    unoffered = [entry for entry in state.waiting.values() if entry.offered_to is None]
    for entry in sorted(unoffered, key=lambda entry: entry.enqueued_at):
        agent = longest_idle(state, state.queues[entry.queue], now)
        if agent is None:
            continue
        state = state.with_waiting(replace(entry, offered_to=agent.person.id))
        state = state.with_agent(
            replace(agent, state=AgentState.RESERVED, since=now, interaction=entry.interaction, lease=None)
        )
        effects += [AcquireLease(agent.person.id, entry.interaction), AgentChanged(agent.person.id)]
    return state, effects


def longest_idle(state: Routing, queue: ServiceQueue, now: float) -> Agent | None:
    """The agent who may be offered this queue's interactions and has been idle longest; ties by id."""
    candidates = [agent for agent in state.agents.values() if agent.can_be_offered(queue, now)]
    return min(candidates, key=lambda agent: (agent.idle_since, agent.person.id), default=None)


def _change(routing: Routing, person: PersonId, now: float, /, **changes: Any) -> tuple[Routing, list[RoutingEffect]]:
    agent = routing.agents.get(person)
    if agent is None:
        return routing, []  # a specialist who is no agent: nothing to route to him
    changed = replace(agent, **changes)
    is_idle, status_is_new = changed.state is AgentState.IDLE, changed.status is not agent.status
    if changed.state is not agent.state or (is_idle and status_is_new):
        changed = replace(changed, since=now)
    newly_ready = status_is_new and changed.status is AgentStatus.READY
    if is_idle and (agent.state is not AgentState.IDLE or newly_ready):
        changed = replace(changed, idle_since=now)
    return routing.with_agent(changed), [AgentChanged(person)]


def _person_changed(state: Routing, person: Person, now: float) -> tuple[Routing, list[RoutingEffect]]:
    if DeskRole.AGENT not in person.roles:
        return _removed(state, person.id)
    agent = state.agents.get(person.id)
    if agent is None:
        return _newcomer(state, person, now)
    return state.with_agent(replace(agent, person=person)), [AgentChanged(person.id)]


def _newcomer(state: Routing, person: Person, now: float) -> tuple[Routing, list[RoutingEffect]]:
    """Somebody new, or somebody who was removed and is back while his phone still rings."""
    agent = Agent(person, since=now, idle_since=now)
    rings = next((entry for entry in state.waiting.values() if entry.offered_to == person.id), None)
    if rings is not None:
        agent = replace(agent, state=AgentState.RESERVED, interaction=rings.interaction)
    return state.with_agent(agent), [AgentChanged(person.id)]


def _removed(state: Routing, person: PersonId) -> tuple[Routing, list[RoutingEffect]]:
    """Nothing is offered to him any more. A ring that goes on ends as any unanswered one; a talk goes on."""
    agent = state.agents.get(person)
    if agent is None:
        return state, []
    effects: list[RoutingEffect] = [ReleaseLease(agent.lease)] if agent.lease else []
    entry = state.waiting.get(agent.interaction) if agent.interaction else None
    if entry is not None and entry.offered_to == person and agent.lease is None:
        state = state.with_waiting(replace(entry, offered_to=None))  # it does not ring yet, and never will
    if agent.state is AgentState.WRAP_UP and agent.interaction is not None:
        effects.append(WrapUpOver(person, agent.interaction))
    others = {key: each for key, each in state.agents.items() if key != person}
    return replace(state, agents=others), [*effects, AgentChanged(person)]


def _lease_granted(state: Routing, event: LeaseGranted, now: float) -> tuple[Routing, list[RoutingEffect]]:
    agent = state.agents.get(event.person)
    entry = state.waiting.get(event.interaction)
    wanted = agent is not None and agent.state is AgentState.RESERVED and agent.interaction == event.interaction
    if agent is None or not wanted or entry is None:
        return state, [ReleaseLease(event.lease)]  # the customer left while we asked
    state = state.with_agent(replace(agent, lease=event.lease, since=now))
    if agent.status is not AgentStatus.READY:
        return _give_up(state, event.person, event.interaction, now)  # he changed his mind while we asked
    return state, [OfferInteraction(event.person, event.interaction)]


def _occupied(state: Routing, person: PersonId, now: float) -> tuple[Routing, list[RoutingEffect]]:
    agent = state.agents.get(person)
    effects: list[RoutingEffect] = []
    if agent is not None and agent.state is AgentState.RESERVED and agent.interaction is not None:
        state, effects = _give_up(state, person, agent.interaction, now)
    state, more = _change(state, person, now, state=AgentState.BUSY)
    return state, [*effects, *more]


def _left_queue(state: Routing, interaction: InteractionId, now: float) -> tuple[Routing, list[RoutingEffect]]:
    entry = state.waiting.get(interaction)
    state = state.without_waiting(interaction)
    if entry is None or entry.offered_to is None:
        return state, []
    return _free(state, entry.offered_to, interaction, now)


def _give_up(
    state: Routing, person: PersonId, interaction: InteractionId, now: float, /, **changes: Any
) -> tuple[Routing, list[RoutingEffect]]:
    """Take the offer back: the interaction waits on in its old place, the agent is changed as told."""
    entry = state.waiting.get(interaction)
    if entry is not None and entry.offered_to == person:
        state = state.with_waiting(replace(entry, offered_to=None))
    return _free(state, person, interaction, now, **changes)


def _free(
    state: Routing, person: PersonId, interaction: InteractionId, now: float, /, **changes: Any
) -> tuple[Routing, list[RoutingEffect]]:
    agent = state.agents.get(person)
    if agent is None or agent.interaction != interaction:
        return state, []
    release: list[RoutingEffect] = [ReleaseLease(agent.lease)] if agent.lease else []
    state, effects = _change(state, person, now, state=AgentState.IDLE, interaction=None, lease=None, **changes)
    return state, [*release, *effects]


def _released(
    state: Routing, person: PersonId, interaction: InteractionId, wrap_up_s: float, now: float
) -> tuple[Routing, list[RoutingEffect]]:
    agent = state.agents.get(person)
    if agent is None or agent.state is not AgentState.BUSY or agent.interaction not in (None, interaction):
        is_late = agent is not None and agent.interaction == interaction
        # He was removed while he talked: nobody does that after-call work.
        return state, [WrapUpOver(person, interaction)] if wrap_up_s > 0 and not is_late else []
    release: list[RoutingEffect] = [ReleaseLease(agent.lease)] if agent.lease else []
    if wrap_up_s <= 0:
        state, effects = _change(state, person, now, state=AgentState.IDLE, interaction=None, lease=None)
        return state, [*release, *effects]
    state, effects = _change(
        state,
        person,
        now,
        state=AgentState.WRAP_UP,
        interaction=interaction,
        lease=None,
        wrap_up_ends_at=now + wrap_up_s,
    )
    return state, [*release, *effects]


def _end_wrap_up(state: Routing, person: PersonId, now: float) -> tuple[Routing, list[RoutingEffect]]:
    agent = state.agents.get(person)
    if agent is None or agent.state is not AgentState.WRAP_UP:
        return state, []
    over: list[RoutingEffect] = [WrapUpOver(person, agent.interaction)] if agent.interaction else []
    state, effects = _change(state, person, now, state=AgentState.IDLE, interaction=None, wrap_up_ends_at=None)
    return state, [*over, *effects]


def _end_due_wrap_ups(state: Routing, now: float) -> tuple[Routing, list[RoutingEffect]]:
    effects: list[RoutingEffect] = []
    for agent in list(state.agents.values()):
        if agent.wrap_up_ends_at is not None and agent.wrap_up_ends_at <= now:
            state, more = _end_wrap_up(state, agent.person.id, now)
            effects += more
    return state, effects
