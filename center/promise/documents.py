"""The document of a task that screens show (docs/api.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from center.documents import case_document, cause_text
from center.promise.model import Promise
from center.promise.runner import TaskWork
from context.bundle import customer_json, past_contact_json, utc_text
from vocabulary import PersonId


def task_document(work: TaskWork, names: Mapping[PersonId, str]) -> dict[str, Any]:
    task, promise = work.state, work.state.promise
    return {
        **promise_json(promise, names),
        "state": task.state.value,
        "person": task.person,
        "person_name": names.get(task.person, task.person) if task.person else None,
        "offer_until": _text(task.offer_until),
        "attempts": task.attempts,
        "last_cause": task.last_end.reason if task.last_end else "",
        "last_cause_text": cause_text(task.last_end),
        "call": task.call,
        "has_talked": task.has_talked,
        "overdue": task.overdue,
        "level": task.level,
        "outcome": task.outcome,
        "resolved": task.resolved,
        "closed_at": _text(task.closed_at),
        "caller_number": promise.number,
        "customer": customer_json(work.customer),
        "history": [past_contact_json(contact) for contact in work.history],
        "case_document": case_document(work.case, names) if work.case else None,
    }


def promise_json(promise: Promise, names: Mapping[PersonId, str]) -> dict[str, Any]:
    """The promise itself; the agent sees it in the escalation."""
    slot = promise.slot
    return {
        "id": promise.id,
        "kind": promise.kind.value,
        "owner": promise.owner,
        "owner_name": names.get(promise.owner, promise.owner),
        "skill": promise.skill,
        "priority": promise.priority,
        "queue": promise.queue,
        "made_at": _text(promise.made_at),
        "due_at": _text(promise.due_at),
        "arrived_at": _text(promise.arrived_at),
        "slot": {"begins_at": _text(slot.begins_at), "ends_at": _text(slot.ends_at)} if slot else None,
        "interaction": promise.interaction,
        "escalation": promise.escalation,
        "case": promise.case,
        "digest": promise.digest,
        "sentence": promise.sentence,
    }


def _text(at: float | None) -> str | None:
    return None if at is None else utc_text(datetime.fromtimestamp(at, UTC))
