"""The bounded queue of messages on their way to the broker."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to publish. `expires_at` (monotonic seconds): after that nobody wants it any more."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1
    expires_at: float | None = None


class OutgoingQueue:
    """First in, first out; a newer retained update takes the place of an unsent older one of the same topic.

    When full, the oldest message leaves and is counted in `dropped`: the newest state matters most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: OrderedDict[str | int, OutgoingMessage] = OrderedDict()
        self._count = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: OutgoingMessage) -> None:
        self._count += 1
        key: str | int = message.topic if message.retain else self._count
        self._messages.pop(key, None)
        if len(self._messages) >= self._limit:
            self._messages.popitem(last=False)
            self.dropped += 1
        self._messages[key] = message

    def take(self, now: float) -> OutgoingMessage | None:
        """The oldest message that still matters, or None."""
        while self._messages:
            _, message = self._messages.popitem(last=False)
            if message.expires_at is None or message.expires_at > now:
                return message
        return None

    def put_back(self, message: OutgoingMessage) -> None:
        """Return a message that could not be sent to the front, unless a newer update of its topic waits."""
        key: str | int = message.topic if message.retain else -self._count
        if key in self._messages:
            return
        self._count += 1
        self._messages[key] = message
        self._messages.move_to_end(key, last=False)
