"""The states of an interaction and its roster."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from routing.model import ServiceQueue
from telephony.model import PromptName
from vocabulary import EndReason, EscalationId, InteractionId, LegId, ParticipantRole, PersonId


class Phase(StrEnum):
    """Where an interaction is."""

    ARRIVAL = "arrival"
    GREETING = "greeting"
    QUEUED = "queued"
    OFFERED = "offered"
    TALKING = "talking"
    ESCALATING = "escalating"
    CONFERENCE = "conference"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"


REJOIN_WITHIN_S = 20.0
"""How long an agent whose phone was lost may call back into the same conversation (S07)."""


class SupervisionMode(StrEnum):
    """How a supervisor takes part: three separate, logged acts."""

    LISTEN = "listen"
    """Hears everybody; nobody can hear him, whatever his phone sends."""
    WHISPER = "whisper"
    """Hears everybody; the staff hear him, the customer does not."""
    JOIN = "join"
    """One of the conference."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A place in the roster, bound to a leg. `talking` is False while the phone still rings."""

    role: ParticipantRole
    leg: LegId
    person: PersonId | None
    since: float
    talking: bool = False
    mode: SupervisionMode | None = None
    """Supervisors only."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One attempt of a customer to be served. Times are monotonic seconds."""

    id: InteractionId
    queue: ServiceQueue
    caller_number: str
    customer_leg: LegId
    arrived_at: float
    phase: Phase = Phase.ARRIVAL
    phase_since: float = 0.0
    participants: tuple[Participant, ...] = ()
    escalation: EscalationId | None = None
    consulting: bool = False
    """Agent and specialist talk privately; the customer hears music because one of them asked for that."""
    lost: tuple[PersonId, float] | None = None
    """The agent whose phone was lost while a specialist was on the way or there, and when: he may come back."""
    wrapping_up: frozenset[PersonId] = field(default=frozenset())
    answered_at: float | None = None
    ended_at: float | None = None
    end: EndReason | None = None
    outcome: str = ""
    resolved: bool | None = None
    served_s: dict[ParticipantRole, float] = field(default_factory=dict)
    """Talking time already spent by participants who left, per role: two of the three time budgets (CE-21)."""

    @property
    def greeting(self) -> PromptName:
        return PromptName(self.queue.greeting)

    @property
    def is_live(self) -> bool:
        return self.phase not in (Phase.WRAP_UP, Phase.CLOSED)

    @property
    def staff(self) -> tuple[Participant, ...]:
        """Agent and specialist, ringing or talking. Supervisors look on; a call never lives by them alone."""
        return tuple(p for p in self.participants if p.role in (ParticipantRole.AGENT, ParticipantRole.SPECIALIST))

    @property
    def supervisors(self) -> tuple[Participant, ...]:
        return tuple(p for p in self.participants if p.role is ParticipantRole.SUPERVISOR)

    @property
    def talking_legs(self) -> frozenset[LegId]:
        return frozenset(p.leg for p in self.participants if p.talking)

    def may_come_back(self, person: PersonId, now: float) -> bool:
        """Whether a call from this person means: let me back in."""
        return (
            self.is_live and self.lost is not None and self.lost[0] == person and now - self.lost[1] <= REJOIN_WITHIN_S
        )

    def by_leg(self, leg: LegId) -> Participant | None:
        return next((p for p in self.participants if p.leg == leg), None)

    def by_person(self, person: PersonId) -> Participant | None:
        return next((p for p in self.participants if p.person == person), None)

    def by_role(self, role: ParticipantRole) -> Participant | None:
        return next((p for p in self.participants if p.role is role), None)
