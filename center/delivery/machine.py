"""The sending: `step(sending, event, now, rules) -> (sending, effects)`, pure.

    waiting in the store ──Claimed──> in flight ──2xx──> sent
            ▲                            │
            └──────── TryAgain ──────────┤ anything else, or no answer
                                         └── older than the limit ──> dead

Two kinds of failure. *The other system is down* (no answer, 5xx, 429, 408): everything pauses, each time twice as long
up to a bound, and then a single message feels whether it is back; the first one it takes lets all flow again. *It does
not take this message* (any other answer): only this message, and what follows it in its stream, waits.

Invariants: of one stream at most one message is in flight, and none before an earlier one of that stream is sent or
dead (the store hands out only the first of each stream). A message is sent again only after a failure; its id never
changes, so a receiver that remembers ids takes each once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from center.delivery.effects import GiveUp, MarkSent, Post, SendingEffect, TryAgain
from center.delivery.events import Answered, Claimed, NotAnswered, SendingEvent
from center.delivery.model import Delivery, Rules, Sending

Step = tuple[Sending, list[SendingEffect]]

SYSTEM_IS_DOWN = frozenset({408, 425, 429})


def step(sending: Sending, event: SendingEvent, now: float, rules: Rules) -> Step:
    """What follows from an event. Answers to what is not in flight (any more) change nothing."""
    match event:
        case Claimed(deliveries):
            flying = {each.id: each for each in deliveries}
            return replace(sending, in_flight=sending.in_flight | flying), [Post(each) for each in deliveries]
        case Answered(key, status, retry_after_s):
            delivery = sending.in_flight.get(key)
            if delivery is None:
                return sending, []
            sending = _landed(sending, delivery)
            if 200 <= status < 300:
                return replace(sending, failures=0, paused_until=0.0), [MarkSent(key)]
            if status >= 500 or status in SYSTEM_IS_DOWN:
                return _system_failed(sending, delivery, f"answer {status}", now, rules, retry_after_s or 0.0)
            wait_s = max(_pause_s(delivery.attempts, rules), _bounded(retry_after_s, rules))
            failed = _again(delivery, f"answer {status}", now + wait_s, now, rules)
            return replace(sending, failures=0, paused_until=0.0), [failed]
        case NotAnswered(key, why):
            delivery = sending.in_flight.get(key)
            if delivery is None:
                return sending, []
            return _system_failed(_landed(sending, delivery), delivery, why, now, rules, 0.0)
        case _:
            assert_never(event)


def _landed(sending: Sending, delivery: Delivery) -> Sending:
    return replace(sending, in_flight={key: each for key, each in sending.in_flight.items() if key != delivery.id})


def _system_failed(
    sending: Sending, delivery: Delivery, why: str, now: float, rules: Rules, retry_after_s: float
) -> Step:
    """Everything pauses. Several that fail together are one failure."""
    fresh = now >= sending.paused_until
    failures = sending.failures + 1 if fresh else sending.failures
    until = max(
        sending.paused_until,
        now + _pause_s(failures - 1, rules) if fresh else 0.0,
        now + _bounded(retry_after_s, rules),
    )
    sending = replace(sending, failures=failures, paused_until=until)
    return sending, [_again(delivery, why, until, now, rules)]


def _again(delivery: Delivery, why: str, due_at: float, now: float, rules: Rules) -> SendingEffect:
    if now - delivery.made_at >= rules.give_up_s:
        return GiveUp(delivery.id, why)
    return TryAgain(delivery.id, delivery.attempts + 1, due_at, why)


def _pause_s(failures_before: int, rules: Rules) -> float:
    doubled: float = rules.first_retry_s * 2.0 ** min(failures_before, 30)
    return min(rules.last_retry_s, doubled)


def _bounded(retry_after_s: float | None, rules: Rules) -> float:
    """What the other system asks for, as long as it is not longer than we ever wait."""
    return min(max(retry_after_s or 0.0, 0.0), rules.last_retry_s)
