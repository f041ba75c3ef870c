"""Which cores a load run gives to its robots and to the target, and what CPU and memory they use there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from siplab.bench.measure import CpuMeter, resident_mib


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores robots and target are pinned to; none: nobody is pinned."""

    robots: tuple[int, ...] = ()
    target: tuple[int, ...] = ()

    @classmethod
    def apart(cls) -> Cores:
        """Give the last core to the robots and the others to the target."""
        mine = sorted(os.sched_getaffinity(0))
        return cls(tuple(mine[-1:]), tuple(mine[:-1])) if len(mine) > 1 else cls()

    def __str__(self) -> str:
        if not self.robots:
            return ""
        target = f", the target on {', '.join(map(str, self.target))}" if self.target else ""
        return f"robots on core {', '.join(map(str, self.robots))}{target}"


def pin(pid: int, cores: Sequence[int]) -> None:
    """Pin a process with all its threads to these cores."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            os.sched_setaffinity(int(thread), set(cores))


class Gauge:
    """Reads CPU and memory of processes again and again."""

    def __init__(self) -> None:
        self._meters: dict[int, CpuMeter] = {}

    def cpu_percent(self, pids: Sequence[int]) -> float | None:
        """Give the share of a core these processes used since the last look; None the first time."""
        used: float | None = None
        for pid in pids:
            try:
                if pid in self._meters:
                    used = (used or 0.0) + self._meters[pid].percent()
                self._meters[pid] = CpuMeter(pid)
            except OSError:
                self._meters.pop(pid, None)
        return round(used, 1) if used is not None else None

    @staticmethod
    def memory_mib(pid: int) -> float | None:
        """Give a process's memory; None when it is gone."""
        try:
            return round(resident_mib(pid), 1)
        except OSError:
            return None
