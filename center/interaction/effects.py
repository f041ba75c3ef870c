"""What an interaction wants done, beside the effects on its legs."""

from __future__ import annotations

from dataclasses import dataclass

from center.record import Record
from telephony.effects import LegEffect
from vocabulary import EndReason, EscalationId, LegId, PersonId


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Let routing find an agent. The place in the queue is the arrival's, always."""


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """Nobody needs to be found any more."""


@dataclass(frozen=True, slots=True)
class AcceptReservation:
    """The agent answered."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class FailReservation:
    """The agent was not reached; `unanswered` if his phone rang in vain."""

    person: PersonId
    unanswered: bool


@dataclass(frozen=True, slots=True)
class ReleasePerson:
    """The person's part is over; `wrap_up_s` of after-call work follow (0 for specialists)."""

    person: PersonId
    wrap_up_s: float


@dataclass(frozen=True, slots=True)
class OccupyPerson:
    """The person talks again without having been reserved: he came back."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class StartRingTimer:
    """Send RingTimeout for this leg at `at`."""

    leg: LegId
    at: float


@dataclass(frozen=True, slots=True)
class StopEscalation:
    """The conversation the escalation served is over: settle it."""

    escalation: EscalationId
    end: EndReason


InteractionEffect = (
    LegEffect
    | Enqueue
    | LeaveQueue
    | AcceptReservation
    | FailReservation
    | ReleasePerson
    | OccupyPerson
    | StartRingTimer
    | StopEscalation
    | Record
)
