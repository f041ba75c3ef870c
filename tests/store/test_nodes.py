"""Nodes in the store: exactly one takes over, and a node that slept through its end takes nothing (N4, S05)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from store import Store
from store.records import Heartbeat
from tests.store.test_interactions import NOON, WAITING
from tests.store.test_tasks import TASK
from vocabulary import EndReason, InteractionId, PersonId, TaskId

LOST = EndReason.server_error("node_lost")
A, B, C = (Heartbeat(name, f"life_{name}", 0) for name in ("n_a", "n_b", "n_c"))


async def given_nodes(store: Store) -> None:
    for node in (A, B, C):
        await store.nodes.register(node.name, node.life)


async def test_a_beat_counts_up_as_long_as_its_life_lasts(store: Store) -> None:
    await given_nodes(store)
    assert await store.nodes.beat(A.name, A.life)
    assert await store.nodes.all() == [replace(A, beat=1), B, C]
    await store.nodes.register(A.name, "another")
    assert not await store.nodes.beat(A.name, A.life)
    assert await store.nodes.beat(A.name, "another")


async def test_of_all_who_claim_a_silent_node_one_succeeds(store: Store) -> None:
    await given_nodes(store)
    claims = [store.nodes.claim(A, by, f"claim_{n}") for n, by in enumerate([B, C] * 10)]
    assert sum(await asyncio.gather(*claims)) == 1
    assert not await store.nodes.beat(A.name, A.life)


async def test_a_node_that_beat_once_more_cannot_be_claimed(store: Store) -> None:
    await given_nodes(store)
    await store.nodes.beat(A.name, A.life)
    assert not await store.nodes.claim(A, B, "claim")


async def test_a_node_that_slept_through_its_own_end_claims_nothing(store: Store) -> None:
    """The fence: who was declared dead has another life now, or none."""
    await given_nodes(store)
    assert await store.nodes.claim(B, C, "claim_1")
    assert not await store.nodes.claim(A, B, "claim_2")
    await store.nodes.forget(B.name, "claim_1")
    assert not await store.nodes.claim(A, B, "claim_3")


async def test_what_was_open_moves_only_while_the_claim_holds(store: Store) -> None:
    """A node that comes back in the middle keeps what has not moved yet."""
    await given_nodes(store)
    await store.interactions.save(replace(WAITING, node=A.name))
    await store.interactions.save(replace(WAITING, id=InteractionId("int_2"), node=A.name, closed_at=NOON))
    await store.tasks.save(replace(TASK, node=A.name))
    await store.nodes.claim(A, B, "claim")
    assert await store.interactions.take_over(A.name, "claim", B.name) == [WAITING.id]
    await store.nodes.register(A.name, "back")
    assert await store.tasks.take_over(A.name, "claim", B.name) == 0
    assert not await store.nodes.forget(A.name, "claim")
    assert [each.id for each in await store.interactions.open(B.name)] == [WAITING.id]
    assert [each.id for each in await store.tasks.open(A.name)] == [TASK.id]


async def test_a_moved_call_is_closed_unless_its_node_has_it_back(store: Store) -> None:
    await store.interactions.save(replace(WAITING, node=B.name))
    call = await store.interactions.get(WAITING.id)
    assert call is not None
    assert await store.interactions.not_of(A.name, [WAITING.id]) == {WAITING.id}
    await store.interactions.save(replace(WAITING, node=A.name))
    assert not await store.interactions.close_lost(call, B.name, LOST, NOON)
    assert await store.interactions.not_of(A.name, [WAITING.id]) == frozenset()
    assert await store.interactions.close_lost(call, A.name, LOST, NOON)
    closed = await store.interactions.get(WAITING.id)
    assert closed is not None
    assert (closed.phase, closed.closed_at, closed.end_reason) == ("closed", NOON, "node_lost")


async def test_only_the_node_that_keeps_a_task_writes_it(store: Store) -> None:
    """A node that does not know yet that its tasks were taken over overwrites nothing."""
    await given_nodes(store)
    assert await store.tasks.save(replace(TASK, node=A.name))
    await store.nodes.claim(A, B, "claim")
    assert await store.tasks.take_over(A.name, "claim", B.name) == 1
    assert not await store.tasks.save(replace(TASK, node=A.name, state="offered"))
    assert not await store.tasks.begin(replace(TASK, node=A.name))
    assert await store.tasks.save(replace(TASK, node=B.name, state="offered"))
    (kept,) = await store.tasks.open(B.name)
    assert (kept.state, kept.taken_from) == ("offered", A.name)
    assert await store.tasks.kept_by(A.name) == frozenset()


async def test_of_beginning_and_taking_back_exactly_one_succeeds(store: Store) -> None:
    """Two live nodes never both call the same customer back."""
    for round_ in range(12):
        task = replace(TASK, id=TaskId(f"task_{round_}"), node=B.name, taken_from=A.name)
        await store.tasks.save(task)
        begins, back = store.tasks.begin(task), store.tasks.take_back(A.name, [task.id])
        both = await asyncio.gather(*((begins, back) if round_ % 2 else (back, begins)))
        assert sorted(map(bool, both)) == [False, True]


async def test_a_callback_for_a_call_that_lives_on_is_called_off_unless_begun(store: Store) -> None:
    begun, waiting = replace(TASK, node=B.name, taken_from=A.name), replace(TASK, id=TaskId("task_2"), node=B.name)
    waiting = replace(waiting, taken_from=A.name)
    for task in (begun, waiting):
        await store.tasks.save(task)
    await store.tasks.begin(replace(begun, person=PersonId("eva")))
    later = NOON + timedelta(minutes=1)
    assert await store.tasks.call_off(A.name, [begun.id, waiting.id], "The conversation went on.", later) == ["task_2"]
    assert not await store.tasks.begin(waiting)


async def test_what_was_taken_over_twice_can_still_be_taken_back_by_whose_it_was(store: Store) -> None:
    await given_nodes(store)
    await store.tasks.save(replace(TASK, node=A.name))
    await store.nodes.claim(A, B, "claim_a")
    await store.tasks.take_over(A.name, "claim_a", B.name)
    await store.nodes.claim(B, C, "claim_b")
    await store.tasks.take_over(B.name, "claim_b", C.name)
    assert await store.tasks.take_back(B.name, [TASK.id]) == []
    assert await store.tasks.take_back(A.name, [TASK.id]) == [TASK.id]
    assert await store.tasks.kept_by(A.name) == {TASK.id}


async def test_what_no_node_owns_counts_as_a_silent_nodes(store: Store) -> None:
    """An older version, or a node that came back and died before it was seen."""
    await given_nodes(store)
    await store.interactions.save(replace(WAITING, node="older"))
    await store.tasks.save(TASK)
    assert await store.nodes.note_ownerless() == ["", "older"]
    assert await store.nodes.note_ownerless() == []
    assert Heartbeat("older", "", 0) in await store.nodes.all()
