"""A specialist whose telephone is a page: it answers by itself, can be killed, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack

from siplab.browser_peer import BrowserPage, Message, browser_phone
from siplab.errors import RobotFailed

BACK_AFTER_S = 1.0


class BrowserHandset:
    """Keeps one page open with its phone on.

    Args:
        web: The desk's address.
        cookie: `name=value` of the person's log-in.
        answer_after_s: How long it rings before it is answered.
    """

    def __init__(self, web: str, cookie: str, answer_after_s: float) -> None:
        self._web = web
        self._cookie = cookie
        self._answer_after_s = answer_after_s
        self._stack = AsyncExitStack()
        self._answering: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the page and switch its phone on.

        Raises:
            RobotFailed: The node does not take it.
        """
        try:
            page = await self._stack.enter_async_context(browser_phone(self._web, self._cookie))
        except (OSError, TimeoutError) as error:
            raise RobotFailed(f"a browser phone cannot be switched on: {error!r}") from error
        self._answering = asyncio.create_task(self._answer(page), name="browser phone")

    def hang_up(self) -> None:
        """Nothing to do: who closes the page hangs up, and the others' hanging up ends its call."""

    async def stop(self) -> None:
        """Close the page, as a browser that dies."""
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
        with contextlib.suppress(Exception):  # whatever a connection that is gone says when it is closed
            await self._stack.aclose()

    async def kill(self) -> None:
        """Close it in the middle of whatever it does, and open it again."""
        await self.stop()
        await asyncio.sleep(BACK_AFTER_S)
        await self.start()

    async def _answer(self, page: BrowserPage) -> None:
        """Answer each call once; a call that is gone by then is nobody's trouble."""
        answered = set[str]()

        def is_new(message: Message) -> bool:
            return message["leg"] not in answered

        while True:
            try:
                ring = await page.message("ring", is_new)
            except TimeoutError:
                continue
            answered.add(str(ring["leg"]))
            page.ringing(str(ring["leg"]))
            await asyncio.sleep(self._answer_after_s)
            page.messages.clear()
            with contextlib.suppress(Exception):  # WebRTC's libraries raise what they like when a call ends meanwhile
                await page.answer(str(ring["leg"]))
