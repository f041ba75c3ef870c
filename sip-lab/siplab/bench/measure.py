"""Measuring processes and summarising runs: CPU and memory from /proc, percentiles, median and spread."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Give the CPU time a process has used in all its threads, user and system."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mib(pid: int) -> float:
    """Give the resident memory of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class CpuMeter:
    """Measures the share of one core that a process uses from `start` to `percent`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_s = cpu_seconds(pid)
        self._at = time.monotonic()

    def used_s(self) -> float:
        """Give the CPU seconds used so far."""
        return cpu_seconds(self._pid) - self._cpu_s

    def percent(self) -> float:
        """Give the share of one core so far, in percent."""
        return 100.0 * self.used_s() / max(1e-9, time.monotonic() - self._at)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the nearest-rank percentile; `share` from 0 to 1. NaN for no values."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered), max(1, math.ceil(share * len(ordered)))) - 1]


def number_text(value: float) -> str:
    """Write a measured number with three digits that count."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


Measured = dict[str, float]
"""What one run of a row gave, by figure. A figure may be missing where what it needs is not installed."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure promises: its unit, the limit of design section 10 as text and number (None: nothing promised)."""

    unit: str
    text: str = ""
    limit: float | None = None
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity over several runs, with its budget (None: none is promised)."""

    row: str
    name: str
    unit: str
    runs: tuple[float, ...]
    budget: str = ""
    limit: float | None = None
    at_least: bool = False
    peer: float | None = None
    """The same, measured at another product in the same run."""

    @property
    def median(self) -> float:
        """Give the median of the runs."""
        return statistics.median(self.runs)

    @property
    def spread(self) -> str:
        """Give lowest to highest run."""
        return " .. ".join(number_text(value) for value in (min(self.runs), max(self.runs)))

    @property
    def within(self) -> bool | None:
        """Tell whether the median keeps the budget; None when there is none."""
        if self.limit is None:
            return None
        return self.median >= self.limit if self.at_least else self.median <= self.limit

    @property
    def share_of_budget(self) -> float | None:
        """Give how much of the budget is used: 1 is all of it, more is over. None for no budget, or one of zero."""
        if not self.limit:
            return None
        return self.limit / max(self.median, 1e-9) if self.at_least else self.median / self.limit

    def as_json(self) -> dict[str, Any]:
        """Give the figure as the JSON file has it."""
        return {
            "row": self.row,
            "name": self.name,
            "unit": self.unit,
            "median": round(self.median, 4),
            "runs": [round(run, 4) for run in self.runs],
            "budget": self.budget,
            "within_budget": self.within,
            "peer": None if self.peer is None else round(self.peer, 4),
        }
