"""Promises in the store (N10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from routing.model import ServiceQueue
from store import Store
from store.records import StoredTask
from vocabulary import CaseId, CustomerId, EscalationId, InteractionId, PersonId, QueueId, TaskId

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TASK = StoredTask(
    id=TaskId("task_1"),
    kind="callback",
    state="open",
    owner=PersonId("eva"),
    person=None,
    skill="claims",
    priority=2,
    made_at=NOON,
    due_at=NOON + timedelta(hours=2),
    arrived_at=NOON - timedelta(minutes=5),
    interaction=InteractionId("int_1"),
    escalation=EscalationId("esc_1"),
    case=CaseId("case_1"),
    digest="abc",
    queue=QueueId("claims"),
    number="+385915550101",
    customer=CustomerId("ana"),
    sentence="Eva Horvat will call you back by 15:00 today.",
    details={"slot": [1.5, 2.5], "trunk": None},
)


async def test_a_task_comes_back_as_it_was_saved(store: Store) -> None:
    await store.tasks.save(TASK)
    assert await store.tasks.get(TASK.id) == TASK
    done = replace(TASK, state="done", outcome="Paid", resolved=True, closed_at=NOON, person=PersonId("eva"))
    await store.tasks.save(done)
    assert await store.tasks.get(TASK.id) == done
    assert await store.tasks.get(TaskId("task_9")) is None


async def test_open_tasks_come_in_the_order_of_their_customers_arrival(store: Store) -> None:
    """S03 step 3: the original arrival decides."""
    early = replace(TASK, id=TaskId("task_2"), arrived_at=NOON - timedelta(hours=1))
    done = replace(TASK, id=TaskId("task_3"), closed_at=NOON)
    for task in (TASK, early, done):
        await store.tasks.save(task)
    assert [task.id for task in await store.tasks.open("")] == ["task_2", "task_1"]
    assert len(await store.tasks.of_case(CaseId("case_1"))) == 3


async def test_a_queue_keeps_its_deputy(store: Store) -> None:
    queue = ServiceQueue(QueueId("claims"), "Claims", "5001", "claims", deputy=PersonId("marcus"))
    await store.directory.save_queue(queue)
    assert await store.directory.queues() == [queue]
