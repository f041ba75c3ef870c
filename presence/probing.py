"""Asks somebody's phone and clients whether they are there, before he is picked (N6)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import structlog

from vocabulary import PersonId

_log = structlog.get_logger(__name__)
PROBE_TIMEOUT_S = 2.5
"""Answer or be silent: a probe ends within 3 s, the rest is for our own loop."""
MAX_PROBES = 64
"""People probed at a time; who wants more waits, so a probe of everybody is no storm on the network."""

ASK_AGAIN_S = 30.0
"""A phone that did not answer is asked again, else one lost packet would keep its owner unknown for hours."""

OptionsProbe = Callable[[PersonId], Awaitable[bool]]


class Prober:
    """Sends SIP OPTIONS and an MQTT ping in parallel; several who ask for the same person share one probe."""

    def __init__(
        self,
        *,
        ping: Callable[[PersonId, str], bool],
        phone_answered: Callable[[PersonId, bool], None],
        is_clear: Callable[[PersonId], bool],
    ) -> None:
        """`ping` sends a nonce (False: no broker); `is_clear`: the person is known and not unknown any more."""
        self._ping = ping
        self._phone_answered = phone_answered
        self._is_clear = is_clear
        self._running: dict[PersonId, asyncio.Task[None]] = {}
        self._pongs: dict[str, asyncio.Event] = {}
        self._places = asyncio.Semaphore(MAX_PROBES)
        self._later: dict[PersonId, asyncio.TimerHandle] = {}
        self.options: OptionsProbe | None = None

    async def probe(self, person: PersonId) -> None:
        """Return when the person's state is clear or everything answered; after `PROBE_TIMEOUT_S` at the latest."""
        await asyncio.shield(self._running.get(person) or self._start(person))

    def pong(self, nonce: str) -> None:
        """Take an answer; one to nothing we asked is nothing."""
        if (answered := self._pongs.get(nonce)) is not None:
            answered.set()

    def forget(self, person: PersonId) -> None:
        """Ask the phone of somebody who has left no more."""
        if (timer := self._later.pop(person, None)) is not None:
            timer.cancel()

    async def stop(self) -> None:
        """End all probes."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for person in list(self._later):
            self.forget(person)

    def _start(self, person: PersonId) -> asyncio.Task[None]:
        task = asyncio.create_task(self._probe(person), name="presence-probe")
        self._running[person] = task
        task.add_done_callback(lambda _: self._running.pop(person, None))
        return task

    async def _probe(self, person: PersonId) -> None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S), self._places:
                await self._ask(person)
        except TimeoutError:
            _log.debug("presence_probe_unanswered", person=person)

    async def _ask(self, person: PersonId) -> None:
        phone = asyncio.create_task(self._ask_phone(person))
        clients = asyncio.create_task(self._ask_clients(person))
        try:
            await phone
            # A pong follows the repeated status, so once it is here there is nothing more to come.
            while not clients.done() and not self._is_clear(person):
                await asyncio.wait({clients}, timeout=0.05)
        finally:
            for task in (phone, clients):
                task.cancel()
            await asyncio.gather(phone, clients, return_exceptions=True)

    async def _ask_phone(self, person: PersonId) -> None:
        if self.options is None:
            return
        try:
            answered = await self.options(person)
        except asyncio.CancelledError:
            # Our time-out ended it: a phone that is silent for so long is not there.
            self._note_phone(person, False)
            raise
        except Exception:
            _log.exception("presence_options_probe_failed", person=person)
            return
        self._note_phone(person, answered)

    def _note_phone(self, person: PersonId, answered: bool) -> None:
        self._phone_answered(person, answered)
        self.forget(person)
        if not answered:
            self._ask_later(person)

    def _ask_later(self, person: PersonId) -> None:
        loop = asyncio.get_running_loop()
        self._later[person] = loop.call_later(ASK_AGAIN_S, self._ask_again, person)

    def _ask_again(self, person: PersonId) -> None:
        self._ask_later(person)  # unless the phone answers now: a probe that waits too long for its place asks nobody
        if person not in self._running:
            self._start(person)

    async def _ask_clients(self, person: PersonId) -> None:
        nonce = secrets.token_hex(8)
        self._pongs[nonce] = asyncio.Event()
        try:
            if self._ping(person, nonce):
                await self._pongs[nonce].wait()
        finally:
            del self._pongs[nonce]
