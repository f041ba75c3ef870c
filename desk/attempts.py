"""Counts log-in attempts per person and per address, and requests per person, and says who has to wait."""

from __future__ import annotations

import hashlib
import ipaddress
import time

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from desk.errors import TooManyAttempts, TooManyRequests
from desk.settings import LoginSettings
from vocabulary import PersonId


class Attempts:
    """Moving windows in memory. Every attempt counts before its password is checked, so that a burst cannot slip by."""

    def __init__(self, settings: LoginSettings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_person = RateLimitItemPerSecond(settings.attempts_per_person, settings.person_window_s, "person")
        self._per_address = RateLimitItemPerSecond(settings.attempts_per_address, settings.address_window_s, "address")

    def count(self, person: str, address: str) -> None:
        """Count one attempt.

        Raises:
            TooManyAttempts: The person or the address has used up its window; knows when to try again.
        """
        self.count_address(address)
        self._count(self._per_person, _key(person))

    def count_address(self, address: str) -> None:
        """Count one attempt from somewhere, of whomever.

        Raises:
            TooManyAttempts: The address has used up its window.
        """
        self._count(self._per_address, _network(address))

    def _count(self, item: RateLimitItemPerSecond, key: str) -> None:
        if not self._limiter.hit(item, key):
            reset = self._limiter.get_window_stats(item, key).reset_time
            raise TooManyAttempts(max(1, round(reset - time.time())))

    def forgive(self, person: str) -> None:
        """Forget a person's attempts after a right password."""
        self._limiter.clear(self._per_person, _key(person))


class RequestRate:
    """Requests of logged-in people. Two counters a person, and only people of the company come here: bounded memory."""

    WINDOW_S = 60

    def __init__(self, per_minute: int) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerSecond(per_minute, self.WINDOW_S, "requests")

    def count(self, person: PersonId) -> None:
        """Count one request.

        Raises:
            TooManyRequests: More than anybody's pages ever send; knows when to try again.
        """
        if not self._limiter.hit(self._item, person):
            reset = self._limiter.get_window_stats(self._item, person).reset_time
            raise TooManyRequests(max(1, round(reset - time.time())))


def _key(person: str) -> str:
    """A fixed-length key: what was typed as a person may be anything, even a password."""
    return hashlib.sha256(person.encode()).hexdigest()


def _network(address: str) -> str:
    """The address, or the /64 of an IPv6 address, since one household owns all of it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return _key(address)
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
