"""Live screens: one WebSocket per open screen, first a snapshot, then numbered changes.

A slow screen never holds anything up: its queue is bounded in `center.live`, and a screen that does not take a message
in time is closed. It comes back by itself and gets a fresh snapshot.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from enum import IntEnum

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from center.live import Subscription
from desk.access import Caller, Desk, who_asks
from desk.errors import TooManyRequests
from desk.gate import is_our_origin
from desk.wire import Frames
from store.errors import StoreError
from vocabulary import PersonId

log = structlog.get_logger()


class CloseCode(IntEnum):
    """Why the desk ends a live connection; a contract with the screens."""

    CLIENT_SPOKE = 1008
    TRY_LATER = 1013
    NOT_LOGGED_IN = 4401
    TOO_SLOW = 4408
    TOO_MANY_SCREENS = 4429


class LiveScreens:
    """The open screens of this node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._frames = Frames()
        self._open: Counter[PersonId] = Counter()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection until it ends. A foreign page gets no connection at all (403)."""
        if not is_our_origin(socket.headers, socket.url.scheme, self._desk.settings.allowed_origins):
            await socket.close()
            return
        try:
            caller: Caller | CloseCode = await who_asks(socket) or CloseCode.NOT_LOGGED_IN
            if isinstance(caller, Caller):
                self._desk.rate.count(caller.id)
        except (StoreError, TooManyRequests):
            caller = CloseCode.TRY_LATER
        await socket.accept()
        if isinstance(caller, Caller) and self._open[caller.id] >= self._desk.settings.screens_per_person:
            caller = CloseCode.TOO_MANY_SCREENS
        ended = await self._show(socket, caller) if isinstance(caller, Caller) else caller
        if ended is not None:
            await self._close(socket, ended)

    async def _show(self, socket: WebSocket, caller: Caller) -> CloseCode | None:
        """Keep one screen up to date; returns why it has to be closed, or None when it is gone already."""
        subscription = self._desk.center.live.subscribe(caller.id, caller.person.roles)
        self._open[caller.id] += 1
        self._desk.metrics.screens.inc()
        parts = [
            asyncio.create_task(self._send_changes(socket, subscription)),
            asyncio.create_task(_until_it_leaves(socket)),
            asyncio.create_task(self._until_logged_out(caller)),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return next(part for part in parts if part in done).result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            subscription.close()
            self._desk.metrics.screens.dec()
            self._open[caller.id] -= 1
            if not self._open[caller.id]:
                del self._open[caller.id]

    async def _send_changes(self, socket: WebSocket, subscription: Subscription) -> CloseCode | None:
        try:
            await self._send(socket, self._frames.snapshot(0, subscription.snapshot()))
            seq = 0
            while True:
                changes = await subscription.changes()
                if not changes and not subscription.overflowed:
                    continue  # what woke us is already in the snapshot
                seq += 1
                if changes:
                    await self._send(socket, self._frames.change(seq, changes))
                else:
                    await self._send(socket, self._frames.snapshot(seq, subscription.snapshot()))
        except TimeoutError:
            return CloseCode.TOO_SLOW
        except (WebSocketDisconnect, OSError):
            return None

    async def _send(self, socket: WebSocket, frame: str) -> None:
        async with asyncio.timeout(self._desk.settings.send_timeout_s):
            await socket.send_text(frame)

    async def _until_logged_out(self, caller: Caller) -> CloseCode:
        await self._desk.logins.until_ended(caller.session)
        return CloseCode.NOT_LOGGED_IN

    async def _close(self, socket: WebSocket, code: CloseCode) -> None:
        """Say why and hang up. A screen that takes nothing cannot be told; the server drops its connection."""
        self._desk.metrics.closed_screens.labels(code.name.lower()).inc()
        log.info("screen_closed", cause=code.name.lower())
        if code is CloseCode.TOO_SLOW:
            return
        with suppress(TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
            async with asyncio.timeout(self._desk.settings.send_timeout_s):
                await socket.close(code)


async def _until_it_leaves(socket: WebSocket) -> CloseCode | None:
    """Return when the screen hangs up, or speaks, which it must not: commands are HTTP."""
    message = await socket.receive()
    return None if message["type"] == "websocket.disconnect" else CloseCode.CLIENT_SPOKE
