"""The softswitch as the rest of the program sees it."""

from __future__ import annotations

from typing import Protocol

from telephony.effects import LegEffect
from telephony.model import TextMessage


class Switch(Protocol):
    """Performs effects on legs. Events go to the callback given to the constructor, on the event loop."""

    def perform(self, effect: LegEffect) -> None:
        """Start an effect and return at once; outcomes and failures come back as events. Loop thread only."""
        ...


class TextSwitch(Protocol):
    """Sends texts."""

    async def send_text(self, message: TextMessage) -> int:
        """Send a text and give the SIP status of its final answer; 408: none came, 503: it could not be sent."""
        ...
