"""Keeps what the engine decided: the newest state of each thing, written behind the calls and never in their way.

States wait by key, so a burst of changes becomes one write, and a store that is down costs memory for the newest state
only. What happened in between is in the event log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from center.documents import EscalationWork, Utc, Work, budgets, counted_invitation
from center.errors import UnknownThing
from center.interaction.model import Phase
from center.live import Document
from context.bundle import utc_text
from context.model import Case
from presence.fusion import Unconfirmed
from routing.machine import Agent
from routing.model import Person
from store.errors import StoreConflict
from store.records import StoredDelivery, StoredEscalation, StoredInteraction, StoredTask, TimeBudgets
from store.store import Store
from vocabulary import CaseId, CustomerId, DeskRole, EndReason, InteractionId, ParticipantRole, PersonId, TaskId

log = structlog.get_logger(__name__)

RETRY_S = 1.0
NODE_LOST = EndReason.server_error("node_lost")


class Persistence:
    """Writes states in the background, newest first wins. Loop thread only."""

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node
        self._waiting: dict[str, Callable[[], Awaitable[None]]] = {}
        self._writing = ""
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._stored_cases: dict[CaseId, Case] = {}

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write_for_ever())

    async def stop(self) -> None:
        """Write what waits, as far as the store takes it within two seconds."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            async with asyncio.timeout(2):
                await self._write_waiting()
        except TimeoutError:
            log.error("states_not_stored", count=len(self._waiting))

    # -- what to keep -------------------------------------------------------------------------------------------

    def keep_work(self, work: Work, utc: Utc) -> None:
        """An interaction and its case."""
        case, stored = work.case, replace(stored_interaction(work, utc), node=self._node)
        if self._stored_cases.get(case.id) is not case:
            self._stored_cases[case.id] = case
            self._put(f"case/{case.id}", lambda: self._store.cases.save(case))
        self._put(f"interaction/{stored.id}", lambda: self._store.interactions.save(stored))
        if work.call.phase is Phase.CLOSED:
            self._stored_cases.pop(case.id, None)

    def keep_escalation(self, esc: EscalationWork) -> None:
        stored = stored_escalation(esc)
        self._put(f"escalation/{stored.id}", lambda: self._store.interactions.save_escalation(stored))

    def keep_agent(self, agent: Agent) -> None:
        person, status, reason = agent.person.id, agent.status, agent.reason
        self._put(f"agent/{person}", lambda: self._store.directory.set_agent_status(person, status, reason))

    def keep_task(self, stored: StoredTask, refused: Callable[[TaskId], None]) -> None:
        """A task; `refused` hears if it is another node's by now."""
        mine = replace(stored, node=self._node)

        async def write() -> None:
            if not await self._store.tasks.save(mine):
                refused(mine.id)

        self._put(f"task/{stored.id}", write)

    async def begin_task(self, stored: StoredTask) -> bool:
        """Claim a task before anybody works on it: False when it is another node's, or was called off.

        Raises:
            StoreError: Nobody can tell now.
        """
        return await self._store.tasks.begin(replace(stored, node=self._node))

    async def store_task(self, stored: StoredTask) -> None:
        """Keep a task now, not behind."""
        await self._store.tasks.save(replace(stored, node=self._node))

    def keep_text(self, text: StoredDelivery) -> None:
        """Let a text to a customer wait until it is sent."""
        self._put(f"text/{text.id}", lambda: self._store.texts.put(text))

    def keep_interruption(self, person: PersonId, at: datetime, forget_before: datetime) -> None:
        """Somebody was asked for help; his limits count it over a restart."""
        key = f"interruption/{person}/{at.isoformat()}"
        self._put(key, lambda: self._store.interruptions.add(person, at, forget_before))

    def keep_unconfirmed(self, person: PersonId, unconfirmed: Unconfirmed | None) -> None:
        """Somebody must first show that he is there, or has shown it (None)."""

        async def write() -> None:
            if unconfirmed is None:
                await self._store.interruptions.set_confirmed(person)
            else:
                await self._store.interruptions.set_unconfirmed(person, unconfirmed.since, unconfirmed.misses)

        self._put(f"unconfirmed/{person}", write)

    def is_waiting(self, key: str) -> bool:
        """Whether the store does not have the newest state of a thing yet."""
        return key in self._waiting or key == self._writing

    def _put(self, key: str, write: Callable[[], Awaitable[None]]) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = write
        self._wake.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self._write_waiting():
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def _write_waiting(self) -> bool:
        """Write everything that waits; False if the store refused, which then waits on."""
        while self._waiting:
            key = next(iter(self._waiting))
            write = self._waiting.pop(key)
            self._writing = key
            try:
                await write()
            except asyncio.CancelledError:
                self._waiting.setdefault(key, write)
                raise
            except StoreConflict:
                log.error("state_not_storable", key=key)  # such as that of a person who was removed meanwhile
            except Exception as error:
                self._waiting.setdefault(key, write)  # a newer state of the same thing is better
                log.warning("state_not_stored", key=key, error=type(error).__name__)
                return False
            finally:
                self._writing = ""
        return True

    # -- what was lost ------------------------------------------------------------------------------------------

    async def close_lost(self, lost: StoredInteraction) -> None:
        """Close an interaction whose calls ended with the node they were on; one that was over before keeps its end."""
        if not await self._store.interactions.close_lost(lost, self._node, NODE_LOST, datetime.now(UTC)):
            return
        if lost.end_result is None:
            self._store.events.append(lost.id, "interaction.closed", {"reason": NODE_LOST.reason})
            log.warning("interaction_lost_with_node", interaction_id=lost.id)

    # -- looking back -------------------------------------------------------------------------------------------

    async def old(
        self, interaction: InteractionId, person: Person, customers: frozenset[CustomerId] = frozenset()
    ) -> StoredInteraction:
        """An interaction of long ago, from the store; for those who took part, who serve one of these customers now,
        and supervisors."""
        stored = await self._store.interactions.get(interaction)
        if stored is None or not (stored.customer in customers or await self._may_see(stored, person)):
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        return stored

    async def old_interaction(
        self, interaction: InteractionId, person: Person, customers: frozenset[CustomerId] = frozenset()
    ) -> Document:
        """As `old`, as the document that screens show."""
        stored = await self.old(interaction, person, customers)
        spent = stored.budgets
        return {
            "id": stored.id,
            "queue": stored.queue,
            "phase": stored.phase,
            "started_at": utc_text(stored.enqueued_at),
            "caller_number": stored.caller_number,
            "case": stored.case,
            "participants": [],
            "result": {
                "fcr": stored.fcr,
                "reason": stored.end_reason,
                "disposition": stored.disposition,
                "budgets": {
                    "wait_s": spent.customer_wait_s,
                    "agent_s": spent.agent_s,
                    "specialist_s": spent.specialist_s,
                },
            },
        }

    async def _may_see(self, stored: StoredInteraction, person: Person) -> bool:
        if stored.agent == person.id or DeskRole.SUPERVISOR in person.roles:
            return True
        escalations = await self._store.interactions.escalations_of(stored.id)
        return any(e.specialist == person.id and e.joined_at is not None for e in escalations)

    async def timeline(self, interaction: InteractionId) -> list[Document]:
        """Every event of one interaction in order: SIP, MQTT, routing and case under one correlation id."""
        await self._store.events.flush()
        return [
            {"seq": event.sequence, "at": utc_text(event.at), "name": event.name, "data": dict(event.data)}
            for event in await self._store.events.of(interaction)
        ]


def stored_interaction(work: Work, utc: Utc) -> StoredInteraction:
    call = work.call
    spent = budgets(call)
    agent = call.by_role(ParticipantRole.AGENT)
    served_by = agent.person if agent else next(iter(sorted(call.wrapping_up)), None)
    return StoredInteraction(
        id=call.id,
        phase=call.phase.value,
        enqueued_at=work.started_at,
        queue=call.queue.id,
        customer=work.customer.id if work.customer else None,
        case=work.case.id,
        caller_number=call.caller_number,
        answered_at=utc(call.answered_at) if call.answered_at else None,
        closed_at=utc(call.ended_at) if call.ended_at and call.phase is Phase.CLOSED else None,
        agent=served_by or next(iter(sorted(work.took_part)), None),
        end_result=call.end.result if call.end else None,
        end_reason=call.end.reason if call.end else "",
        disposition=work.disposition or call.outcome,
        fcr=call.resolved,
        budgets=TimeBudgets(spent["wait_s"], spent["agent_s"], spent["specialist_s"]),
    )


def stored_escalation(esc: EscalationWork) -> StoredEscalation:
    """The whole and the invitation that counted: who joined, or the last one tried."""
    state, times = esc.state, esc.times
    counted = counted_invitation(esc)
    specialist = counted.specialist if counted else state.first
    reached = esc.reached.get(specialist, {}) if specialist else {}
    return StoredEscalation(
        id=state.id,
        interaction=state.interaction,
        agent=state.agent,
        specialist=specialist or PersonId(""),
        requested_at=times.get("requested") or datetime.now(UTC),
        rendered_at=reached.get("rendered"),
        invited_at=reached.get("dialled"),
        ringing_at=reached.get("ringing"),
        accepted_at=reached.get("accepted"),
        joined_at=times.get("joined"),
        closed_at=times.get("closed"),
        result=state.end.result if state.end else None,
        reason=state.end.reason if state.end else "",
    )
