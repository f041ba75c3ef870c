"""Checks: what a scenario claims, what was measured, and which mission rows that proves.

All checks of a scenario are planned before it runs, so one that is never reached shows up as failed, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from siplab.patience import STRICT, Patience


@dataclass(frozen=True, slots=True)
class Planned:
    """A check before it is measured: its name (a slug), what it says, its bound as text, the mission IDs it proves."""

    name: str
    says: str
    bound: str
    proves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A measured check."""

    name: str
    says: str
    passed: bool
    measured: str
    bound: str
    proves: tuple[str, ...]


class Checks:
    """Collects the outcome of planned checks, in planned order. Recording twice keeps the worse outcome.

    Bounds are widened by what `patience` forgives the machine; what was measured is told as it was.
    """

    def __init__(self, planned: Sequence[Planned], patience: Patience = STRICT) -> None:
        self._planned = {plan.name: plan for plan in planned}
        self._patience = patience
        self._measured: dict[str, Check] = {}

    def record(self, name: str, passed: bool, measured: str) -> bool:
        """Note the outcome of a planned check and give it back; a name that was not planned is a bug here."""
        plan = self._planned[name]
        before = self._measured.get(name)
        if before is None or before.passed:
            self._measured[name] = Check(name, plan.says, passed, measured, plan.bound, plan.proves)
        return passed

    def at_most(self, name: str, value: float, limit: float, unit: str) -> bool:
        """Record a number that must not exceed a limit; `ms` and `s` are times in which processes do something."""
        in_ms = {"ms": 1.0, "s": 1_000.0}.get(unit)
        held = value <= limit if in_ms is None else self.in_time(value * in_ms, limit * in_ms)
        return self.record(name, held, f"{value:.0f} {unit}" if unit == "ms" else f"{value:g} {unit}")

    def in_time(self, took_ms: float, limit_ms: float) -> bool:
        """Tell whether something that processes do came in time."""
        return took_ms <= limit_ms + self._patience.for_steps

    def gap_bound(self, bound_ms: float) -> float:
        """Give how long a gap in what somebody hears may be, in milliseconds."""
        return bound_ms + self._patience.for_gaps

    def result(self, broken_off: str = "") -> tuple[Check, ...]:
        """Give all checks in planned order; what was not measured has failed because of `broken_off`."""
        why = f"not reached: {broken_off}" if broken_off else "not measured"
        return tuple(
            self._measured.get(plan.name) or Check(plan.name, plan.says, False, why, plan.bound, plan.proves)
            for plan in self._planned.values()
        )
