"""Somebody in a scenario who is heard: a line of a robot, under the name of its party."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from siplab import prover
from siplab.child import ChildEvent
from siplab.errors import LabError, WaitTimeout
from siplab.patience import WAIT_S
from siplab.prover import HearingReport
from siplab.remote import RemoteRobot

POLL_S = 0.03


@dataclass(frozen=True, slots=True)
class Party:
    """A phone of a robot and who has it."""

    name: str
    robot: RemoteRobot

    def send(self, do: str, **data: Any) -> None:
        """Let the phone do something."""
        self.robot.send(do, self.name, **data)

    async def wait_for(
        self,
        event: str,
        since: float = 0.0,
        timeout_s: float = WAIT_S,
        where: Callable[[ChildEvent], bool] = lambda _event: True,
    ) -> ChildEvent:
        """Wait for an event of this phone."""
        return await self.robot.wait_for(event, self.name, since=since, timeout_s=timeout_s, where=where)

    def events(self, event: str, since: float = 0.0) -> list[ChildEvent]:
        """Give the events of this phone so far."""
        return [e for e in self.robot.events if e.name == event and e.line == self.name and e.t >= since]

    def policy(self, answer: str, after_ms: int = 0) -> None:
        """Change how it answers: auto, command, decline, busy, never."""
        self.send("policy", answer=answer, answer_after_ms=after_ms)

    async def report(self) -> HearingReport:
        """Ask what it heard."""
        return await self.robot.report(self.name)

    async def details(self) -> dict[str, Any]:
        """Ask what it heard and how its calls went, with everything."""
        return (await self.robot.raw_report(self.name)).data

    async def calls(self) -> int:
        """Count its calls now."""
        return int((await self.details())["calls"])

    async def until_free(self, timeout_s: float = WAIT_S) -> float:
        """Wait until it has no call; gives the seconds that took.

        Raises:
            WaitTimeout: A leg was left over.
        """
        began = time.monotonic()
        while await self.calls():
            if time.monotonic() > began + timeout_s:
                raise WaitTimeout(f"{self.name}'s phone to have no call", timeout_s)
            await asyncio.sleep(POLL_S)
        return time.monotonic() - began

    def vanish(self) -> None:
        """Kill the phone's process: no BYE, no RTP, nothing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.robot.pid, signal.SIGKILL)

    def freeze(self, on: bool) -> None:
        """Stop or continue the phone's process: as if its network were cut."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.robot.pid, signal.SIGSTOP if on else signal.SIGCONT)


async def listen(parties: Sequence[Party]) -> list[HearingReport]:
    """Ask all what they heard."""
    return list(await asyncio.gather(*(party.report() for party in parties)))


async def until_heard(
    parties: Sequence[Party], wanted: Sequence[prover.Direction] | None = None, timeout_s: float = WAIT_S
) -> list[HearingReport]:
    """Wait until these directions (default: everybody hears everybody) are proved by tone; gives the proof.

    Raises:
        WaitTimeout: Who does not hear whom.
    """
    directions = set(prover.all_directions([p.name for p in parties]) if wanted is None else wanted)
    deadline = time.monotonic() + timeout_s
    while not directions <= (heard := prover.who_hears_whom(reports := await listen(parties))):
        if time.monotonic() > deadline:
            missing = ", ".join(f"{listener} to hear {speaker}" for speaker, listener in sorted(directions - heard))
            raise WaitTimeout(missing, timeout_s)
        await asyncio.sleep(POLL_S)
    return reports


async def until_deaf(parties: Sequence[Party]) -> None:
    """Wait until none of these hears any tone.

    Raises:
        WaitTimeout: Who still hears whom.
    """
    deadline = time.monotonic() + WAIT_S
    while heard := prover.who_hears_whom(await listen(parties)):
        if time.monotonic() > deadline:
            raise WaitTimeout(f"silence ({sorted(heard)} heard)", WAIT_S)
        await asyncio.sleep(POLL_S)


async def first_of(awaitables: Sequence[Any]) -> None:
    """Wait for all, and fail with the first failure after all have ended."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, LabError):
            raise result
        if isinstance(result, BaseException):
            raise result
