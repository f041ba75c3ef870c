"""What happened to a task, beside the events of its legs."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Lease
from telephony.events import LegEvent
from vocabulary import EndReason, InteractionId, LegId, PersonId


@dataclass(frozen=True, slots=True)
class Made:
    """The promise was just made."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The task was read from the store, after a start or from a dead node: its legs are gone, the promise is not."""


@dataclass(frozen=True, slots=True)
class BecameFree:
    """Somebody who may do it is free, and it is his turn."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class Accepted:
    """A person takes it. The ids of what a callback needs are fixed now."""

    person: PersonId
    specialist_leg: LegId
    customer_leg: LegId
    call: InteractionId


@dataclass(frozen=True, slots=True)
class Declined:
    """To whom it is offered does not want it now."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class Claimed:
    """The store confirmed that the task is this node's, and from now on no other node's."""


@dataclass(frozen=True, slots=True)
class TakenAway:
    """Another node keeps the task by now, or called it off."""


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """Nobody else rings the person now."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """Somebody else holds the person."""


@dataclass(frozen=True, slots=True)
class ConversationOver:
    """The callback ended; `outcome` is empty when nobody said what came of it."""

    end: EndReason
    outcome: str = ""
    resolved: bool | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A person says what came of it."""

    person: PersonId
    outcome: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The wake-up asked for by StartTimer; what is due follows from the time alone."""


TaskEvent = (
    Made
    | Restarted
    | BecameFree
    | Accepted
    | Declined
    | Claimed
    | TakenAway
    | LeaseGranted
    | LeaseRefused
    | ConversationOver
    | Done
    | TimerFired
    | LegEvent
)
