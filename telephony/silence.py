"""How long a leg has sent nothing, as far as somebody was looking. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MOST_OF_A_LOOK = 0.5
"""Of the time allowed: a process that stood still (a machine that was paused or busy) did not see who sent meanwhile,
so it looks again before it believes in silence."""


@dataclass(slots=True)
class Silence:
    """Watches the packets of one leg, look by look."""

    _packets: int = -1
    _silent_s: float = 0.0

    def is_too_long(self, packets: int, passed_s: float, on_hold: bool, allowed_s: float) -> bool:
        """Take a look.

        Args:
            packets: All that came so far.
            passed_s: Seconds since the last look.
            on_hold: Whether the leg may be silent.
            allowed_s: Silence that is still none; there should be four looks in it or more.
        """
        if packets != self._packets or on_hold:
            self._packets, self._silent_s = packets, 0.0
            return False
        self._silent_s += min(passed_s, MOST_OF_A_LOOK * allowed_s)
        return self._silent_s >= allowed_s
