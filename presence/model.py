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
    IN_CALL = "in_call"
    MICROPHONE = "microphone"
    CALENDAR = "calendar"


CLIENT_SOURCES = frozenset({Source.UC, Source.CONNECTED, Source.IN_CALL, Source.MICROPHONE})
"""What one client of a person reports; these facts live and die with that client."""


class Status(StrEnum):
    """What a source says about a person. `in_call` and `microphone` say busy (in use) or available (not in use)."""

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

    `client` tells several clients of one person apart. `local` facts never travelled over the broker (own line, SIP
    PUBLISH, calendar files), so its loss does not touch them. `dead` facts are from before their client died: kept for
    their `seq` only. `begins_anew` on `connected`: this client does not repeat its words after connecting, so its
    earlier ones do not count any more.
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
    client: str = ""
    local: bool = False
    dead: bool = False
    begins_anew: bool = False

    @property
    def key(self) -> tuple[Source, str]:
        """What a newer fact replaces this one under."""
        return self.source, self.client


class AvailabilityState(StrEnum):
    """What the agent's list shows. Old, contradictory or silent is unknown, never free."""

    FREE = "free"
    BUSY = "busy"
    AWAY = "away"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """The finer shade of a state, for colours and for choosing; PLAIN when the state says it all."""

    PLAIN = "plain"
    OWN_CHOICE = "own_choice"
    IN_CALL = "in_call"
    DO_NOT_DISTURB = "do_not_disturb"
    RESERVED = "reserved"
    WRAP_UP = "wrap_up"
    RESTING = "resting"
    BUSY_BY_CALENDAR = "busy_by_calendar"
    BUSY_BY_CALENDAR_REACHABLE = "busy_by_calendar_reachable"
    CONTRADICTION = "contradiction"
    SILENT = "silent"
    NO_PHONE = "no_phone"
    NO_BROKER = "no_broker"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Engagement:
    """What keeps a person busy on one node: `kind` is in a call, reserved or after-call work; `until`: its end.

    `in_doubt`: whether it still is so cannot be known, since the node that said it is out of touch.
    """

    kind: Kind
    since: datetime
    until: datetime | None = None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class SourceView:
    """How one source took part in the fusion, for the details on screen."""

    source: Source
    status: Status
    since: datetime
    age_s: float
    client: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """Fused availability of one person: state, since when, because of what, and how fresh the youngest proof is.

    `reachable`: a ring would find the person: free, or busy by calendar only (pickable if the person's rule allows).
    `free_again_at`: when the deciding source says it ends, if it says so. `resting_until`: the person's own limits
    on interruptions forbid asking until then, whatever the state is. `unconfirmed_since`: the person let it ring too
    often and has not shown since then that he is there, whatever the state is.
    """

    person: PersonId
    state: AvailabilityState
    since: datetime
    because: str
    freshness_s: float | None
    sources: tuple[SourceView, ...]
    kind: Kind = Kind.PLAIN
    reachable: bool = False
    free_again_at: datetime | None = None
    resting_until: datetime | None = None
    unconfirmed_since: datetime | None = None
