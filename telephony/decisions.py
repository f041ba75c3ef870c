"""What becomes of one request that our own code decides. Plain data; the gate acts on it."""

from __future__ import annotations

from dataclasses import dataclass

from telephony.events import PhoneEvent, PhoneRequest
from telephony.model import CallerIdentity, Origin
from telephony.outgoing import Headers


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on both clocks: monotonic seconds for limits, UTC seconds for what outlives the process."""

    monotonic_s: float
    utc_s: float


@dataclass(frozen=True, slots=True)
class Pass:
    """Let the stack have the request. An INVITE carries who calls whom; anything else has nothing to prove."""

    origin: Origin | None = None
    caller: CallerIdentity | None = None
    called: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer at once and forget it. `events`: what this changed. `cause` is for counters and logs.

    `to_tag` is our tag of a dialog this answer begins; empty lets the stack choose one.
    """

    status: int
    headers: Headers = ()
    events: tuple[PhoneEvent | PhoneRequest, ...] = ()
    cause: str = ""
    to_tag: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """Do not answer."""

    cause: str


Decision = Pass | Answer | Drop
