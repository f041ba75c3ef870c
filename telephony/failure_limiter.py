"""Slows down whoever guesses passwords: a token bucket of failures per source address, with a ban that forgets.

Each failure takes a token; tokens come back with time. An address without tokens is banned until `ban_s` later, and
then starts with a full bucket: the ban leaves no trace. The table is bounded; who failed least recently goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """How many failures an address may have."""

    failures: int = 10
    """In a row; a person who mistypes a phone's password three times on three phones stays below it."""
    one_back_every_s: float = 6.0
    ban_s: float = 60.0
    addresses: int = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    banned_until: float = float("-inf")


class FailureLimiter:
    """Counts proven failures per address. `now` is monotonic seconds."""

    def __init__(self, settings: LimiterSettings | None = None) -> None:
        self._settings = settings or LimiterSettings()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def is_banned(self, address: str, now: float) -> bool:
        """Tell whether requests from this address are to be ignored now."""
        bucket = self._buckets.get(address)
        if bucket is None:
            return False
        if bucket.banned_until == float("-inf"):
            return False
        if bucket.banned_until <= now:
            del self._buckets[address]
            return False
        return True

    def failed(self, address: str, now: float) -> bool:
        """Count one failure; True when it brought the ban."""
        bucket = self._buckets.pop(address, None) or _Bucket(float(self._settings.failures), now)
        self._buckets[address] = bucket
        while len(self._buckets) > self._settings.addresses:
            self._buckets.popitem(last=False)
        back = (now - bucket.filled_at) / self._settings.one_back_every_s
        bucket.tokens = min(float(self._settings.failures), bucket.tokens + back) - 1.0
        bucket.filled_at = now
        if bucket.tokens < 1.0:
            bucket.banned_until = now + self._settings.ban_s
            return True
        return False

    def __len__(self) -> int:
        return len(self._buckets)
