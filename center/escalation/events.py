"""What happened to an escalation, beside the events of the specialists' legs."""

from __future__ import annotations

from dataclasses import dataclass

from center.escalation.model import Candidate, Choice
from routing.model import Lease
from telephony.events import LegEvent
from vocabulary import EndReason, LegId, PersonId


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody in the conversation asks for a specialist."""


@dataclass(frozen=True, slots=True)
class CandidatesFound:
    """Who may be invited now, best first; `legs` are fresh ids, one for each; the deputy comes last of all."""

    ranked: tuple[Candidate, ...]
    deputy: Candidate | None
    legs: tuple[LegId, ...]


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """The store reserved the specialist for us."""

    specialist: PersonId
    lease: Lease


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """Somebody else holds him, or the store did not answer."""

    specialist: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class CasePushed:
    """The context bundle left for the specialist's screens. Without a screen there is nothing to wait for."""

    specialist: PersonId
    digest: str
    has_screen: bool


@dataclass(frozen=True, slots=True)
class CaseRendered:
    """A screen of the specialist shows the bundle with this digest."""

    specialist: PersonId
    digest: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The specialist clicked Accept."""

    specialist: PersonId


@dataclass(frozen=True, slots=True)
class Declined:
    """The specialist clicked Decline."""

    specialist: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """The specialist has no time now, but from `again_at` (monotonic seconds) on."""

    specialist: PersonId
    again_at: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """Nobody was free and the agent chose what happens."""

    choice: Choice


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The agent, or a supervisor, takes the request back."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The specialist is in the mix."""


@dataclass(frozen=True, slots=True)
class ConversationEnded:
    """The conversation is over, or the specialist left it."""

    end: EndReason


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Another node takes the escalation over from a dead one: the legs are gone, the promise is not."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The wake-up asked for by StartTimer; what is due follows from the time alone."""


EscalationEvent = (
    Requested
    | CandidatesFound
    | LeaseGranted
    | LeaseRefused
    | CasePushed
    | CaseRendered
    | Accepted
    | Declined
    | Postponed
    | Chosen
    | Cancelled
    | Joined
    | ConversationEnded
    | TakenOver
    | TimerFired
    | LegEvent
)
