"""What routing wants done."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Lease
from vocabulary import InteractionId, PersonId


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Ask the store for the right to ring this agent; answers LeaseGranted or LeaseRefused."""

    person: PersonId
    interaction: InteractionId


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Give the right back."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class OfferInteraction:
    """Ring the agent for this interaction."""

    person: PersonId
    interaction: InteractionId


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The agent's status or state is new: store it and show it."""

    person: PersonId


@dataclass(frozen=True, slots=True)
class WrapUpOver:
    """The agent's after-call work for this interaction ended, by himself or by its deadline."""

    person: PersonId
    interaction: InteractionId


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerFired at `at` (monotonic seconds); replaces an earlier wish."""

    at: float


RoutingEffect = AcquireLease | ReleaseLease | OfferInteraction | AgentChanged | WrapUpOver | StartTimer
