"""The life of an escalation on the pure machine (N1, N2 first cut, CE-05, CE-16)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from center.escalation import effects as fx
from center.escalation.events import (
    Accepted,
    Cancelled,
    CasePushed,
    CaseRendered,
    ConversationEnded,
    Declined,
    EscalationEvent,
    Joined,
    LeaseGranted,
    LeaseRefused,
    Requested,
    Timer,
    TimerFired,
)
from center.escalation.machine import step
from center.escalation.model import Escalation, EscalationState
from routing.model import Lease
from telephony.effects import EndLeg, PlayPrompt
from telephony.events import DtmfReceived, LegAnswered, LegEnded, LegRinging
from telephony.model import CallerIdentity, DtmfMethod
from vocabulary import CaseId, EndReason, EscalationId, InteractionId, LegId, PersonId

LEG = LegId("leg_e")
LEASE = Lease(PersonId("eva"), "esc_1", 7, 1e9)
DIGEST = "d" * 64
ESCALATION = Escalation(
    EscalationId("esc_1"),
    InteractionId("int_1"),
    CaseId("case_1"),
    PersonId("anna"),
    PersonId("eva"),
    LEG,
    CallerIdentity("Ana", "+385915550101"),
    "",
    off_hook_accepts=True,
)


@dataclass
class Run:
    esc: Escalation = ESCALATION
    now: float = 0.0
    last: list[fx.EscalationEffect] = field(default_factory=list)
    all: list[fx.EscalationEffect] = field(default_factory=list)

    def play(self, *events: EscalationEvent) -> Run:
        for event in events:
            self.now += 0.1
            self.esc, self.last = step(self.esc, event, self.now)
            self.all += self.last
        return self

    def recorded(self) -> list[str]:
        return [effect.name for effect in self.all if isinstance(effect, fx.Record)]

    def rang(self) -> bool:
        return any(isinstance(effect, fx.RingSpecialist) for effect in self.all)


def given_offered(*, screen: bool = True) -> Run:
    return Run().play(Requested(), LeaseGranted(LEASE), CasePushed(DIGEST, has_screen=screen))


def given_ringing() -> Run:
    return given_offered().play(CaseRendered(DIGEST), LegRinging(LEG))


def test_the_phone_does_not_ring_before_the_case_is_on_the_screen() -> None:
    """N1."""
    run = given_offered()
    assert not run.rang()
    run.play(CaseRendered(DIGEST))
    assert run.rang()
    assert run.recorded().index("case.rendered") > run.recorded().index("escalation.offered")


def test_a_silent_screen_holds_the_phone_up_for_the_cap_only() -> None:
    run = given_offered()
    timer = next(e for e in run.last if isinstance(e, fx.StartTimer))
    assert (timer.timer, round(timer.at - run.now, 3)) == (Timer.SCREEN, 0.5)
    assert run.play(TimerFired(Timer.SCREEN)).rang()


def test_without_a_screen_the_phone_rings_at_once() -> None:
    assert given_offered(screen=False).rang()


def test_an_acknowledgement_of_another_bundle_counts_nothing() -> None:
    assert not given_offered().play(CaseRendered("e" * 64)).rang()


def test_a_trusted_handset_accepts_by_lifting_it() -> None:
    run = given_ringing().play(LegAnswered(LEG))
    assert fx.JoinConversation() in run.last
    assert run.play(Joined()).esc.state is EscalationState.JOINED


@pytest.mark.parametrize("accept", [Accepted(), DtmfReceived(LEG, "1", DtmfMethod.RTP)])
def test_an_untrusted_handset_needs_a_click_or_key_one(accept: EscalationEvent) -> None:
    """N8 first cut: a mailbox that answers is asked for key 1 and never joined."""
    run = given_ringing()
    run.esc = replace(run.esc, off_hook_accepts=False)
    run.play(LegAnswered(LEG))
    assert any(isinstance(effect, PlayPrompt) for effect in run.last)
    assert fx.JoinConversation() not in run.last
    run.play(accept)
    assert fx.JoinConversation() in run.last


def test_a_mailbox_that_answers_is_never_joined() -> None:
    run = given_ringing()
    run.esc = replace(run.esc, off_hook_accepts=False)
    run.play(LegAnswered(LEG), TimerFired(Timer.ACCEPT))
    assert run.esc.end == EndReason.upstream_error("not_a_person")
    assert fx.JoinConversation() not in run.all


def test_a_click_before_lifting_joins_as_soon_as_the_phone_is_answered() -> None:
    run = given_ringing()
    run.esc = replace(run.esc, off_hook_accepts=False)
    run.play(Accepted())
    assert fx.JoinConversation() not in run.all
    assert fx.JoinConversation() in run.play(LegAnswered(LEG)).last


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Declined("in a meeting"), "declined"),
        (Cancelled(), "cancelled"),
        (TimerFired(Timer.RING), "no_answer"),
        (LegEnded(LEG, EndReason.upstream_error("busy"), 486), "busy"),
        (ConversationEnded(EndReason.success("customer_left")), "customer_left"),
    ],
)
def test_every_end_settles_the_leg_the_lease_and_the_interaction_with_its_cause(
    event: EscalationEvent, reason: str
) -> None:
    run = given_ringing().play(event)
    assert run.esc.state is EscalationState.CLOSED
    assert run.esc.end is not None
    assert run.esc.end.reason == reason
    assert [type(effect) for effect in run.last] == [EndLeg, fx.ReleaseLease, fx.ReportEnd, fx.Record]


def test_a_taken_specialist_is_told_at_once_and_nothing_rings() -> None:
    run = Run().play(Requested(), LeaseRefused("taken"))
    assert run.esc.end == EndReason.client_error("taken")
    assert not run.rang()


def test_a_lease_that_comes_too_late_is_given_back() -> None:
    run = Run().play(Requested(), Cancelled(), LeaseGranted(LEASE))
    assert run.last == [fx.ReleaseLease(LEASE)]


EVENTS: list[EscalationEvent] = [
    LeaseGranted(LEASE),
    LeaseRefused("taken"),
    CasePushed(DIGEST, has_screen=True),
    CaseRendered(DIGEST),
    LegRinging(LEG),
    LegAnswered(LEG),
    Accepted(),
    Declined(""),
    Cancelled(),
    Joined(),
    TimerFired(Timer.LEASE),
    TimerFired(Timer.SCREEN),
    TimerFired(Timer.RING),
    LegEnded(LEG, EndReason.upstream_error("busy")),
    ConversationEnded(EndReason.success("completed")),
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(EVENTS), max_size=20))
def test_every_escalation_ends_exactly_once_and_no_lease_outlives_it(events: list[EscalationEvent]) -> None:
    run = Run().play(Requested(), LeaseGranted(LEASE), *events, ConversationEnded(EndReason.success("completed")))
    assert run.recorded().count("escalation.closed") == 1
    assert sum(isinstance(effect, fx.ReportEnd) for effect in run.all) == 1
    grants = 1 + sum(isinstance(event, LeaseGranted) for event in events)
    assert sum(isinstance(effect, fx.ReleaseLease) for effect in run.all) == grants or run.esc.lease is None
    if run.rang():
        assert any(isinstance(effect, EndLeg) for effect in run.all)
