"""Who comes first: callbacks and waiting callers in the order in which the customers first came (S03). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from center.promise.model import PromiseRules, Task
from routing.model import Person
from vocabulary import PersonId


def next_task_for(
    person: Person,
    tasks: Iterable[Task],
    free: frozenset[PersonId],
    now: float,
    *,
    waiting_since: float | None = None,
) -> Task | None:
    """The task to offer to a person who is free, if any.

    Its owner's first while he is free himself; otherwise anybody's with the skill. `waiting_since`: when the customer
    first came who has waited longest for this person in another way; whoever came earlier goes first.
    """
    mine = [task for task in tasks if _is_for(person, task, free) and task.may_be_offered_to(person.id, now)]
    first = min(mine, key=lambda task: (task.promise.arrived_at, task.id), default=None)
    if first is not None and waiting_since is not None and waiting_since < first.promise.arrived_at:
        return None
    return first


def is_left_alone(person: PersonId, tasks: Iterable[Task], rules: PromiseRules, now: float) -> bool:
    """Whether somebody let an offer pass so lately that he is offered nothing: offers must not hold him for ever."""
    return any(task.passed.get(person, 0.0) - rules.offer_again_s + rules.rest_s > now for task in tasks)


def may_do(person: Person, task: Task) -> bool:
    """Whether a task is, or may become, a person's."""
    return person.id in (task.promise.owner, task.person) or task.promise.skill in person.skills


def _is_for(person: Person, task: Task, free: frozenset[PersonId]) -> bool:
    owner = task.promise.owner
    return person.id == owner or (owner not in free and task.promise.skill in person.skills)
