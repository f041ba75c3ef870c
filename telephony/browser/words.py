"""The messages between a page and the node, both ways: docs/browser-phone.md is the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from telephony.browser.model import PageCall, Phone
from vocabulary import EndReason, LegId

Message = Mapping[str, Any]

SDP_CHARS = 32_000
_Leg = Annotated[str, Field(min_length=1, max_length=64)]
_Sdp = Annotated[str, Field(min_length=1, max_length=SDP_CHARS)]
_Milliseconds = Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]

_SAID = {
    "bad_message": "This message cannot be read.",
    "unknown_type": "The node does not know this type of message.",
    "too_fast": "Too many messages; some were dropped.",
    "not_registered": "Switch the phone on first (register).",
    "no_such_leg": "This call is over.",
    "bad_sdp": "This audio offer cannot be used.",
    "media_failed": "The audio connection broke; reconnect.",
    "line_busy": "End the present call first.",
    "too_many_phones": "Your phone is switched on in too many pages already.",
    "not_enabled": "Phones in the browser are switched off at this centre.",
}
_ENDS = {
    "media_worker_lost": "The media worker for this call stopped; call again.",
    "media_not_connected": "The audio connection could not be made; a firewall may block it.",
    "media_lost": "The audio connection was lost.",
    "dialog_lost": "This call is over.",
    "completed_elsewhere": "The call was answered on another phone or by somebody else.",
    "overloaded": "The centre has no room for another call now.",
    "unknown_number": "There is no service of this number.",
}


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Register(_Said):
    type: Literal["register"]
    phone: _Leg | None = None
    resume: _Leg | None = None


class Unregister(_Said):
    type: Literal["unregister"]


class Ringing(_Said):
    type: Literal["ringing"]
    leg: _Leg


class Answer(_Said):
    type: Literal["answer"]
    leg: _Leg
    sdp: _Sdp


class Decline(_Said):
    type: Literal["decline"]
    leg: _Leg
    reason: Literal["busy", "declined"] = "declined"


class Call(_Said):
    type: Literal["call"]
    called: str = Field(min_length=1, max_length=64)
    sdp: _Sdp


class HangUp(_Said):
    type: Literal["hang_up"]
    leg: _Leg


class Dtmf(_Said):
    type: Literal["dtmf"]
    leg: _Leg
    digit: str = Field(pattern=r"^[0-9*#A-D]$")


class Hold(_Said):
    type: Literal["hold"]
    leg: _Leg
    on: bool


class Reconnect(_Said):
    type: Literal["reconnect"]
    leg: _Leg
    sdp: _Sdp


class QualityReport(_Said):
    type: Literal["quality"]
    leg: _Leg
    rtt_ms: _Milliseconds = 0.0
    jitter_ms: _Milliseconds = 0.0
    lost_percent: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)


PageMessage = (
    Register | Unregister | Ringing | Answer | Decline | Call | HangUp | Dtmf | Hold | Reconnect | QualityReport
)
_PAGE_MESSAGE: TypeAdapter[PageMessage] = TypeAdapter(Annotated[PageMessage, Field(discriminator="type")])


class Unreadable(Exception):
    """A page's message that is none of ours; `code` is for the page."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse(text: str | bytes) -> PageMessage:
    """Read a message of a page.

    Raises:
        Unreadable: Not JSON, an unknown type, a field missing or out of range.
    """
    try:
        return _PAGE_MESSAGE.validate_json(text)
    except ValidationError as error:
        unknown = error.errors(include_input=False, include_url=False)[0]["type"] == "union_tag_invalid"
        raise Unreadable("unknown_type" if unknown else "bad_message") from None


def registered(phone: Phone, ice_servers: Sequence[Message], codecs: Sequence[str]) -> Message:
    call = phone.call
    resumed = call.leg if call is not None and call.has_peer else None
    return {
        "type": "registered",
        "phone": phone.id,
        "resumed": resumed,
        "ice_servers": list(ice_servers),
        "codecs": list(codecs),
    }


def ring(call: PageCall, interaction: str | None, escalation: str | None) -> Message:
    caller = {"display": call.caller.display, "number": call.caller.number}
    return {"type": "ring", "leg": call.leg, "caller": caller, "interaction": interaction, "escalation": escalation}


def calling(leg: LegId) -> Message:
    return {"type": "calling", "leg": leg}


def answer(leg: LegId, sdp: str) -> Message:
    return {"type": "sdp", "leg": leg, "sdp": sdp}


def connected(leg: LegId) -> Message:
    return {"type": "connected", "leg": leg}


def ended(leg: LegId, end: EndReason) -> Message:
    message = _ENDS.get(end.reason, f"The call ended: {end.reason.replace('_', ' ')}.")
    return {"type": "ended", "leg": leg, "reason": end.reason, "message": message}


def error(code: str, leg: LegId | None = None, detail: str = "") -> Message:
    message = f"{_SAID[code]} ({detail})" if detail else _SAID[code]
    return {"type": "error", "code": code, "message": message, **({"leg": leg} if leg is not None else {})}
