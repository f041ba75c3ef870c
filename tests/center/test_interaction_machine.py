"""The life of an interaction on the pure machine (CE-03, CE-08, CE-11, N3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from center.interaction import effects as fx
from center.interaction.events import (
    AgentCameBack,
    Arrived,
    Closed,
    ConsultSwitched,
    EscalationBegan,
    EscalationEnded,
    InteractionEvent,
    Offered,
    PersonLeft,
    RingTimeout,
    SpecialistAccepted,
    SupervisorCame,
    WrapUpDone,
)
from center.interaction.machine import step
from center.interaction.model import Interaction, Phase, SupervisionMode
from center.record import Record
from routing.model import ServiceQueue
from telephony.effects import AnswerLeg, DialLeg, EndLeg, PlayPrompt, SetMix, StopPrompt
from telephony.events import LegAnswered, LegEnded, LegRinging, PromptEnded
from telephony.model import HoldMusic, PromptName, everyone_hears_everyone
from vocabulary import EndReason, EscalationId, InteractionId, LegId, ParticipantRole, PersonId, QueueId

CUSTOMER, AGENT_LEG, SPECIALIST_LEG = LegId("leg_c"), LegId("leg_a"), LegId("leg_e")
SUPERVISOR_LEG, BACK_LEG = LegId("leg_s"), LegId("leg_a2")
ANNA, EVA, SARA = PersonId("anna"), PersonId("eva"), PersonId("sara")
ESC = EscalationId("esc_1")
GONE = EndReason.success("hung_up")
QUEUE = ServiceQueue(QueueId("claims"), "Claims", "5001", "claims", wrap_up_s=30)


@dataclass
class Run:
    """Plays events against the machine and keeps what it asked for."""

    call: Interaction = field(
        default_factory=lambda: Interaction(InteractionId("int_1"), QUEUE, "+385915550101", CUSTOMER, arrived_at=0.0)
    )
    now: float = 0.0
    last: list[fx.InteractionEffect] = field(default_factory=list)
    all: list[fx.InteractionEffect] = field(default_factory=list)

    def play(self, *events: InteractionEvent) -> Run:
        for event in events:
            self.now += 1.0
            self.call, self.last = step(self.call, event, self.now)
            self.all += self.last
        return self

    def mixes(self) -> list[SetMix]:
        return [effect for effect in self.last if isinstance(effect, SetMix)]


def given_queued() -> Run:
    return Run().play(Arrived(), LegAnswered(CUSTOMER), PromptEnded(CUSTOMER, PromptName("greeting")))


def given_talking() -> Run:
    return given_queued().play(Offered(ANNA, AGENT_LEG), LegRinging(AGENT_LEG), LegAnswered(AGENT_LEG))


def given_conference() -> Run:
    return given_talking().play(EscalationBegan(ESC), SpecialistAccepted(ESC, EVA, SPECIALIST_LEG))


def test_a_caller_is_answered_greeted_and_queued_with_music() -> None:
    run = Run().play(Arrived())
    assert AnswerLeg(CUSTOMER) in run.last
    run.play(LegAnswered(CUSTOMER))
    assert (run.call.phase, PlayPrompt(CUSTOMER, PromptName("greeting")) in run.last) == (Phase.GREETING, True)
    run.play(PromptEnded(CUSTOMER, PromptName("greeting")))
    assert run.call.phase is Phase.QUEUED
    assert run.mixes() == [SetMix(frozenset({CUSTOMER}), frozenset({(HoldMusic(), CUSTOMER)}))]
    assert fx.Enqueue() in run.last


def test_an_agent_who_answers_talks_with_the_customer() -> None:
    run = given_talking()
    assert run.call.phase is Phase.TALKING
    assert run.mixes() == [SetMix(frozenset({CUSTOMER, AGENT_LEG}), everyone_hears_everyone(run.call.talking_legs))]
    assert fx.AcceptReservation(ANNA) in run.last


def test_an_unanswered_ring_returns_the_interaction_to_the_queue_and_ends_the_ringing() -> None:
    run = given_queued().play(Offered(ANNA, AGENT_LEG), RingTimeout(AGENT_LEG))
    assert run.call.phase is Phase.QUEUED
    assert fx.FailReservation(ANNA, unanswered=True) in run.last
    assert [effect.leg for effect in run.last if isinstance(effect, EndLeg)] == [AGENT_LEG]
    assert fx.Enqueue() not in run.last, "its place in the queue is kept, not taken anew"


def test_while_a_specialist_is_fetched_nothing_changes_for_customer_and_agent() -> None:
    """N3: no hold; the mix stays as it is until the specialist is let in."""
    run = given_talking().play(EscalationBegan(ESC))
    assert run.call.phase is Phase.ESCALATING
    assert run.last == []


def test_an_accepted_specialist_makes_a_conference_in_which_all_hear_all() -> None:
    run = given_conference()
    assert run.call.phase is Phase.CONFERENCE
    legs = frozenset({CUSTOMER, AGENT_LEG, SPECIALIST_LEG})
    assert run.mixes() == [SetMix(legs, everyone_hears_everyone(legs))]
    assert len(everyone_hears_everyone(legs)) == 6


def test_the_notice_to_the_customer_is_cut_when_the_specialist_joins() -> None:
    """S07 step 5."""
    run = given_talking().play(EscalationBegan(ESC), LegEnded(AGENT_LEG, GONE))
    assert PlayPrompt(CUSTOMER, PromptName("one-moment")) in run.last
    assert StopPrompt(CUSTOMER) in run.play(SpecialistAccepted(ESC, EVA, SPECIALIST_LEG)).last


def test_an_agent_who_leaves_goes_to_wrap_up_and_the_others_talk_on() -> None:
    run = given_conference().play(PersonLeft(ANNA))
    assert EndLeg(AGENT_LEG, EndReason.success("left")) in run.last
    assert fx.ReleasePerson(ANNA, 30) in run.last
    legs = frozenset({CUSTOMER, SPECIALIST_LEG})
    assert run.mixes() == [SetMix(legs, everyone_hears_everyone(legs))]
    assert run.call.is_live


def test_the_specialist_closes_with_an_outcome_and_everybody_is_released() -> None:
    run = given_conference().play(PersonLeft(ANNA), Closed(EVA, "solved", resolved=True))
    assert {effect.leg for effect in run.last if isinstance(effect, EndLeg)} == {CUSTOMER, SPECIALIST_LEG}
    assert fx.StopEscalation(ESC, EndReason.success("completed")) in run.last
    assert run.call.phase is Phase.WRAP_UP
    assert (run.call.outcome, run.call.resolved) == ("solved", True)
    assert run.play(WrapUpDone(ANNA)).call.phase is Phase.CLOSED


def test_three_time_budgets_are_measured() -> None:
    """CE-21: the talking time of agent and specialist, and the customer's way to a person."""
    call = given_conference().play(PersonLeft(ANNA), Closed(EVA, "solved", resolved=True)).call
    assert call.served_s[ParticipantRole.AGENT] == 3.0  # answered at 6, left at 9
    assert call.served_s[ParticipantRole.SPECIALIST] == 2.0  # joined at 8, closed at 10
    assert call.answered_at == 6.0


def test_a_specialist_who_leaves_hands_the_call_back_to_the_agent() -> None:
    run = given_conference().play(LegEnded(SPECIALIST_LEG, GONE))
    assert run.call.phase is Phase.TALKING
    assert fx.StopEscalation(ESC, GONE) in run.last
    assert fx.ReleasePerson(EVA, 0.0) in run.last


def test_a_customer_who_hangs_up_ends_everything_and_stops_the_escalation() -> None:
    run = given_talking().play(EscalationBegan(ESC), LegEnded(CUSTOMER, GONE))
    assert fx.StopEscalation(ESC, EndReason.success("customer_left")) in run.last
    assert not run.call.is_live


def test_a_customer_who_gives_up_while_an_agent_rings_is_abandoned() -> None:
    run = given_queued().play(Offered(ANNA, AGENT_LEG), LegEnded(CUSTOMER, GONE))
    assert run.call.phase is Phase.CLOSED
    assert run.call.end == EndReason.success("abandoned")
    assert any(isinstance(effect, EndLeg) and effect.leg == AGENT_LEG for effect in run.last)


def test_an_agent_lost_while_a_specialist_rings_leaves_the_customer_with_music_not_silence() -> None:
    run = given_talking().play(EscalationBegan(ESC), LegEnded(AGENT_LEG, GONE))
    assert run.mixes() == [SetMix(frozenset({CUSTOMER}), frozenset({(HoldMusic(), CUSTOMER)}))]
    run.play(EscalationEnded(ESC))
    assert run.call.phase is Phase.QUEUED
    assert fx.Enqueue() in run.last


def test_a_private_consult_gives_the_customer_music_and_ends_with_the_conference() -> None:
    run = given_conference().play(ConsultSwitched(ANNA, on=True))
    assert (HoldMusic(), CUSTOMER) in run.mixes()[0].matrix
    assert (AGENT_LEG, CUSTOMER) not in run.mixes()[0].matrix
    run.play(ConsultSwitched(EVA, on=False))
    assert run.mixes()[0].matrix == everyone_hears_everyone(run.call.talking_legs)


def test_who_consults_and_then_is_left_alone_talks_with_the_customer_again() -> None:
    run = given_conference().play(ConsultSwitched(ANNA, on=True), LegEnded(SPECIALIST_LEG, GONE))
    assert run.mixes()[0].matrix == everyone_hears_everyone(frozenset({CUSTOMER, AGENT_LEG}))


def test_without_a_colleague_there_is_nobody_to_consult() -> None:
    assert given_talking().play(ConsultSwitched(ANNA, on=True)).last == []


def test_a_supervisor_listens_whispers_and_joins_by_three_logged_acts() -> None:
    run = given_talking().play(
        SupervisorCame(SARA, SUPERVISOR_LEG, SupervisionMode.LISTEN), LegAnswered(SUPERVISOR_LEG)
    )
    assert (AGENT_LEG, SUPERVISOR_LEG) in run.mixes()[0].matrix
    assert not any(speaker == SUPERVISOR_LEG for speaker, _ in run.mixes()[0].matrix)
    run.play(SupervisorCame(SARA, LegId("unused"), SupervisionMode.WHISPER))
    assert (SUPERVISOR_LEG, AGENT_LEG) in run.mixes()[0].matrix
    assert (SUPERVISOR_LEG, CUSTOMER) not in run.mixes()[0].matrix
    run.play(SupervisorCame(SARA, LegId("unused"), SupervisionMode.JOIN))
    assert (SUPERVISOR_LEG, CUSTOMER) in run.mixes()[0].matrix
    acts = [e.name for e in run.all if isinstance(e, Record) and e.name.startswith("supervision.")]
    assert acts == ["supervision.listen", "supervision.whisper", "supervision.join"]
    assert run.call.phase is Phase.TALKING


def test_a_supervisor_who_leaves_changes_nothing_for_the_others() -> None:
    run = given_talking().play(
        SupervisorCame(SARA, SUPERVISOR_LEG, SupervisionMode.LISTEN), LegAnswered(SUPERVISOR_LEG)
    )
    run.play(PersonLeft(SARA))
    assert run.mixes()[0].matrix == everyone_hears_everyone(frozenset({CUSTOMER, AGENT_LEG}))
    assert run.call.is_live


def test_a_call_never_lives_by_its_supervisor_alone() -> None:
    run = given_talking().play(SupervisorCame(SARA, SUPERVISOR_LEG, SupervisionMode.JOIN), LegAnswered(SUPERVISOR_LEG))
    run.play(LegEnded(AGENT_LEG, GONE))
    assert not run.call.is_live
    assert {effect.leg for effect in run.last if isinstance(effect, EndLeg)} == {CUSTOMER, SUPERVISOR_LEG}


def test_an_agent_whose_phone_died_comes_back_into_the_same_conversation() -> None:
    """S07 step 2."""
    run = given_talking().play(EscalationBegan(ESC), LegEnded(AGENT_LEG, GONE), AgentCameBack(ANNA, BACK_LEG))
    assert AnswerLeg(BACK_LEG) in run.last
    run.play(LegAnswered(BACK_LEG))
    assert run.mixes()[0].matrix == everyone_hears_everyone(frozenset({CUSTOMER, BACK_LEG}))
    assert fx.OccupyPerson(ANNA) in run.last
    run.play(SpecialistAccepted(ESC, EVA, SPECIALIST_LEG))
    assert run.call.phase is Phase.CONFERENCE


def test_who_comes_back_too_late_or_never_was_there_is_not_let_in() -> None:
    run = given_talking().play(EscalationBegan(ESC), LegEnded(AGENT_LEG, GONE))
    assert run.play(AgentCameBack(EVA, BACK_LEG)).last == [
        EndLeg(BACK_LEG, EndReason.client_error("not_expected"), 480)
    ]
    run.now += 20
    assert run.play(AgentCameBack(ANNA, BACK_LEG)).last == [
        EndLeg(BACK_LEG, EndReason.client_error("not_expected"), 480)
    ]


def test_who_leaves_on_purpose_is_not_missed() -> None:
    run = given_conference().play(PersonLeft(ANNA), AgentCameBack(ANNA, BACK_LEG))
    assert [type(effect) for effect in run.last] == [EndLeg]


EVENTS: list[InteractionEvent] = [
    AgentCameBack(ANNA, BACK_LEG),
    LegAnswered(BACK_LEG),
    LegEnded(BACK_LEG, GONE),
    ConsultSwitched(ANNA, on=True),
    ConsultSwitched(EVA, on=False),
    SupervisorCame(SARA, SUPERVISOR_LEG, SupervisionMode.LISTEN),
    SupervisorCame(SARA, SUPERVISOR_LEG, SupervisionMode.JOIN),
    LegAnswered(SUPERVISOR_LEG),
    LegEnded(SUPERVISOR_LEG, GONE),
    PersonLeft(SARA),
    Arrived(),
    LegAnswered(CUSTOMER),
    PromptEnded(CUSTOMER, PromptName("greeting")),
    Offered(ANNA, AGENT_LEG),
    LegRinging(AGENT_LEG),
    LegAnswered(AGENT_LEG),
    RingTimeout(AGENT_LEG),
    EscalationBegan(ESC),
    SpecialistAccepted(ESC, EVA, SPECIALIST_LEG),
    EscalationEnded(ESC),
    PersonLeft(ANNA),
    PersonLeft(EVA),
    Closed(ANNA, "solved", resolved=True),
    WrapUpDone(ANNA),
    LegEnded(CUSTOMER, GONE),
    LegEnded(AGENT_LEG, GONE),
    LegEnded(SPECIALIST_LEG, GONE),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_in_any_order_of_events_nobody_is_left_alone_and_everything_ends_once(events: list[InteractionEvent]) -> None:
    run = Run().play(Arrived(), LegAnswered(CUSTOMER), *events)
    call = run.call
    closings = [e for e in run.all if isinstance(e, Record) and e.name == "interaction.closed"]
    assert len(closings) == (0 if call.is_live else 1)
    if not call.is_live:
        assert call.participants == ()
        dialled = {e.leg for e in run.all if isinstance(e, DialLeg)}
        ended = {e.leg for e in run.all if isinstance(e, EndLeg)} | {e.leg for e in events if isinstance(e, LegEnded)}
        assert dialled <= ended, "no leg outlives its call"
        return
    if call.phase is not Phase.GREETING:
        last_mix = [e for e in run.all if isinstance(e, SetMix)][-1]
        heard = {listener for _, listener in last_mix.matrix}
        assert CUSTOMER in heard, "a customer hears music or a person"
        assert last_mix.legs == call.talking_legs
