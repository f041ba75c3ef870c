"""Tasks as rows of the store, and back. What a restart ends (offers, legs, leases) is not kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from center.promise.model import Promise, Slot, Task, TaskKind, TaskState
from store.records import StoredTask
from vocabulary import InteractionId, PersonId


def stored_task(task: Task) -> StoredTask:
    promise = task.promise
    slot = promise.slot
    return StoredTask(
        id=promise.id,
        kind=promise.kind.value,
        state=task.state.value,
        owner=promise.owner,
        person=task.person,
        skill=promise.skill,
        priority=promise.priority,
        made_at=_utc(promise.made_at),
        due_at=_utc(promise.due_at),
        arrived_at=_utc(promise.arrived_at),
        interaction=promise.interaction,
        escalation=promise.escalation,
        case=promise.case,
        digest=promise.digest,
        queue=promise.queue,
        number=promise.number,
        customer=promise.customer,
        sentence=promise.sentence,
        outcome=task.outcome,
        resolved=task.resolved,
        closed_at=_utc(task.closed_at) if task.closed_at is not None else None,
        details={
            "half_at": promise.half_at,
            "remind_at": promise.remind_at,
            "service_number": promise.service_number,
            "customer_name": promise.customer_name,
            "trunk": promise.trunk,
            "slot": [slot.begins_at, slot.ends_at] if slot else None,
            "passed": dict(task.passed),
            "attempts": task.attempts,
            "next_try_at": task.next_try_at if task.next_try_at < float("inf") else None,
            "has_talked": task.has_talked,
            "half_told": task.half_told,
            "reminded": task.reminded,
            "overdue": task.overdue,
            "level": task.level,
            "call": task.call,
            "lost_on": promise.lost_on,
        },
        taken_from=promise.lost_on,
    )


def task_from_store(row: StoredTask) -> Task:
    """Read a task as it was; the machine is then told `Restarted`."""
    details: Mapping[str, Any] = row.details
    slot = details["slot"]
    promise = Promise(
        id=row.id,
        kind=TaskKind(row.kind),
        owner=row.owner,
        skill=row.skill,
        priority=row.priority,
        made_at=row.made_at.timestamp(),
        due_at=row.due_at.timestamp(),
        half_at=details["half_at"],
        remind_at=details["remind_at"],
        interaction=row.interaction,
        escalation=row.escalation,
        case=row.case,
        digest=row.digest,
        queue=row.queue,
        service_number=details["service_number"],
        number=row.number,
        arrived_at=row.arrived_at.timestamp(),
        sentence=row.sentence,
        customer=row.customer,
        customer_name=details["customer_name"],
        trunk=details["trunk"],
        slot=Slot(*slot) if slot else None,
        lost_on=details.get("lost_on", ""),
    )
    next_try_at = details["next_try_at"]
    return Task(
        promise,
        state=TaskState(row.state),
        person=row.person,
        passed={PersonId(person): until for person, until in details["passed"].items()},
        attempts=details["attempts"],
        next_try_at=float("inf") if next_try_at is None else next_try_at,
        has_talked=details["has_talked"],
        half_told=details["half_told"],
        reminded=details["reminded"],
        overdue=details["overdue"],
        level=details["level"],
        outcome=row.outcome,
        resolved=row.resolved,
        closed_at=row.closed_at.timestamp() if row.closed_at else None,
    )


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def conversation_of(row: StoredTask) -> InteractionId | None:
    """The callback that was under way when the task was last stored."""
    call = row.details.get("call")
    return InteractionId(str(call)) if call else None
