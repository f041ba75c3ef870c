"""What happened around a person's availability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from presence.fusion import Rest, Unconfirmed, WrapUp
from presence.model import Engagement, Fact, Source
from vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class FactReported:
    """A source said something about a person."""

    person: PersonId
    fact: Fact


@dataclass(frozen=True, slots=True)
class FactWithdrawn:
    """A source took its word back (an empty retained message)."""

    person: PersonId
    source: Source
    client: str = ""


@dataclass(frozen=True, slots=True)
class WordUnreadable:
    """A source sent something that cannot be read: if it last said "available", that is in doubt now."""

    person: PersonId
    source: Source
    client: str
    at: datetime
    retained: bool


@dataclass(frozen=True, slots=True)
class BrokerLost:
    """The connection to the broker broke at `at` (UTC): nothing that came over it can be trusted from now on."""

    at: datetime


@dataclass(frozen=True, slots=True)
class BrokerConnected:
    """The broker is back and has handed over everything it retains."""


@dataclass(frozen=True, slots=True)
class LineStateChanged:
    """Our own registrar, calls or probes say something about a person's phone. None leaves that part as it was.

    `answers`: whether the phone answered when asked (SIP OPTIONS). A fresh registration or a call forgets a "no".
    """

    person: PersonId
    at: datetime
    registered: bool | None = None
    in_call: bool | None = None
    dnd: bool | None = None
    answers: bool | None = None


@dataclass(frozen=True, slots=True)
class ReservationChanged:
    """The person is reserved by `holder`, or no longer (None).

    `offer`: something is only offered to him on his screen; he holds no lease for it, so other nodes may still ask him.
    """

    person: PersonId
    holder: str | None
    at: datetime
    offer: bool = False


@dataclass(frozen=True, slots=True)
class WrapUpChanged:
    """The person began after-call work, or ended it (None)."""

    person: PersonId
    wrap_up: WrapUp | None


@dataclass(frozen=True, slots=True)
class RestChanged:
    """The person's own limits forbid asking him from now on, or no longer do (None)."""

    person: PersonId
    rest: Rest | None


@dataclass(frozen=True, slots=True)
class ConfirmationChanged:
    """The person let it ring too often and must show that he is there, or has shown it (None)."""

    person: PersonId
    unconfirmed: Unconfirmed | None


@dataclass(frozen=True, slots=True)
class ElsewhereChanged:
    """What keeps the person busy on another node is this by now, or nothing (None)."""

    person: PersonId
    engagement: Engagement | None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The wake-up asked for with `StartTimer` is due."""

    person: PersonId


PresenceEvent = (
    FactReported
    | FactWithdrawn
    | WordUnreadable
    | BrokerLost
    | BrokerConnected
    | LineStateChanged
    | ReservationChanged
    | WrapUpChanged
    | RestChanged
    | ConfirmationChanged
    | ElsewhereChanged
    | TimerFired
)
