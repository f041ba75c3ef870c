"""What the centre does with promises: makes them, tells customers, shows them, keeps them by calling back.

The promise keeper (center.promise) decides; here it meets the company, the screens, the store and the engine.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import phonenumbers
import structlog

from center.directory import CompanyDirectory
from center.documents import EscalationWork, Work
from center.engine import Engine, find_interaction_of
from center.errors import CenterError, NotAllowed, UnknownThing, WrongMoment
from center.escalation.model import EscalationState
from center.interaction.model import Interaction, Participant, Phase
from center.leases import LeaseKeeper
from center.live import Audience, Document, LiveDocuments
from center.persistence import Persistence
from center.promise.calendar import BusinessHours
from center.promise.documents import promise_json, task_document
from center.promise.events import Accepted, ConversationOver, Declined, Done, TakenAway
from center.promise.kept import conversation_of, stored_task, task_from_store
from center.promise.model import CALLING, Promise, PromiseRules, Task, TaskKind, TaskState
from center.promise.order import may_do
from center.promise.plan import PromiseRequest
from center.promise.runner import PromiseKeeper, TaskWork
from center.promise.too_late import WAITING, asked_now, kept_by, kept_elsewhere
from center.speech import Speech
from center.texts import Text
from center.webhook.outgoing import NobodyListens, Outgoing
from context.bundle import make_bundle
from context.model import Case
from presence.model import AvailabilityState
from presence.runner import PresenceService
from routing.model import AgentState, Person
from store.records import StoredInteraction, StoredTask
from store.store import Store
from telephony.effects import PlayPrompt
from telephony.events import LegEvent
from telephony.switch import Switch
from vocabulary import DeskRole, EscalationId, InteractionId, LegId, ParticipantRole, PersonId, QueueId, TaskId, new_id

log = structlog.get_logger(__name__)

_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_COSTLY = frozenset({phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST})
LOOK_UP_S = 5.0


def may_be_called(number: str) -> bool:
    """Whether a callback may go to this number: one that somebody could fake to earn money with is not called."""
    if not _NUMBER.fullmatch(number):
        return False
    try:
        return phonenumbers.number_type(phonenumbers.parse(number)) not in _COSTLY
    except phonenumbers.NumberParseException:
        return True  # an extension, or a number without country code


def lost_call_task(interaction: InteractionId) -> TaskId:
    """The callback for a call that was lost: whoever makes it, and however often, it is one task."""
    return TaskId(f"task_lost_{interaction}")


class Promises:
    """The promises of one node and everything around them. Loop thread only."""

    def __init__(
        self,
        *,
        store: Store,
        switch: Switch,
        engine: Engine,
        leases: LeaseKeeper,
        presence: PresenceService,
        directory: CompanyDirectory,
        live: LiveDocuments,
        persistence: Persistence,
        speech: Speech,
        rules: PromiseRules,
        hours: Callable[[QueueId], BusinessHours],
        company: str,
        outgoing: Outgoing | None = None,
        texts: bool = False,
    ) -> None:
        self._store = store
        self._outgoing = outgoing or NobodyListens()
        self._texts = texts
        self._switch = switch
        self._engine = engine
        self._leases = leases
        self._presence = presence
        self._directory = directory
        self._live = live
        self._persistence = persistence
        self._speech = speech
        self._announcing: set[asyncio.Task[None]] = set()
        self.keeper = PromiseKeeper(
            switch=switch,
            leases=leases,
            events=store.events,
            surroundings=self,
            people=directory.people,
            hours=hours,
            rules=rules,
            company=company,
        )

    # -- life ---------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        for task in list(self._announcing):
            task.cancel()
        await self.keeper.stop()

    async def _look_up(self, work: TaskWork) -> None:
        """Case and customer of a task of an earlier run; a task is kept without them too."""
        promise = work.state.promise
        try:
            async with asyncio.timeout(LOOK_UP_S):
                work.case = await self._store.cases.get(promise.case)
                if promise.customer is not None:
                    work.customer = await self._store.customers.get(promise.customer)
                    work.history = tuple(await self._store.customers.history(promise.customer))
        except Exception as error:
            log.warning("case_of_task_not_read", task_id=promise.id, error=type(error).__name__)

    # -- making -------------------------------------------------------------------------------------------------

    def preview(self, esc: EscalationWork, work: Work, kind: TaskKind) -> Document:
        """What the customer would be promised now, for the agent's choice."""
        return promise_json(self.keeper.plan(self._request(esc, work, kind, "")), self._directory.names)

    def make(self, esc: EscalationWork, work: Work, kind: TaskKind, digest: str) -> Document:
        """Promise the customer something instead of a person, and tell him (N10). The agent's screen shows it."""
        request = self._request(esc, work, kind, digest)
        promise = self.keeper.make(request, work.case, work.customer, work.history)
        task = asyncio.get_running_loop().create_task(self._announce(work.call.id, promise))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)
        return promise_json(promise, self._directory.names)

    def _request(self, esc: EscalationWork, work: Work, kind: TaskKind, digest: str) -> PromiseRequest:
        call = work.call
        agents = sorted((p for p in call.staff if p.talking), key=lambda p: p.since)
        return PromiseRequest(
            id=TaskId(new_id("task")),
            kind=kind,
            skill=esc.state.skill or next(iter(call.queue.specialist_skills), call.queue.skill),
            interaction=call.id,
            escalation=esc.state.id,
            case=work.case.id,
            digest=digest,
            queue=call.queue.id,
            service_number=call.queue.number,
            number=call.caller_number,
            arrived_at=work.first_came_at.timestamp(),
            asked_by=esc.state.agent,
            agents=tuple(p.person for p in agents if p.person is not None),
            deputy=call.queue.deputy,
            customer=work.customer.id if work.customer else None,
            customer_name=work.caller_name,
            trunk=self._line(work.trunk),
            willing=tuple(
                (each.specialist, self._engine.utc(each.again_at).timestamp())
                for each in esc.state.invitations
                if each.again_at is not None
            ),
        )

    # -- from an earlier life, or a dead node -------------------------------------------------------------------

    async def take_over(
        self,
        tasks: Sequence[StoredTask],
        lost: Sequence[StoredInteraction],
        lost_on: Callable[[InteractionId], str],
    ) -> None:
        """Keep promises that were another's, and call back customers whose calls were lost, in their old order.

        Args:
            tasks: Open in the store as ours; those known here already stay as they are.
            lost: Calls that died with their node. One that was a callback needs no other: its task is open again; nor
                does one in which a callback was promised.
            lost_on: The node a call was lost on.
        """
        new = [row for row in tasks if row.id not in self.keeper.works and not self._is_waiting(row.id)]
        works = [TaskWork(task_from_store(row)) for row in new]
        for work in works:
            await self._look_up(work)
        self.keeper.take_up(works)
        calls = [call.id for call in lost]
        promised: set[InteractionId | None] = {conversation_of(row) for row in tasks}
        promised |= {t.interaction for t in await self._store.tasks.open_of(calls) if t.kind == TaskKind.CALLBACK.value}
        for call in lost:
            if call.id not in promised:
                await self._call_back(call, lost_on(call.id))

    async def _call_back(self, lost: StoredInteraction, node: str) -> None:
        request = self._request_for_lost(lost)
        case = await self._store.cases.get(lost.case) if lost.case else None
        if request is None or case is None:
            return
        customer = await self._store.customers.get(lost.customer) if lost.customer else None
        history = tuple(await self._store.customers.history(customer.id)) if customer else ()
        bundle = make_bundle(
            escalation=request.escalation,
            interaction=lost.id,
            case=case,
            customer=customer,
            caller_number=lost.caller_number,
            requested_by=request.asked_by,
            reason="",
            history=history,
        )
        name = customer.name if customer else ""
        request = replace(request, customer_name=name, digest=bundle.digest, lost_on=node)
        promise = self.keeper.make(request, case, customer, history)
        await self._persistence.store_task(stored_task(self.keeper.works[promise.id].state))
        log.info("lost_call_becomes_callback", interaction_id=lost.id, task_id=promise.id)

    async def compare_with_store(self, node: str) -> None:
        """Take back what another node took over and has not begun with; drop what is not ours any more."""
        works = self.keeper.works.values()
        mine = [work.state.id for work in works if work.state.is_open and not self._is_waiting(work.state.id)]
        if not mine:
            return
        await self._store.tasks.take_back(node, mine)
        kept = await self._store.tasks.kept_by(node)
        for task in mine:
            if task not in kept:
                self._taken_away(task)

    def _taken_away(self, task: TaskId) -> None:
        self.keeper.tell(task, TakenAway())

    def _is_waiting(self, task: TaskId) -> bool:
        return self._persistence.is_waiting(f"task/{task}")

    def _request_for_lost(self, lost: StoredInteraction) -> PromiseRequest | None:
        queue = next((queue for queue in self._directory.queues if queue.id == lost.queue), None)
        if queue is None or lost.case is None or not may_be_called(lost.caller_number):
            return None
        staff = sorted(person.id for person in self._directory.people.values() if person.skills.get(queue.skill))
        asked_by = lost.agent or next(iter(staff), None)
        if asked_by is None:
            return None
        return PromiseRequest(
            id=lost_call_task(lost.id),
            kind=TaskKind.CALLBACK,
            skill=queue.skill,
            interaction=lost.id,
            escalation=EscalationId(""),
            case=lost.case,
            digest="",
            queue=queue.id,
            service_number=queue.number,
            number=lost.caller_number,
            arrived_at=lost.enqueued_at.timestamp(),
            asked_by=asked_by,
            agents=(lost.agent,) if lost.agent else (),
            deputy=queue.deputy,
            customer=lost.customer,
            trunk=self._line(None),
        )

    def _line(self, preferred: str | None) -> str | None:
        """The trunk a callback goes out over: the one the customer came over, else any that takes calls."""
        usable = [trunk.name for trunk in self._directory.trunks if trunk.outbound_uri]
        return preferred if preferred in usable else next(iter(usable), None)

    async def _announce(self, interaction: InteractionId, promise: Promise) -> None:
        """Read the promise to the customer, if he is still there."""
        prompt = self._speech.cached(promise.sentence) or await self._speech.prompt(promise.sentence)
        work = self._engine.works.get(interaction)
        if work is not None and work.call.customer_leg in work.call.talking_legs:
            self._switch.perform(PlayPrompt(work.call.customer_leg, prompt))
            self._store.events.append(interaction, "promise.announced", {"task": promise.id})

    # -- from the rest of the node ------------------------------------------------------------------------------

    def leg_event(self, event: LegEvent) -> bool:
        return self.keeper.leg_event(event)

    def comes_before(self, person: PersonId, came_at: datetime) -> bool:
        """Whether a callback waits for this person whose customer came earlier than `came_at`."""
        task = self.keeper.next_for(person)
        return task is not None and task.promise.arrived_at < came_at.timestamp()

    def somebody_free(self) -> None:
        self.keeper.somebody_free()

    def call_changed(self, call: Interaction) -> None:
        """A conversation that is over may have been a callback."""
        if call.is_live or call.end is None:
            return
        work = self.keeper.of_call(call.id)
        if work is not None:
            self.keeper.tell(work.state.id, ConversationOver(call.end, call.outcome, call.resolved))

    # -- surroundings of the keeper -----------------------------------------------------------------------------

    def free_people(self) -> frozenset[PersonId]:
        """Who is surely free and reachable, and as an agent has no conversation before him."""
        agents = self._engine.routing.agents
        free = {each.person for each in self._presence.all() if each.state is AvailabilityState.FREE}
        return frozenset(
            person
            for person in free
            if self._directory.registered.get(person, False)
            and (person not in agents or agents[person].state is AgentState.IDLE)
            and find_interaction_of(self._engine, person) is None
        )

    def waiting_since(self, person: PersonId) -> float | None:
        """The first arrival among those who wait for this person: in a queue, or for an escalation to go on."""
        skills = self._directory.people[person].skills
        engine = self._engine
        arrivals = [
            engine.works[esc.state.interaction].first_came_at.timestamp()
            for esc in engine.escalations.values()
            if esc.state.state is EscalationState.WAITING and esc.state.skill in skills
            if esc.state.interaction in engine.works
        ]
        if person in engine.routing.agents:
            arrivals += [
                engine.utc(entry.enqueued_at).timestamp()
                for entry in engine.routing.waiting.values()
                if entry.offered_to is None and engine.routing.queues[entry.queue].skill in skills
            ]
        return min(arrivals, default=None)

    def reserved(self, person: PersonId, holder: str | None) -> None:
        work = self.keeper.works.get(TaskId(holder)) if holder is not None else None
        offer = work is not None and work.state.state is TaskState.OFFERED
        self._presence.reservation(person, holder, offer=offer)

    async def claim(self, work: TaskWork) -> bool | None:
        """Ask the store; a node that shares it with nobody goes on while it is down."""
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._persistence.begin_task(stored_task(work.state))
        except Exception as error:
            log.warning("task_not_claimed", task_id=work.state.id, error=type(error).__name__)
            return True if self._leases.alone else None

    def task_headers(self, work: TaskWork) -> tuple[tuple[str, str], ...]:
        return (("User-to-User", f"{work.state.promise.case.encode().hex()};encoding=hex"),)

    def begin_conversation(self, work: TaskWork) -> None:
        """Specialist and customer are on the line: an interaction with the same case, so all of the desk works."""
        task, promise = work.state, work.state.promise
        assert task.person is not None and task.specialist_leg is not None  # noqa: PT018
        assert task.customer_leg is not None and task.call is not None  # noqa: PT018
        now = self._engine.now()
        is_agent = task.person in self._engine.routing.agents
        role = ParticipantRole.AGENT if is_agent else ParticipantRole.SPECIALIST
        queue = next(queue for queue in self._directory.queues if queue.id == promise.queue)
        call = Interaction(
            id=task.call,
            queue=queue,
            caller_number=promise.number,
            customer_leg=task.customer_leg,
            arrived_at=now,
            phase=Phase.TALKING,
            phase_since=now,
            answered_at=now,
            participants=(
                Participant(ParticipantRole.CUSTOMER, task.customer_leg, None, now, talking=True),
                Participant(role, task.specialist_leg, task.person, now, talking=True),
            ),
        )
        case = self._newest_case(work)
        assert case is not None
        came_at = datetime.fromtimestamp(promise.arrived_at, UTC)
        new = Work(call, case, datetime.now(UTC), work.customer, work.history, trunk=promise.trunk, came_at=came_at)
        data: dict[str, object] = {"task": task.id, "promised_in": promise.interaction, "person": task.person}
        self._store.events.append(call.id, "interaction.called_back", {**data, "queue": queue.id})
        self._engine.take_up(new)

    def _newest_case(self, work: TaskWork) -> Case | None:
        """The case as it is now: the agent may have gone on writing after the promise."""
        promise = work.state.promise
        known = self._engine.works.get(promise.interaction) or self._engine.closed.get(promise.interaction)
        return known.case if known is not None else work.case

    def tell_customer(self, work: TaskWork, about: str, text: str) -> None:
        """Write a text to the customer, and let it wait for the carrier where texts are sent and he has a number."""
        promise = work.state.promise
        data: dict[str, object] = {"task": promise.id, "about": about, "pii_text": text}
        self._store.events.append(promise.interaction, "message.written", data)
        if self._texts and may_be_called(promise.number):
            written = Text(
                promise.id, promise.interaction, about, promise.trunk, promise.number, promise.service_number, text
            )
            self._persistence.keep_text(written.delivery(time.time()))

    def task_changed(self, work: TaskWork) -> None:
        """Show it to its owner, to whom it is offered, and to supervisors; store it."""
        task = work.state
        work.case = self._newest_case(work)
        people = frozenset({task.promise.owner} | ({task.person} if task.person is not None else set()))
        audience = Audience(people=people, roles=frozenset({DeskRole.SUPERVISOR}))
        self._live.put(f"task/{task.id}", task_document(work, self._directory.names), audience)
        self._persistence.keep_task(stored_task(task), self._taken_away)
        self._outgoing.task_changed(stored_task(task))

    def task_over(self, work: TaskWork) -> None:
        self._live.drop(f"task/{work.state.id}")

    # -- commands -----------------------------------------------------------------------------------------------

    def documents(self, actor: Person) -> Sequence[Document]:
        """The tasks this person may see, in the order of their customers' arrival."""
        shown = self._live.visible_to(actor.id, actor.roles)
        tasks: list[Mapping[str, Any]] = [each for key, each in shown.items() if key.startswith("task/")]
        return sorted(tasks, key=lambda task: (str(task["arrived_at"]), str(task["id"])))

    async def accept(self, actor: Person, task: TaskId) -> None:
        """Take a task; a callback rings the actor's phone, then the customer's.

        Who was not the first hears who was: a colleague here, or one at another node, as the store knows.
        """
        if task not in self.keeper.works:
            raise await self._gone(actor, task)
        state = self._for(actor, task).state
        if state.state not in WAITING:
            raise kept_by(state.person, self._directory.names)
        if state.state is TaskState.OFFERED and state.person != actor.id:
            raise asked_now(state.person, self._directory.names)
        if state.promise.kind is TaskKind.CALLBACK:
            self._check_can_call(actor, state.promise)
        leg, other = LegId(new_id("leg")), LegId(new_id("leg"))
        if not await self.keeper.accept(task, Accepted(actor.id, leg, other, InteractionId(new_id("int")))):
            raise kept_elsewhere(await self._stored(task), self._directory.names)

    async def _gone(self, actor: Person, task: TaskId) -> CenterError:
        """It left this node between being shown and being taken."""
        row = await self._stored(task)
        if row is None or not self._may_see(actor, task_from_store(row)):
            return UnknownThing("unknown_task", "There is no such task.")
        return kept_elsewhere(row, self._directory.names)

    async def _stored(self, task: TaskId) -> StoredTask | None:
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._store.tasks.get(task)
        except Exception as error:
            log.warning("task_not_read", task_id=task, error=type(error).__name__)
            return None

    def _check_can_call(self, actor: Person, promise: Promise) -> None:
        if not self._directory.registered.get(actor.id, False):
            raise WrongMoment("not_reachable", "Your phone is not connected; the call back begins with it.")
        if find_interaction_of(self._engine, actor.id) is not None:
            raise WrongMoment("in_a_call", "You are in a conversation.")
        if promise.trunk is None or self._line(promise.trunk) is None:
            raise WrongMoment("no_line", "No line to the outside is set up (sip.outbound_uri). Call by other means.")
        if not may_be_called(promise.number):
            raise WrongMoment("not_callable", "This number is not called back automatically.")

    def decline(self, actor: Person, task: TaskId) -> None:
        """Leave an offered task to somebody else."""
        work = self._for(actor, task)
        if work.state.state is not TaskState.OFFERED or work.state.person != actor.id:
            raise WrongMoment("not_offered", "This is not offered to you.")
        self.keeper.tell(task, Declined(actor.id))

    def done(self, actor: Person, task: TaskId, outcome: str, resolved: bool) -> None:
        """Say what came of it: who does it, its owner, or a supervisor."""
        work = self._for(actor, task)
        state = work.state
        is_his = actor.id in (state.person, state.promise.owner) or DeskRole.SUPERVISOR in actor.roles
        if not is_his:
            raise NotAllowed("not_yours", "Only who does it, its owner or a supervisor can say what came of it.")
        if not state.is_open:
            raise WrongMoment("too_late", "This is done already.")
        if state.state in CALLING or state.state is TaskState.TALKING:
            raise WrongMoment("in_a_call", "End the conversation first.")
        self.keeper.tell(task, Done(actor.id, outcome, resolved))

    def _for(self, actor: Person, task: TaskId) -> TaskWork:
        work = self.keeper.works.get(task)
        if work is None or not self._may_see(actor, work.state):
            raise UnknownThing("unknown_task", "There is no such task.")
        return work

    @staticmethod
    def _may_see(actor: Person, task: Task) -> bool:
        return may_do(actor, task) or DeskRole.SUPERVISOR in actor.roles
