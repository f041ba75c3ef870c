"""Phones of agents and specialists under load: a process with a line for each; its events go to who has the line."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from siplab.child import ChildEvent
from siplab.errors import LabError, WaitTimeout
from siplab.prover import HearingReport, ToneReading
from siplab.remote import Line, RemoteRobot
from siplab.tones import load_tones

REGISTER_TIMEOUT_S = 30.0
REPORT_TIMEOUT_S = 10.0
_USER = re.compile(r"sips?:([^@;>]+)@")

Hear = Callable[[ChildEvent], None]
Trace = Callable[[str, str, ChildEvent], None]
"""`trace(caller's number, line, event)` takes a SIP message of a call."""


class Phones:
    """The phones of one robot. `hear[line]` gets the events of a line."""

    def __init__(self, robot: RemoteRobot, trace: Trace) -> None:
        self._robot = robot
        self._trace = trace
        self.hear: dict[str, Hear] = {}
        self._registered: set[str] = set()
        self._refused: dict[str, Any] = {}
        self._callers: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._asked: dict[int, asyncio.Future[ChildEvent]] = {}
        self._refs = itertools.count(1)

    @classmethod
    async def start(
        cls,
        stack: AsyncExitStack,
        name: str,
        lines: Sequence[Line],
        others: Sequence[str],
        trace: Trace,
        cores: list[int],
    ) -> Phones:
        """Start the process and register all lines; they listen for the tones of other roles (C, A, S).

        Raises:
            LabError: It did not start, or a phone was refused.
        """
        speakers = dict(pair for role in others for pair in load_tones(role))
        commands = [replace(line, trace=True).as_command(speakers) for line in lines]
        robot = await RemoteRobot.start(f"robot {name}", "siplab.robot", lines=commands, cores=cores)
        stack.push_async_callback(robot.stop)
        phones = cls(robot, trace)
        robot.listen(phones._on_event)
        await phones._register([line.party for line in lines])
        return phones

    @property
    def pid(self) -> int:
        return self._robot.pid

    async def _register(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._robot.send("register", line)
        missing: set[str] = set()
        try:
            async with asyncio.timeout(REGISTER_TIMEOUT_S):
                while missing := set(lines) - self._registered:
                    if self._refused or self._robot.ended:
                        break
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise WaitTimeout(f"phones to be registered: {', '.join(sorted(missing))}", REGISTER_TIMEOUT_S) from None
        if missing:
            raise LabError(f"phones cannot register: {self._refused or 'their process died'}")

    def send(self, line: str, do: str, **data: Any) -> None:
        """Let a phone do something."""
        self._robot.send(do, line, **data)

    async def report(self, line: str, tone: str) -> HearingReport:
        """Ask what a phone hears, under the name of its own tone.

        Raises:
            LabError: The robot is silent or gone.
        """
        ref = next(self._refs)
        asked = self._asked[ref] = asyncio.get_running_loop().create_future()
        self._robot.send("report", line, ref=ref)
        try:
            event = await asyncio.wait_for(asked, REPORT_TIMEOUT_S)
        except TimeoutError:
            raise WaitTimeout(f"what {line} hears", REPORT_TIMEOUT_S) from None
        finally:
            del self._asked[ref]
        return HearingReport(tone, event.t, tuple(ToneReading(**each) for each in event.data["readings"]))

    def _on_event(self, event: ChildEvent) -> None:
        match event.name:
            case "report":
                asked = self._asked.get(int(event.data["ref"]))
                if asked is not None and not asked.done():
                    asked.set_result(event)
                return
            case "registered":
                self._registered.add(event.line)
            case "registration_failed":
                self._refused[event.line] = f"{event.data['code']} {event.data['reason']}"
            case "incoming":
                found = _USER.search(str(event.data["headers"].get("From", "")))
                self._callers[str(event.data["call"])] = found[1] if found else ""
            case "sip":
                caller = self._callers.get(str(event.data["call"]), "")
                if caller:
                    self._trace(caller, event.line, event)
                return
            case "ended":
                self._callers.pop(str(event.data["call"]), None)
        self._changed.set()
        if event.line in self.hear:
            self.hear[event.line](event)
