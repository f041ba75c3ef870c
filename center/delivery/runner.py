"""The runner of the sending: claims messages in the store, sends them, writes down what became of them.

Nothing here is in the way of a call. A store that is down only delays; a message whose fate could not be written down
is claimed again when its lease is over and sent again with the same id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, assert_never

import structlog

from center.background import Background
from center.delivery.effects import GiveUp, MarkSent, Post, TryAgain
from center.delivery.events import Answered, Claimed, NotAnswered, SendingEvent
from center.delivery.machine import step
from center.delivery.model import Delivery, Rules, Sending, Warnings
from store.errors import StoreError
from store.records import StoredDelivery

log = structlog.get_logger(__name__)

POLL_S = 2.0
"""How often the store is asked for messages that other nodes made, or left behind."""
STORE_RETRY_S = 1.0
STOP_S = 3.0
SENT_KEPT_S = 86_400.0
DEAD_KEPT_S = 30 * 86_400.0
CLEAN_EVERY_S = 3_600.0


class Outbox(Protocol):
    """What the runner needs of `store.deliveries.Deliveries`."""

    async def claim(self, holder: str, now: float, lease_s: float, limit: int) -> list[StoredDelivery]: ...

    async def sent(self, key: str, holder: str, now: float) -> bool: ...

    async def again(self, key: str, holder: str, attempts: int, due_at: float, problem: str) -> bool: ...

    async def dead(self, key: str, holder: str, now: float, problem: str) -> bool: ...

    async def release(self, holder: str) -> None: ...

    async def counts(self) -> tuple[int, int]: ...

    async def purge(self, sent_before: float, dead_before: float) -> None: ...


class Poster(Protocol):
    """Sends one message to where it belongs: `center.webhook.sender.Sender`, `center.texts.TextSender`."""

    async def post(self, delivery: Delivery) -> Answered | NotAnswered: ...

    async def close(self) -> None: ...


class DeliveryRunner:
    """One node's sending. Loop thread only."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Poster,
        holder: str,
        rules: Rules,
        warnings: Warnings,
        *,
        clock: Callable[[], float] = time.time,
        poll_s: float = POLL_S,
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._holder = holder
        self._rules = rules
        self._warnings = warnings
        self._clock = clock
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._sends = Background()
        self._loop: asyncio.Task[None] | None = None
        self._clean_at = 0.0
        self._stopping = False
        self._counting = asyncio.Lock()
        self.sending = Sending()
        self.dead = 0
        """How many messages were given up, as far as the store told."""

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="delivery")

    async def stop(self) -> None:
        """Claim no more, let what is under way arrive within a few seconds, and let go of the rest."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await asyncio.wait((self._loop,), timeout=STOP_S)  # a claim that is cut off would hold its messages
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._sends.finish(STOP_S)
        self._sends.cancel()
        await self._sender.close()
        try:
            await self._outbox.release(self._holder)
        except StoreError:
            log.warning("deliveries_not_released")

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What supervisors should know: a code for screens, and a sentence."""
        told = []
        if self.sending.failures > 2:
            told.append((f"{self._warnings.code}_silent", self._warnings.silent))
        if self.dead:
            told.append((f"{self._warnings.code}_given_up", self._warnings.given_up.format(count=self.dead)))
        return told

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                found = await self._claim()
                await self._look_after()
            except StoreError as error:
                log.warning("delivery_store_failed", reason=error.end_reason.reason)
                await asyncio.sleep(STORE_RETRY_S)
                continue
            if not found:
                await self._wait()

    async def _claim(self) -> bool:
        now = self._clock()
        room = self.sending.room(self._rules, now)
        rows = await self._outbox.claim(self._holder, now, self._rules.lease_s, room) if room else []
        if rows:
            self._tell(Claimed(tuple(_delivery(row) for row in rows)))
        return bool(rows)

    async def _look_after(self) -> None:
        """Now and then: forget what is long done, and count what was given up."""
        now = self._clock()
        if now < self._clean_at:
            return
        self._clean_at = now + CLEAN_EVERY_S
        await self._outbox.purge(now - SENT_KEPT_S, now - DEAD_KEPT_S)
        async with self._counting:
            _, self.dead = await self._outbox.counts()

    async def _wait(self) -> None:
        pause = max(0.0, self.sending.paused_until - self._clock())
        try:
            async with asyncio.timeout(min(self._poll_s, pause) if pause else self._poll_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _tell(self, event: SendingEvent) -> None:
        self.sending, effects = step(self.sending, event, self._clock(), self._rules)
        for effect in effects:
            if isinstance(effect, Post):
                self._sends.spawn(self._post(effect.delivery))
            else:
                self._sends.spawn(self._settle(effect))

    async def _post(self, delivery: Delivery) -> None:
        self._tell(await self._sender.post(delivery))

    async def _settle(self, effect: MarkSent | TryAgain | GiveUp) -> None:
        """Write down what became of a message, as long as the claim lasts; after that it is anybody's again."""
        until = self._clock() + self._rules.lease_s / 2
        while self._clock() < until:
            try:
                await self._write_down(effect)
                break
            except StoreError as error:
                log.warning("delivery_fate_not_stored", delivery_id=effect.delivery, reason=error.end_reason.reason)
                await asyncio.sleep(STORE_RETRY_S)
        self._wake.set()

    async def _write_down(self, effect: MarkSent | TryAgain | GiveUp) -> None:
        match effect:
            case MarkSent(key):
                await self._outbox.sent(key, self._holder, self._clock())
            case TryAgain(key, attempts, due_at, why):
                log.info("delivery_not_taken", delivery_id=key, attempts=attempts, why=why)
                await self._outbox.again(key, self._holder, attempts, due_at, why)
            case GiveUp(key, why):
                log.error("delivery_given_up", delivery_id=key, why=why)
                async with self._counting:
                    await self._outbox.dead(key, self._holder, self._clock(), why)
                    _, self.dead = await self._outbox.counts()
            case _:
                assert_never(effect)


def _delivery(row: StoredDelivery) -> Delivery:
    return Delivery(row.id, row.stream, row.event, row.body, row.made_at, row.attempts)
