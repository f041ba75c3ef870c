"""Words of the sending: deliveries, rules, and where the sending stands."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way. Times are UTC seconds, since they outlive the node."""

    id: str
    stream: str
    """Its case, or its telephone number: messages of one stream arrive in the order in which they were made."""
    event: str
    body: str
    made_at: float
    attempts: int = 0
    """How often it was tried before this time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How patient the sending is; seconds."""

    first_retry_s: float = 1.0
    last_retry_s: float = 300.0
    """The pause after a failure doubles from the first to the last."""
    give_up_s: float = 3 * 86_400.0
    """A message that was not taken for so long is dead; what comes after it in its stream goes on."""
    at_once: int = 8
    """Messages (of different streams) under way at once."""
    lease_s: float = 60.0
    """A claimed message is nobody else's for so long; must exceed the longest request by far."""


@dataclass(frozen=True, slots=True)
class Warnings:
    """What supervisors read when messages do not arrive: the beginning of the codes for screens, and the sentences."""

    code: str
    silent: str
    given_up: str
    """`{count}`: how many."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Where one node's sending stands."""

    in_flight: dict[str, Delivery] = field(default_factory=dict)
    failures: int = 0
    """How often in a row the other system as a whole did not answer as it should."""
    paused_until: float = 0.0

    def room(self, rules: Rules, now: float) -> int:
        """How many more may be claimed now; while the other system is down, one at a time feels whether it is back."""
        if now < self.paused_until:
            return 0
        return max(0, (1 if self.failures else rules.at_once) - len(self.in_flight))
