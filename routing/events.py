"""What happened that routing must know: interactions that wait, agents who come and go, leases granted or refused."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import AgentStatus, Lease, Person, ServiceQueue
from vocabulary import InteractionId, PersonId, QueueId


@dataclass(frozen=True, slots=True)
class InteractionEnqueued:
    """An interaction waits. `enqueued_at` (monotonic seconds) never changes, however often it comes back."""

    interaction: InteractionId
    queue: QueueId
    enqueued_at: float


@dataclass(frozen=True, slots=True)
class InteractionLeftQueue:
    """The customer gave up, or the interaction is served."""

    interaction: InteractionId


@dataclass(frozen=True, slots=True)
class AgentEnrolled:
    """Somebody became an agent while the centre is open."""

    person: Person


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """What somebody can or may do is different now; he may have become an agent, or be none any more."""

    person: Person


@dataclass(frozen=True, slots=True)
class PersonRemoved:
    """Somebody left the company."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """A queue is new, or its rule is. One that is gone needs no event: its last callers are still served."""

    queue: ServiceQueue


@dataclass(frozen=True, slots=True)
class AgentStatusChosen:
    """An agent chose ready or not ready."""

    person: PersonId
    status: AgentStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PhoneChanged:
    """An agent's phone came or went; without one he cannot be offered anything."""

    person: PersonId
    registered: bool


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """The store gave us the right to ring this agent for this interaction."""

    person: PersonId
    interaction: InteractionId
    lease: Lease


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """Somebody else holds the agent, or the store did not answer."""

    person: PersonId
    interaction: InteractionId


@dataclass(frozen=True, slots=True)
class ReservationAccepted:
    """The agent answered: he is busy with the interaction."""

    person: PersonId
    interaction: InteractionId


@dataclass(frozen=True, slots=True)
class ReservationFailed:
    """The agent was not reached. `unanswered` means he let it ring (RONA) and shall not be rung again by himself."""

    person: PersonId
    interaction: InteractionId
    unanswered: bool


@dataclass(frozen=True, slots=True)
class AgentOccupied:
    """The agent is in a conversation that did not come from a queue, such as helping as a specialist."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class AgentReleased:
    """The agent's conversation is over; `wrap_up_s` of after-call work follow (0: none)."""

    person: PersonId
    interaction: InteractionId
    wrap_up_s: float


@dataclass(frozen=True, slots=True)
class WrapUpFinished:
    """The agent says he is done with the after-call work."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The wake-up asked for by StartTimer."""


RoutingEvent = (
    InteractionEnqueued
    | InteractionLeftQueue
    | AgentEnrolled
    | PersonChanged
    | PersonRemoved
    | QueueChanged
    | AgentStatusChosen
    | PhoneChanged
    | LeaseGranted
    | LeaseRefused
    | ReservationAccepted
    | ReservationFailed
    | AgentOccupied
    | AgentReleased
    | WrapUpFinished
    | TimerFired
)
