"""What a task wants done, beside the effects on its legs."""

from __future__ import annotations

from dataclasses import dataclass

from center.record import Record
from routing.model import Lease
from telephony.effects import LegEffect
from vocabulary import LegId, PersonId


@dataclass(frozen=True, slots=True)
class Seek:
    """Look whether somebody who may do it is free now."""


@dataclass(frozen=True, slots=True)
class HoldPerson:
    """Show that the person is about to be busy with this task; None: no longer."""

    person: PersonId
    held: bool


@dataclass(frozen=True, slots=True)
class ClaimTask:
    """Make sure that no other node works on the task; answers Claimed, TakenAway, or LeaseRefused if nobody knows."""


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Make sure that nobody else rings the person; answers LeaseGranted or LeaseRefused."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Give the person back."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class RingSpecialist:
    """Ring who accepted, fenced by the lease, with the customer's identity and the case key."""

    leg: LegId
    person: PersonId
    lease: Lease


@dataclass(frozen=True, slots=True)
class CallCustomer:
    """Call the customer through the trunk; he sees the number he called."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class BeginConversation:
    """Both are on the line: make it an interaction with the case. It answers ConversationOver in the end."""


@dataclass(frozen=True, slots=True)
class TellCustomer:
    """Write the customer a text."""

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerFired at `at` (UTC seconds); replaces the running one."""

    at: float


TaskEffect = (
    LegEffect
    | Seek
    | HoldPerson
    | ClaimTask
    | AcquireLease
    | ReleaseLease
    | RingSpecialist
    | CallCustomer
    | BeginConversation
    | TellCustomer
    | StartTimer
    | Record
)
