"""The master's end of a robot: what to set up, and what it heard in the prover's terms."""

from __future__ import annotations

import itertools
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from siplab.child import Child, ChildEvent
from siplab.patience import WAIT_S
from siplab.prover import HearingReport, ToneReading
from siplab.tones import PARTY_TONES_HZ, tone_of


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be set up: who it is, where it belongs, and how it answers (auto, command, decline, busy, never)."""

    party: str
    user: str
    server: str
    transport: str = "udp"
    password: str = ""
    display: str = ""
    answer: str = "command"
    answer_after_ms: int = 0
    ring: bool = True
    tone_hz: int = 0
    """0: the party's own tone."""
    trace: bool = False
    """Tell every SIP message of its calls."""

    def as_command(self, speakers: dict[str, int]) -> dict[str, Any]:
        """Give the line as the robot's start command wants it."""
        settings = asdict(self)
        settings["line"] = settings.pop("party")
        return {**settings, "tone_hz": self.tone_hz or tone_of(self.party), "speakers": speakers}


class RemoteRobot(Child):
    """A robot process."""

    def __init__(self, name: str, process: Process) -> None:
        super().__init__(f"robot {name}", process)
        self._refs = itertools.count(1)

    @classmethod
    async def spawn(
        cls,
        name: str,
        lines: Sequence[Line],
        *,
        speakers: dict[str, int] | None = None,
        log_level: int = 0,
        port: int = 0,
    ) -> RemoteRobot:
        """Start a robot with these lines and wait until its SIP stack is up. `port` 0: a free one."""
        heard = PARTY_TONES_HZ if speakers is None else speakers
        commands = [line.as_command(heard) for line in lines]
        return await cls.start(name, "siplab.robot", log_level=log_level, port=port, lines=commands)

    async def raw_report(self, line: str = "", timeout_s: float = WAIT_S) -> ChildEvent:
        """Ask a line what it heard and how its calls went."""
        ref = next(self._refs)
        self.send("report", line, ref=ref)
        return await self.wait_for("report", line, timeout_s=timeout_s, where=lambda e: e.data.get("ref") == ref)

    async def report(self, line: str = "") -> HearingReport:
        """Ask a line what it heard, in the prover's terms."""
        event = await self.raw_report(line)
        return HearingReport(event.line, event.t, tuple(ToneReading(**r) for r in event.data["readings"]))
