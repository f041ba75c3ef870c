"""People, times and promises for the tests of promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from center.promise.calendar import BusinessHours
from center.promise.model import Promise, PromiseRules, Task, TaskKind
from center.promise.plan import PromiseRequest, plan_promise
from routing.model import Person
from vocabulary import CaseId, CustomerId, DeskRole, EscalationId, InteractionId, PersonId, QueueId, TaskId

MONDAY_NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()
HOURS = BusinessHours(UTC)
RULES = PromiseRules()
ANNA, EVA, MARCUS, SARA = (PersonId(name) for name in ("anna", "eva", "marcus", "sara"))


def person(id: PersonId, name: str, role: DeskRole, skills: dict[str, int]) -> Person:
    return Person(id, name, "", frozenset({role}), skills)


PEOPLE = [
    person(ANNA, "Anna Novak", DeskRole.AGENT, {"claims": 5}),
    person(EVA, "Eva Horvat", DeskRole.SPECIALIST, {"claims": 5}),
    person(MARCUS, "Marcus Lind", DeskRole.SPECIALIST, {"claims": 3, "fraud": 5}),
    person(SARA, "Sara Quinn", DeskRole.SUPERVISOR, {}),
]
REQUEST = PromiseRequest(
    id=TaskId("task_1"),
    kind=TaskKind.CALLBACK,
    skill="claims",
    interaction=InteractionId("int_1"),
    escalation=EscalationId("esc_1"),
    case=CaseId("case_1"),
    digest="d1",
    queue=QueueId("claims"),
    service_number="5001",
    number="+385915550101",
    arrived_at=MONDAY_NINE - 120,
    asked_by=ANNA,
    customer=CustomerId("ana"),
    customer_name="Ana Kovač",
    trunk="carrier",
)


def promise(kind: TaskKind = TaskKind.CALLBACK, **changes: object) -> Promise:
    return plan_promise(replace(REQUEST, kind=kind, **changes), PEOPLE, [], HOURS, RULES, MONDAY_NINE)  # type: ignore[arg-type]


def task(kind: TaskKind = TaskKind.CALLBACK, **changes: object) -> Task:
    return Task(promise(kind, **changes))
