"""Makes the plan of a promise: whose it is, until when, and which time of his is reserved for it. Pure; cannot fail."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from center.promise.calendar import BusinessHours
from center.promise.model import Promise, PromiseRules, Slot, TaskKind
from routing.model import Person
from vocabulary import (
    CaseId,
    CustomerId,
    DeskRole,
    EscalationId,
    InteractionId,
    PersonId,
    QueueId,
    TaskId,
)

PRIORITY = {TaskKind.CALLBACK: 2, TaskKind.TASK: 1}
_GRID_S = 300.0
"""Due times are told to people: full five minutes."""


@dataclass(frozen=True, slots=True)
class PromiseRequest:
    """What a promise is made of. `agents`: who of the company talked with the customer, the longest first."""

    id: TaskId
    kind: TaskKind
    skill: str
    interaction: InteractionId
    escalation: EscalationId
    case: CaseId
    digest: str
    queue: QueueId
    service_number: str
    number: str
    arrived_at: float
    asked_by: PersonId
    agents: tuple[PersonId, ...] = ()
    deputy: PersonId | None = None
    customer: CustomerId | None = None
    customer_name: str = ""
    trunk: str | None = None
    willing: tuple[tuple[PersonId, float], ...] = ()
    """Who was asked in and said that he has time later, and from when on (UTC seconds): the first to own it."""
    lost_on: str = ""


def plan_promise(
    request: PromiseRequest,
    people: Iterable[Person],
    reserved: Iterable[tuple[PersonId, Slot]],
    hours: BusinessHours,
    rules: PromiseRules,
    now: float,
) -> Promise:
    """Decide owner, due time, callback slot and the sentence for the customer.

    Args:
        reserved: The callback slots of all open promises, with their owners.
        now: UTC seconds.
    """
    owners = possible_owners(request, list(people))
    at = datetime.fromtimestamp(now, UTC)
    slot: Slot | None = None
    if request.kind is TaskKind.CALLBACK:
        latest = hours.after(at, rules.callback_s)
        owner, slot = _first_slot(owners, dict(request.willing), list(reserved), hours, rules, at, latest)
        due = max(_on_grid(latest), datetime.fromtimestamp(slot.ends_at, UTC))
    else:
        owner, due = owners[0], hours.end_of_next_day(at)
    name = owner.name if isinstance(owner, Person) else str(owner)
    half = hours.after(at, hours.between(at, due) / 2)
    return Promise(
        id=request.id,
        kind=request.kind,
        owner=_id(owner),
        skill=request.skill,
        priority=PRIORITY[request.kind],
        made_at=now,
        due_at=due.timestamp(),
        half_at=half.timestamp(),
        remind_at=hours.before(due, rules.due_soon_s, at).timestamp(),
        interaction=request.interaction,
        escalation=request.escalation,
        case=request.case,
        digest=request.digest,
        queue=request.queue,
        service_number=request.service_number,
        number=request.number,
        arrived_at=request.arrived_at,
        sentence=sentence(request.kind, name, due, at, hours),
        customer=request.customer,
        customer_name=request.customer_name,
        trunk=request.trunk,
        slot=slot,
        lost_on=request.lost_on,
    )


Owner = Person | PersonId


def possible_owners(request: PromiseRequest, people: Sequence[Person]) -> list[Owner]:
    """Possible owners, best first: who has time later, specialists by skill, the queue's deputy, agents; never none."""
    by_id = {person.id: person for person in people}
    skilled = [p for p in people if request.skill in p.skills and DeskRole.SPECIALIST in p.roles]
    skilled.sort(key=lambda person: (-person.skills[request.skill], person.id))
    willing = [by_id[person] for person, _ in request.willing if person in by_id]
    others = [each for each in (request.deputy, *request.agents, request.asked_by) if each is not None]
    return [*willing, *(each for each in skilled if each not in willing), *(by_id.get(each, each) for each in others)]


def sentence(kind: TaskKind, owner: str, due: datetime, now: datetime, hours: BusinessHours) -> str:
    """What the customer is told: who does what by when."""
    when = in_words(due, now, hours)
    if kind is TaskKind.CALLBACK:
        return f"{owner} will call you back by {when}."
    return f"{owner} will take care of your matter and you will hear from us by {when}."


def in_words(at: datetime, now: datetime, hours: BusinessHours) -> str:
    """A time as one says it: `15:30 today`, `09:00 tomorrow`, `10:15 on Monday`, `10:15 on Monday, 30 November`."""
    local, today = hours.local(at), hours.local(now).date()
    days = (local.date() - today).days
    if days <= 1:
        return f"{local:%H:%M} {'today' if days <= 0 else 'tomorrow'}"
    return f"{local:%H:%M} on {local:%A}" if days < 7 else f"{local:%H:%M} on {local:%A}, {local.day} {local:%B}"


def _id(owner: Owner) -> PersonId:
    return owner.id if isinstance(owner, Person) else owner


def _first_slot(
    owners: Sequence[Owner],
    willing: Mapping[PersonId, float],
    reserved: Sequence[tuple[PersonId, Slot]],
    hours: BusinessHours,
    rules: PromiseRules,
    at: datetime,
    latest: datetime,
) -> tuple[Owner, Slot]:
    """The best owner who has time before `latest`; if nobody has, whoever has time first."""
    first: list[tuple[Owner, Slot]] = []
    for owner in owners:
        taken = [slot for person, slot in reserved if person == _id(owner)]
        has_time = datetime.fromtimestamp(max(at.timestamp(), willing.get(_id(owner), 0.0)), UTC)
        slot = _free_slot(taken, hours, rules, has_time)
        if slot.ends_at <= latest.timestamp():
            return owner, slot
        first.append((owner, slot))
    return min(first, key=lambda pair: pair[1].ends_at)


def _free_slot(taken: Sequence[Slot], hours: BusinessHours, rules: PromiseRules, at: datetime) -> Slot:
    """The owner's earliest time that overlaps no other callback of his."""
    moment = hours.after(at, rules.notice_s)
    while True:
        begins = hours.next_open(datetime.fromtimestamp(math.ceil(moment.timestamp() / _GRID_S) * _GRID_S, UTC))
        slot = Slot(begins.timestamp(), hours.after(begins, rules.slot_s).timestamp())
        in_the_way = max((other.ends_at for other in taken if slot.overlaps(other)), default=None)
        if in_the_way is None:
            return slot
        moment = datetime.fromtimestamp(in_the_way, UTC)


def _on_grid(at: datetime) -> datetime:
    """Down to full five minutes, so that the promise stays within its limit."""
    return datetime.fromtimestamp(math.floor(at.timestamp() / _GRID_S) * _GRID_S, UTC)
