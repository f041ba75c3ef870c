"""What an escalation wants done, beside the effects on the specialist's leg."""

from __future__ import annotations

from dataclasses import dataclass, field

from center.escalation.events import Timer
from routing.model import Lease
from telephony.effects import LegEffect
from vocabulary import LegId


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Reserve the specialist in the store; answers LeaseGranted or LeaseRefused."""


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Give the reservation back."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class PushCase:
    """Send the context bundle to the specialist's screens; answers CasePushed."""


@dataclass(frozen=True, slots=True)
class RingSpecialist:
    """Send the INVITE: the customer's identity, the case key in User-to-User, a link in Call-Info."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class JoinConversation:
    """Let the specialist into the mix; answers Joined."""


@dataclass(frozen=True, slots=True)
class ReportEnd:
    """Tell the interaction that the escalation is over."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerFired(timer) at `at`; replaces the running one."""

    timer: Timer
    at: float


@dataclass(frozen=True, slots=True)
class Record:
    """Append to the interaction's event log."""

    name: str
    data: dict[str, object] = field(default_factory=dict)


EscalationEffect = (
    LegEffect
    | AcquireLease
    | ReleaseLease
    | PushCase
    | RingSpecialist
    | JoinConversation
    | ReportEnd
    | StartTimer
    | Record
)
