"""Refused messages: all counted, few logged, so that a broken client cannot fill the log."""

from __future__ import annotations

from collections import Counter

import structlog

from presence.errors import ContractError, RefusalCause

_log = structlog.get_logger(__name__)
LOG_INTERVAL_S = 60.0
MAX_REMEMBERED = 1_000
"""Pairs of (person, cause) whose last log line is remembered; more people are known than that only in an attack."""


class Refusals:
    """Counts by cause; logs each (person, cause) at most once a minute."""

    def __init__(self) -> None:
        self.counts: Counter[RefusalCause] = Counter()
        self._logged_at: dict[tuple[str, RefusalCause], float] = {}

    def note(self, error: ContractError, now: float) -> bool:
        """Take a refusal at `now` (monotonic seconds); True when it was logged."""
        self.counts[error.cause] += 1
        key = (error.person, error.cause)
        last = self._logged_at.get(key)
        if last is not None and now - last < LOG_INTERVAL_S:
            return False
        self._forget_old(now)
        if len(self._logged_at) >= MAX_REMEMBERED:
            return False
        self._logged_at[key] = now
        total = self.counts[error.cause]
        _log.warning("presence_message_refused", cause=error.cause.value, why=str(error), person=key[0], total=total)
        return True

    def _forget_old(self, now: float) -> None:
        if len(self._logged_at) >= MAX_REMEMBERED:
            self._logged_at = {key: at for key, at in self._logged_at.items() if now - at < LOG_INTERVAL_S}
