"""The life of an escalation on the pure machine (N1, N2, N7, N8, CE-05, CE-13, CE-15 to CE-18)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from center.escalation import effects as fx
from center.escalation.events import (
    Accepted,
    Cancelled,
    CandidatesFound,
    CasePushed,
    CaseRendered,
    Chosen,
    ConversationEnded,
    Declined,
    EscalationEvent,
    Joined,
    LeaseGranted,
    LeaseRefused,
    Postponed,
    Requested,
    TakenOver,
    TimerFired,
)
from center.escalation.machine import step
from center.escalation.model import (
    Candidate,
    Choice,
    Escalation,
    EscalationState,
    Invitation,
    InvitationState,
    Timing,
    Trigger,
)
from center.record import Record
from center.simulate import Outcome, simulate
from routing.model import Lease
from telephony.effects import EndLeg
from telephony.events import DtmfReceived, LegAnswered, LegEnded, LegRinging
from telephony.model import CallerIdentity, DtmfMethod
from vocabulary import CaseId, EndReason, EscalationId, InteractionId, LegId, PersonId

EVA, MARCUS, PRIYA, DEPUTY = PersonId("eva"), PersonId("marcus"), PersonId("priya"), PersonId("sara")
DIGEST = "d" * 64
BUSY = EndReason.upstream_error("busy")
OVER = EndReason.success("completed")


def leg(person: PersonId) -> LegId:
    return LegId(f"leg_{person}")


def lease(person: PersonId) -> Lease:
    return Lease(person, "esc_1", 7, 1e9)


def given_escalation() -> Escalation:
    return Escalation(
        EscalationId("esc_1"),
        InteractionId("int_1"),
        CaseId("case_1"),
        PersonId("anna"),
        CallerIdentity("Ana", "+385915550101"),
        "",
        Trigger.DESK,
        requested_at=0.0,
    )


@dataclass
class Run:
    """Plays events against the machine; who may be invited is what `free` says when the machine asks."""

    free: tuple[PersonId, ...] = (EVA, MARCUS, PRIYA)
    deputy: PersonId | None = None
    esc: Escalation = field(default_factory=given_escalation)
    now: float = 0.0
    last: list[fx.EscalationEffect] = field(default_factory=list)
    all: list[fx.EscalationEffect] = field(default_factory=list)

    def play(self, *events: EscalationEvent, at: float | None = None) -> Run:
        self.now = self.now + 0.01 if at is None else at
        self.last = []
        for event in events:
            self._step(event)
        return self

    def _step(self, event: EscalationEvent) -> None:
        self.esc, effects = step(self.esc, event, self.now)
        self.last += effects
        self.all += effects
        if any(isinstance(effect, fx.FindCandidates) for effect in effects):
            self._step(self.found())

    def found(self) -> CandidatesFound:
        ranked = tuple(Candidate(person, trusted=True) for person in self.free)
        deputy = Candidate(self.deputy, trusted=True) if self.deputy else None
        everybody = (*self.free, self.deputy) if self.deputy else self.free
        left = [person for person in everybody if person not in self.esc.invited]
        return CandidatesFound(ranked, deputy, tuple(leg(person) for person in left))

    def invited(self) -> list[PersonId]:
        return [invitation.specialist for invitation in self.esc.invitations]

    def live(self) -> set[PersonId]:
        return {invitation.specialist for invitation in self.esc.live_invitations}

    def rung(self) -> list[PersonId]:
        return [effect.invitation.specialist for effect in self.all if isinstance(effect, fx.RingSpecialist)]

    def recorded(self) -> list[str]:
        return [effect.name for effect in self.all if isinstance(effect, Record)]

    def cause_of(self, person: PersonId) -> str:
        invitation = self.esc.of(person)
        assert invitation is not None
        assert invitation.end is not None
        return invitation.end.reason


def offer(run: Run, person: PersonId, *, screen: bool = True, at: float | None = None) -> Run:
    return run.play(LeaseGranted(person, lease(person)), CasePushed(person, DIGEST, screen), at=at)


def ring(run: Run, person: PersonId, *, at: float | None = None) -> Run:
    return offer(run, person, at=at).play(CaseRendered(person, DIGEST), LegRinging(leg(person)))


def given_ringing() -> Run:
    return ring(Run().play(Requested(), at=0.0), EVA)


def test_the_phone_does_not_ring_before_the_case_is_on_the_screen() -> None:
    """N1."""
    run = offer(Run().play(Requested(), at=0.0), EVA)
    assert run.rung() == []
    run.play(CaseRendered(EVA, DIGEST))
    assert run.rung() == [EVA]
    assert run.recorded().index("case.rendered") > run.recorded().index("escalation.offered")


def test_a_silent_screen_holds_the_phone_up_for_the_cap_only() -> None:
    run = offer(Run().play(Requested(), at=0.0), EVA, at=0.1)
    assert fx.StartTimer(0.6) in run.last
    assert run.play(TimerFired(), at=0.6).rung() == [EVA]


def test_without_a_screen_the_phone_rings_at_once() -> None:
    assert offer(Run().play(Requested(), at=0.0), EVA, screen=False).rung() == [EVA]


def test_an_acknowledgement_of_another_bundle_counts_nothing() -> None:
    assert offer(Run().play(Requested(), at=0.0), EVA).play(CaseRendered(EVA, "e" * 64)).rung() == []


def test_lifting_a_trusted_handset_accepts() -> None:
    run = given_ringing().play(LegAnswered(leg(EVA)), at=2.0)
    assert any(isinstance(effect, fx.JoinConversation) for effect in run.last)
    assert run.play(Joined()).esc.state is EscalationState.JOINED


@pytest.mark.parametrize("why", ["untrusted", "no screen", "too fast for a person"])
def test_an_answer_that_may_be_no_person_needs_a_click_or_key_one(why: str) -> None:
    """N8: mailbox, auto-answer and a phone that answers by itself are asked for key 1 and never joined without."""
    run = given_ringing()
    trusted, screen = why != "untrusted", why != "no screen"
    run.esc = run.esc.with_invitation(replace(run.esc.invitations[0], trusted=trusted, has_screen=screen))
    run.play(LegAnswered(leg(EVA)), at=0.1 if why == "too fast for a person" else 2.0)
    assert any(isinstance(effect, fx.SpeakSummary) for effect in run.last)
    assert not any(isinstance(effect, fx.JoinConversation) for effect in run.all)
    run.play(DtmfReceived(leg(EVA), "1", DtmfMethod.RTP))
    assert any(isinstance(effect, fx.JoinConversation) for effect in run.last)


def test_answering_in_a_page_is_a_persons_click_and_joins_at_once() -> None:
    """N8: no key 1 for a browser phone, however fast, and whatever the person's telephones are trusted with."""
    run = given_ringing()
    run.esc = run.esc.with_invitation(replace(run.esc.invitations[0], trusted=False, has_screen=False))
    run.play(LegAnswered(leg(EVA), by_person=True), at=0.1)
    assert any(isinstance(effect, fx.JoinConversation) for effect in run.last)
    assert not any(isinstance(effect, fx.SpeakSummary) for effect in run.all)


def test_a_mailbox_is_dropped_after_three_seconds_and_the_next_is_rung() -> None:
    """S02 step 3."""
    run = given_ringing()
    run.esc = run.esc.with_invitation(replace(run.esc.invitations[0], trusted=False))
    run.play(LegAnswered(leg(EVA)), at=1.0).play(TimerFired(), at=4.0)
    assert run.cause_of(EVA) == "not_a_person"
    assert run.live() == {MARCUS}
    assert not any(isinstance(effect, fx.JoinConversation) for effect in run.all)


def test_a_click_before_lifting_joins_as_soon_as_the_phone_is_answered() -> None:
    run = given_ringing().play(Accepted(EVA))
    assert not any(isinstance(effect, fx.JoinConversation) for effect in run.all)
    assert any(isinstance(effect, fx.JoinConversation) for effect in run.play(LegAnswered(leg(EVA))).last)


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (Declined(EVA, "in a meeting"), "declined"),
        (Postponed(EVA, 300.0), "later"),
        (LegEnded(leg(EVA), BUSY, 486), "busy"),
    ],
)
def test_a_refusal_settles_leg_and_lease_and_the_next_is_invited_at_once(event: EscalationEvent, cause: str) -> None:
    """N2: the next try starts in the same breath; the cause is kept for the agent's screen."""
    run = given_ringing().play(event)
    assert run.cause_of(EVA) == cause
    assert EndLeg(leg(EVA), run.esc.invitations[0].end) in run.last  # type: ignore[arg-type]
    assert fx.ReleaseLease(lease(EVA)) in run.last
    assert run.live() == {MARCUS}


def test_a_taken_specialist_is_passed_over_at_once() -> None:
    """S05: the losers of a race move on with the cause."""
    run = Run().play(Requested(), at=0.0).play(LeaseRefused(EVA, "taken"))
    assert (run.cause_of(EVA), run.live()) == ("taken", {MARCUS})


def test_whom_nobody_answers_for_eight_seconds_is_given_up_and_counted() -> None:
    run = given_ringing().play(TimerFired(), at=8.0)
    assert run.cause_of(EVA) == "no_answer"
    assert fx.CountMiss(EVA) in run.last
    assert run.live() == {MARCUS}


def test_everyone_left_is_rung_together_in_time_for_the_target() -> None:
    """N2: at target minus ring limit all who are left ring, whoever rings already rings on."""
    run = given_ringing().play(TimerFired(), at=8.0)
    ring(run, MARCUS, at=8.1)
    run.play(TimerFired(), at=12.0)
    assert run.live() == {MARCUS, PRIYA}


def test_the_first_accept_wins_and_the_others_are_told_it_was_completed_elsewhere() -> None:
    run = given_ringing().play(TimerFired(), at=8.0)
    ring(run, MARCUS, at=8.1).play(TimerFired(), at=12.0)
    ring(run, PRIYA, at=12.1).play(LegAnswered(leg(PRIYA)), at=15.0)
    assert EndLeg(leg(MARCUS), EndReason.success("completed_elsewhere")) in run.last
    assert fx.ReleaseLease(lease(MARCUS)) in run.last
    assert run.play(Accepted(MARCUS)).last == [], "a second accept is too late"


def test_with_all_specialists_tried_the_deputy_is_asked_before_anything_is_promised() -> None:
    run = Run(free=(EVA,), deputy=DEPUTY).play(Requested(), at=0.0)
    ring(run, EVA).play(Declined(EVA, ""))
    assert run.live() == {DEPUTY}


def test_with_nobody_free_the_agent_may_choose_and_the_deadline_chooses_for_him() -> None:
    """S03 step 1, N10."""
    run = Run(free=()).play(Requested(), at=0.0)
    assert fx.OfferChoices() in run.last
    assert run.esc.state is EscalationState.CHOOSING
    run.play(TimerFired(), at=27.0)
    assert fx.MakePromise(Choice.CALLBACK) in run.last
    assert run.esc.end == EndReason.success("promised")


@pytest.mark.parametrize("choice", [Choice.CALLBACK, Choice.TASK])
def test_a_chosen_promise_is_made_at_once(choice: Choice) -> None:
    run = Run(free=()).play(Requested(), at=0.0).play(Chosen(choice))
    assert fx.MakePromise(choice) in run.last
    assert not run.esc.is_live


def test_waiting_is_the_systems_work_and_goes_on_when_somebody_becomes_free() -> None:
    """CE-13."""
    run = Run(free=()).play(Requested(), at=0.0).play(Chosen(Choice.WAIT))
    assert run.esc.state is EscalationState.WAITING
    run.free = (EVA,)
    run.play(run.found(), at=100.0)
    assert (run.esc.state, run.live()) == (EscalationState.SEARCHING, {EVA})
    assert run.esc.ceiling_at == 130.0, "the deadline runs anew"


def test_waiting_does_not_last_for_ever() -> None:
    run = Run(free=()).play(Requested(), at=0.0).play(Chosen(Choice.WAIT), at=1.0).play(TimerFired(), at=901.0)
    assert fx.MakePromise(Choice.CALLBACK) in run.last


def test_no_try_begins_that_could_not_ring_before_the_search_ends() -> None:
    run = Run(free=(EVA,)).play(Requested(), at=0.0)
    ring(run, EVA).play(Declined(EVA, ""))  # nobody left: the agent may choose
    run.free = (EVA, MARCUS)
    run.play(run.found(), at=25.0)
    assert run.invited() == [EVA]


def test_a_lease_that_comes_too_late_is_given_back() -> None:
    run = Run().play(Requested(), at=0.0).play(Cancelled()).play(LeaseGranted(EVA, lease(EVA)))
    assert run.last == [fx.ReleaseLease(lease(EVA))]


def test_a_dead_nodes_escalation_becomes_a_promise() -> None:
    run = given_ringing().play(TakenOver())
    assert fx.MakePromise(Choice.CALLBACK) in run.last
    assert not run.esc.is_live


EDGES: dict[str, tuple[EscalationEvent, ...]] = {
    "requested": (Requested(),),
    "reserved": (Requested(), LeaseGranted(EVA, lease(EVA))),
    "offered": (Requested(), LeaseGranted(EVA, lease(EVA)), CasePushed(EVA, DIGEST, has_screen=True)),
    "rendered": (
        Requested(),
        LeaseGranted(EVA, lease(EVA)),
        CasePushed(EVA, DIGEST, has_screen=True),
        CaseRendered(EVA, DIGEST),
    ),
    "ringing": (
        Requested(),
        LeaseGranted(EVA, lease(EVA)),
        CasePushed(EVA, DIGEST, has_screen=False),
        LegRinging(leg(EVA)),
    ),
}
EDGES["answered"] = (*EDGES["ringing"], LegAnswered(leg(EVA)))
EDGES["accepted"] = (*EDGES["answered"], DtmfReceived(leg(EVA), "1", DtmfMethod.RTP))
EDGES["joined"] = (*EDGES["accepted"], Joined())
LEAVERS: dict[str, EscalationEvent] = {
    "customer hangs up": ConversationEnded(EndReason.success("customer_left")),
    "call is lost": ConversationEnded(EndReason.upstream_error("media_lost")),
    "agent cancels": Cancelled(),
    "specialist's phone refuses": LegEnded(leg(EVA), BUSY),
    "specialist's phone is lost": LegEnded(leg(EVA), EndReason.upstream_error("media_lost")),
    "nobody answers in time": TimerFired(),
    "node dies": TakenOver(),
}


@pytest.mark.parametrize("edge", list(EDGES))
@pytest.mark.parametrize("leaver", list(LEAVERS))
def test_whoever_leaves_at_whatever_edge_everything_is_settled(edge: str, leaver: str) -> None:
    """N7: every edge of the machine times every way out: no lease left, no leg left, ended once."""
    run = Run(free=(EVA,)).play(*EDGES[edge], at=0.0).play(LEAVERS[leaver], at=30.0 if "time" in leaver else 1.0)
    run.play(ConversationEnded(OVER), at=31.0)
    assert not run.esc.is_live
    check_everything_is_settled(run)


def check_everything_is_settled(run: Run) -> None:
    assert run.recorded().count("escalation.closed") == 1
    assert sum(isinstance(effect, fx.ReportEnd) for effect in run.all) == 1
    ended = {effect.leg for effect in run.all if isinstance(effect, EndLeg)}
    assert {leg(person) for person in run.rung()} <= ended
    assert all(invitation.lease is None for invitation in run.esc.invitations)
    assert all(invitation.state is InvitationState.ENDED for invitation in run.esc.invitations)
    assert len(run.rung()) == len(set(run.rung())), "nobody is rung twice"


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[float, EscalationEvent]]:
    person = st.sampled_from([EVA, MARCUS, PRIYA])
    event = st.one_of(
        person.map(lambda p: LeaseGranted(p, lease(p))),
        person.map(lambda p: LeaseRefused(p, "taken")),
        person.map(lambda p: CasePushed(p, DIGEST, has_screen=True)),
        person.map(lambda p: CaseRendered(p, DIGEST)),
        person.map(lambda p: LegRinging(leg(p))),
        person.map(lambda p: LegAnswered(leg(p))),
        person.map(lambda p: LegEnded(leg(p), BUSY)),
        person.map(Accepted),
        person.map(lambda p: Declined(p, "")),
        person.map(lambda p: Postponed(p, 300.0)),
        st.sampled_from(list(Choice)).map(Chosen),
        st.just(TimerFired()),
        st.just(Cancelled()),
    )
    gaps = draw(st.lists(st.tuples(st.floats(0.0, 6.0), event), max_size=25))
    now, story = 0.0, []
    for gap, what in gaps:
        now += gap
        story.append((now, what))
    return story


@settings(max_examples=300, deadline=None)
@given(stories())
def test_in_any_story_every_escalation_ends_once_and_no_lease_outlives_it(
    story: list[tuple[float, EscalationEvent]],
) -> None:
    run = Run().play(Requested(), at=0.0)
    for at, event in story:
        run.play(event, at=at)
    run.play(ConversationEnded(OVER), at=1_000.0)
    check_everything_is_settled(run)
    pushed = {effect.specialist for effect in run.all if isinstance(effect, fx.PushCase)}
    released = {effect.lease.person for effect in run.all if isinstance(effect, fx.ReleaseLease)}
    assert pushed <= released, "every reservation that was used is given back"


def test_a_thousand_simulated_escalations_keep_the_bound() -> None:
    """N2: at most 30 s without exception, 95 % within 20 s where somebody would have answered; nobody rung twice."""
    results = simulate(1_000, seed=7)
    assert max(result.seconds for result in results) <= 30.0
    assert {result.outcome for result in results} == set(Outcome)
    assert sum(result.rung_twice for result in results) == 0
    answerable = sorted(r.seconds for r in results if r.answerable and r.outcome is not Outcome.CUSTOMER_LEFT)
    assert answerable[int(0.95 * len(answerable))] <= 20.0


def test_a_simulation_is_repeatable() -> None:
    assert simulate(50, seed=3) == simulate(50, seed=3)
    assert simulate(50, seed=3) != simulate(50, seed=4)


def test_the_plan_follows_from_target_and_ceiling() -> None:
    timing = Timing(target_s=15.0, ceiling_s=25.0, ring_s=5.0)
    assert (timing.broadcast_s, timing.fall_through_s) == (10.0, 22.0)


def test_an_invitation_never_outlives_the_search() -> None:
    run = Run(free=(EVA, MARCUS)).play(Requested(), at=0.0)
    ring(run, EVA).play(Declined(EVA, ""), at=22.5)
    marcus = run.esc.of(MARCUS)
    assert isinstance(marcus, Invitation)
    assert marcus.ring_until == 27.0
