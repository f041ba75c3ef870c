"""What a node hears of itself and the others, from the store."""

from __future__ import annotations

from dataclasses import dataclass

from store.records import Heartbeat


@dataclass(frozen=True, slots=True)
class Registered:
    """Our new life stands in the store."""

    life: str


@dataclass(frozen=True, slots=True)
class DeclaredDead:
    """Our sign of life was refused: another node took over what was ours while we could not be seen."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The signs of life of all nodes as they stand now."""

    heartbeats: tuple[Heartbeat, ...]


NodeEvent = Registered | DeclaredDead | Looked
