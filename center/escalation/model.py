"""The states of an escalation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from routing.model import Lease
from telephony.model import CallerIdentity
from vocabulary import CaseId, EndReason, EscalationId, InteractionId, LegId, PersonId


class EscalationState(StrEnum):
    """Where an escalation is; the agent's screen shows exactly these steps."""

    REQUESTED = "requested"
    RESERVED = "reserved"
    OFFERED = "offered"
    RENDERED = "rendered"
    RINGING = "ringing"
    ACCEPTED = "accepted"
    JOINED = "joined"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Timing:
    """The limits of one escalation in seconds."""

    lease_s: float = 2.0
    """How long the store may take to answer for the reservation."""
    screen_cap_s: float = 0.5
    """How long the INVITE waits for the screen (N1)."""
    ring_s: float = 8.0
    """How long one phone rings."""
    accept_s: float = 8.0
    """How long an answered phone that needs a key or click may stay without it."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """A specialist is asked into a conversation. Ids are fixed at the request; the rest follows."""

    id: EscalationId
    interaction: InteractionId
    case: CaseId
    agent: PersonId
    specialist: PersonId
    leg: LegId
    shown: CallerIdentity
    reason: str
    off_hook_accepts: bool
    timing: Timing = Timing()
    state: EscalationState = EscalationState.REQUESTED
    digest: str = ""
    lease: Lease | None = None
    dialled: bool = False
    answered: bool = False
    clicked: bool = False
    end: EndReason | None = None

    @property
    def is_live(self) -> bool:
        return self.state is not EscalationState.CLOSED
