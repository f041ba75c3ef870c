"""What another system is told waits in the database: in order within a case, claimed by one node at a time."""

from __future__ import annotations

from store import Store
from store.records import StoredDelivery

NOW = 1_800_000_000.0
LEASE_S = 60.0


def message(key: str, stream: str, position: int, **values: float) -> StoredDelivery:
    return StoredDelivery(key, stream, position, "case.changed", "{}", NOW, **values)  # type: ignore[arg-type]


async def put(store: Store, *messages: StoredDelivery) -> None:
    for each in messages:
        await store.webhooks.put(each)


async def claimed(store: Store, holder: str = "a", now: float = NOW) -> list[str]:
    return [each.id for each in await store.webhooks.claim(holder, now, LEASE_S, 10)]


async def test_only_the_first_of_each_case_can_be_claimed(store: Store) -> None:
    await put(store, message("m2", "case_1", 2), message("m1", "case_1", 1), message("n1", "case_2", 3))
    await put(store, message("m1", "case_1", 1))  # written twice after a doubtful failure
    assert await claimed(store) == ["m1", "n1"]
    assert await claimed(store, "b") == [], "what one node holds no other node takes, nor what comes after it"
    assert await store.webhooks.sent("m1", "a", NOW)
    assert await claimed(store, "b") == ["m2"]
    assert await store.webhooks.counts() == (2, 0)


async def test_a_claim_ends_with_its_lease_and_then_counts_no_more(store: Store) -> None:
    """N9 for the outside: a node that died keeps nothing back, one that was thought dead settles nothing."""
    await put(store, message("m1", "case_1", 1))
    assert await claimed(store, "a") == ["m1"]
    assert await store.webhooks.next_due() == NOW + LEASE_S
    assert await claimed(store, "b", NOW + LEASE_S) == ["m1"]
    assert not await store.webhooks.sent("m1", "a", NOW + LEASE_S)
    assert await store.webhooks.sent("m1", "b", NOW + LEASE_S)
    assert await claimed(store, "a", NOW + 10 * LEASE_S) == []
    assert await store.webhooks.next_due() is None


async def test_a_failed_message_waits_and_holds_its_case_up_until_it_is_dead(store: Store) -> None:
    await put(store, message("m1", "case_1", 1), message("m2", "case_1", 2))
    assert await claimed(store) == ["m1"]
    assert await store.webhooks.again("m1", "a", 1, NOW + 5, "503")
    assert await claimed(store, now=NOW + 4.9) == []
    (again,) = await store.webhooks.claim("a", NOW + 5, LEASE_S, 10)
    assert (again.id, again.attempts, again.problem) == ("m1", 1, "503")
    assert await store.webhooks.dead("m1", "a", NOW + 6, "410")
    assert await store.webhooks.counts() == (1, 1)
    assert await claimed(store, now=NOW + 6) == ["m2"]


async def test_a_stopping_node_lets_go_and_old_messages_are_forgotten(store: Store) -> None:
    await put(store, message("m1", "case_1", 1), message("m2", "case_2", 2))
    assert await claimed(store, "a") == ["m1", "m2"]
    await store.webhooks.release("a")
    assert await claimed(store, "b") == ["m1", "m2"]
    assert await store.webhooks.sent("m1", "b", NOW)
    await store.webhooks.purge(sent_before=NOW + 1, dead_before=NOW + 1)
    await put(store, message("m1", "case_1", 1))
    assert await claimed(store, "c", NOW + LEASE_S) == ["m1", "m2"], "m1 was forgotten, m2 was not"


async def test_channels_share_a_table_and_nothing_else(store: Store) -> None:
    """A CRM that is down holds up no text to a customer, and each channel counts and forgets its own."""
    await put(store, message("m1", "same", 1))
    await store.texts.put(message("t1", "same", 2))
    assert [each.id for each in await store.texts.claim("a", NOW, LEASE_S, 10)] == ["t1"]
    assert await store.texts.dead("t1", "a", NOW, "404")
    assert (await store.webhooks.counts(), await store.texts.counts()) == ((1, 0), (0, 1))
    await store.webhooks.purge(NOW + 1, NOW + 1)
    assert await store.texts.counts() == (0, 1)
    await store.texts.purge(NOW + 1, NOW + 1)
    assert (await store.webhooks.counts(), await store.texts.counts()) == ((1, 0), (0, 0))
