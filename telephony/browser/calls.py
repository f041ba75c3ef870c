"""The call of one page: what each word of page, switch and media worker does to it. Pure; used by `machine.py` only."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from telephony import end_reasons
from telephony.browser import words
from telephony.browser.effects import (
    AcceptLine,
    BrowserEffect,
    CallFromPage,
    ClosePeer,
    EndLine,
    HoldPeer,
    LineConnected,
    NoteEnd,
    OpenPeer,
    RenewPeer,
    Ring,
    Tell,
    WatchLine,
)
from telephony.browser.events import (
    LineOpened,
    LineRung,
    PageCalls,
    PeerAnswered,
    PeerConnected,
    PeerFailed,
    PeerRefused,
)
from telephony.browser.model import CallPhase, Line, PageCall, Phone, Phones
from telephony.browser.sdp import what_is_wrong
from vocabulary import EndReason

Step = tuple[Phones, list[BrowserEffect]]

P = CallPhase

_UNREACHABLE, _BUSY, _DECLINED, _OVERLOADED = 480, 486, 603, 503


# -- a call begins ---------------------------------------------------------------------------------------------------


def rung(phones: Phones, event: LineRung) -> Step:
    """The switch rings a leg at this page."""
    phone = phones.by_id.get(event.line.phone)
    if phone is None:
        return phones, [EndLine(event.line, end_reasons.of_status(_UNREACHABLE), _UNREACHABLE)]
    if phone.call is not None:
        return phones, [EndLine(event.line, end_reasons.of_status(_BUSY), _BUSY)]
    call = PageCall(event.line.leg, P.RINGING, event.caller)
    return with_call(phones, phone, call), [Ring(phone.socket, call)] if phone.socket is not None else []


def answered(phones: Phones, phone: Phone, call: PageCall, sdp: str) -> Step:
    """The person accepted."""
    assert phone.socket is not None
    if call.phase is not P.RINGING:
        return phones, []
    fault = what_is_wrong(sdp)
    if fault is not None:
        return phones, [Tell(phone.socket, words.error("bad_sdp", call.leg, fault))]
    opening = replace(call, phase=P.OPENING, offer=sdp)
    return with_call(phones, phone, opening), [AcceptLine(Line(phone.id, call.leg))]


def declined(phones: Phones, phone: Phone, call: PageCall, busy: bool) -> Step:
    """The person does not want to talk, or talks already."""
    if call.phase is not P.RINGING:
        return phones, []
    status = _BUSY if busy else _DECLINED
    return end(phones, phone, end_reasons.of_status(status), status)


def page_calls(phones: Phones, event: PageCalls) -> Step:
    """The person calls a service."""
    phone = phones.of_socket(event.socket)
    if phone is None:
        return phones, [Tell(event.socket, words.error("not_registered"))]
    if phone.call is not None:
        return phones, [Tell(event.socket, words.error("line_busy"))]
    fault = what_is_wrong(event.sdp)
    if fault is not None:
        return phones, [Tell(event.socket, words.error("bad_sdp", detail=fault))]
    call = PageCall(event.fresh, P.CALLING, event.caller, offer=event.sdp)
    line = Line(phone.id, event.fresh)
    return with_call(phones, phone, call), [
        Tell(event.socket, words.calling(event.fresh)),
        CallFromPage(line, phone.person, event.caller, event.called),
    ]


# -- media -----------------------------------------------------------------------------------------------------------


def opened(phones: Phones, event: LineOpened, now: float) -> Step:
    """The line is answered and has a ring on the bridge."""
    phone = phones.at(event.line)
    if phone is None or phone.call is None or phone.call.has_peer:
        return phones, []
    limit = now + phones.limits.connect_s
    call = replace(phone.call, phase=P.OPENING, offer="", has_peer=True, connect_until=limit)
    return with_call(phones, phone, call), [OpenPeer(event.line, event.ring, phone.call.offer)]


def peer_said(phones: Phones, event: PeerAnswered | PeerConnected | PeerFailed | PeerRefused) -> Step:
    """What the media worker says of the line's connection."""
    phone = phones.at(event.line)
    if phone is None or phone.call is None:
        return phones, []
    call = phone.call
    match event:
        case PeerAnswered(sdp=sdp):
            return phones, tell(phone, words.answer(call.leg, sdp))
        case PeerConnected(line):
            told = tell(phone, words.connected(call.leg))
            if call.phase is not P.OPENING:
                return phones, told
            talking = replace(call, phase=P.TALKING, connect_until=None)
            return with_call(phones, phone, talking), [LineConnected(line), *told]
        case PeerFailed(reason=reason):
            if call.phase is P.OPENING:
                return end(phones, phone, end_reasons.MEDIA_NOT_CONNECTED)
            return phones, tell(phone, words.error("media_failed", call.leg, reason))
        case PeerRefused():
            return end(phones, phone, end_reasons.OVERLOADED, _OVERLOADED)
        case _:
            assert_never(event)


def holds(phones: Phones, phone: Phone, call: PageCall, on: bool) -> Step:
    """Neither side hears the other, or they do again."""
    if call.phase is not P.TALKING or call.held == on:
        return phones, []
    line = Line(phone.id, call.leg)
    return with_call(phones, phone, replace(call, held=on)), [HoldPeer(line, on), WatchLine(line, on=not on)]


def reconnects(phones: Phones, phone: Phone, call: PageCall, sdp: str) -> Step:
    """A new offer for the same leg."""
    if call.phase not in (P.OPENING, P.TALKING) or not call.has_peer:
        return phones, []
    fault = what_is_wrong(sdp)
    if fault is not None:
        return phones, tell(phone, words.error("bad_sdp", call.leg, fault))
    return phones, [RenewPeer(Line(phone.id, call.leg), sdp)]


def worker_lost(phones: Phones, lines: tuple[Line, ...]) -> Step:
    """A media worker died with these lines."""
    effects: list[BrowserEffect] = []
    for phone in filter(None, map(phones.at, lines)):
        phones, more = end(phones, phone, end_reasons.MEDIA_WORKER_LOST)
        effects += more
    return phones, effects


# -- a call ends -----------------------------------------------------------------------------------------------------


def end(phones: Phones, phone: Phone, reason: EndReason, sip_status: int = 0) -> Step:
    """End the phone's call from our side."""
    assert phone.call is not None
    line = Line(phone.id, phone.call.leg)
    phones, effects = over(phones, phone, reason)
    return phones, [EndLine(line, reason, sip_status), *effects]


def over(phones: Phones, phone: Phone, reason: EndReason) -> Step:
    """The phone's call is gone."""
    call = phone.call
    assert call is not None
    closing = [ClosePeer(Line(phone.id, call.leg))] if call.has_peer else []
    told = tell(phone, words.ended(call.leg, reason))
    return phones.having(replace(phone, call=None)), [*closing, *told, NoteEnd(phone, call, reason)]


def with_call(phones: Phones, phone: Phone, call: PageCall) -> Phones:
    """The phones with this call at that phone."""
    return phones.having(replace(phone, call=call))


def tell(phone: Phone, message: words.Message) -> list[BrowserEffect]:
    """Say something to the page, if it is there."""
    return [Tell(phone.socket, message)] if phone.socket is not None else []
