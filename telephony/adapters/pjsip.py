"""The softswitch on PJSIP: one thread owns the library, effects go in through a queue, events come out on the loop.

The owner sleeps in libHandleEvents(); `Wakeup` ends that sleep the moment an effect is queued, so an INVITE leaves
without waiting for any poll. Callbacks copy what they need and post it; no object of PJSIP's leaves the adapter.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from telephony.adapters.pjsip_endpoint import SwitchPorts
from telephony.adapters.pjsip_owner import Outlets, Owner, SwitchStats
from telephony.adapters.pjsip_watchers import PresenceBodies
from telephony.admission import Directory
from telephony.browser.effects import LineCommand, PhonesOn
from telephony.browser.events import LineEvent
from telephony.effects import LegEffect
from telephony.errors import SwitchError
from telephony.events import PhoneRegistered, PhoneRequest, PhoneUnregistered, SwitchEvent
from telephony.model import TextMessage
from telephony.reachable import Reachable
from telephony.registrar import Binding
from telephony.settings import SwitchSettings
from vocabulary import PersonId

START_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 1.5
TEXT_TIMEOUT_S = 35.0
"""A little longer than a SIP transaction can last (RFC 3261 §17.1.2.2: 64 times T1)."""
NO_ANSWER = 408

Answer = TypeVar("Answer")
SAVE_AFTER_S = 0.05
"""Changed bindings are collected this long: a wake-up of the loop per REGISTER would cost more than the REGISTER."""


class PjsipSwitch:
    """Implements `telephony.switch.Switch`. One at a time per process; all methods on the event loop's thread.

    Without `on_request` phones cannot REFER or PUBLISH, without `bodies` they cannot SUBSCRIBE: they are refused.
    """

    def __init__(
        self,
        settings: SwitchSettings,
        directory: Directory,
        on_event: Callable[[SwitchEvent], None],
        saved_bindings: Iterable[Binding] = (),
        save_bindings: Callable[[PersonId, tuple[Binding, ...]], None] = lambda person, bindings: None,
        on_request: Callable[[PhoneRequest], None] | None = None,
        bodies: PresenceBodies | None = None,
    ) -> None:
        self._on_event = on_event
        self._on_request = on_request
        self._save_bindings = save_bindings
        self._unsaved: dict[PersonId, tuple[Binding, ...]] = {}
        self._save_is_due = False
        self._reachable = Reachable()
        self._on_line: Callable[[LineEvent], None] = lambda event: None
        self._loop: asyncio.AbstractEventLoop | None = None
        outlets = Outlets(
            self._post,
            self._post_request if on_request is not None else None,
            self._post_bindings,
            lambda event: self._call_on_loop(self._line_happened, event),
            self._call_on_loop,
            bodies,
        )
        self._owner = Owner(settings, directory, tuple(saved_bindings), outlets)
        self._thread = threading.Thread(target=self._owner.run, name="pjsip", daemon=True)

    async def start(self) -> None:
        """Bind the ports and begin to serve.

        Raises:
            SwitchError: It cannot start; the text says what to mend.
        """
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        await self._loop.run_in_executor(None, self._owner.started.wait, START_TIMEOUT_S)
        if self._owner.failure is not None:
            raise self._owner.failure
        if not self._owner.started.is_set():
            raise SwitchError("PJSIP did not start in time")

    async def stop(self) -> None:
        """End all calls with BYE, wait for them a little, destroy the library."""
        if self._loop is None:
            return
        self._owner.ask_to_stop()
        await self._loop.run_in_executor(None, self._thread.join)
        await asyncio.sleep(0)  # lets the last posted events reach their handler
        self._save_unsaved()

    @property
    def ports(self) -> SwitchPorts:
        """The ports really bound."""
        if self._owner.ports is None:
            raise SwitchError("the switch is not started")
        return self._owner.ports

    def perform(self, effect: LegEffect) -> None:
        """Start an effect and return at once; outcomes and failures come back as events."""
        self._owner.submit(lambda: self._owner.perform(effect))

    def update_directory(self, directory: Directory) -> None:
        """Replace accounts, trunks and numbers; bindings of removed accounts go."""
        self._owner.submit(lambda: self._owner.update_directory(directory))

    def registered(self, person: PersonId) -> bool:
        """Tell whether the person has a phone, or a page with its phone on, that can be rung."""
        return person in self._reachable

    def connect_browsers(self, on_event: Callable[[LineEvent], None]) -> None:
        """Say who hears what happens to the lines of browser phones."""
        self._on_line = on_event

    def browser(self, command: LineCommand) -> None:
        """Do what a browser phone asks for; outcomes come back as line events, and as events of its leg."""
        self._owner.submit(lambda: self._owner.browser(command))
        if isinstance(command, PhonesOn):
            change = self._reachable.pages_changed(command.person, bool(command.phones))
            if change is not None:
                self._on_event(change)

    def presence_changed(self, person: PersonId) -> None:
        """Tell whoever watches this person; at most once a second and watcher, however often this is called."""
        self._owner.submit(lambda: self._owner.presence_changed(person))

    async def probe(self, person: PersonId) -> bool:
        """Ask all phones of a person whether they live (OPTIONS); True as soon as one answers within 1.5 s. A browser
        phone that is on lives."""
        if self._reachable.has_page(person):
            return True
        return await self._asked(partial(self._owner.probe, person), PROBE_TIMEOUT_S, otherwise=False)

    async def send_text(self, message: TextMessage) -> int:
        """Send a text and give the SIP status of its final answer; 408: none came, 503: it could not be sent."""
        return await self._asked(partial(self._owner.send_text, message), TEXT_TIMEOUT_S, otherwise=NO_ANSWER)

    def stats(self) -> SwitchStats:
        """Give the counters as of the last half second."""
        return self._owner.stats

    async def _asked(
        self, ask: Callable[[Callable[[Answer], None]], None], timeout_s: float, otherwise: Answer
    ) -> Answer:
        """Let the owner thread ask something, and give the first answer; `otherwise` if none comes in time."""
        result: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def tell(answer: Answer) -> None:
            if not result.done():
                result.set_result(answer)

        self._owner.submit(lambda: ask(partial(self._call_on_loop, tell)))
        try:
            return await asyncio.wait_for(result, timeout_s)
        except TimeoutError:
            return otherwise

    def _post(self, event: SwitchEvent) -> None:
        """Called by the owner thread."""
        self._call_on_loop(self._deliver, event)

    def _post_bindings(self, person: PersonId, bindings: tuple[Binding, ...]) -> None:
        """Called by the owner thread. The entry comes before the look at the flag, as the flag's end comes before the
        emptying: so none is left behind."""
        self._unsaved[person] = bindings
        if not self._save_is_due:
            self._save_is_due = True
            self._call_on_loop(self._save_soon)

    def _save_soon(self) -> None:
        asyncio.get_running_loop().call_later(SAVE_AFTER_S, self._save_unsaved)

    def _save_unsaved(self) -> None:
        self._save_is_due = False
        while self._unsaved:
            self._save_bindings(*self._unsaved.popitem())

    def _post_request(self, request: PhoneRequest) -> None:
        if self._on_request is not None:
            self._call_on_loop(self._on_request, request)

    def _call_on_loop(self, callback: Callable[..., None], *args: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *args)

    def _deliver(self, event: SwitchEvent) -> None:
        told: SwitchEvent | None = event
        if isinstance(event, PhoneRegistered | PhoneUnregistered):
            told = self._reachable.sip_changed(event)
        if told is not None:
            self._on_event(told)

    def _line_happened(self, event: LineEvent) -> None:
        self._on_line(event)
