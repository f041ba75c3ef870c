"""What is known of a load run, during it and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from siplab.load.plan import Plan
from siplab.load.target import Target
from siplab.load.verdict import CallResult

LAG_BOUND_MS = 100.0


@dataclass(frozen=True, slots=True)
class Second:
    """One line of the run's history. CPU in percent of a core."""

    at_s: float
    begun: int
    active: int
    ended: int
    failed: int
    cpu_percent: float | None = None
    memory_mib: float | None = None
    talking: int = 0
    escalating: int = 0
    robots_cpu_percent: float | None = None


@dataclass(slots=True)
class PresenceFigures:
    """What came of presence churn."""

    said: int = 0
    unseen: int = 0
    seen_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class LoadRun:
    """A run. `pinned` says which cores were given to whom, when they were."""

    plan: Plan
    target: Target
    planned: int
    started_at: datetime
    results: list[CallResult] = field(default_factory=list)
    history: list[Second] = field(default_factory=list)
    begun: int = 0
    active: int = 0
    talking: int = 0
    took_s: float = 0.0
    stopped: bool = False
    lag_ms: float = 0.0
    """How late the callers' own processes were at worst: a starved caller measures the tester, not the target."""
    pinned: str = ""
    agents: Counter[str] = field(default_factory=Counter)
    """What the agents are at now."""
    escalating: int = 0
    rings: Counter[str] = field(default_factory=Counter)
    """What specialists did when their phones rang."""
    presence: PresenceFigures | None = None
    troubles: list[str] = field(default_factory=list)
    """What went wrong at the desks."""

    @property
    def failed(self) -> int:
        return sum(result.failed for result in self.results)

    @property
    def warning(self) -> str:
        """Say when the figures are not to be trusted; empty when they are."""
        if self.lag_ms <= LAG_BOUND_MS:
            return ""
        return (
            f"The callers' own processes were up to {self.lag_ms:.0f} ms late: this machine was too busy, so times and "
            "quality are worse than the target's own."
        )

    @property
    def causes(self) -> Counter[str]:
        return Counter(result.cause for result in self.results if result.failed)
