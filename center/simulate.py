"""`ringside simulate escalations`: the real escalation machine on virtual time against a random, seeded world.

Every specialist of the world has a behaviour: answers after some seconds, declines, is busy, has forwarded his phone,
has a dead phone, never answers, or has a mailbox. Store, screens and nodes fail now and then. A run ends as joined,
promise, or customer left; how long that took is measured from the trigger.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from center.escalation import effects as fx
from center.escalation.events import (
    CandidatesFound,
    CasePushed,
    CaseRendered,
    Chosen,
    ConversationEnded,
    EscalationEvent,
    Joined,
    LeaseGranted,
    LeaseRefused,
    Requested,
    TakenOver,
    TimerFired,
)
from center.escalation.machine import step
from center.escalation.model import Candidate, Choice, Escalation, Invitation, Timing, Trigger
from routing.model import Lease
from telephony.effects import EndLeg
from telephony.events import DtmfReceived, LegAnswered, LegEnded, LegRinging
from telephony.model import CallerIdentity, DtmfMethod
from vocabulary import CaseId, EndReason, EscalationId, InteractionId, LegId, PersonId

CUSTOMER_LEFT = EndReason.success("customer_left")


class Behaviour(StrEnum):
    """What a specialist's phone does when it is rung."""

    ANSWERS = "answers"
    NO_ANSWER = "no answer"
    DECLINES = "603 declines"
    BUSY = "486 busy"
    FORWARDED = "302 forwarded"
    DEAD = "dead phone"
    MAILBOX = "mailbox"


REFUSALS = {
    Behaviour.DECLINES: EndReason.client_error("declined"),
    Behaviour.BUSY: EndReason.upstream_error("busy"),
    Behaviour.FORWARDED: EndReason.upstream_error("moved"),
}
WEIGHTS = {
    Behaviour.ANSWERS: 40,
    Behaviour.NO_ANSWER: 20,
    Behaviour.DECLINES: 10,
    Behaviour.BUSY: 10,
    Behaviour.FORWARDED: 5,
    Behaviour.DEAD: 10,
    Behaviour.MAILBOX: 5,
}


@dataclass(frozen=True, slots=True)
class SimulatedSpecialist:
    """One specialist of a run; `answers_after_s` counts from the first ring."""

    person: PersonId
    behaviour: Behaviour
    answers_after_s: float


class Outcome(StrEnum):
    """How a run ended."""

    JOINED = "joined"
    PROMISE = "promise"
    CUSTOMER_LEFT = "customer left"


@dataclass(frozen=True, slots=True)
class RunResult:
    """One simulated escalation. `answerable`: a free specialist would have answered within the ring limit."""

    outcome: Outcome
    seconds: float
    answerable: bool
    rung: int
    rung_twice: int


@dataclass(slots=True)
class World:
    """One run: the machine, its random surroundings, and a virtual clock."""

    random: random.Random
    timing: Timing = field(default_factory=Timing)
    now: float = 0.0
    esc: Escalation = field(init=False)
    specialists: dict[PersonId, SimulatedSpecialist] = field(default_factory=dict)
    outcomes: list[tuple[Outcome, float]] = field(default_factory=list)
    rings: Counter[PersonId] = field(default_factory=Counter)
    _agenda: list[tuple[float, int, EscalationEvent]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _out_of_reach: set[PersonId] = field(default_factory=set)
    _node_down: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        count = self.random.choices((0, 1, 2, 3, 5, 8), weights=(5, 15, 20, 25, 20, 15))[0]
        kinds = self.random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=count)
        for number, kind in enumerate(kinds):
            person = PersonId(f"specialist-{number}")
            self.specialists[person] = SimulatedSpecialist(person, kind, self.random.uniform(0.7, 14.0))
        self.esc = Escalation(
            EscalationId("esc_sim"),
            InteractionId("int_sim"),
            CaseId("case_sim"),
            PersonId("agent"),
            CallerIdentity("", ""),
            "",
            Trigger.DESK,
            requested_at=0.0,
            skill="claims",
            timing=self.timing,
        )

    def run(self) -> RunResult:
        """Play until the escalation is joined or closed."""
        self._at(0.0, Requested())
        if self.random.random() < 0.05:
            self._at(self.random.uniform(0.0, 30.0), ConversationEnded(CUSTOMER_LEFT))
        if self.random.random() < 0.02:
            self._lose_the_node(self.random.uniform(0.0, 24.0))
        while self._agenda and not self.outcomes:
            at, _, event = heapq.heappop(self._agenda)
            self.now = at
            if self._node_down[0] <= at < self._node_down[1]:
                continue  # nobody is there to hear it
            self.esc, effects = step(self.esc, event, at)
            for effect in effects:
                self._perform(effect)
        outcome, seconds = self.outcomes[0]
        twice = sum(count - 1 for count in self.rings.values())
        return RunResult(outcome, seconds, self._answerable(), len(self.rings), twice)

    def _answerable(self) -> bool:
        limit = self.timing.ring_s - self.timing.screen_cap_s - 0.3  # what reserving, pushing and ringing take of it
        return any(
            each.behaviour is Behaviour.ANSWERS
            and each.answers_after_s <= limit
            and each.person not in self._out_of_reach
            for each in self.specialists.values()
        )

    def _lose_the_node(self, at: float) -> None:
        """The node dies; another one sees the lapsed lease within 5 s and takes over."""
        self._node_down = (at, at + self.random.uniform(1.0, 5.0))
        self._at(self._node_down[1], TakenOver())

    def _at(self, at: float, event: EscalationEvent) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), event))

    def _soon(self, event: EscalationEvent, least_s: float, most_s: float) -> None:
        self._at(self.now + self.random.uniform(least_s, most_s), event)

    def _perform(self, effect: fx.EscalationEffect) -> None:
        match effect:
            case fx.FindCandidates():
                self._at(self.now, self._candidates())
            case fx.AcquireLease(person):
                self._lease(person)
            case fx.PushCase(person):
                has_screen = self.random.random() < 0.8
                self._at(self.now, CasePushed(person, "digest", has_screen))
                if has_screen and self.random.random() < 0.9:
                    self._soon(CaseRendered(person, "digest"), 0.02, 0.6)
            case fx.RingSpecialist(invitation):
                self._ring(invitation)
            case fx.SpeakSummary(invitation):
                if self.specialists[invitation.specialist].behaviour is Behaviour.ANSWERS:
                    self._soon(DtmfReceived(invitation.leg, "1", DtmfMethod.RTP), 0.5, 2.5)
            case fx.OfferChoices():
                if self.random.random() < 0.5:
                    self._soon(Chosen(self.random.choice((Choice.CALLBACK, Choice.TASK))), 1.0, 10.0)
            case fx.JoinConversation():
                self.outcomes.append((Outcome.JOINED, self.now))
                self._at(self.now, Joined())
            case fx.MakePromise():
                self.outcomes.append((Outcome.PROMISE, self.now))
            case fx.ReportEnd() if not self.outcomes:
                if self.esc.end == CUSTOMER_LEFT:
                    self.outcomes.append((Outcome.CUSTOMER_LEFT, self.now))
            case fx.StartTimer(at):
                self._at(at, TimerFired())
            case EndLeg(leg, end):
                self._soon(LegEnded(leg, end), 0.01, 0.3)
            case _:
                pass

    def _candidates(self) -> CandidatesFound:
        ranked = tuple(Candidate(person, trusted=True) for person in self.specialists)
        legs = tuple(LegId(f"leg_{person}_{next(self._order)}") for person in self.specialists)
        return CandidatesFound(ranked, None, legs)

    def _lease(self, person: PersonId) -> None:
        draw = self.random.random()
        if draw >= 0.99 or draw < 0.05:
            self._out_of_reach.add(person)
        if draw < 0.05:
            self._soon(LeaseRefused(person, "taken"), 0.001, 0.05)
        elif draw < 0.99:
            self._soon(LeaseGranted(person, Lease(person, self.esc.id, 1, 1e9)), 0.001, 0.05)
        # else: the store is silent

    def _ring(self, invitation: Invitation) -> None:
        self.rings[invitation.specialist] += 1
        specialist = self.specialists[invitation.specialist]
        if specialist.behaviour is Behaviour.DEAD:
            return
        rings_after = self.random.uniform(0.02, 0.2)
        if specialist.behaviour in REFUSALS:
            refused = LegEnded(invitation.leg, REFUSALS[specialist.behaviour])
            self._at(self.now + rings_after, refused)
            return
        self._at(self.now + rings_after, LegRinging(invitation.leg))
        if specialist.behaviour is Behaviour.ANSWERS:
            self._at(self.now + rings_after + specialist.answers_after_s, LegAnswered(invitation.leg))
        elif specialist.behaviour is Behaviour.MAILBOX:
            self._at(self.now + rings_after + 0.1, LegAnswered(invitation.leg))


def simulate(runs: int, seed: int, timing: Timing | None = None) -> list[RunResult]:
    """Play `runs` escalations; the same seed gives the same results."""
    source = random.Random(seed)
    return [World(random.Random(source.getrandbits(64)), timing or Timing()).run() for _ in range(runs)]
