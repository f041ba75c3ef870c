"""How long specialists' help takes, for honest estimates of when one will be free."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from vocabulary import EscalationId, PersonId

SAMPLES = 200
LEAST_SAMPLES = 3
"""Fewer tell nothing, and then we say so."""
LEAST_WAIT_S = 30.0
"""Who talks longer than the average is shown as free soon, not as free already."""


@dataclass(slots=True)
class HelpTimes:
    """Durations of help, and who helps since when. Times are monotonic seconds."""

    _lasted_s: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    _running: dict[EscalationId, tuple[PersonId, float]] = field(default_factory=dict)

    def began(self, escalation: EscalationId, specialist: PersonId, now: float) -> None:
        self._running[escalation] = (specialist, now)

    def ended(self, escalation: EscalationId, now: float) -> None:
        """Count a help that is over; harmless if it never began."""
        began = self._running.pop(escalation, None)
        if began is not None:
            self._lasted_s.append(now - began[1])

    def free_in_s(self, specialist: PersonId, now: float) -> float | None:
        """When somebody who helps now will probably be free; None: he does not help, or nobody can say."""
        return self.wait_s((specialist,), now)

    def wait_s(self, specialists: Iterable[PersonId], now: float) -> float | None:
        """When the first of these who help now will probably be free; None: nobody can say."""
        wanted = set(specialists)
        since = [at for person, at in self._running.values() if person in wanted]
        if not since or len(self._lasted_s) < LEAST_SAMPLES:
            return None
        usual_s = fmean(self._lasted_s)
        return min(max(LEAST_WAIT_S, usual_s - (now - at)) for at in since)
