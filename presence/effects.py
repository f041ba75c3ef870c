"""What shall be done about a person's availability."""

from __future__ import annotations

from dataclasses import dataclass

from presence.model import Availability
from vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    """Publish the new availability and tell the desk."""

    availability: Availability


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Wake this person's machine at `at` (monotonic seconds), replacing the wake-up asked for before."""

    person: PersonId
    at: float


PresenceEffect = AvailabilityChanged | StartTimer
