"""The faults of a soak: killed phones, a killed broker, a database that takes no writes for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from siplab.errors import LabError
from siplab.soak.crew import Crew, Ledger, Trouble

SETTLE_S = 30.0
"""So long after a fault troubles are its consequences: N2's ceiling for whoever was waiting."""
LOCKED_S = 5.0


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

    def __init__(self, pid: int, database: Path, crews: Sequence[Crew], ledger: Ledger, every_s: float) -> None:
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
            kinds = self._kinds(self._crews[number // 5 % len(self._crews)])
            name, make = kinds[number % len(kinds)]
            number += 1
            began = time.monotonic()
            try:
                await make()
            except (LabError, OSError, sqlite3.Error) as error:
                self._ledger.trouble(f"fault {name}", error)
            self.made.append(Fault(name, began, time.monotonic()))

    def _kinds(self, crew: Crew) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        return [
            (f"{crew.name}: specialist's phone killed", crew.phones["specialist"].kill),
            ("broker killed", self._kill_broker),
            (f"{crew.name}: customer's phone killed", crew.phones["customer"].kill),
            (f"database takes no writes for {LOCKED_S:g} s", self._lock_database),
            (f"{crew.name}: agent's phone killed", crew.phones["agent"].kill),
        ]

    async def _kill_broker(self) -> None:
        pid = child_named(self._pid, "mosquitto")
        if pid is None:
            raise LabError("the node has no private broker to kill")
        os.kill(pid, signal.SIGKILL)

    async def _lock_database(self) -> None:
        """Hold SQLite's write lock: the nearest to a read-only disk that also works for root."""
        lock = sqlite3.connect(self._database, timeout=10.0, isolation_level=None, check_same_thread=False)
        try:
            await asyncio.to_thread(lock.execute, "BEGIN IMMEDIATE")
            await asyncio.sleep(LOCKED_S)
            lock.execute("ROLLBACK")
        finally:
            lock.close()


def child_named(parent: int, name: str) -> int | None:
    """Find a child process of a process by its command's name."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace")
            command, _, rest = stat.partition("(")[2].rpartition(")")
            if command == name and int(rest.split()[1]) == parent:
                return int(entry)
    return None
