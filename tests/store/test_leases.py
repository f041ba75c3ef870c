"""Leases: one holder at a time, whatever races (N4)."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from routing.model import Lease
from store import Store
from tests.store.situations import VirtualClock
from vocabulary import PersonId

EVA, TOM = PersonId("eva"), PersonId("tom")


async def test_a_person_is_leased_to_one_holder_until_released(store: Store, clock: VirtualClock) -> None:
    lease = await store.leases.acquire(EVA, "esc_1", 10)
    assert lease == Lease(EVA, "esc_1", 1, clock.now + 10)
    assert await store.leases.is_current(lease)
    assert await store.leases.acquire(EVA, "esc_2", 10) is None
    assert await store.leases.acquire(EVA, "esc_1", 10) is None
    assert await store.leases.release(lease)
    assert not await store.leases.is_current(lease)
    assert not await store.leases.release(lease)


async def test_the_token_grows_over_release_and_expiry(store: Store, clock: VirtualClock) -> None:
    tokens = []
    for ending in ("release", "expiry", "release", "expiry", "release"):
        lease = await store.leases.acquire(EVA, "esc", 10)
        assert lease is not None
        tokens.append(lease.token)
        if ending == "release":
            await store.leases.release(lease)
        else:
            clock.now += 10
    assert tokens == [1, 2, 3, 4, 5]


async def test_an_expired_lease_can_neither_ring_nor_be_renewed(store: Store, clock: VirtualClock) -> None:
    lease = await store.leases.acquire(EVA, "esc_1", 10)
    assert lease is not None
    clock.now += 10
    assert not await store.leases.is_current(lease)
    assert await store.leases.renew(lease, 10) is None
    assert await store.leases.live() == []


async def test_a_renewed_lease_lives_on_with_its_token(store: Store, clock: VirtualClock) -> None:
    lease = await store.leases.acquire(EVA, "esc_1", 10)
    assert lease is not None
    clock.now += 6
    renewed = await store.leases.renew(lease, 10)
    assert renewed == replace(lease, expires_at=clock.now + 10)
    clock.now += 9
    assert await store.leases.acquire(EVA, "esc_2", 10) is None
    assert await store.leases.is_current(renewed)


async def test_an_old_token_cannot_touch_the_new_holders_lease(store: Store, clock: VirtualClock) -> None:
    """A node that was paused wakes up and finds its lease taken over."""
    old = await store.leases.acquire(EVA, "esc_1", 10)
    clock.now += 11
    new = await store.leases.acquire(EVA, "esc_2", 10)
    assert old is not None
    assert new is not None
    assert await store.leases.renew(old, 99) is None
    assert not await store.leases.release(old)
    assert await store.leases.live() == [new]


async def test_live_leases_are_those_of_all_people(store: Store) -> None:
    tom = await store.leases.acquire(TOM, "esc_1", 10)
    eva = await store.leases.acquire(EVA, "esc_2", 10)
    assert await store.leases.live() == [eva, tom]


async def test_racing_tasks_on_two_nodes_never_hold_a_person_twice(
    store: Store, url: str, tmp_path: Path, clock: VirtualClock
) -> None:
    """8 tasks on each of two engines: never two holders at once, and every lease has a token of its own."""
    other = await Store.open(url, journal_dir=tmp_path / "other", clock=clock)
    holding: dict[PersonId, str] = {}
    granted: list[tuple[PersonId, int]] = []
    attempts = 0

    async def ring_again_and_again(node: Store, name: str) -> None:
        nonlocal attempts
        chance = random.Random(name)
        for turn in range(25):
            attempts += 1
            lease = await node.leases.acquire(chance.choice((EVA, TOM)), f"{name}/{turn}", 10)
            if lease is None:
                continue
            assert lease.person not in holding, f"{name} and {holding[lease.person]} both hold {lease.person}"
            holding[lease.person] = name
            granted.append((lease.person, lease.token))
            assert await node.leases.is_current(lease)
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            del holding[lease.person]
            assert await node.leases.release(lease)

    try:
        await asyncio.gather(
            *(
                ring_again_and_again(node, f"{label}{task}")
                for label, node in (("a", store), ("b", other))
                for task in range(8)
            )
        )
    finally:
        await other.close()
    assert attempts == 400
    assert len(granted) == len(set(granted)) > 20
    for person in (EVA, TOM):
        tokens = [token for whom, token in granted if whom == person]
        assert tokens == sorted(tokens)


async def test_many_who_find_an_expired_lease_yield_one_new_holder(
    store: Store, url: str, tmp_path: Path, clock: VirtualClock
) -> None:
    other = await Store.open(url, journal_dir=tmp_path / "other", clock=clock)
    try:
        for round_ in range(1, 21):
            takers = [node.leases.acquire(EVA, f"{round_}/{i}", 10) for i, node in enumerate((store, other) * 4)]
            won = [lease for lease in await asyncio.gather(*takers) if lease is not None]
            assert [lease.token for lease in won] == [round_]
            clock.now += 10
    finally:
        await other.close()


async def test_cancelled_callers_leave_nothing_locked(store: Store, clock: VirtualClock) -> None:
    """An escalation may be called off while its lease is being taken."""
    chance = random.Random(1)

    async def take_and_give_back(number: int) -> None:
        lease = await store.leases.acquire(PersonId(f"person-{number % 5}"), f"esc_{number}", 1)
        if lease is not None:
            await store.leases.release(lease)

    for _ in range(20):
        tasks = [asyncio.create_task(take_and_give_back(number)) for number in range(20)]
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        for task in chance.sample(tasks, 12):
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}
    clock.now += 2
    assert await store.leases.acquire(EVA, "esc_last", 10) is not None
    assert [lease.person for lease in await store.leases.live()] == [EVA]


async def test_a_write_once_begun_is_finished_though_its_caller_left(store: Store, url: str, tmp_path: Path) -> None:
    lock = "DELETE FROM trunk" if store.database.is_sqlite else "LOCK TABLE lease IN EXCLUSIVE MODE"
    async with store.database.engine.begin() as connection:
        await connection.execute(sa.text(lock))
        taking = asyncio.create_task(store.leases.acquire(EVA, "esc_1", 10))
        for _ in range(20):
            await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
    await store.close()
    again = await Store.open(url, journal_dir=tmp_path, clock=VirtualClock())
    try:
        assert [lease.holder for lease in await again.leases.live()] == ["esc_1"]
    finally:
        await again.close()


async def test_many_leases_are_renewed_at_once_and_those_lost_are_missing(store: Store, clock: VirtualClock) -> None:
    eva, tom = await store.leases.acquire(EVA, "n1/a", 10), await store.leases.acquire(TOM, "n1/b", 10)
    assert eva is not None
    assert tom is not None
    await store.leases.release(tom)
    clock.now += 6
    assert await store.leases.renew_all([eva, tom], 10) == [replace(eva, expires_at=clock.now + 10)]
    assert await store.leases.renew_all([], 10) == []
    clock.now += 10
    assert await store.leases.renew_all([eva], 10) == []


async def test_all_leases_of_one_node_are_released_and_no_others(store: Store) -> None:
    """N4: at its start a node frees whom its earlier life held."""
    await store.leases.acquire(EVA, "n1/a", 10)
    other = await store.leases.acquire(TOM, "n10/b", 10)
    assert await store.leases.release_all_of("n1") == [EVA]
    assert await store.leases.live() == [other]
    assert await store.leases.release_all_of("n1") == []
