"""Browser phones over a WebSocket: who may connect, how much may be said, and what happens when the log-in ends.

What the messages mean is decided in telephony/browser; docs/browser-phone.md is the contract with the page.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from desk.access import Caller, who_asks
from desk.gate import is_our_origin
from desk.live import CloseCode
from desk.settings import DeskSettings
from store.errors import StoreError
from telephony.browser import effects, words
from telephony.browser.model import SocketId
from telephony.browser.runner import PageSocket
from vocabulary import PersonId

log = structlog.get_logger(__name__)

router = APIRouter(tags=["phone"])

QUEUE_MESSAGES = 100
"""What may wait for a slow page; a call has about ten messages."""
MESSAGES_PER_S, BURST = 20.0, 40.0
MOST_FAULTS = 100
"""Messages that cannot be read, or came too fast, before the page is hung up on."""


class Phones(Protocol):
    """The browser phones of the node: `telephony.browser.runner.BrowserPhones`."""

    def opened(self, person: PersonId, name: str, socket: PageSocket) -> SocketId: ...
    def said(self, number: SocketId, message: words.PageMessage) -> None: ...
    def lost(self, number: SocketId) -> None: ...
    def logged_out(self, number: SocketId) -> None: ...


@dataclass(slots=True)
class Pace:
    """At most so many messages a second from one page. Pure."""

    now: Callable[[], float]
    left: float = BURST
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._at = self.now()

    def allows(self) -> bool:
        """Whether one more may come now."""
        at = self.now()
        self.left = min(BURST, self.left + (at - self._at) * MESSAGES_PER_S)
        self._at = at
        if self.left < 1:
            return False
        self.left -= 1
        return True


class _Page:
    """One page's connection as the phones see it: a bounded queue, and why it shall end."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(QUEUE_MESSAGES)
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def send(self, message: Mapping[str, Any]) -> None:
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.close(CloseCode.TOO_SLOW)

    def close(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)


class PhoneSockets:
    """Serves `/api/phone`. `phones`: None where browser phones are off."""

    def __init__(self, phones: Phones | None, settings: DeskSettings) -> None:
        self._phones = phones
        self._settings = settings
        self._open: Counter[PersonId] = Counter()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection until it ends. A foreign page gets no connection at all (403)."""
        if not is_our_origin(socket.headers, socket.url.scheme, self._settings.allowed_origins):
            await socket.close()
            return
        try:
            caller = await who_asks(socket)
            refused = None if caller is not None else int(CloseCode.NOT_LOGGED_IN)
        except StoreError:
            caller, refused = None, int(CloseCode.TRY_LATER)
        await socket.accept()
        if self._phones is None and refused is None:
            await self._send(socket, words.error("not_enabled"))
            refused = int(effects.CloseCode.NOT_ENABLED)
        if caller is not None and refused is None and self._phones is not None:
            refused = await self._talk(socket, caller, self._phones)
        if refused is not None:
            await self._close(socket, refused)

    async def _talk(self, socket: WebSocket, caller: Caller, phones: Phones) -> int | None:
        """Carry messages both ways; returns why the connection has to be closed, or None when it is gone already."""
        if self._open[caller.id] >= self._settings.screens_per_person:
            return int(CloseCode.TOO_MANY_SCREENS)
        self._open[caller.id] += 1
        page = _Page()
        number = phones.opened(caller.id, caller.person.name, page)
        parts = [
            asyncio.create_task(self._send_waiting(socket, page)),
            asyncio.create_task(_listen(socket, page, lambda message: phones.said(number, message))),
            asyncio.create_task(_until_closed(page)),
            asyncio.create_task(_until_logged_out(caller)),
        ]
        ended: int | None = None
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            ended = next(part for part in parts if part in done).result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            self._open[caller.id] -= 1
            (phones.logged_out if ended == CloseCode.NOT_LOGGED_IN else phones.lost)(number)
        await self._say_rest(socket, page)
        return ended

    async def _send_waiting(self, socket: WebSocket, page: _Page) -> int | None:
        try:
            while True:
                await self._send(socket, await page.waiting.get())
        except TimeoutError:
            return int(CloseCode.TOO_SLOW)
        except (WebSocketDisconnect, OSError, RuntimeError):
            return None

    async def _say_rest(self, socket: WebSocket, page: _Page) -> None:
        """Last words, such as the error that explains the closing."""
        with suppress(WebSocketDisconnect, OSError, RuntimeError, TimeoutError):
            while not page.waiting.empty():
                await self._send(socket, page.waiting.get_nowait())

    async def _send(self, socket: WebSocket, message: Mapping[str, Any]) -> None:
        async with asyncio.timeout(self._settings.send_timeout_s):
            await socket.send_text(json.dumps(message))

    async def _close(self, socket: WebSocket, code: int) -> None:
        log.info("phone_socket_closed", code=code)
        with suppress(TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
            async with asyncio.timeout(self._settings.send_timeout_s):
                await socket.close(code)


async def _listen(socket: WebSocket, page: _Page, say: Callable[[words.PageMessage], None]) -> int | None:
    """Take the page's messages until it leaves, or sends too much that is no use."""
    pace, faults = Pace(asyncio.get_running_loop().time), 0
    while (received := await socket.receive())["type"] != "websocket.disconnect":
        text = received.get("text") or ""
        try:
            if not pace.allows():
                raise words.Unreadable("too_fast")
            say(words.parse(text))
        except words.Unreadable as refused:
            faults += 1
            page.send(words.error(refused.code))
            if faults >= MOST_FAULTS:
                return int(CloseCode.CLIENT_SPOKE)
    return None


async def _until_closed(page: _Page) -> int | None:
    return await page.ended


async def _until_logged_out(caller: Caller) -> int | None:
    await caller.desk.logins.until_ended(caller.session)
    return int(CloseCode.NOT_LOGGED_IN)


@router.websocket("/api/phone")
async def phone(socket: WebSocket) -> None:
    """The page is a telephone: docs/browser-phone.md."""
    sockets = socket.app.state.phones
    assert isinstance(sockets, PhoneSockets)
    await sockets.serve(socket)
