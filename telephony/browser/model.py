"""Browser phones: pages whose phone is switched on, and the one call each of them may have."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NewType

from telephony.model import CallerIdentity
from vocabulary import LegId, PersonId

PhoneId = NewType("PhoneId", str)
"""One page with its phone on; survives a reload and a lost socket (`phone_…`)."""
SocketId = NewType("SocketId", int)
"""One WebSocket of a page, unique in this process."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A leg at one page. A leg that rings at several pages is several lines, of which one wins."""

    phone: PhoneId
    leg: LegId


class CallPhase(StrEnum):
    """How far the page's call is."""

    RINGING = "ringing"
    """We ring the page; nobody answered yet."""
    CALLING = "calling"
    """The page calls; the centre has not answered yet."""
    OPENING = "opening"
    """Answered; the media is being connected."""
    TALKING = "talking"


@dataclass(frozen=True, slots=True)
class Quality:
    """What the page measured last."""

    rtt_ms: float
    jitter_ms: float
    lost_percent: float


@dataclass(frozen=True, slots=True)
class PageCall:
    """The call of one page. `offer` waits for its media; `has_peer`: a media worker was told to connect it."""

    leg: LegId
    phase: CallPhase
    caller: CallerIdentity
    offer: str = ""
    has_peer: bool = False
    held: bool = False
    connect_until: float | None = None
    """When the media has to run, monotonic seconds."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class Phone:
    """A page with its phone on. Without a socket it is kept until `lost_at` and its grace."""

    id: PhoneId
    person: PersonId
    socket: SocketId | None
    call: PageCall | None = None
    lost_at: float = 0.0

    def line(self) -> Line | None:
        return Line(self.id, self.call.leg) if self.call is not None else None


@dataclass(frozen=True, slots=True)
class Limits:
    """What pages are held to. Times in seconds."""

    phones_per_person: int = 3
    idle_grace_s: float = 5.0
    """A page that is reloaded, or changes its network, is back by then."""
    call_grace_s: float = 15.0
    """The same with a call, which a person would rather wait for than lose."""
    connect_s: float = 8.0
    """ICE and DTLS take about 0.1 s; what takes longer than this will not come."""


@dataclass(frozen=True, slots=True)
class Phones:
    """All browser phones of a node."""

    by_id: dict[PhoneId, Phone] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def of_socket(self, socket: SocketId) -> Phone | None:
        return next((phone for phone in self.by_id.values() if phone.socket == socket), None)

    def of_person(self, person: PersonId) -> tuple[Phone, ...]:
        return tuple(phone for phone in self.by_id.values() if phone.person == person)

    def at(self, line: Line) -> Phone | None:
        """The phone whose present call is this line."""
        phone = self.by_id.get(line.phone)
        return phone if phone is not None and phone.call is not None and phone.call.leg == line.leg else None

    def having(self, phone: Phone) -> Phones:
        return replace(self, by_id={**self.by_id, phone.id: phone})

    def without(self, phone: PhoneId) -> Phones:
        return replace(self, by_id={key: value for key, value in self.by_id.items() if key != phone})
