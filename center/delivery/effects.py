"""What shall be done about a message."""

from __future__ import annotations

from dataclasses import dataclass

from center.delivery.model import Delivery


@dataclass(frozen=True, slots=True)
class Post:
    """Send it."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class MarkSent:
    """It has arrived."""

    delivery: str


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It has not; try again at `due_at`."""

    delivery: str
    attempts: int
    due_at: float
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It will not arrive any more."""

    delivery: str
    why: str


SendingEffect = Post | MarkSent | TryAgain | GiveUp
