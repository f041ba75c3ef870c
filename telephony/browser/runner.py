"""Browser phones at work: performs the machine's effects on pages, switch and media workers. Loop thread only."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, assert_never

import structlog

from telephony.browser import machine, words
from telephony.browser.effects import (
    AcceptLine,
    BrowserEffect,
    CallFromPage,
    ClosePeer,
    CloseSocket,
    EndLine,
    HoldPeer,
    LineCommand,
    LineConnected,
    LineRinging,
    NoteEnd,
    NoteQuality,
    OpenPeer,
    PhonesOn,
    PressKey,
    RenewPeer,
    Ring,
    StartTimer,
    Tell,
    WatchLine,
    Welcome,
)
from telephony.browser.events import (
    BrowserEvent,
    LineEvent,
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
    SocketLost,
    TimerFired,
)
from telephony.browser.model import Limits, PhoneId, Phones, Quality, SocketId
from telephony.browser.workers import MediaWorkers, WorkerSettings
from telephony.model import CallerIdentity
from vocabulary import LegId, PersonId, new_id

log = structlog.get_logger(__name__)

MOST_CALLED_CHARS = 64


class BrowserLineSwitch(Protocol):
    """The switch as browser phones see it."""

    def browser(self, command: LineCommand) -> None: ...
    def connect_browsers(self, on_event: Callable[[LineEvent], None]) -> None: ...


class PageSocket(Protocol):
    """A page's connection; both return at once."""

    def send(self, message: Mapping[str, Any]) -> None: ...
    def close(self, code: int) -> None: ...


LegNames = Callable[[LegId], tuple[str | None, str | None]]
"""The interaction and the escalation a leg belongs to, as far as known."""
IceServers = Callable[[PersonId], list[Mapping[str, Any]]]
"""What a person's browser is told about STUN and TURN; credentials may be made for him."""

OnQuality = Callable[[LegId, PersonId, Quality | None], None]
"""Hears what pages measure, and None when a leg is over."""


@dataclass(slots=True)
class _OpenSocket:
    person: PersonId
    name: str
    socket: PageSocket


class BrowserPhones:
    """The browser phones of a node."""

    def __init__(
        self,
        workers: WorkerSettings,
        switch: BrowserLineSwitch,
        names: LegNames = lambda leg: (None, None),
        ice_servers: IceServers = lambda person: [],
        on_quality: OnQuality = lambda leg, person, quality: None,
        limits: Limits | None = None,
    ) -> None:
        self._codecs = workers.codecs
        self._switch = switch
        self._names = names
        self._ice_servers = ice_servers
        self._on_quality = on_quality
        self._phones = Phones(limits=limits or Limits())
        self._sockets: dict[SocketId, _OpenSocket] = {}
        self._numbers = itertools.count(1)
        self._queue: deque[BrowserEvent] = deque()
        self._draining = False
        self._timer: asyncio.TimerHandle | None = None
        self.workers = MediaWorkers(workers, self.happened)
        switch.connect_browsers(self.happened)

    async def stop(self) -> None:
        """Switch all phones off and end the workers."""
        for number in list(self._sockets):
            self.happened(PageLeft(number))
        if self._timer is not None:
            self._timer.cancel()
        await self.workers.stop()

    def numbers(self) -> dict[str, float]:
        """What goes on now, for monitoring."""
        calls = sum(phone.call is not None for phone in self._phones.by_id.values())
        return {"browser_calls": calls, "media_workers": len(self.workers.pids)}

    # -- pages -----------------------------------------------------------------------------------------------------

    def opened(self, person: PersonId, name: str, socket: PageSocket) -> SocketId:
        """A logged-in person's page connected."""
        number = SocketId(next(self._numbers))
        self._sockets[number] = _OpenSocket(person, name, socket)
        return number

    def said(self, number: SocketId, message: words.PageMessage) -> None:
        """A page said something."""
        page = self._sockets.get(number)
        if page is not None:
            self.happened(_event(number, page, message))

    def lost(self, number: SocketId) -> None:
        """A page's connection is gone; it may come back."""
        self._sockets.pop(number, None)
        self.happened(SocketLost(number))

    def logged_out(self, number: SocketId) -> None:
        """The person's log-in ended: his phone is off at once."""
        self.happened(PageLeft(number))
        self._sockets.pop(number, None)

    # -- events and effects ----------------------------------------------------------------------------------------

    def happened(self, event: BrowserEvent) -> None:
        """Let the machine take one event; events that come meanwhile wait."""
        self._queue.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._queue:
                self._take(self._queue.popleft())
        finally:
            self._draining = False

    def _take(self, event: BrowserEvent) -> None:
        try:
            self._phones, effects = machine.step(self._phones, event, asyncio.get_running_loop().time())
        except Exception:
            log.exception("browser_phone_bug", triggering_event=type(event).__name__)
            return
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: BrowserEffect) -> None:
        match effect:
            case Tell(socket, message):
                self._tell(socket, message)
            case Welcome(socket, phone):
                self._tell(socket, words.registered(phone, self._ice_servers(phone.person), self._codecs))
            case Ring(socket, call):
                self._tell(socket, words.ring(call, *self._names(call.leg)))
            case CloseSocket(socket, code):
                page = self._sockets.pop(socket, None)
                if page is not None:
                    page.socket.close(code)
            case PhonesOn():
                self._switch.browser(effect)
                self.workers.phones_on(bool(self._phones.by_id))
            case LineRinging() | AcceptLine() | LineConnected() | EndLine() | CallFromPage() | PressKey() | WatchLine():
                self._switch.browser(effect)
            case OpenPeer() | RenewPeer() | HoldPeer() | ClosePeer():
                self.workers.perform(effect)
            case NoteQuality(phone, call):
                self._on_quality(call.leg, phone.person, call.quality)
            case NoteEnd(phone, call):
                _log_end(effect)
                self._on_quality(call.leg, phone.person, None)
            case StartTimer(at):
                self._start_timer(at)
            case _:
                assert_never(effect)

    def _tell(self, number: SocketId, message: Mapping[str, Any]) -> None:
        page = self._sockets.get(number)
        if page is not None:
            page.socket.send(message)

    def _start_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, lambda: self.happened(TimerFired()))


def _event(number: SocketId, page: _OpenSocket, message: words.PageMessage) -> BrowserEvent:
    """What a page's message means."""
    match message:
        case words.Register(phone=phone, resume=resume):
            known = PhoneId(phone) if phone else None
            leg = LegId(resume) if resume else None
            return PageRegistered(number, page.person, PhoneId(new_id("phone")), known, leg)
        case words.Unregister():
            return PageLeft(number)
        case words.Ringing(leg=leg):
            return PageRings(number, LegId(leg))
        case words.Answer(leg=leg, sdp=sdp):
            return PageAnswered(number, LegId(leg), sdp)
        case words.Decline(leg=leg, reason=reason):
            return PageDeclined(number, LegId(leg), busy=reason == "busy")
        case words.Call(called=called, sdp=sdp):
            caller = CallerIdentity(page.name, str(page.person))
            wanted = "".join(char for char in called if char.isprintable())[:MOST_CALLED_CHARS]
            return PageCalls(number, LegId(new_id("leg")), caller, wanted, sdp)
        case words.HangUp(leg=leg):
            return PageHangsUp(number, LegId(leg))
        case words.Dtmf(leg=leg, digit=digit):
            return PagePressed(number, LegId(leg), digit)
        case words.Hold(leg=leg, on=on):
            return PageHolds(number, LegId(leg), on)
        case words.Reconnect(leg=leg, sdp=sdp):
            return PageReconnects(number, LegId(leg), sdp)
        case words.QualityReport(leg=leg):
            quality = Quality(message.rtt_ms, message.jitter_ms, message.lost_percent)
            return PageMeasured(number, LegId(leg), quality)
        case _:
            assert_never(message)


def _log_end(over: NoteEnd) -> None:
    """The canonical line of a browser leg."""
    quality = over.call.quality
    figures = asdict(quality) if quality is not None else {}
    end = {"result": over.end.result.value, "reason": over.end.reason}
    phase = over.call.phase.value
    log.info("browser_leg_ended", leg_id=over.call.leg, phone=over.phone.id, phase=phase, **end, **figures)
