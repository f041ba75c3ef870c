"""The faults of a soak: killed phones, broker and media workers, and a database that is away for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from siplab.errors import LabError
from siplab.soak.crew import Crew, Ledger, Trouble
from siplab.soak.database import Breakable

SETTLE_S = 30.0
"""So long after a fault troubles are its consequences: N2's ceiling for whoever was waiting."""
KINDS = 6
MEDIA_WORKER = "telephony.browser.worker"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was made: from when to when (monotonic seconds)."""

    name: str
    began: float
    ended: float

    def explains(self, trouble: Trouble) -> bool:
        """Tell whether a trouble may be its consequence."""
        return self.began <= trouble.at <= self.ended + SETTLE_S

    def recovery_s(self, joined_at: Sequence[float]) -> float | None:
        """Give the time until the next escalation succeeded; None if none did."""
        return min((at - self.ended for at in joined_at if at >= self.ended), default=None)


class Faults:
    """Makes one fault after the other, `every_s`, until cancelled."""

    def __init__(self, pid: int, database: Breakable, crews: Sequence[Crew], ledger: Ledger, every_s: float) -> None:
        self._pid = pid
        self._database = database
        self._crews = crews
        self._ledger = ledger
        self._every_s = every_s
        self.made: list[Fault] = []

    async def run(self) -> None:
        """Go through all kinds, again and again, each time with another crew."""
        number = 0
        while True:
            await asyncio.sleep(self._every_s)
            kinds = self._kinds(number)
            name, make = kinds[number % len(kinds)]
            number += 1
            began = time.monotonic()
            try:
                await make()
            except (LabError, OSError, sqlite3.Error, subprocess.SubprocessError) as error:
                self._ledger.trouble(f"fault {name}", error)
            self.made.append(Fault(name, began, time.monotonic()))

    def _kinds(self, number: int) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """All kinds, on the crew whose turn it is; whoever has a browser for a phone loses the media worker too."""
        crew = self._crews[number // KINDS % len(self._crews)]
        return [
            (f"{crew.name}: specialist's phone killed", crew.phones["specialist"].kill),
            ("broker killed", self._kill_broker),
            (f"{crew.name}: customer's phone killed", crew.phones["customer"].kill),
            (self._database.fault, self._database.break_for_a_while),
            (f"{crew.name}: agent's phone killed", crew.phones["agent"].kill),
            ("media worker killed", self._kill_media_worker),
        ]

    async def _kill_broker(self) -> None:
        pid = child_named(self._pid, "mosquitto")
        if pid is None:
            raise LabError("the node has no private broker to kill")
        os.kill(pid, signal.SIGKILL)

    async def _kill_media_worker(self) -> None:
        """Browser phones lose their sound in the middle of a call."""
        pid = child_running(self._pid, MEDIA_WORKER)
        if pid is None:
            raise LabError("the node has no media worker to kill")
        os.kill(pid, signal.SIGKILL)


def child_named(parent: int, name: str) -> int | None:
    """Find a child process of a process by its command's name."""
    return next((pid for pid, command, _ in _children(parent) if command == name), None)


def child_running(parent: int, argument: str) -> int | None:
    """Find a child process of a process by one of its arguments."""
    return next((pid for pid, _, arguments in _children(parent) if argument in arguments), None)


def _children(parent: int) -> Iterator[tuple[int, str, list[str]]]:
    """Give process id, command and arguments of each."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace")
            command, _, rest = stat.partition("(")[2].rpartition(")")
            if int(rest.split()[1]) == parent:
                arguments = Path(f"/proc/{entry}/cmdline").read_text(encoding="utf-8", errors="replace")
                yield int(entry), command, arguments.split("\0")
