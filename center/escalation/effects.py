"""What an escalation wants done, beside the effects on the specialists' legs."""

from __future__ import annotations

from dataclasses import dataclass

from center.escalation.model import Choice, Invitation
from center.record import Record
from routing.model import Lease
from telephony.effects import LegEffect
from vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class FindCandidates:
    """Tell who may be invited now; answers CandidatesFound."""


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Reserve the specialist in the store; answers LeaseGranted or LeaseRefused."""

    specialist: PersonId


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Give the reservation back."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class PushCase:
    """Send the context bundle to the specialist's screens; answers CasePushed."""

    specialist: PersonId


@dataclass(frozen=True, slots=True)
class RingSpecialist:
    """Send the INVITE, fenced by the lease: customer's identity, case key in User-to-User, link in Call-Info."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class SpeakSummary:
    """Tell the specialist on his handset who calls and why, then to press 1; nobody else hears it."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class JoinConversation:
    """Let the specialist into the mix; answers Joined, or ConversationEnded if there is none any more."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class OfferChoices:
    """Show the agent what may be done now that nobody is free, with honest estimates."""


@dataclass(frozen=True, slots=True)
class MakePromise:
    """Create the task with owner, due date and callback slot, and tell the customer. Cannot fail (N10)."""

    choice: Choice


@dataclass(frozen=True, slots=True)
class CountMiss:
    """The specialist let it ring: after some of these he counts as unconfirmed (S02)."""

    specialist: PersonId


@dataclass(frozen=True, slots=True)
class ReportEnd:
    """Tell the interaction that the escalation is over."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerFired at `at`; replaces the running one."""

    at: float


EscalationEffect = (
    LegEffect
    | FindCandidates
    | AcquireLease
    | ReleaseLease
    | PushCase
    | RingSpecialist
    | SpeakSummary
    | JoinConversation
    | OfferChoices
    | MakePromise
    | CountMiss
    | ReportEnd
    | StartTimer
    | Record
)
