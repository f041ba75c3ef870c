"""The browser phones as the owner thread knows them: which pages are on, and the branch behind each line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, assert_never

from telephony.adapters.browser_branch import BrowserBranch
from telephony.adapters.pjsip_branch import BranchListener
from telephony.browser.effects import (
    AcceptLine,
    CallFromPage,
    EndLine,
    LineCommand,
    LineConnected,
    LineRinging,
    PhonesOn,
    PressKey,
    WatchLine,
)
from telephony.browser.events import LineEvent, LineOver
from telephony.browser.model import Line, PhoneId
from telephony.machine import BranchId
from vocabulary import LegId, PersonId


class Legs(BranchListener, Protocol):
    """The table of legs."""

    def arrive_from_page(self, call: CallFromPage) -> None: ...


class BrowserLines:
    """Makes branches for pages and brings the pages' words to them. Owner thread only.

    `tell` brings line events to the event loop.
    """

    def __init__(self, clock_rate_hz: int, tell: Callable[[LineEvent], None]) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._tell = tell
        self._on: dict[PersonId, tuple[PhoneId, ...]] = {}
        self._branches: dict[Line, BrowserBranch] = {}

    def of(self, person: PersonId) -> tuple[PhoneId, ...]:
        """The pages at which a person can be rung."""
        return self._on.get(person, ())

    def make(self, branch: BranchId, phone: PhoneId, leg: LegId, listener: BranchListener) -> BrowserBranch:
        """Make the branch of a leg at one page."""
        line = Line(phone, leg)
        made = self._branches[line] = BrowserBranch(branch, line, self._clock_rate_hz, listener, self._told)
        return made

    def perform(self, command: LineCommand, legs: Legs) -> None:
        """Do what a page, or its media, asks for. Words about a line that is gone change nothing."""
        if isinstance(command, PhonesOn):
            self._switched(command)
        elif isinstance(command, CallFromPage):
            legs.arrive_from_page(command)
        elif (branch := self._branches.get(command.line)) is not None:
            _pass_on(command, branch)

    def refuse(self, over: LineOver) -> None:
        """Tell a page that its call is not taken."""
        self._tell(over)

    def _switched(self, command: PhonesOn) -> None:
        if command.phones:
            self._on[command.person] = command.phones
        else:
            self._on.pop(command.person, None)

    def _told(self, event: LineEvent) -> None:
        if isinstance(event, LineOver):
            self._branches.pop(event.line, None)
        self._tell(event)


def _pass_on(
    command: LineRinging | AcceptLine | LineConnected | EndLine | PressKey | WatchLine, branch: BrowserBranch
) -> None:
    match command:
        case LineRinging():
            branch.rings()
        case AcceptLine():
            branch.accepted()
        case LineConnected():
            branch.connected()
        case EndLine(_, end, sip_status):
            branch.ended(end, sip_status)
        case PressKey(_, digit):
            branch.pressed(digit)
        case WatchLine(_, on):
            branch.is_on_hold = not on
        case _:
            assert_never(command)
