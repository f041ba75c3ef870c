"""A specialist under load: a screen that paints by itself, a phone, and habits."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from siplab.child import ChildEvent
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import DeskRefused, LabError
from siplab.load.arrivals import drawn_s
from siplab.load.phones import Phones
from siplab.load.plan import Specialists

DECLINED, BUSY_HERE, MOVED = 603, 486, 302
ELSEWHERE = "sip:+385915559999@127.0.0.1:9"
MACHINE_S = 0.12
"""A mailbox answers faster than a person can lift."""
CLICK_S = 0.3
FOREVER_S = 86_400.0
CLOSE_TRIES, CLOSE_AGAIN_S = 5, 1.0


class SpecialistAtWork:
    """Does what he does when his phone rings, joins, and closes the case once he is alone with the customer."""

    def __init__(self, desk: DeskClient, line: str, tone: str, habits: Specialists, seed: int) -> None:
        self.desk = desk
        self.line = line
        self.tone = tone
        self.did = ""
        """What he did at the last ring."""
        self.rings: Counter[str] = Counter()
        self.phones: Phones | None = None
        self._habits = habits
        self._chance = random.Random(f"{seed}/{desk.person}")
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def person(self) -> str:
        return self.desk.person

    def begin(self, phones: Phones | None) -> None:
        """Sit down; without a phone (a dead one) he is only there on paper."""
        self.phones = phones
        if phones is not None:
            phones.hear[self.line] = self.on_phone
            self._keep(self._paint())
            self._keep(self._come_back())
            self._keep(self._clear_tasks())

    async def stop(self) -> None:
        """Go home."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(LabError):
            await self.desk.command("me/availability", {"status": "automatic"})

    def on_phone(self, event: ChildEvent) -> None:
        """React to a ring, as drawn for it."""
        if event.name != "incoming":
            return
        self._send("reset")  # what he heard in his last conversation is of no interest in this one
        weights = self._habits.mix.model_dump()
        self.did = self._chance.choices(list(weights), list(weights.values()))[0]
        self.rings[self.did] += 1
        after_s = drawn_s(self._habits.answers_after, self._chance)
        match self.did:
            case "answers":
                self._keep(self._lift(after_s))
            case "mailbox":
                self._later(MACHINE_S, "answer")
            case "declines":
                self._later(after_s, "refuse", code=DECLINED)
            case "busy":
                self._later(0.0, "refuse", code=BUSY_HERE)
            case "forwards":
                self._later(0.0, "refuse", code=MOVED, contact=ELSEWHERE)
            case _:
                pass  # it rings, and nobody comes

    async def _lift(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._send("answer")
        if self._habits.lifting_accepts:
            return
        await asyncio.sleep(CLICK_S)
        offered = next((d for k, d in self.desk.docs.items() if k.startswith("escalation/") and _is_open(d)), None)
        if offered is not None:
            with contextlib.suppress(LabError):
                await self.desk.command(f"escalations/{offered['id']}/accept")

    def _later(self, delay_s: float, do: str, **data: Any) -> None:
        async def act() -> None:
            await asyncio.sleep(delay_s)
            self._send(do, **data)

        self._keep(act())

    def _send(self, do: str, **data: Any) -> None:
        if self.phones is not None:
            with contextlib.suppress(LabError):
                self.phones.send(self.line, do, **data)

    def close_later(self, interaction: str, alone_s: float) -> asyncio.Task[None]:
        """Talk with the customer for a while, then close the case."""

        async def close() -> None:
            await asyncio.sleep(alone_s)
            await close_case(self.desk, interaction)

        return self._keep(close())

    async def _paint(self) -> None:
        """Acknowledge every case that is offered, as the web desk does after painting it."""
        painted: set[str] = set()

        def fresh(docs: Documents) -> Document | None:
            offered = (d for k, d in docs.items() if k.startswith("escalation/") and d["state"] == "offered")
            return next((d for d in offered if f"{d['id']}/{d['digest']}" not in painted), None)

        while True:
            try:
                found = (await self.desk.wait_for(fresh, FOREVER_S, "an offered case")).value
                painted.add(f"{found['id']}/{found['digest']}")
                with contextlib.suppress(DeskRefused):
                    await self.desk.command(f"escalations/{found['id']}/rendered", {"digest": found["digest"]})
            except LabError:
                return  # the screen was closed

    async def _clear_tasks(self) -> None:
        """Do what was promised and is offered to me; decline callbacks, because nobody has the customers' numbers."""
        seen: set[str] = set()

        def offered(docs: Documents) -> Document | None:
            tasks = (d for k, d in docs.items() if k.startswith("task/") and d["state"] == "offered")
            return next((d for d in tasks if d["person"] == self.person and _offer(d) not in seen), None)

        while True:
            try:
                task = (await self.desk.wait_for(offered, FOREVER_S, "a task")).value
                seen.add(_offer(task))
                await asyncio.sleep(CLICK_S)
                with contextlib.suppress(DeskRefused):
                    if task["kind"] == "callback":
                        await self.desk.command(f"tasks/{task['id']}/decline")
                        continue
                    await self.desk.command(f"tasks/{task['id']}/accept")
                    await self.desk.command(f"tasks/{task['id']}/done", {"outcome": "solved", "resolved": True})
            except LabError:
                return

    async def _come_back(self) -> None:
        """Say that I am here some time after I was shown as one who does not answer."""

        def doubted(docs: Documents) -> bool:
            own = docs.get("me", {}).get("availability") or {}
            return own.get("kind") == "unconfirmed"

        while True:
            try:
                await self.desk.wait_for(doubted, FOREVER_S, "being doubted")
                await asyncio.sleep(self._habits.back_after_s)
                await self.desk.command("me/here")
                await self.desk.wait_for(lambda docs: not doubted(docs), FOREVER_S, "being believed")
            except LabError:
                return

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def close_case(desk: DeskClient, interaction: str) -> None:
    """End a conversation with its outcome; a desk that is too busy to answer is asked again."""
    body = {"outcome": "solved", "resolved": True, "note": "Load."}
    for _ in range(CLOSE_TRIES):
        try:
            await desk.command(f"interactions/{interaction}/close", body)
        except DeskRefused:
            return  # it is over: the customer went first
        except LabError:
            await asyncio.sleep(CLOSE_AGAIN_S)
        else:
            return


def _offer(task: Document) -> str:
    return f"{task['id']}/{task['offer_until']}"


def _is_open(document: Document) -> bool:
    return document["state"] in ("offered", "rendered", "ringing", "accepted")
