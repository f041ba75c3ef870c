"""The time line of a scenario: what happened when, told as it happens and kept for the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the story; `t_s` counts from the scenario's start."""

    t_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.t_s:04.1f} {self.text}"


class Story:
    """Collects moments; each is also handed to `tell` at once."""

    def __init__(self, tell: Callable[[Moment], None] = lambda _moment: None) -> None:
        self.moments: list[Moment] = []
        self.started_at = time.monotonic()
        self._tell = tell

    def start(self) -> None:
        """Count time from now on."""
        self.started_at = time.monotonic()

    def add(self, text: str, at: float | None = None) -> None:
        """Tell what happened, now or at a monotonic time that was measured."""
        moment = Moment(max(0.0, (time.monotonic() if at is None else at) - self.started_at), text)
        self.moments.append(moment)
        self._tell(moment)

    def in_order(self) -> tuple[Moment, ...]:
        """Give the moments in order of time; measured ones are told later than they happened."""
        return tuple(sorted(self.moments, key=lambda moment: moment.t_s))
