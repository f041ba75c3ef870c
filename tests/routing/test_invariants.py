"""The invariants of routing, under every order of events its surroundings can bring (N4, CE-03, CE-13).

The surroundings are modelled as they are: leases are granted or refused once per asking, phones are answered or not
once per ringing, customers leave whenever they like, and people change their minds at any time.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from routing.effects import AcquireLease, OfferInteraction, ReleaseLease, StartTimer
from routing.events import (
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
    ReservationAccepted,
    ReservationFailed,
    RoutingEvent,
    TimerFired,
    WrapUpFinished,
)
from routing.machine import Agent, Routing, step
from routing.model import AgentState, AgentStatus, Channel, Lease, Person, ServiceQueue
from vocabulary import DeskRole, InteractionId, PersonId, QueueId

PEOPLE = [PersonId(name) for name in ("anna", "ben", "eva")]
QUEUES = {
    QueueId(name): ServiceQueue(QueueId(name), name, number, name, least_level=2, wrap_up_s=wrap_up_s)
    for name, number, wrap_up_s in (("claims", "5001", 30.0), ("billing", "5002", 0.0))
}
SKILLS = [{"claims": 3, "billing": 2}, {"claims": 5}, {"billing": 3, "claims": 1}]

people = st.sampled_from(PEOPLE)
queues = st.sampled_from(sorted(QUEUES))


class RoutingUnderEveryOrder(RuleBasedStateMachine):
    """Plays the surroundings; the state under test changes by `step` only."""

    def __init__(self) -> None:
        super().__init__()
        agents = {
            id: Agent(Person(id, id, "Agent", frozenset({DeskRole.AGENT}), skills, {Channel.VOICE: 3}), phone=True)
            for id, skills in zip(PEOPLE, SKILLS, strict=True)
        }
        self.state = Routing(QUEUES, agents)
        self.now = 0.0
        self.wake_at: float | None = None
        self.asked: list[AcquireLease] = []
        self.ringing: list[OfferInteraction] = []
        self.talking: list[tuple[PersonId, InteractionId, float]] = []
        self.out: dict[tuple[PersonId, int], str] = {}
        self.tokens = 0
        self.enqueued_at: dict[InteractionId, float] = {}

    def bring(self, event: RoutingEvent, after: float = 1.0) -> None:
        self.now += after
        self.state, effects = step(self.state, event, self.now)
        for effect in effects:
            match effect:
                case AcquireLease():
                    self.asked.append(effect)
                case OfferInteraction(person, interaction):
                    assert self.state.agents[person].lease is not None, "rung without a lease"
                    assert (person, self.state.agents[person].lease.token) in self.out  # type: ignore[union-attr]
                    assert self.state.agents[person].status is AgentStatus.READY, "rung although not ready"
                    assert all(offer.interaction != interaction for offer in self.ringing), "on offer twice"
                    self.ringing.append(effect)
                case ReleaseLease(lease):
                    self.out.pop((lease.person, lease.token))  # given back once, and only what was granted
                case StartTimer(at):
                    self.wake_at = at
                case _:
                    pass

    # -- customers ----------------------------------------------------------------------------------------------

    @rule(queue=queues)
    def somebody_calls(self, queue: QueueId) -> None:
        interaction = InteractionId(f"int_{len(self.enqueued_at)}")
        self.enqueued_at[interaction] = self.now
        self.bring(InteractionEnqueued(interaction, queue, self.now))

    @precondition(lambda self: self.state.waiting)
    @rule(data=st.data())
    def a_waiting_customer_leaves(self, data: st.DataObject) -> None:
        interaction = data.draw(st.sampled_from(sorted(self.state.waiting)))
        self.ringing = [offer for offer in self.ringing if offer.interaction != interaction]
        self.bring(InteractionLeftQueue(interaction))

    # -- the store ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.asked)
    @rule(granted=st.booleans())
    def the_store_answers(self, granted: bool) -> None:
        wish = self.asked.pop(0)
        if granted:
            self.tokens += 1
            self.out[wish.person, self.tokens] = wish.interaction
            lease = Lease(wish.person, wish.interaction, self.tokens, 0.0)
            self.bring(LeaseGranted(wish.person, wish.interaction, lease))
        else:
            self.bring(LeaseRefused(wish.person, wish.interaction))

    # -- agents and their phones --------------------------------------------------------------------------------

    @precondition(lambda self: self.ringing)
    @rule(outcome=st.sampled_from(["answered", "unanswered", "failed"]))
    def a_ringing_phone_ends(self, outcome: str) -> None:
        offer = self.ringing.pop(0)
        if outcome == "answered":
            queue = self.state.queues[self.state.waiting[offer.interaction].queue]
            self.talking.append((offer.person, offer.interaction, queue.wrap_up_s))
            self.bring(ReservationAccepted(offer.person, offer.interaction))
        else:
            self.bring(ReservationFailed(offer.person, offer.interaction, outcome == "unanswered"))

    @precondition(lambda self: self.talking)
    @rule(back_in_queue=st.booleans())
    def a_talk_ends(self, back_in_queue: bool) -> None:
        person, interaction, wrap_up_s = self.talking.pop(0)
        self.bring(AgentReleased(person, interaction, wrap_up_s))
        if back_in_queue and interaction in self.enqueued_at:
            self.bring(InteractionEnqueued(interaction, QueueId("claims"), self.enqueued_at[interaction]))

    @rule(person=people, status=st.sampled_from(AgentStatus))
    def somebody_chooses(self, person: PersonId, status: AgentStatus) -> None:
        self.bring(AgentStatusChosen(person, status, "chosen"))

    @rule(person=people, registered=st.booleans())
    def a_phone_comes_or_goes(self, person: PersonId, registered: bool) -> None:
        self.bring(PhoneChanged(person, registered))

    @rule(person=people)
    def somebody_finishes_after_call_work(self, person: PersonId) -> None:
        self.bring(WrapUpFinished(person))

    @rule(person=people)
    def somebody_helps_as_a_specialist(self, person: PersonId) -> None:
        """His escalation holds the lease, so he is idle here, or asked for in vain."""
        agent = self.state.agents.get(person)
        if agent is None:
            return
        if agent.state is AgentState.IDLE or (agent.state is AgentState.RESERVED and agent.lease is None):
            self.talking.append((person, InteractionId("int_elsewhere"), 0.0))
            self.bring(AgentOccupied(person))

    @rule(person=people)
    def somebody_is_removed(self, person: PersonId) -> None:
        """Not in the moment when he was removed and taken back while his phone rang: that ring ends first."""
        agent = self.state.agents.get(person)
        if agent is not None and not (agent.lease is None and any(offer.person == person for offer in self.ringing)):
            self.bring(PersonRemoved(person))
            assert person not in self.state.agents

    @rule(person=people, skills=st.sampled_from(SKILLS))
    def somebody_is_taken_back_or_learns(self, person: PersonId, skills: dict[str, int]) -> None:
        if person in self.state.agents or all(wish.person != person for wish in self.asked):
            roles = frozenset({DeskRole.AGENT})
            self.bring(PersonChanged(Person(person, person, "Agent", roles, skills, {Channel.VOICE: 3})))

    @precondition(lambda self: self.wake_at is not None)
    @rule()
    def the_timer_fires(self) -> None:
        assert self.wake_at is not None
        wait, self.wake_at = max(0.0, self.wake_at - self.now), None
        self.bring(TimerFired(), after=wait)

    # -- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_offered_twice(self) -> None:
        offered = [entry.offered_to for entry in self.state.waiting.values() if entry.offered_to is not None]
        assert len(offered) == len(set(offered))

    @invariant()
    def offers_and_reservations_agree(self) -> None:
        on_offer = {(entry.offered_to, entry.interaction) for entry in self.state.waiting.values() if entry.offered_to}
        reserved = {
            (agent.person.id, agent.interaction)
            for agent in self.state.agents.values()
            if agent.state is AgentState.RESERVED
        }
        still_ring = {(offer.person, offer.interaction) for offer in self.ringing}
        assert reserved <= on_offer
        assert all(person not in self.state.agents for person, _ in on_offer - reserved), "of those who were removed"
        assert on_offer - reserved <= still_ring

    @invariant()
    def every_reservation_can_still_end(self) -> None:
        """The store owes an answer, or the phone rings: nobody stays reserved for ever."""
        for agent in self.state.agents.values():
            if agent.state is AgentState.RESERVED:
                pending = [(wish.person, wish.interaction) for wish in self.asked]
                pending += [(offer.person, offer.interaction) for offer in self.ringing]
                assert (agent.person.id, agent.interaction) in pending

    @invariant()
    def a_waiting_interaction_and_a_fitting_idle_agent_never_stay_apart(self) -> None:
        idle = list(self.state.agents.values())
        for entry in self.state.waiting.values():
            queue = self.state.queues[entry.queue]
            assert entry.offered_to or not any(agent.can_be_offered(queue, self.now) for agent in idle)

    @invariant()
    def places_in_the_queue_never_change(self) -> None:
        assert all(entry.enqueued_at == self.enqueued_at[key] for key, entry in self.state.waiting.items())

    @invariant()
    def only_who_is_reserved_or_busy_holds_a_lease(self) -> None:
        holders = {agent.person.id for agent in self.state.agents.values() if agent.lease is not None}
        assert holders == {person for person, _token in self.out}


RoutingUnderEveryOrder.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)
TestRoutingUnderEveryOrder = RoutingUnderEveryOrder.TestCase
