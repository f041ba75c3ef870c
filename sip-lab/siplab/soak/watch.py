"""Watches a node from outside: memory, descriptors, threads, legs and leases over time, and the slope of each."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from siplab.bench.measure import resident_mib
from siplab.errors import NodeFailed
from siplab.soak.database import Kept, SoakDatabase

EVERY_S = 5.0
RTP_PORTS = range(20_000, 28_000)
SOCKETS_PER_LEG = 2
QUANTITIES = ("memory_mib", "descriptors", "threads", "legs", "leases")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a node holds at one moment (monotonic seconds)."""

    at: float
    memory_mib: float
    descriptors: float
    threads: float
    legs: float
    leases: float


class Watch:
    """Samples a node every few seconds; `samples` grows by 720 an hour."""

    def __init__(self, pid: int, database: SoakDatabase) -> None:
        self._pid = pid
        self._database = database
        self.samples: list[Sample] = []
        self._leases = 0.0

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self.samples.append(await self.look())
            await asyncio.sleep(EVERY_S)

    async def look(self) -> Sample:
        """Take one sample.

        Raises:
            NodeFailed: The node is gone.
        """
        self._leases = await self._leases_now()
        try:
            return Sample(
                time.monotonic(),
                resident_mib(self._pid),
                len(os.listdir(f"/proc/{self._pid}/fd")),
                len(os.listdir(f"/proc/{self._pid}/task")),
                rtp_sockets(self._pid) / SOCKETS_PER_LEG,
                self._leases,
            )
        except OSError as error:
            raise NodeFailed(f"the node is gone: {error}") from error

    async def kept(self) -> Kept:
        """Count what is stored."""
        return await self._database.kept()

    async def _leases_now(self) -> float:
        """Those that hold; while the database is away, as many as at the last look."""
        leases = await self._database.leases()
        return self._leases if leases is None else leases


def rtp_sockets(pid: int) -> int:
    """Count a process's UDP sockets on the node's RTP ports: two for each leg."""
    media = set()
    with open(f"/proc/{pid}/net/udp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) in RTP_PORTS:
                media.add(f"socket:[{fields[9]}]")
    return sum(_link(f"/proc/{pid}/fd/{name}") in media for name in os.listdir(f"/proc/{pid}/fd"))


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # closed meanwhile


def slope_per_hour(points: Sequence[tuple[float, float]]) -> float:
    """Fit a line through (seconds, value) by least squares and give its rise per hour; 0 for less than two moments."""
    if len({at for at, _value in points}) < 2:
        return 0.0
    mean_at = sum(at for at, _value in points) / len(points)
    mean = sum(value for _at, value in points) / len(points)
    spread = sum((at - mean_at) ** 2 for at, _value in points)
    return 3600 * sum((at - mean_at) * (value - mean) for at, value in points) / spread


def slopes(samples: Sequence[Sample], warm_up: float = 1 / 3) -> dict[str, float]:
    """Give the rise of each quantity per hour, without the warm-up at the beginning."""
    settled = samples[int(len(samples) * warm_up) :]
    return {name: slope_per_hour([(each.at, getattr(each, name)) for each in settled]) for name in QUANTITIES}
