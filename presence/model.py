"""Presence's words: facts that sources report, and the availability fused from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vocabulary import PersonId


class Source(StrEnum):
    """Where a fact comes from; the last level of the MQTT topic `<prefix>/presence/<person>/<source>`."""

    UC = "uc"
    MANUAL = "manual"
    CONNECTED = "connected"
    PHONE = "phone"


class Status(StrEnum):
    """What a source says about a person."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"
    DND = "dnd"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact:
    """One source's latest word on one person.

    `since` and `until` are the sender's wall clock, for people to read; `received_at` (monotonic seconds) and `seq`
    decide order and age, so a wrong clock at the sender does no harm. `expires_at` is `until` translated to our
    monotonic clock at the door. `stated_at` is when this status was first heard: a refresh moves `received_at` only.
    `retained` facts came from the broker's memory when we subscribed, so their order among sources is not known.
    """

    source: Source
    status: Status
    since: datetime
    received_at: float
    reason: str = ""
    until: datetime | None = None
    seq: int | None = None
    expires_at: float | None = None
    stated_at: float | None = None
    retained: bool = False


class AvailabilityState(StrEnum):
    """What the agent's list shows. Old, contradictory or silent is unknown, never free."""

    FREE = "free"
    BUSY = "busy"
    AWAY = "away"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SourceView:
    """How one source took part in the fusion, for the details on screen."""

    source: Source
    status: Status
    since: datetime
    age_s: float


@dataclass(frozen=True, slots=True)
class Availability:
    """Fused availability of one person: state, since when, because of what, and how fresh the youngest proof is."""

    person: PersonId
    state: AvailabilityState
    since: datetime
    because: str
    freshness_s: float | None
    sources: tuple[SourceView, ...]
