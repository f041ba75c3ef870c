"""What shall be done for browser phones: words to pages, commands to the switch and to media workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from telephony.browser.model import Line, PageCall, Phone, PhoneId, SocketId
from telephony.model import CallerIdentity
from vocabulary import EndReason, PersonId


class CloseCode(IntEnum):
    """Why a phone's socket is closed; a contract with the page."""

    NOT_ENABLED = 4404
    REPLACED = 4409
    TOO_MANY_PHONES = 4429


# -- pages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a message to a page; docs/browser-phone.md lists them."""

    socket: SocketId
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Welcome:
    """Tell a page that its phone is on, with the ICE servers and codecs of the settings."""

    socket: SocketId
    phone: Phone


@dataclass(frozen=True, slots=True)
class Ring:
    """Tell a page that a leg rings, with what is known about it."""

    socket: SocketId
    call: PageCall


@dataclass(frozen=True, slots=True)
class CloseSocket:
    socket: SocketId
    code: CloseCode


# -- the switch: these are commands of its own ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PhonesOn:
    """The pages at which this person can be rung from now on; none: switched off."""

    person: PersonId
    phones: tuple[PhoneId, ...]


@dataclass(frozen=True, slots=True)
class LineRinging:
    """The page alerts."""

    line: Line


@dataclass(frozen=True, slots=True)
class AcceptLine:
    """The person accepted: this line wins its leg if it is the first."""

    line: Line


@dataclass(frozen=True, slots=True)
class LineConnected:
    """The line's audio can flow."""

    line: Line


@dataclass(frozen=True, slots=True)
class EndLine:
    line: Line
    end: EndReason
    sip_status: int = 0


@dataclass(frozen=True, slots=True)
class CallFromPage:
    """A new leg comes from a page; its person has proved himself by his log-in."""

    line: Line
    person: PersonId
    caller: CallerIdentity
    called: str


@dataclass(frozen=True, slots=True)
class PressKey:
    line: Line
    pii_digit: str


@dataclass(frozen=True, slots=True)
class WatchLine:
    """Whether silence ends the leg: not while it is held, and not while its page is away."""

    line: Line
    on: bool


LineCommand = PhonesOn | LineRinging | AcceptLine | LineConnected | EndLine | CallFromPage | PressKey | WatchLine

# -- media workers -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenPeer:
    """Connect a page's offer to the ring of this name."""

    line: Line
    ring: str
    offer: str


@dataclass(frozen=True, slots=True)
class RenewPeer:
    """Replace the connection by a new one on the same ring."""

    line: Line
    offer: str


@dataclass(frozen=True, slots=True)
class HoldPeer:
    """Let neither side hear the other, or let them again."""

    line: Line
    on: bool


@dataclass(frozen=True, slots=True)
class ClosePeer:
    line: Line


PeerCommand = OpenPeer | RenewPeer | HoldPeer | ClosePeer

# -- the rest ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoteQuality:
    """What the page measured just now."""

    phone: Phone
    call: PageCall


@dataclass(frozen=True, slots=True)
class NoteEnd:
    """One line of log about a call that is over, with the quality the page measured last."""

    phone: Phone
    call: PageCall
    end: EndReason


@dataclass(frozen=True, slots=True)
class StartTimer:
    at: float
    """Monotonic seconds."""


BrowserEffect = Tell | Welcome | Ring | CloseSocket | LineCommand | PeerCommand | NoteQuality | NoteEnd | StartTimer
