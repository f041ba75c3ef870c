"""Keeps a queue of audio short without breaking it up: says when a frame should be left out. Pure.

Two clocks that run freely (a browser's and ours) and a stall now and then let any queue grow for good. What a queue
needs is seen at its lowest: as long as that stays above the reserve, the surplus is pure delay and may go.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Slack:
    """Watches the length of one queue, in samples.

    Args:
        frame: Samples of one frame, the unit of what is left out.
        reserve: What should be left at the lowest moment; covers the jitter of writer and reader.
        limit: Beyond it no frame may be added at all.
        window: Frames over which the lowest length is looked for; 25 are half a second.
    """

    frame: int
    reserve: int
    limit: int
    window: int = 25
    _lowest: int | None = None
    _seen: int = 0
    _surplus: int = 0
    """Frames still to be left out."""

    def is_surplus(self, queued: int) -> bool:
        """Look at the queue once per frame, before it is added or taken; True: leave one frame out."""
        if queued > self.limit:
            return True
        if self._surplus:
            self._surplus -= 1
            return True
        self._lowest = queued if self._lowest is None else min(self._lowest, queued)
        self._seen += 1
        if self._seen == self.window:
            self._surplus = max(0, self._lowest - self.reserve) // self.frame
            self._lowest, self._seen = None, 0
        return False
