"""What happens to the sending. Statuses are HTTP's, which SIP shares as far as the sending looks at them."""

from __future__ import annotations

from dataclasses import dataclass

from center.delivery.model import Delivery


@dataclass(frozen=True, slots=True)
class Claimed:
    """These messages are this node's to send now: the first of their streams."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The other system answered. `retry_after_s`: it asks to be left alone for so long."""

    delivery: str
    status: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """No answer came: not reached, or too slow. It may have arrived all the same."""

    delivery: str
    why: str


SendingEvent = Claimed | Answered | NotAnswered
