"""Pages with their phones on at a real softswitch, without a desk between: robots joined straight to the runner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from siplab.browser_peer import BrowserPage

from telephony.browser import words
from telephony.browser.model import SocketId
from telephony.browser.runner import BrowserPhones
from vocabulary import PersonId


class Pages:
    """Opens pages and closes them all in the end."""

    def __init__(self, phones: BrowserPhones) -> None:
        self.phones = phones
        self._open: dict[SocketId, BrowserPage] = {}

    async def on(self, person: str, tone_hz: float = 0.0) -> BrowserPage:
        """A page of a person with its phone on."""
        page = self.connect(person, tone_hz)
        page.register()
        await page.message("registered")
        return page

    def connect(self, person: str, tone_hz: float = 0.0) -> BrowserPage:
        """A page whose socket is open, nothing said yet."""

        def say(message: Mapping[str, Any]) -> None:
            self.phones.said(number, words.parse(json.dumps(message)))

        page = BrowserPage(say, tone_hz)
        number = self.phones.opened(PersonId(person), person.title(), page)
        self._open[number] = page
        return page

    def lose(self, page: BrowserPage) -> None:
        """The page's socket breaks; its media goes on."""
        self.phones.lost(self._number(page))

    async def close(self) -> None:
        for number, page in self._open.items():
            self.phones.logged_out(number)
            await page.leave()

    def _number(self, page: BrowserPage) -> SocketId:
        return next(number for number, each in self._open.items() if each is page)
