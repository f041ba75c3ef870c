"""The life of a task: `step(task, event, rules, now) -> (task, effects)`; `now` is UTC seconds.

    OPEN ◄─ declined, let pass, not reached ─┐
      │ somebody free (the system offers)    │
      ▼                                      │
    OFFERED ── accepted ──► CALLING_SPECIALIST ── lifted ──► CALLING_CUSTOMER ── answered ──► TALKING
                   │ (a task without a call)                                                    │ over
                   └──────────────────────────────► ACCEPTED ◄──────────────────────────────────┤
                                                       │ says what came of it                   │ with outcome
                                                       └───────────────► DONE ◄─────────────────┘

Rules. The system offers, nobody has to look for it; who lets an offer pass is left alone for a while. The specialist's
phone rings first, under a lease, so that the customer never hears an empty line. Before that the node claims the task
in the store: of several nodes that know it one works on it, for the others it is GONE. A customer who does not
answer is tried again a few times, then supervisors are told. Half of the (business) time gone: the customer hears how
it stands; half an hour before it is due: owner and supervisors are reminded; due: it goes one level up. A promise is
kept when the customer was talked to (callback) or the matter is settled (task); only then nobody is reminded any
more. Late and repeated events change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from center.promise.effects import (
    AcquireLease,
    BeginConversation,
    CallCustomer,
    ClaimTask,
    HoldPerson,
    ReleaseLease,
    RingSpecialist,
    Seek,
    StartTimer,
    TaskEffect,
    TellCustomer,
)
from center.promise.events import (
    Accepted,
    BecameFree,
    Claimed,
    ConversationOver,
    Declined,
    Done,
    LeaseGranted,
    LeaseRefused,
    Made,
    Restarted,
    TakenAway,
    TaskEvent,
    TimerFired,
)
from center.promise.model import CALLING, PromiseRules, Task, TaskKind, TaskState
from center.record import Record
from telephony.effects import EndLeg
from telephony.events import DtmfReceived, LegAnswered, LegArrived, LegDialled, LegEnded, LegRinging, PromptEnded
from vocabulary import EndReason, PersonId

Step = tuple[Task, list[TaskEffect]]
S = TaskState

NO_ANSWER = EndReason.upstream_error("no_answer")
LEFT = EndReason.success("left")
TAKEN = EndReason.client_error("taken")
SETTLED = EndReason.success("completed")


def step(task: Task, event: TaskEvent, rules: PromiseRules, now: float) -> Step:
    """Apply one event, then do what the time asks for. A task that is done only gives back leases that come late."""
    if not task.is_open:
        return task, [ReleaseLease(event.lease)] if isinstance(event, LeaseGranted) else []
    task, effects = _apply(task, event, rules, now)
    task, due = _do_what_is_due(task, rules, now)
    effects += due
    if task.is_open and (wake_at := _next_wake(task, now)) is not None:
        effects.append(StartTimer(wake_at))
    return task, effects


def _apply(task: Task, event: TaskEvent, rules: PromiseRules, now: float) -> Step:
    match event:
        case Made():
            return task, [*_created(task), TellCustomer("promise_made", task.promise.sentence), Seek()]
        case Restarted():
            return _restarted(task)
        case BecameFree(person) if task.may_be_offered_to(person, now):
            task = replace(task, state=S.OFFERED, person=person, offer_until=now + rules.offer_s)
            return task, [_record(task, "task.offered"), HoldPerson(person, held=True)]
        case Accepted():
            return _accepted(task, event)
        case Declined(person) if task.state is S.OFFERED and person == task.person:
            return _passed(task, person, "task.declined", rules, now)
        case Claimed() if task.state is S.CALLING_SPECIALIST and task.lease is None and task.person is not None:
            return task, [AcquireLease(task.person)]
        case TakenAway() if task.state is not S.TALKING:  # who talks with the customer talks on; its end is told later
            return replace(task, state=S.GONE), [*_settled(task, TAKEN), _record(task, "task.taken_away")]
        case LeaseGranted(lease):
            return _lease_granted(task, event) if task.state is S.CALLING_SPECIALIST else (task, [ReleaseLease(lease)])
        case LeaseRefused() if task.state is S.CALLING_SPECIALIST and task.lease is None:
            return _not_reached(task, TAKEN, rules, now)
        case LegAnswered(leg):
            return _leg_answered(task, rules, now) if leg in task.legs else (task, [])
        case LegEnded(leg, end) if task.state in CALLING and leg in task.legs:
            return _leg_ended(task, event, end, rules, now)
        case ConversationOver() if task.state is S.TALKING:
            return _conversation_over(task, event, now)
        case Done(person, outcome, resolved):
            return _done(task, person, outcome, resolved, now)
        case BecameFree() | Declined() | Claimed() | TakenAway() | LeaseRefused() | LegEnded():
            return task, []
        case ConversationOver() | TimerFired():
            return task, []
        case LegArrived() | LegDialled() | LegRinging() | DtmfReceived() | PromptEnded():
            return task, []
        case _:
            assert_never(event)


def _created(task: Task) -> list[TaskEffect]:
    promise = task.promise
    created: dict[str, object] = {
        "kind": promise.kind.value,
        "owner": promise.owner,
        "skill": promise.skill,
        "priority": promise.priority,
        "due_at": promise.due_at,
        "digest": promise.digest,
        "case": promise.case,
        "escalation": promise.escalation,
    }
    if promise.slot is not None:
        created |= {"slot_begins_at": promise.slot.begins_at, "slot_ends_at": promise.slot.ends_at}
    return [
        _record(task, "task.created", **created),
        _record(task, "promise.made", kind=promise.kind.value, due_at=promise.due_at, pii_sentence=promise.sentence),
    ]


def _restarted(task: Task) -> Step:
    """What was under way died with the node; who had accepted a task still has it."""
    if task.state is S.ACCEPTED:
        return task, []
    return task.reopened(), [_record(task, "task.reopened", reason="node_lost"), Seek()]


def _accepted(task: Task, event: Accepted) -> Step:
    if task.state not in (S.OPEN, S.OFFERED):
        return task, []
    others: list[TaskEffect] = []
    if task.person is not None and task.person != event.person:
        others = [HoldPerson(task.person, held=False)]
    task = replace(task, person=event.person, offer_until=None)
    accepted = [*others, _record(task, "task.accepted")]
    if task.promise.kind is TaskKind.TASK:
        return replace(task, state=S.ACCEPTED), [*accepted, HoldPerson(event.person, held=False), ClaimTask()]
    task = replace(
        task,
        state=S.CALLING_SPECIALIST,
        specialist_leg=event.specialist_leg,
        customer_leg=event.customer_leg,
        call=event.call,
    )
    return task, [*accepted, HoldPerson(event.person, held=True), ClaimTask()]


def _lease_granted(task: Task, event: LeaseGranted) -> Step:
    if task.lease is not None or task.person != event.lease.person or task.specialist_leg is None:
        return task, [ReleaseLease(event.lease)]
    leg = task.specialist_leg
    return replace(task, lease=event.lease), [RingSpecialist(leg, event.lease.person, event.lease)]


def _leg_answered(task: Task, rules: PromiseRules, now: float) -> Step:
    customer_leg = task.customer_leg
    assert customer_leg is not None
    if task.state is S.CALLING_SPECIALIST:
        task = replace(task, state=S.CALLING_CUSTOMER, ring_until=now + rules.ring_customer_s)
        return task, [_record(task, "task.calling", attempt=task.attempts + 1), CallCustomer(customer_leg)]
    if task.state is S.CALLING_CUSTOMER:
        task = replace(task, state=S.TALKING, ring_until=None, has_talked=True, attempts=task.attempts + 1)
        return task, [_record(task, "task.talking", call=task.call), BeginConversation()]
    return task, []


def _leg_ended(task: Task, event: LegEnded, end: EndReason, rules: PromiseRules, now: float) -> Step:
    if event.leg == task.specialist_leg:
        lifted = task.state is S.CALLING_CUSTOMER
        return _not_reached(task, LEFT if lifted else end, rules, now)
    return _customer_not_reached(task, end, rules, now)


def _not_reached(task: Task, end: EndReason, rules: PromiseRules, now: float) -> Step:
    """Who accepted is not there after all: back to waiting, not counted as an attempt."""
    assert task.person is not None
    settled = _settled(task, end)
    task = replace(task, last_end=end, passed=task.passed | {task.person: now + rules.offer_again_s})
    return task.reopened(), [*settled, _record(task, "task.specialist_not_reached", reason=end.reason), Seek()]


def _customer_not_reached(task: Task, end: EndReason, rules: PromiseRules, now: float) -> Step:
    settled = _settled(task, end)
    attempts = task.attempts + 1
    task = replace(task, attempts=attempts, last_end=end, next_try_at=now + rules.attempt_again_s)
    failed = _record(task, "task.customer_not_reached", reason=end.reason, attempt=attempts)
    effects: list[TaskEffect] = [*settled, failed]
    if attempts >= rules.attempts:
        # Nobody is sent to this number again by the system; a person may still accept it by hand.
        task = replace(task, next_try_at=float("inf"), level=1)
        effects.append(_record(task, "task.attempts_exhausted", attempts=attempts))
    return task.reopened(), effects


def _settled(task: Task, end: EndReason) -> list[TaskEffect]:
    """End both legs (those that are gone take no notice), give the person back."""
    effects: list[TaskEffect] = [EndLeg(leg, end) for leg in task.legs]
    if task.lease is not None:
        effects.append(ReleaseLease(task.lease))
    if task.person is not None:
        effects.append(HoldPerson(task.person, held=False))
    return effects


def _conversation_over(task: Task, event: ConversationOver, now: float) -> Step:
    assert task.person is not None
    person = task.person
    effects: list[TaskEffect] = [HoldPerson(person, held=False)]
    if task.lease is not None:
        effects.append(ReleaseLease(task.lease))
    task = replace(task, state=S.ACCEPTED, lease=None, specialist_leg=None, customer_leg=None)
    if not event.outcome:
        return task, effects
    task, done = _done(task, person, event.outcome, bool(event.resolved), now)
    return task, [*effects, *done]


def _done(task: Task, person: PersonId, outcome: str, resolved: bool, now: float) -> Step:
    effects: list[TaskEffect] = []
    if task.state in CALLING or task.state is S.OFFERED:
        effects = _settled(task, SETTLED)
    elif task.lease is not None:
        effects = [ReleaseLease(task.lease)]
    done = replace(task, state=S.DONE, outcome=outcome, resolved=resolved, closed_at=now, lease=None, offer_until=None)
    in_time = now <= task.promise.due_at or (task.has_talked and not task.overdue)
    said = _record(done, "task.done", by=person, pii_outcome=outcome, resolved=resolved, in_time=in_time)
    return done, [*effects, said]


def _passed(task: Task, person: PersonId, name: str, rules: PromiseRules, now: float) -> Step:
    passed = _record(task, name)
    task = replace(task, passed=task.passed | {person: now + rules.offer_again_s})
    return task.reopened(), [passed, HoldPerson(person, held=False), Seek()]


def _do_what_is_due(task: Task, rules: PromiseRules, now: float) -> Step:
    effects: list[TaskEffect] = []
    if not task.is_open:
        return task, effects
    if task.state is S.OFFERED and task.offer_until is not None and now >= task.offer_until:
        assert task.person is not None
        task, effects = _passed(task, task.person, "task.let_pass", rules, now)
    elif task.state is S.CALLING_CUSTOMER and task.ring_until is not None and now >= task.ring_until:
        task, effects = _customer_not_reached(task, NO_ANSWER, rules, now)
    elif task.state is S.CALLING_SPECIALIST:
        task, effects = _ring_limit(task, rules, now)
    elif task.state is S.OPEN:
        task, effects = _try_again(task, now)
    task, reminders = _remind(task, now)
    return task, [*effects, *reminders]


def _try_again(task: Task, now: float) -> Step:
    """A pause is over: after an attempt, or since somebody let it pass."""
    still = {person: until for person, until in task.passed.items() if until > now}
    if still == task.passed and not 0.0 < task.next_try_at <= now:
        return task, []
    next_try_at = 0.0 if task.next_try_at <= now else task.next_try_at
    return replace(task, passed=still, next_try_at=next_try_at), [Seek()]


def _ring_limit(task: Task, rules: PromiseRules, now: float) -> Step:
    if task.ring_until is None:
        return replace(task, ring_until=now + rules.ring_specialist_s), []
    return _not_reached(task, NO_ANSWER, rules, now) if now >= task.ring_until else (task, [])


def _remind(task: Task, now: float) -> Step:
    """What the customer, the owner and supervisors hear as time goes by; nothing once the promise is kept."""
    promise, effects = task.promise, list[TaskEffect]()
    if task.has_talked:
        return task, effects
    if not task.half_told and promise.half_at <= now < promise.due_at:
        task = replace(task, half_told=True)
        status = f"Your matter is being looked after: {promise.sentence}"
        effects += [_record(task, "task.half_time"), TellCustomer("half_time", status)]
    if not task.reminded and promise.remind_at <= now < promise.due_at:
        task = replace(task, reminded=True)
        effects.append(_record(task, "task.due_soon", owner=promise.owner, due_at=promise.due_at))
    if not task.overdue and now >= promise.due_at:
        task = replace(task, overdue=True, level=1)
        effects.append(_record(task, "task.overdue", owner=promise.owner, level=task.level))
    return task, effects


def _next_wake(task: Task, now: float) -> float | None:
    """The next time at which anything is due."""
    promise = task.promise
    wakes = [each for each in (task.offer_until, task.ring_until) if each is not None]
    if task.state is S.OPEN:
        wakes += [task.next_try_at, *task.passed.values()]
    if not task.has_talked:
        wakes += [promise.half_at, promise.remind_at, promise.due_at]
    return min((at for at in wakes if now < at < float("inf")), default=None)


def _record(task: Task, name: str, **data: object) -> Record:
    return Record(name, {"task": task.id, "person": task.person, **data})
