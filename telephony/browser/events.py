"""What happened to browser phones: what pages say, what the switch says of their lines, what media workers say."""

from __future__ import annotations

from dataclasses import dataclass

from telephony.browser.model import Line, PhoneId, Quality, SocketId
from telephony.model import CallerIdentity
from vocabulary import EndReason, LegId, PersonId

# -- pages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageRegistered:
    """A page switched its phone on, or came back: with its phone's id, or with the leg it had. `fresh`: a new id."""

    socket: SocketId
    person: PersonId
    fresh: PhoneId
    phone: PhoneId | None = None
    resume: LegId | None = None


@dataclass(frozen=True, slots=True)
class SocketLost:
    """A page's socket is gone; it may come back."""

    socket: SocketId


@dataclass(frozen=True, slots=True)
class PageLeft:
    """The phone was switched off, or the person logged out: no grace."""

    socket: SocketId


@dataclass(frozen=True, slots=True)
class PageRings:
    """The page alerts the person."""

    socket: SocketId
    leg: LegId


@dataclass(frozen=True, slots=True)
class PageAnswered:
    """The person accepted; the browser's offer."""

    socket: SocketId
    leg: LegId
    sdp: str


@dataclass(frozen=True, slots=True)
class PageDeclined:
    """The person does not want to talk, or talks already."""

    socket: SocketId
    leg: LegId
    busy: bool


@dataclass(frozen=True, slots=True)
class PageCalls:
    """The person calls a service. `fresh` is a new leg's id, `caller` how he is shown."""

    socket: SocketId
    fresh: LegId
    caller: CallerIdentity
    called: str
    sdp: str


@dataclass(frozen=True, slots=True)
class PageHangsUp:
    socket: SocketId
    leg: LegId


@dataclass(frozen=True, slots=True)
class PagePressed:
    """One digit (0-9, *, #, A-D)."""

    socket: SocketId
    leg: LegId
    pii_digit: str


@dataclass(frozen=True, slots=True)
class PageHolds:
    socket: SocketId
    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class PageReconnects:
    """A new offer for the same leg: the page changed its network, or was reloaded."""

    socket: SocketId
    leg: LegId
    sdp: str


@dataclass(frozen=True, slots=True)
class PageMeasured:
    socket: SocketId
    leg: LegId
    quality: Quality


PageEvent = (
    PageRegistered
    | SocketLost
    | PageLeft
    | PageRings
    | PageAnswered
    | PageDeclined
    | PageCalls
    | PageHangsUp
    | PagePressed
    | PageHolds
    | PageReconnects
    | PageMeasured
)

# -- the switch ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineRung:
    """A leg shall ring at this page."""

    line: Line
    caller: CallerIdentity


@dataclass(frozen=True, slots=True)
class LineOpened:
    """The line is answered and has a port on the bridge: connect the page's media to the ring of this name."""

    line: Line
    ring: str


@dataclass(frozen=True, slots=True)
class LineOver:
    """The line is gone, whoever ended it."""

    line: Line
    end: EndReason


LineEvent = LineRung | LineOpened | LineOver

# -- media workers -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerAnswered:
    """The worker's answer to the page's offer."""

    line: Line
    sdp: str


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """Audio can flow."""

    line: Line


@dataclass(frozen=True, slots=True)
class PeerFailed:
    """The offer cannot be used, or the connection did not come to be."""

    line: Line
    reason: str


@dataclass(frozen=True, slots=True)
class PeerRefused:
    """No media worker has room."""

    line: Line


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A media worker died with these lines."""

    lines: tuple[Line, ...]


PeerEvent = PeerAnswered | PeerConnected | PeerFailed | PeerRefused | WorkerLost


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The wake-up asked for by StartTimer; what is due follows from the time alone."""


BrowserEvent = PageEvent | LineEvent | PeerEvent | TimerFired
