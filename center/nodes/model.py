"""What one node knows of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from store.records import Heartbeat


@dataclass(frozen=True, slots=True)
class NodeTiming:
    """The limits in seconds. A node that died is taken over within `silent_s` and two beats."""

    beat_s: float = 0.5
    """How often a node gives a sign of life and looks for those of the others."""
    silent_s: float = 3.5
    """A node that gave none for so long is dead to the others."""
    blind_s: float = 2.0
    """Who himself did not look for so long knows nothing: he stood still, or the store did not answer him."""
    check_s: float = 1.0
    """How often a node compares what it does with what the store says is its own."""
    answer_s: float = 1.0
    """How long the store may take for one sign of life."""


ALONE = NodeTiming(beat_s=1.5, silent_s=20.0, blind_s=10.0, check_s=60.0)
"""For a node that shares the store with nobody: what an earlier installation left is found, at next to no cost. Should
somebody have forgotten to tell it of the others (`leases.nodes`), it is still not taken for dead."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sign of life, and when (our monotonic seconds) it was new to us."""

    heartbeat: Heartbeat
    since: float


@dataclass(frozen=True, slots=True)
class Watch:
    """What a node knows: its own life (empty: it has none), and what it saw of the others."""

    me: str
    life: str = ""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    looked_at: float | None = None
    check_at: float = 0.0
