"""A CRM on virtual time: it may be down or refuse; and an outbox in memory that keeps the store's rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from center.delivery.effects import GiveUp, MarkSent, Post, TryAgain
from center.delivery.events import Answered, Claimed, NotAnswered
from center.delivery.machine import step
from center.delivery.model import Delivery, Rules, Sending

Answer = Callable[[Delivery, float], int | None]
"""What the CRM says to a message at a time: a status, or None for no answer."""


@dataclass
class World:
    """Nodes that share one outbox and talk to one CRM; time passes in steps."""

    answer: Answer
    rules: Rules = field(default_factory=Rules)
    now: float = 0.0
    waiting: list[tuple[Delivery, float]] = field(default_factory=list)
    """Each with the time it is due, in the order of making."""
    arrived: list[str] = field(default_factory=list)
    tries: list[tuple[float, str]] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    sending: Sending = field(default_factory=Sending)
    most_at_once: int = 0

    def put(self, key: str, stream: str) -> None:
        self.waiting.append((Delivery(key, stream, "case.changed", "{}", self.now), self.now))

    def pass_time(self, seconds: float, tick_s: float = 0.5) -> None:
        end = self.now + seconds
        while self.now < end:
            self._turn()
            self.now += tick_s

    def _turn(self) -> None:
        while claimed := self._claim(self.sending.room(self.rules, self.now)):
            self.sending, effects = step(self.sending, Claimed(tuple(claimed)), self.now, self.rules)
            posts = [effect.delivery for effect in effects if isinstance(effect, Post)]
            self.most_at_once = max(self.most_at_once, len(self.sending.in_flight))
            for delivery in posts:
                self._post(delivery)

    def _claim(self, limit: int) -> list[Delivery]:
        heads: dict[str, tuple[Delivery, float]] = {}
        for delivery, due_at in self.waiting:
            heads.setdefault(delivery.stream, (delivery, due_at))
        free = [each for each, due_at in heads.values() if due_at <= self.now and each.id not in self.sending.in_flight]
        return free[:limit]

    def _post(self, delivery: Delivery) -> None:
        self.tries.append((self.now, delivery.id))
        status = self.answer(delivery, self.now)
        if status is not None and 200 <= status < 300:
            self.arrived.append(delivery.id)
        event = Answered(delivery.id, status) if status is not None else NotAnswered(delivery.id, "ConnectError")
        self.sending, effects = step(self.sending, event, self.now, self.rules)
        for effect in effects:
            match effect:
                case MarkSent(key) | GiveUp(key, _):
                    if isinstance(effect, GiveUp):
                        self.dead.append(key)
                    self.waiting = [(each, due) for each, due in self.waiting if each.id != key]
                case TryAgain(key, attempts, due_at, _):
                    self.waiting = [
                        (replace(each, attempts=attempts), due_at) if each.id == key else (each, due)
                        for each, due in self.waiting
                    ]
                case Post():
                    raise AssertionError("an answer sends nothing")
