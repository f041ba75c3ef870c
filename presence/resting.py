"""Keeps everybody's interruption rules and past interruptions, and tells when a rest begins and ends (N14)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from presence.budget import Free, InterruptionRules, may_interrupt
from presence.fusion import Rest
from vocabulary import PersonId

MEMORY = timedelta(days=1)
"""Interruptions count for fair spread this long."""
MAX_REMEMBERED = 512
"""Per person; more than the highest limit allows in the hour that rules look back."""
LONGEST_NAP_S = 600.0
"""Looks again at least this often, so a wall clock that was set does no harm for long."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class RestKeeper:
    """One per service; calls `on_rest` on the loop when a person's rest begins, moves or ends."""

    def __init__(self, on_rest: Callable[[PersonId, Rest | None], None], utc: Callable[[], datetime] = utc_now) -> None:
        self._on_rest = on_rest
        self._utc = utc
        self._rules: dict[PersonId, InterruptionRules] = {}
        self._past: dict[PersonId, deque[datetime]] = {}
        self._resting: dict[PersonId, Rest] = {}
        self._timers: dict[PersonId, asyncio.TimerHandle] = {}

    def set_rules(self, person: PersonId, rules: InterruptionRules | None) -> None:
        """Set what a person allows; None: everything."""
        if rules is None:
            self._rules.pop(person, None)
        else:
            self._rules[person] = rules
        self._look(person)

    def note(self, person: PersonId, at: datetime) -> None:
        """Count an interruption at `at` (aware); those of before a restart may be told again."""
        past = self._past.setdefault(person, deque(maxlen=MAX_REMEMBERED))
        past.append(at.astimezone(UTC))
        while past and past[0] < self._utc() - MEMORY:
            past.popleft()
        self._look(person)

    def rest(self, person: PersonId) -> Rest | None:
        """The rest that holds now, computed now, not remembered."""
        rules = self._rules.get(person)
        if rules is None:
            return None
        answer = may_interrupt(rules, self._past.get(person, ()), self._utc())
        return None if isinstance(answer, Free) else answer.rest()

    def interruptions(self) -> Mapping[PersonId, Sequence[datetime]]:
        """Everybody's interruptions of the last day, for `fairest`."""
        since = self._utc() - MEMORY
        return {person: [at for at in past if at >= since] for person, past in self._past.items()}

    def count(self, person: PersonId) -> int:
        """How often one person was interrupted within the last day."""
        since = self._utc() - MEMORY
        return sum(at >= since for at in self._past.get(person, ()))

    def forget(self, person: PersonId) -> None:
        """Forget a person who has left."""
        for memory in (self._rules, self._past, self._resting):
            memory.pop(person, None)
        self._cancel_timer(person)

    def stop(self) -> None:
        """Tell nothing any more."""
        for person in list(self._timers):
            self._cancel_timer(person)

    def _look(self, person: PersonId) -> None:
        self._cancel_timer(person)
        rules = self._rules.get(person)
        answer = Free() if rules is None else may_interrupt(rules, self._past.get(person, ()), self._utc())
        rest = None if isinstance(answer, Free) else answer.rest()
        if answer.until is not None:
            delay_s = min(max(0.0, (answer.until - self._utc()).total_seconds()) + 0.01, LONGEST_NAP_S)
            loop = asyncio.get_running_loop()
            self._timers[person] = loop.call_later(delay_s, self._look, person)
        if rest == self._resting.get(person):
            return
        if rest is None:
            self._resting.pop(person, None)
        else:
            self._resting[person] = rest
        self._on_rest(person, rest)

    def _cancel_timer(self, person: PersonId) -> None:
        if (timer := self._timers.pop(person, None)) is not None:
            timer.cancel()
