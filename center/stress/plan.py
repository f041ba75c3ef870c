"""What a stress run does, and what a node process of it is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from center.leases import LeaseTiming


@dataclass(frozen=True, slots=True)
class StressPlan:
    """How hard to race. Times in seconds."""

    nodes: int = 3
    agents: int = 50
    specialists: int = 5
    attempts: int = 100_000
    kills: int = 2
    timing: LeaseTiming = field(default_factory=LeaseTiming)
    think_s: float = 0.04
    """An agent who was refused asks again within this time."""
    stall_every_s: float = 5.0
    limit_s: float = 420.0
    """The run is stopped after this time, whatever is left."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class NodeOrder:
    """What one node process does until it gets SIGTERM; it travels as JSON on the command line."""

    url: str
    node: str
    nodes: int
    folder: str
    rings_file: str
    agents: int
    specialists: int
    timing: LeaseTiming
    think_s: float
    stall_every_s: float
    seed: int

    def as_argument(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, text: str) -> NodeOrder:
        values = json.loads(text)
        return cls(**(values | {"timing": LeaseTiming(**values["timing"])}))


@dataclass(slots=True)
class Counts:
    """What a node process did; printed as a line of JSON ten times a second and at the end."""

    attempts: int = 0
    granted: int = 0
    refused: int = 0
    rings: int = 0
    stale_refused: int = 0
    """Leases that were no longer good just before the ring: a pause, a duplicate."""
    stopped: int = 0
    """Leases that could not be kept; a ring in their name was ended."""
    duplicates: int = 0
    stalls: int = 0
    wrong: int = 0
    """Two grants for one request, or an old lease that was confirmed: must be 0."""

    def add(self, other: Counts) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)
