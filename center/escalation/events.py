"""What happened to an escalation, beside the events of the specialist's leg."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from routing.model import Lease
from telephony.events import LegEvent
from vocabulary import EndReason


class Timer(StrEnum):
    """The waits of an escalation; only the newest counts."""

    LEASE = "lease"
    SCREEN = "screen"
    RING = "ring"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody in the conversation asks for the specialist."""


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """The store reserved the specialist for us."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """Somebody else holds him, or the store did not answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class CasePushed:
    """The context bundle left for the specialist's screens. Without a screen there is nothing to wait for."""

    digest: str
    has_screen: bool


@dataclass(frozen=True, slots=True)
class CaseRendered:
    """A screen of the specialist shows the bundle with this digest."""

    digest: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A wait is over."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Accepted:
    """The specialist clicked Accept."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The specialist clicked Decline."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The agent takes the request back."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The specialist is in the mix."""


@dataclass(frozen=True, slots=True)
class ConversationEnded:
    """The conversation is over, or the specialist left it."""

    end: EndReason


EscalationEvent = (
    Requested
    | LeaseGranted
    | LeaseRefused
    | CasePushed
    | CaseRendered
    | TimerFired
    | Accepted
    | Declined
    | Cancelled
    | Joined
    | ConversationEnded
    | LegEvent
)
