"""Checks: what a scenario claims, what was measured, and which mission rows that proves.

All checks of a scenario are planned before it runs, so one that is never reached shows up as failed, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
    """Collects the outcome of planned checks, in planned order. Recording twice keeps the worse outcome."""

    def __init__(self, planned: Sequence[Planned]) -> None:
        self._planned = {plan.name: plan for plan in planned}
        self._measured: dict[str, Check] = {}

    def record(self, name: str, passed: bool, measured: str) -> bool:
        """Note the outcome of a planned check and give it back; a name that was not planned is a bug here."""
        plan = self._planned[name]
        before = self._measured.get(name)
        if before is None or before.passed:
            self._measured[name] = Check(name, plan.says, passed, measured, plan.bound, plan.proves)
        return passed

    def at_most(self, name: str, value: float, limit: float, unit: str) -> bool:
        """Record a number that must not exceed a limit."""
        return self.record(name, value <= limit, f"{value:.0f} {unit}" if unit == "ms" else f"{value:g} {unit}")

    def result(self, broken_off: str = "") -> tuple[Check, ...]:
        """Give all checks in planned order; what was not measured has failed because of `broken_off`."""
        why = f"not reached: {broken_off}" if broken_off else "not measured"
        return tuple(
            self._measured.get(plan.name) or Check(plan.name, plan.says, False, why, plan.bound, plan.proves)
            for plan in self._planned.values()
        )
