"""The queue towards the broker: bounded, newest state first to survive (design section 8)."""

from __future__ import annotations

from presence.outgoing import OutgoingMessage, OutgoingQueue


def retained(topic: str, payload: bytes) -> OutgoingMessage:
    return OutgoingMessage(topic, payload, retain=True)


def drained(queue: OutgoingQueue, now: float = 0.0) -> list[bytes]:
    payloads = []
    while (message := queue.take(now)) is not None:
        payloads.append(message.payload)
    return payloads


def test_a_newer_retained_update_replaces_the_unsent_one() -> None:
    """No storm after an outage: each topic is said once."""
    queue = OutgoingQueue(10)
    for message in (retained("a", b"1"), retained("b", b"2"), retained("a", b"3")):
        queue.put(message)
    assert drained(queue) == [b"2", b"3"]
    assert queue.dropped == 0


def test_messages_that_are_not_retained_all_leave_in_order() -> None:
    queue = OutgoingQueue(10)
    for payload in (b"1", b"2", b"3"):
        queue.put(OutgoingMessage("case", payload))
    assert drained(queue) == [b"1", b"2", b"3"]


def test_when_full_the_oldest_leaves_and_is_counted() -> None:
    queue = OutgoingQueue(2)
    for payload in (b"1", b"2", b"3"):
        queue.put(OutgoingMessage("case", payload))
    assert queue.dropped == 1
    assert drained(queue) == [b"2", b"3"]


def test_an_update_of_a_waiting_topic_drops_nobody_else() -> None:
    queue = OutgoingQueue(2)
    for message in (retained("a", b"1"), retained("b", b"2"), retained("b", b"3")):
        queue.put(message)
    assert drained(queue) == [b"1", b"3"]
    assert queue.dropped == 0


def test_expired_messages_are_not_sent() -> None:
    """A case pushed a minute ago must not appear on a screen now."""
    queue = OutgoingQueue(10)
    queue.put(OutgoingMessage("case", b"old", expires_at=5.0))
    queue.put(OutgoingMessage("case", b"new", expires_at=9.0))
    assert drained(queue, now=5.0) == [b"new"]


def test_an_unsent_message_returns_to_the_front() -> None:
    queue = OutgoingQueue(10)
    queue.put(OutgoingMessage("case", b"1"))
    queue.put(OutgoingMessage("case", b"2"))
    first = queue.take(0.0)
    assert first is not None
    queue.put_back(first)
    assert drained(queue) == [b"1", b"2"]


def test_an_unsent_update_gives_way_to_a_newer_one() -> None:
    queue = OutgoingQueue(10)
    queue.put(retained("a", b"1"))
    first = queue.take(0.0)
    assert first is not None
    queue.put(retained("a", b"2"))
    queue.put_back(first)
    assert drained(queue) == [b"2"]
