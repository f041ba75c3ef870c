"""Presence churn: people whose UC client says something new over MQTT again and again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack

from siplab.desk import DeskClient, Documents
from siplab.errors import LabError, WaitTimeout
from siplab.load.plan import Presence
from siplab.node import Login, NodeAccess
from siplab.presence import Broker, UcClient

ELSEWHERE = ("busy", "away", "dnd")
SEEN_WITHIN_S = 15.0
MOST_MEASURED = 20_000


class Churn:
    """All UC clients of a run, and a screen on which their news are looked for."""

    def __init__(self, plan: Presence, seed: int, screen: DeskClient) -> None:
        self._plan = plan
        self._screen = screen
        self._chance = random.Random(f"{seed}/presence")
        self._tasks: list[asyncio.Task[None]] = []
        self.said = 0
        self.unseen = 0
        self.seen_ms: list[float] = []
        """From just before a message was sent until it was on the screen."""

    async def start(self, stack: AsyncExitStack, access: NodeAccess, people: Sequence[Login]) -> None:
        """Connect everybody; each says that he is available to begin with.

        Raises:
            LabError: The broker lets somebody not in.
        """
        mqtt = self._screen.docs["me"]["mqtt"]
        broker = Broker(str(mqtt["host"]), int(mqtt["port"]), access.mqtt_prefix)
        for login in people:
            client = await stack.enter_async_context(UcClient(broker, login.person, login.phone_password))
            await client.say("available")
            self._tasks.append(asyncio.create_task(self._change(client, login.person)))

    async def stop(self) -> None:
        """Nobody says anything any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _change(self, client: UcClient, person: str) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._plan.every_s))
            away = self._chance.random() * 100 < self._plan.away_percent
            status = self._chance.choice(ELSEWHERE) if away else "available"
            before = self._status(self._screen.docs, person)
            at = await client.say(status)
            self.said += 1
            if status != before and len(self.seen_ms) < MOST_MEASURED:
                await self._await_on_screen(person, status, at)

    async def _await_on_screen(self, person: str, status: str, at: float) -> None:
        try:
            seen = await self._screen.wait_for(
                lambda docs: self._status(docs, person) == status, SEEN_WITHIN_S, f"{person} as {status}"
            )
        except WaitTimeout:
            self.unseen += 1
        except LabError:
            return  # the screen is closed
        else:
            self.seen_ms.append((seen.at - at) * 1000)

    @staticmethod
    def _status(docs: Documents, person: str) -> str:
        """Give what a screen shows of a person's UC client."""
        sources = docs.get(f"person/{person}", {}).get("availability", {}).get("sources", ())
        return next((str(each["status"]) for each in sources if each["source"] == "uc"), "")
