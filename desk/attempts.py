"""Counts log-in attempts per person and per address, and says who has to wait."""

from __future__ import annotations

import hashlib
import ipaddress
import time

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from desk.errors import TooManyAttempts
from desk.settings import LoginSettings


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
        for item, key in ((self._per_address, _network(address)), (self._per_person, _key(person))):
            if not self._limiter.hit(item, key):
                reset = self._limiter.get_window_stats(item, key).reset_time
                raise TooManyAttempts(max(1, round(reset - time.time())))

    def forgive(self, person: str) -> None:
        """Forget a person's attempts after a right password."""
        self._limiter.clear(self._per_person, _key(person))


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
