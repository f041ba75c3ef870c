"""What a node wants done about the others and about itself."""

from __future__ import annotations

from dataclasses import dataclass

from store.records import Heartbeat


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Claim a silent node, and if the claim succeeds, look after what it left."""

    silent: Heartbeat


@dataclass(frozen=True, slots=True)
class Reassert:
    """Compare what goes on here with what the store says is ours; take back what lives, drop what is others' by now."""


NodeEffect = TakeOver | Reassert
