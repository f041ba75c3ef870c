"""The runner of promises: keeps the tasks of this node, performs what their machine wants, feeds back what happened.

Making a promise is done in memory and in the event log, at once; the row in the store is written behind. So neither a
slow nor a dead database can keep the customer from hearing by when he is helped.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog

from center.leases import LeaseKeeper
from center.promise import effects as fx
from center.promise.calendar import BusinessHours
from center.promise.events import (
    Accepted,
    BecameFree,
    Claimed,
    LeaseGranted,
    LeaseRefused,
    Made,
    Restarted,
    TakenAway,
    TaskEvent,
    TimerFired,
)
from center.promise.machine import step
from center.promise.model import CALLING, Promise, PromiseRules, Slot, Task, TaskState
from center.promise.order import is_left_alone, next_task_for
from center.promise.plan import PromiseRequest, plan_promise
from center.record import Record
from context.model import Case, Customer, PastContact
from routing.model import Person
from telephony.effects import DialLeg, EndLeg
from telephony.end_reasons import STALE_RESERVATION
from telephony.events import LegEnded, LegEvent
from telephony.model import CallerIdentity, Destination
from telephony.switch import Switch
from vocabulary import InteractionId, LegId, PersonId, QueueId, TaskId

log = structlog.get_logger(__name__)
T = TypeVar("T")

LONGEST_SLEEP_S = 60.0
"""A timer looks at the wall clock at least this often, so that a corrected clock is noticed."""
DONE_SHOWN_S = 20.0


@dataclass(slots=True)
class TaskWork:
    """One task with what people need to do it."""

    state: Task
    case: Case | None = None
    customer: Customer | None = None
    history: tuple[PastContact, ...] = ()


class EventLog(Protocol):
    """Where facts are appended; never blocks, never raises."""

    def append(self, interaction: InteractionId, name: str, data: dict[str, Any]) -> None: ...


class Surroundings(Protocol):
    """What the keeper asks of, and tells, the rest of the node."""

    def free_people(self) -> frozenset[PersonId]:
        """Who could begin something now."""
        ...

    def waiting_since(self, person: PersonId) -> float | None:
        """When (UTC seconds) the customer came who has waited longest for this person otherwise."""
        ...

    def reserved(self, person: PersonId, holder: str | None) -> None:
        """Show that a person is about to be busy, or no longer."""
        ...

    async def claim(self, work: TaskWork) -> bool | None:
        """Make sure in the store that no other node works on it; None: the store could not be asked."""
        ...

    def task_headers(self, work: TaskWork) -> tuple[tuple[str, str], ...]:
        """Extra headers of the INVITE towards the specialist."""
        ...

    def begin_conversation(self, work: TaskWork) -> None:
        """Make an interaction of the two legs of a callback."""
        ...

    def tell_customer(self, work: TaskWork, about: str, text: str) -> None:
        """Write him a text."""
        ...

    def task_changed(self, work: TaskWork) -> None:
        """Show and store it."""
        ...

    def task_over(self, work: TaskWork) -> None:
        """Take it off the screens."""
        ...


class PromiseKeeper:
    """Every open task of the node. Loop thread only."""

    def __init__(
        self,
        *,
        switch: Switch,
        leases: LeaseKeeper,
        events: EventLog,
        surroundings: Surroundings,
        people: Mapping[PersonId, Person],
        hours: Callable[[QueueId], BusinessHours],
        rules: PromiseRules,
        company: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._switch = switch
        self._leases = leases
        self._events = events
        self._surroundings = surroundings
        self._people = people
        self._hours = hours
        self._rules = rules
        self._company = company
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.works: dict[TaskId, TaskWork] = {}
        self._of_leg: dict[LegId, TaskId] = {}
        self._timers: dict[TaskId, asyncio.TimerHandle] = {}
        self._queue: deque[Callable[[], None]] = deque()
        self._is_draining = False
        self._seeking = False
        self._dirty: set[TaskId] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._claims: dict[TaskId, asyncio.Task[bool | None]] = {}

    def set_rules(self, rules: PromiseRules, hours: Callable[[QueueId], BusinessHours]) -> None:
        """Let new promises be made by these limits; those made keep their due times."""
        self._rules, self._hours = rules, hours

    # -- promises -----------------------------------------------------------------------------------------------

    def make(
        self, request: PromiseRequest, case: Case, customer: Customer | None, history: tuple[PastContact, ...]
    ) -> Promise:
        """Make a promise: from now on it is this node's to keep."""
        promise = self.plan(request)
        self.works[promise.id] = TaskWork(Task(promise), case, customer, history)
        self.tell(promise.id, Made())
        return promise

    def plan(self, request: PromiseRequest) -> Promise:
        """What would be promised now; makes nothing."""
        hours = self._hours(request.queue)
        return plan_promise(request, self._people.values(), self._reserved_slots(), hours, self._rules, self._clock())

    async def accept(self, task: TaskId, accepted: Accepted) -> bool:
        """Let a person take a task; False when another node turns out to keep it by now, and it is gone from here."""
        self.tell(task, accepted)
        claim = self._claims.pop(task, None)
        return claim is None or await asyncio.shield(claim) is not False

    def next_for(self, person: PersonId) -> Task | None:
        """The task that waits for this person, whoever else does."""
        known = self._people.get(person)
        states = [work.state for work in self.works.values()]
        return next_task_for(known, states, frozenset({person}), self._clock()) if known is not None else None

    def take_up(self, works: list[TaskWork]) -> None:
        """Go on with promises of an earlier life of this node, or of another node that died."""
        for work in works:
            self.works[work.state.id] = work
            self.tell(work.state.id, Restarted())

    def _reserved_slots(self) -> list[tuple[PersonId, Slot]]:
        promises = [work.state.promise for work in self.works.values() if not work.state.has_talked]
        return [(promise.owner, promise.slot) for promise in promises if promise.slot is not None]

    # -- events in ----------------------------------------------------------------------------------------------

    def tell(self, task: TaskId, event: TaskEvent) -> None:
        self._post(lambda: self._step(task, event))

    def leg_event(self, event: LegEvent) -> bool:
        """Bring an event of a leg to its task; False when the leg belongs to none."""
        task = self._of_leg.get(event.leg)
        if task is None:
            return False
        if isinstance(event, LegEnded):
            del self._of_leg[event.leg]
        self.tell(task, event)
        return True

    def somebody_free(self) -> None:
        """A person became free: what waits may go on."""
        self._seek()

    def of_call(self, call: InteractionId) -> TaskWork | None:
        """The task whose callback this conversation is."""
        return next((work for work in self.works.values() if work.state.call == call), None)

    def is_live(self, task: str) -> bool:
        """Whether the task needs its lease."""
        work = self.works.get(TaskId(task))
        return work is not None and (work.state.state in CALLING or work.state.state is TaskState.TALKING)

    def stop_ringing(self, task: str) -> None:
        """The reservation of who accepted was lost: his phone must not ring on."""
        work = self.works.get(TaskId(task))
        if work is not None and work.state.state is TaskState.CALLING_SPECIALIST:
            for leg in work.state.legs[:1]:
                self._switch.perform(EndLeg(leg, STALE_RESERVATION))

    async def stop(self) -> None:
        """Stop the timers and wait for what is under way; the tasks themselves are in the store."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)

    # -- the machine --------------------------------------------------------------------------------------------

    def _post(self, action: Callable[[], None]) -> None:
        self._queue.append(action)
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while self._queue:
                self._queue.popleft()()
        finally:
            self._is_draining = False
        changed, self._dirty = self._dirty, set()
        for task in changed:
            if task in self.works:
                self._surroundings.task_changed(self.works[task])

    def _step(self, task: TaskId, event: TaskEvent) -> None:
        work = self.works.get(task)
        if work is None:
            return
        before = work.state
        try:
            work.state, effects = step(before, event, self._rules, self._clock())
        except Exception:
            log.exception("task_bug", task_id=task, triggering_event=type(event).__name__)
            return
        if work.state != before or isinstance(event, Made | Restarted):
            self._dirty.add(task)
        for effect in effects:
            self._perform(work, effect)
        if not work.state.is_open and before.is_open:
            self._retire(work)

    def _perform(self, work: TaskWork, effect: fx.TaskEffect) -> None:
        state = work.state
        match effect:
            case fx.Seek():
                self._seek()
            case fx.HoldPerson(person, held):
                self._surroundings.reserved(person, state.id if held else None)
                if not held:
                    self._loop.call_later(self._rules.rest_s, self._seek)
            case fx.ClaimTask():
                self._claims[state.id] = self._spawn(self._claim(work))
            case fx.AcquireLease(person):
                self._spawn(self._acquire(state.id, person))
            case fx.ReleaseLease(lease):
                self._spawn(self._leases.release(lease))
            case fx.RingSpecialist(leg, person, lease):
                shown = CallerIdentity(state.promise.customer_name, state.promise.number)
                headers = self._surroundings.task_headers(work)
                self._dial(state.id, DialLeg(leg, Destination(person=person), shown, headers, lease.token))
            case fx.CallCustomer(leg):
                to = Destination(number=state.promise.number, trunk=state.promise.trunk)
                self._dial(state.id, DialLeg(leg, to, CallerIdentity(self._company, state.promise.service_number)))
            case fx.BeginConversation():
                for leg in state.legs:
                    self._of_leg.pop(leg, None)
                self._surroundings.begin_conversation(work)
            case fx.TellCustomer(about, text):
                self._surroundings.tell_customer(work, about, text)
            case fx.StartTimer(at):
                self._start_timer(state.id, at)
            case Record(name, data):
                self._events.append(state.promise.interaction, name, data)
            case _:
                self._switch.perform(effect)

    def _dial(self, task: TaskId, effect: DialLeg) -> None:
        self._of_leg[effect.leg] = task
        self._switch.perform(effect)

    async def _claim(self, work: TaskWork) -> bool | None:
        """A task that could not be claimed rings nobody; one without a call goes on until the store says otherwise."""
        answers: dict[bool | None, TaskEvent] = {True: Claimed(), False: TakenAway(), None: LeaseRefused()}
        claimed = await self._surroundings.claim(work)
        self.tell(work.state.id, answers[claimed])
        return claimed

    async def _acquire(self, task: TaskId, person: PersonId) -> None:
        lease = await self._leases.acquire(person, task)
        self.tell(task, LeaseGranted(lease) if lease is not None else LeaseRefused())

    # -- offering -----------------------------------------------------------------------------------------------

    def _seek(self) -> None:
        """Offer what waits to whom is free, once everything that happened is taken in."""
        if not self._seeking:
            self._seeking = True
            self._loop.call_soon(self._offer_all)

    def _offer_all(self) -> None:
        self._seeking = False
        free = self._surroundings.free_people()
        states = [work.state for work in self.works.values()]
        busy = {state.person for state in states if state.state is not TaskState.ACCEPTED}
        for person_id in sorted(free - busy):
            person = self._people.get(person_id)
            states = [work.state for work in self.works.values()]
            if person is None or is_left_alone(person_id, states, self._rules, self._clock()):
                continue
            since = self._surroundings.waiting_since(person_id)
            task = next_task_for(person, states, free, self._clock(), waiting_since=since)
            if task is not None:
                self.tell(task.id, BecameFree(person_id))

    # -- timers, tasks ------------------------------------------------------------------------------------------

    def _start_timer(self, task: TaskId, at: float) -> None:
        running = self._timers.pop(task, None)
        if running is not None:
            running.cancel()
        delay = min(max(0.0, at - self._clock()), LONGEST_SLEEP_S)
        self._timers[task] = self._loop.call_later(delay, self.tell, task, TimerFired())

    def _retire(self, work: TaskWork) -> None:
        timer = self._timers.pop(work.state.id, None)
        if timer is not None:
            timer.cancel()
        if work.state.state is TaskState.GONE:
            self._forget(work.state.id)
        else:
            self._loop.call_later(DONE_SHOWN_S, self._forget, work.state.id)

    def _forget(self, task: TaskId) -> None:
        work = self.works.pop(task, None)
        if work is not None:
            self._surroundings.task_over(work)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        running = self._loop.create_task(work)
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)
        return running
