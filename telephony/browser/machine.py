"""The life of browser phones: `step(phones, event, now) -> (phones, effects)`.

A phone is a page that is switched on. It has one call at most:

    LineRung ──► RINGING ─ page answers ─► OPENING ─ media connected ─► TALKING
    page calls ─► CALLING ─ centre answers ──┘                             │  reconnect: a new peer on the same ring
       any of them ◄── hang-up, decline, the switch's end, dead worker, no media in time ──► no call

    socket open ── lost ──► away (5 s idle, 15 s with a call) ── comes back with its id or its leg ──► open
                               └─ not in time ──► off, its call ends

Invariants (property test): every line the switch rang or that a page called is told ended to the switch, or by it,
exactly once; a peer that was opened is closed; a person is on exactly while he has a phone; words about a leg the phone
does not have change nothing but are answered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from telephony import end_reasons
from telephony.browser import calls, words
from telephony.browser.calls import P, Step
from telephony.browser.effects import (
    BrowserEffect,
    CloseCode,
    CloseSocket,
    LineRinging,
    NoteQuality,
    PhonesOn,
    PressKey,
    Ring,
    StartTimer,
    Tell,
    WatchLine,
    Welcome,
)
from telephony.browser.events import (
    BrowserEvent,
    LineOpened,
    LineOver,
    LineRung,
    PageAnswered,
    PageCalls,
    PageDeclined,
    PageHangsUp,
    PageHolds,
    PageLeft,
    PageMeasured,
    PagePressed,
    PageReconnects,
    PageRegistered,
    PageRings,
    PeerAnswered,
    PeerConnected,
    PeerFailed,
    PeerRefused,
    SocketLost,
    TimerFired,
    WorkerLost,
)
from telephony.browser.model import Line, PageCall, Phone, Phones, SocketId
from vocabulary import EndReason, PersonId

_UNREACHABLE = 480


def step(phones: Phones, event: BrowserEvent, now: float) -> Step:
    """Let one thing happen, then do what the time asks for."""
    phones, effects = _apply(phones, event, now)
    phones, due = _do_what_is_due(phones, now)
    wakes = [at for phone in phones.by_id.values() for at in _wakes(phones, phone) if at > now]
    return phones, [*effects, *due, *([StartTimer(min(wakes))] if wakes else [])]


def _apply(phones: Phones, event: BrowserEvent, now: float) -> Step:
    match event:
        case PageRegistered():
            return _registered(phones, event)
        case SocketLost(socket):
            return _socket_lost(phones, socket, now)
        case PageLeft(socket):
            phone = phones.of_socket(socket)
            return _off(phones, phone, end_reasons.HUNG_UP) if phone is not None else (phones, [])
        case PageCalls():
            return calls.page_calls(phones, event)
        case LineRung():
            return calls.rung(phones, event)
        case LineOpened():
            return calls.opened(phones, event, now)
        case LineOver(line, end):
            phone = phones.at(line)
            return calls.over(phones, phone, end) if phone is not None else (phones, [])
        case WorkerLost(lines):
            return calls.worker_lost(phones, lines)
        case PeerAnswered() | PeerConnected() | PeerFailed() | PeerRefused():
            return calls.peer_said(phones, event)
        case TimerFired():
            return phones, []
        case _:
            return _page_said(phones, event)


_PageWord = (
    PageRings | PageAnswered | PageDeclined | PageHangsUp | PagePressed | PageHolds | PageReconnects | PageMeasured
)


def _page_said(phones: Phones, event: _PageWord) -> Step:
    """Words of a page about its call."""
    phone = phones.of_socket(event.socket)
    if phone is None:
        return phones, [Tell(event.socket, words.error("not_registered", event.leg))]
    call = phone.call
    if call is None or call.leg != event.leg:
        return phones, [Tell(event.socket, words.error("no_such_leg", event.leg))]
    line = Line(phone.id, call.leg)
    match event:
        case PageRings():
            return phones, [LineRinging(line)] if call.phase is P.RINGING else []
        case PageAnswered(sdp=sdp):
            return calls.answered(phones, phone, call, sdp)
        case PageDeclined(busy=busy):
            return calls.declined(phones, phone, call, busy)
        case PageHangsUp():
            return calls.end(phones, phone, end_reasons.CANCELLED if call.phase is P.CALLING else end_reasons.HUNG_UP)
        case PagePressed(pii_digit=digit):
            return phones, [PressKey(line, digit)] if call.phase is P.TALKING else []
        case PageHolds(on=on):
            return calls.holds(phones, phone, call, on)
        case PageReconnects(sdp=sdp):
            return calls.reconnects(phones, phone, call, sdp)
        case PageMeasured(quality=quality):
            measured = replace(call, quality=quality)
            return calls.with_call(phones, phone, measured), [NoteQuality(phone, measured)]
        case _:
            assert_never(event)


# -- pages come and go -----------------------------------------------------------------------------------------------


def _registered(phones: Phones, event: PageRegistered) -> Step:
    known = _coming_back(phones, event)
    if known is None:
        return _new_phone(phones, event)
    effects: list[BrowserEffect] = []
    if known.socket is not None and known.socket != event.socket:
        effects.append(CloseSocket(known.socket, CloseCode.REPLACED))
    was_away = known.socket is None
    phone = replace(known, socket=event.socket)
    effects.append(Welcome(event.socket, phone))
    call = phone.call
    if call is not None and call.phase is P.RINGING:
        effects.append(Ring(event.socket, call))
    elif call is not None and was_away and not call.held:
        effects.append(WatchLine(Line(phone.id, call.leg), on=True))
    return phones.having(phone), [*effects, *_lost_leg(event, call)]


def _coming_back(phones: Phones, event: PageRegistered) -> Phone | None:
    """The phone this page is: the one of this socket, of this id, or with this leg; of the same person only."""
    own = phones.of_person(event.person)
    same = (phone for phone in own if event.socket == phone.socket or event.phone == phone.id)
    by_leg = (phone for phone in own if phone.call is not None and phone.call.leg == event.resume)
    return next(same, None) or next(by_leg, None)


def _new_phone(phones: Phones, event: PageRegistered) -> Step:
    effects: list[BrowserEffect] = []
    own = phones.of_person(event.person)
    if len(own) >= phones.limits.phones_per_person:
        idle = next((phone for phone in own if phone.socket is None and phone.call is None), None)
        if idle is None:
            return phones, [
                Tell(event.socket, words.error("too_many_phones")),
                CloseSocket(event.socket, CloseCode.TOO_MANY_PHONES),
            ]
        phones = phones.without(idle.id)
    phone = Phone(event.fresh, event.person, event.socket)
    phones = phones.having(phone)
    effects += [_on(phones, event.person), Welcome(event.socket, phone), *_lost_leg(event, None)]
    return phones, effects


def _lost_leg(event: PageRegistered, call: PageCall | None) -> list[BrowserEffect]:
    """Tell a page that the leg it wanted back is gone."""
    if event.resume is None or (call is not None and call.leg == event.resume):
        return []
    return [Tell(event.socket, words.ended(event.resume, end_reasons.DIALOG_LOST))]


def _socket_lost(phones: Phones, socket: SocketId, now: float) -> Step:
    phone = phones.of_socket(socket)
    if phone is None:
        return phones, []
    line = phone.line()
    phones = phones.having(replace(phone, socket=None, lost_at=now))
    return phones, [WatchLine(line, on=False)] if line is not None else []


def _off(phones: Phones, phone: Phone, end: EndReason, sip_status: int = 0) -> Step:
    """The phone is no more; its call ends."""
    effects: list[BrowserEffect] = []
    if phone.call is not None:
        phones, effects = calls.end(phones, phone, end, sip_status)
    phones = phones.without(phone.id)
    return phones, [*effects, _on(phones, phone.person)]


def _on(phones: Phones, person: PersonId) -> PhonesOn:
    return PhonesOn(person, tuple(sorted(phone.id for phone in phones.of_person(person))))


def _do_what_is_due(phones: Phones, now: float) -> Step:
    effects: list[BrowserEffect] = []
    for phone in phones.by_id.values():
        call = phone.call
        more: list[BrowserEffect] = []
        if phone.socket is None and now >= _kept_until(phones, phone):
            phones, more = _off(phones, phone, *_gone_for_good(phone))
        elif call is not None and call.connect_until is not None and now >= call.connect_until:
            phones, more = calls.end(phones, phone, end_reasons.MEDIA_NOT_CONNECTED)
        effects += more
    return phones, effects


def _gone_for_good(phone: Phone) -> tuple[EndReason, int]:
    """How the call of a page that did not come back ends."""
    if phone.call is not None and phone.call.phase is P.RINGING:
        return end_reasons.of_status(_UNREACHABLE), _UNREACHABLE
    return end_reasons.MEDIA_LOST, 0


def _wakes(phones: Phones, phone: Phone) -> list[float]:
    """When `_do_what_is_due` should look again."""
    wakes = [_kept_until(phones, phone)] if phone.socket is None else []
    if phone.call is not None and phone.call.connect_until is not None:
        wakes.append(phone.call.connect_until)
    return wakes


def _kept_until(phones: Phones, phone: Phone) -> float:
    limits = phones.limits
    return phone.lost_at + (limits.idle_grace_s if phone.call is None else limits.call_grace_s)
