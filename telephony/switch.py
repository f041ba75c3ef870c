"""The softswitch as the rest of the program sees it."""

from __future__ import annotations

from typing import Protocol

from telephony.effects import LegEffect


class Switch(Protocol):
    """Performs effects on legs. Events go to the callback given to the constructor, on the event loop."""

    def perform(self, effect: LegEffect) -> None:
        """Start an effect and return at once; outcomes and failures come back as events. Loop thread only."""
        ...
