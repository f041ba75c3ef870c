"""Who gets which waiting interaction, on the pure machine (CE-03, CE-04, CE-13, N4)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

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
from routing.machine import REFUSED_PAUSE_S, RONA, Agent, Routing, step
from routing.model import AgentState, AgentStatus, Channel, Lease, Person, ServiceQueue
from vocabulary import DeskRole, InteractionId, PersonId, QueueId

CLAIMS, BILLING = QueueId("claims"), QueueId("billing")
QUEUES = {
    CLAIMS: ServiceQueue(CLAIMS, "Claims", "5001", "claims", least_level=2),
    BILLING: ServiceQueue(BILLING, "Billing", "5002", "billing"),
}
ANNA, BEN = PersonId("anna"), PersonId("ben")
FIRST, SECOND, THIRD = InteractionId("int_1"), InteractionId("int_2"), InteractionId("int_3")


def an_agent(
    id: PersonId, *, idle_since: float = 0.0, skills: dict[str, int] | None = None, voice: int = 4, ready: bool = True
) -> Agent:
    known = {"claims": 3, "billing": 3} if skills is None else skills
    person = Person(id, id.title(), "Agent", frozenset({DeskRole.AGENT}), known, {Channel.VOICE: voice})
    status = AgentStatus.READY if ready else AgentStatus.NOT_READY
    return Agent(person, status, idle_since=idle_since, phone=True)


@dataclass
class Floor:
    """Plays events against the machine and keeps what it asked for."""

    state: Routing
    now: float = 100.0
    last: list[RoutingEffect] = field(default_factory=list)

    def play(self, *events: RoutingEvent, after: float = 1.0) -> Floor:
        for event in events:
            self.now += after
            self.state, self.last = step(self.state, event, self.now)
        return self

    def agent(self, person: PersonId) -> Agent:
        return self.state.agents[person]

    def asked(self) -> list[tuple[PersonId, InteractionId]]:
        return [(effect.person, effect.interaction) for effect in self.last if isinstance(effect, AcquireLease)]


def floor_with(*agents: Agent) -> Floor:
    return Floor(Routing(QUEUES, {agent.person.id: agent for agent in agents}))


def enqueued(interaction: InteractionId, at: float, queue: QueueId = CLAIMS) -> InteractionEnqueued:
    return InteractionEnqueued(interaction, queue, at)


def granted(person: PersonId, interaction: InteractionId, token: int = 1) -> LeaseGranted:
    return LeaseGranted(person, interaction, Lease(person, interaction, token, 1_000.0))


def given_reserved(*others: Agent) -> Floor:
    """Anna's lease for the first interaction is asked for."""
    return floor_with(an_agent(ANNA), *others).play(enqueued(FIRST, 90.0))


def given_offered(*others: Agent) -> Floor:
    return given_reserved(*others).play(granted(ANNA, FIRST))


def given_talking(*others: Agent) -> Floor:
    return given_offered(*others).play(ReservationAccepted(ANNA, FIRST))


def given_wrap_up() -> Floor:
    return given_talking().play(AgentReleased(ANNA, FIRST, wrap_up_s=30.0))


def test_the_agent_who_is_idle_longest_is_asked_first() -> None:
    """CE-03: longest idle first."""
    floor = floor_with(an_agent(ANNA, idle_since=50.0), an_agent(BEN, idle_since=20.0))
    assert floor.play(enqueued(FIRST, 90.0)).asked() == [(BEN, FIRST)]
    assert floor.play(enqueued(SECOND, 91.0)).asked() == [(ANNA, SECOND)]
    assert floor.play(enqueued(THIRD, 92.0)).asked() == []


def test_interactions_are_served_in_the_order_they_came_whatever_their_queue() -> None:
    floor = floor_with(an_agent(ANNA, ready=False))
    floor.play(enqueued(SECOND, 95.0), enqueued(FIRST, 90.0, BILLING), enqueued(THIRD, 92.0))
    assert floor.play(AgentStatusChosen(ANNA, AgentStatus.READY)).asked() == [(ANNA, FIRST)]


@pytest.mark.parametrize(
    ("agent", "asked"),
    [
        (an_agent(ANNA, skills={"claims": 2}), True),
        (an_agent(ANNA, skills={"claims": 1}), False),
        (an_agent(ANNA, skills={"billing": 5}), False),
        (an_agent(ANNA, skills={"claims": 5}, voice=0), False),
    ],
    ids=["least level", "too low a level", "other skill", "no voice competence"],
)
def test_knowledge_and_the_voice_channel_are_both_needed(agent: Agent, asked: bool) -> None:
    """CE-04: two competences, each with its own level."""
    assert (floor_with(agent).play(enqueued(FIRST, 90.0)).asked() == [(ANNA, FIRST)]) is asked


def test_nobody_without_a_phone_is_asked_until_the_phone_comes() -> None:
    floor = floor_with(an_agent(ANNA)).play(PhoneChanged(ANNA, False), enqueued(FIRST, 90.0))
    assert floor.asked() == []
    assert floor.play(PhoneChanged(ANNA, True)).asked() == [(ANNA, FIRST)]


def test_nobody_not_ready_is_asked_until_he_is_ready() -> None:
    floor = floor_with(an_agent(ANNA, ready=False)).play(enqueued(FIRST, 90.0))
    assert floor.asked() == []
    assert floor.play(AgentStatusChosen(ANNA, AgentStatus.READY)).asked() == [(ANNA, FIRST)]


def test_a_phone_rings_only_once_the_lease_is_granted() -> None:
    """N4: reserved before ringing."""
    floor = given_reserved()
    assert (floor.agent(ANNA).state, OfferInteraction(ANNA, FIRST) in floor.last) == (AgentState.RESERVED, False)
    floor.play(granted(ANNA, FIRST))
    assert OfferInteraction(ANNA, FIRST) in floor.last


def test_an_agent_who_answers_is_busy_and_the_interaction_has_left_its_queue() -> None:
    floor = given_talking()
    assert (floor.agent(ANNA).state, floor.agent(ANNA).interaction) == (AgentState.BUSY, FIRST)
    assert floor.state.waiting == {}


def test_rona_keeps_queue_position() -> None:
    """CE-13: an unanswered interaction stands where it stood, and its agent is not rung again by himself."""
    floor = given_offered().play(enqueued(SECOND, 95.0), ReservationFailed(ANNA, FIRST, unanswered=True))
    agent = floor.agent(ANNA)
    assert (agent.status, agent.reason, agent.state) == (AgentStatus.NOT_READY, RONA, AgentState.IDLE)
    assert floor.state.waiting[FIRST].enqueued_at == 90.0
    assert ReleaseLease(Lease(ANNA, FIRST, 1, 1_000.0)) in floor.last
    assert floor.play(AgentStatusChosen(ANNA, AgentStatus.READY)).asked() == [(ANNA, FIRST)]


def test_an_unanswered_interaction_goes_to_the_next_agent_in_the_same_step() -> None:
    floor = given_offered(an_agent(BEN, idle_since=50.0)).play(ReservationFailed(ANNA, FIRST, unanswered=True))
    assert floor.asked() == [(BEN, FIRST)]


def test_a_phone_that_could_not_be_rung_leaves_its_agent_ready_after_a_pause() -> None:
    floor = given_offered().play(ReservationFailed(ANNA, FIRST, unanswered=False))
    assert (floor.agent(ANNA).status, floor.asked()) == (AgentStatus.READY, [])
    assert StartTimer(floor.now + REFUSED_PAUSE_S) in floor.last
    assert floor.play(TimerFired(), after=REFUSED_PAUSE_S).asked() == [(ANNA, FIRST)]


def test_a_customer_who_leaves_frees_the_reserved_agent() -> None:
    """CE-13: abandoned."""
    floor = given_offered().play(InteractionLeftQueue(FIRST))
    assert (floor.agent(ANNA).state, floor.agent(ANNA).lease, floor.state.waiting) == (AgentState.IDLE, None, {})
    assert ReleaseLease(Lease(ANNA, FIRST, 1, 1_000.0)) in floor.last


def test_a_freed_agent_is_asked_for_the_next_interaction_at_once() -> None:
    floor = given_offered().play(enqueued(SECOND, 95.0)).play(InteractionLeftQueue(FIRST))
    assert floor.asked() == [(ANNA, SECOND)]


def test_a_lease_that_comes_after_the_customer_left_is_given_back() -> None:
    floor = given_reserved().play(InteractionLeftQueue(FIRST), granted(ANNA, FIRST))
    assert floor.last == [ReleaseLease(Lease(ANNA, FIRST, 1, 1_000.0))]
    assert floor.agent(ANNA).state is AgentState.IDLE


def test_a_lease_that_comes_for_an_interaction_that_moved_on_is_given_back() -> None:
    floor = given_reserved().play(InteractionLeftQueue(FIRST), enqueued(SECOND, 95.0), granted(ANNA, FIRST, token=7))
    assert floor.last == [ReleaseLease(Lease(ANNA, FIRST, 7, 1_000.0))]
    assert floor.agent(ANNA).interaction == SECOND


def test_a_refused_lease_pauses_its_agent_and_the_interaction_waits_on() -> None:
    """N4: somebody else is ringing him."""
    floor = given_reserved().play(LeaseRefused(ANNA, FIRST))
    agent, entry = floor.agent(ANNA), floor.state.waiting[FIRST]
    assert (agent.state, agent.status, entry.offered_to) == (AgentState.IDLE, AgentStatus.READY, None)
    assert floor.play(enqueued(SECOND, 95.0), after=REFUSED_PAUSE_S / 2).asked() == []
    assert floor.play(TimerFired(), after=REFUSED_PAUSE_S).asked() == [(ANNA, FIRST)]


def test_an_agent_who_turns_not_ready_while_his_lease_is_asked_for_is_not_rung() -> None:
    """Nobody not ready is offered anything: the lease is given back and the interaction waits on in its place."""
    floor = given_reserved().play(AgentStatusChosen(ANNA, AgentStatus.NOT_READY, "break"), granted(ANNA, FIRST))
    assert [e for e in floor.last if isinstance(e, OfferInteraction)] == []
    assert ReleaseLease(Lease(ANNA, FIRST, 1, 1_000.0)) in floor.last
    assert (floor.agent(ANNA).state, floor.agent(ANNA).reason) == (AgentState.IDLE, "break")
    assert floor.state.waiting[FIRST].offered_to is None


def test_after_call_work_ends_by_hand() -> None:
    floor = given_wrap_up()
    assert (floor.agent(ANNA).state, floor.agent(ANNA).lease) == (AgentState.WRAP_UP, None)
    floor.play(WrapUpFinished(ANNA))
    assert WrapUpOver(ANNA, FIRST) in floor.last
    assert (floor.agent(ANNA).state, floor.agent(ANNA).wrap_up_ends_at) == (AgentState.IDLE, None)


def test_after_call_work_ends_by_itself_at_its_deadline() -> None:
    floor = given_wrap_up()
    assert StartTimer(floor.now + 30.0) in floor.last
    assert WrapUpOver(ANNA, FIRST) not in floor.play(TimerFired(), after=29.0).last
    assert WrapUpOver(ANNA, FIRST) in floor.play(TimerFired(), after=1.0).last
    assert floor.agent(ANNA).state is AgentState.IDLE


def test_nobody_in_after_call_work_is_asked() -> None:
    floor = given_wrap_up().play(enqueued(SECOND, 130.0))
    assert floor.asked() == []
    assert floor.play(WrapUpFinished(ANNA)).asked() == [(ANNA, SECOND)]


def test_without_after_call_work_the_agent_is_idle_at_once() -> None:
    floor = given_talking().play(AgentReleased(ANNA, FIRST, wrap_up_s=0.0))
    assert (floor.agent(ANNA).state, floor.agent(ANNA).idle_since) == (AgentState.IDLE, floor.now)


def test_finishing_after_call_work_twice_changes_nothing() -> None:
    floor = given_wrap_up().play(WrapUpFinished(ANNA))
    before = floor.state
    assert floor.play(WrapUpFinished(ANNA)).state == before


def test_an_agent_who_helps_as_a_specialist_is_not_asked_meanwhile() -> None:
    floor = floor_with(an_agent(ANNA)).play(AgentOccupied(ANNA), enqueued(FIRST, 90.0))
    assert (floor.agent(ANNA).state, floor.asked()) == (AgentState.BUSY, [])
    assert floor.play(AgentReleased(ANNA, SECOND, wrap_up_s=0.0)).asked() == [(ANNA, FIRST)]


def test_an_agent_occupied_while_his_lease_is_asked_for_gives_the_offer_back() -> None:
    """He joined as a specialist; the refusal that follows must not make him idle in the middle of that talk."""
    floor = given_reserved(an_agent(BEN, ready=False)).play(AgentOccupied(ANNA))
    assert (floor.agent(ANNA).state, floor.state.waiting[FIRST].offered_to) == (AgentState.BUSY, None)
    floor.play(LeaseRefused(ANNA, FIRST))
    assert floor.agent(ANNA).state is AgentState.BUSY
    assert floor.play(AgentStatusChosen(BEN, AgentStatus.READY)).asked() == [(BEN, FIRST)]


def test_a_phone_that_comes_or_goes_does_not_change_since_when_the_agent_talks() -> None:
    """The agent's page shows since when he is busy."""
    floor = given_talking()
    since = floor.now
    assert floor.play(PhoneChanged(ANNA, False), after=20.0).agent(ANNA).since == since


def test_turning_ready_begins_a_new_idle_time() -> None:
    floor = floor_with(an_agent(ANNA, ready=False)).play(AgentStatusChosen(ANNA, AgentStatus.READY))
    assert floor.agent(ANNA).idle_since == floor.now


def test_strangers_and_repeated_events_change_nothing() -> None:
    floor = given_talking()
    before = floor.state
    nobody = PersonId("nobody")
    floor.play(
        InteractionLeftQueue(FIRST), AgentOccupied(nobody), PhoneChanged(nobody, True), WrapUpFinished(nobody),
        ReservationFailed(ANNA, SECOND, unanswered=True), LeaseRefused(ANNA, SECOND), AgentReleased(nobody, FIRST, 1.0),
    )  # fmt: skip
    assert floor.state == before


def test_every_change_of_an_agent_is_told_once_per_step() -> None:
    floor = given_talking()
    assert floor.play(AgentReleased(ANNA, FIRST, wrap_up_s=30.0)).last.count(AgentChanged(ANNA)) == 1


def test_who_is_removed_is_offered_nothing_and_his_lease_is_given_back() -> None:
    """Before his phone rings the customer goes to the next at once; while it rings, when that ring has ended."""
    floor = floor_with(an_agent(ANNA), an_agent(BEN, idle_since=1.0)).play(enqueued(FIRST, 100.0))
    assert floor.asked() == [(ANNA, FIRST)]
    floor.play(PersonRemoved(ANNA))
    assert floor.asked() == [(BEN, FIRST)]
    lease = Lease(BEN, FIRST, 7, 0.0)
    floor.play(LeaseGranted(BEN, FIRST, lease), PersonRemoved(BEN))
    assert ReleaseLease(lease) in floor.last
    assert floor.state.waiting[FIRST].offered_to == BEN
    floor.play(ReservationFailed(BEN, FIRST, unanswered=False))
    assert floor.state.waiting[FIRST].offered_to is None


@pytest.mark.parametrize(("wrap_up_s", "over"), [(30.0, [WrapUpOver(ANNA, FIRST)]), (0.0, [])])
def test_a_talk_of_somebody_removed_ends_without_after_call_work(wrap_up_s: float, over: list[RoutingEffect]) -> None:
    floor = floor_with(an_agent(ANNA)).play(enqueued(FIRST, 100.0), LeaseGranted(ANNA, FIRST, Lease(ANNA, FIRST, 1, 0)))
    floor.play(ReservationAccepted(ANNA, FIRST), PersonRemoved(ANNA), AgentReleased(ANNA, FIRST, wrap_up_s))
    assert floor.last == over


def test_after_call_work_of_somebody_removed_is_over_at_once() -> None:
    floor = floor_with(an_agent(ANNA)).play(enqueued(FIRST, 100.0), LeaseGranted(ANNA, FIRST, Lease(ANNA, FIRST, 1, 0)))
    floor.play(ReservationAccepted(ANNA, FIRST), AgentReleased(ANNA, FIRST, 30.0), PersonRemoved(ANNA))
    assert WrapUpOver(ANNA, FIRST) in floor.last


def test_a_new_skill_or_a_changed_queue_counts_for_who_waits_already() -> None:
    floor = floor_with(an_agent(ANNA, skills={"billing": 3})).play(enqueued(FIRST, 100.0))
    assert floor.asked() == []
    learnt = an_agent(ANNA, skills={"claims": 2}).person
    assert floor.play(PersonChanged(learnt)).asked() == [(ANNA, FIRST)]
    other = floor_with(an_agent(BEN, skills={"billing": 3})).play(enqueued(FIRST, 100.0))
    easier = ServiceQueue(CLAIMS, "Claims", "5001", "billing")
    assert other.play(QueueChanged(easier)).asked() == [(BEN, FIRST)]
