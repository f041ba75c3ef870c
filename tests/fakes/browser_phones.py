"""Browser phones behind a desk under test: remember who connected and what was said."""

from __future__ import annotations

from telephony.browser import words
from telephony.browser.model import SocketId
from telephony.browser.runner import PageSocket
from vocabulary import PersonId


class FakeBrowserPhones:
    """Implements `desk.phone_socket.Phones`; `sockets` are the pages that are there."""

    def __init__(self) -> None:
        self.people: list[tuple[PersonId, str]] = []
        self.sockets: dict[SocketId, PageSocket] = {}
        self.heard: list[words.PageMessage] = []
        self.ended: list[str] = []

    def opened(self, person: PersonId, name: str, socket: PageSocket) -> SocketId:
        self.people.append((person, name))
        number = SocketId(len(self.people))
        self.sockets[number] = socket
        return number

    def said(self, number: SocketId, message: words.PageMessage) -> None:
        self.heard.append(message)
        self.sockets[number].send({"type": "heard", "what": message.type})

    def lost(self, number: SocketId) -> None:
        del self.sockets[number]
        self.ended.append("lost")

    def logged_out(self, number: SocketId) -> None:
        del self.sockets[number]
        self.ended.append("logged_out")
