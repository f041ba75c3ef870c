"""What happens in the centre, as messages for another system. Their ids say what they are about, so that the same
happening makes the same message, however often it is seen: after a restart, or on another node.

    interaction.closed/<interaction>   case.changed/<case>/<version>   promise.made/<task>   promise.kept/<task>

People type in bursts, and each keystroke of a case is a version: a case is told of when it has been quiet for a moment,
and at the latest when its interaction is closed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from center.documents import Work, budgets
from center.interaction.model import Phase
from center.promise.model import TaskState
from context.bundle import case_json, customer_json, utc_text
from store.errors import StoreError
from store.records import StoredDelivery, StoredTask
from vocabulary import CaseId, InteractionId

log = structlog.get_logger(__name__)

QUIET_S = 2.0
REMEMBERED = 10_000
MOST_WAITING = 10_000
"""Messages that wait in memory while the database is down; beyond it new ones are lost, counted and reported."""
STORE_RETRY_S = 1.0
FRESH_S = 12 * 3_600.0
"""An older promise is not told again after a restart: sent messages are remembered for a day."""


class Outgoing(Protocol):
    """Whoever wants to know what happens in the centre; must not fail and must not wait."""

    def work_changed(self, work: Work) -> None: ...

    def task_changed(self, task: StoredTask) -> None: ...


class NobodyListens:
    """No other system is set up."""

    def work_changed(self, work: Work) -> None:
        """Nobody wants to know."""

    def task_changed(self, task: StoredTask) -> None:
        """Nobody wants to know."""


class Webhooks(Protocol):
    """What is needed of `store.deliveries.Deliveries`."""

    async def put(self, message: StoredDelivery) -> None: ...


class WebhookEvents:
    """Turns happenings into messages and puts them into the store, behind the calls and in order. Loop thread only."""

    def __init__(
        self,
        store: Webhooks,
        events: frozenset[str],
        wake: Callable[[], None],
        *,
        clock: Callable[[], float] = time.time,
        quiet_s: float = QUIET_S,
    ) -> None:
        self._store = store
        self._events = events
        self._wake_sender = wake
        self._clock = clock
        self._quiet_s = quiet_s
        self._waiting: deque[StoredDelivery] = deque()
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._position = 0
        self._cases: OrderedDict[CaseId, int] = OrderedDict()
        self._closed: OrderedDict[InteractionId, None] = OrderedDict()
        self._typing: dict[CaseId, tuple[Work, asyncio.TimerHandle]] = {}
        self.lost = 0

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write_for_ever(), name="webhook-outbox")

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What supervisors should know: a code for screens, and a sentence."""
        words = f"CRM: {self.lost} messages could not be kept while the database was down."
        return [("crm_lost", words)] if self.lost else []

    async def stop(self) -> None:
        """Write what waits, as far as the store takes it within two seconds."""
        for case in list(self._typing):
            self._tell_case(case)
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            async with asyncio.timeout(2):
                await self._write_waiting()
        except (TimeoutError, StoreError):
            log.error("webhooks_not_stored", count=len(self._waiting))

    # -- what happened ------------------------------------------------------------------------------------------

    def work_changed(self, work: Work) -> None:
        """An interaction, or its case, changed."""
        known = self._cases.get(work.case.id)
        if known is None:
            known = 0 if work.came_at is None else work.case.version
            _remember(self._cases, work.case.id, known)
        if work.case.version > known:
            _remember(self._cases, work.case.id, work.case.version)
            self._tell_case_soon(work)
        if work.call.phase is Phase.CLOSED and work.call.id not in self._closed:
            _remember(self._closed, work.call.id, None)
            self._tell_case(work.case.id)
            self._tell(f"interaction.closed/{work.call.id}", work.case.id, interaction_told(work))

    def task_changed(self, task: StoredTask) -> None:
        """A promise was made, or kept, or something in between."""
        told = promise_told(task)
        if self._clock() - task.made_at.timestamp() < FRESH_S:
            self._tell(f"promise.made/{task.id}", task.case, told)
        done_at = task.closed_at if task.state == TaskState.DONE.value else None
        if done_at is not None and self._clock() - done_at.timestamp() < FRESH_S:
            self._tell(f"promise.kept/{task.id}", task.case, told)

    def _tell_case_soon(self, work: Work) -> None:
        before = self._typing.pop(work.case.id, None)
        if before is not None:
            before[1].cancel()
        timer = asyncio.get_running_loop().call_later(self._quiet_s, self._tell_case, work.case.id)
        self._typing[work.case.id] = work, timer

    def _tell_case(self, case: CaseId) -> None:
        """The case as it is by now, if somebody typed."""
        typed = self._typing.pop(case, None)
        if typed is None:
            return
        work, timer = typed
        timer.cancel()
        told = {"interaction": work.call.id, "case": case_json(work.case), "customer": customer_json(work.customer)}
        self._tell(f"case.changed/{case}/{work.case.version}", case, told)

    # -- into the store -----------------------------------------------------------------------------------------

    def _tell(self, key: str, case: CaseId, data: Mapping[str, Any]) -> None:
        event = key.partition("/")[0]
        if event not in self._events or any(message.id == key for message in self._waiting):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            log.error("webhook_lost", webhook_id=key)
            return
        now = self._clock()
        body = {"type": event, "id": key, "timestamp": utc_text(datetime.fromtimestamp(now, UTC)), "data": data}
        # Positions grow on this node whatever its clock does; between nodes the clocks must agree, as for leases.
        self._position = max(self._position + 1, int(now * 1_000_000))
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        self._waiting.append(StoredDelivery(key, case, self._position, event, text, made_at=now, due_at=now))
        self._wake.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._write_waiting()
            except StoreError as error:
                log.warning("webhook_not_stored", reason=error.end_reason.reason)
                await asyncio.sleep(STORE_RETRY_S)
                self._wake.set()

    async def _write_waiting(self) -> None:
        """In order: a message leaves the memory only when the store has it."""
        while self._waiting:
            await self._store.put(self._waiting[0])
            self._waiting.popleft()
            self._wake_sender()


def interaction_told(work: Work) -> dict[str, Any]:
    """What is told of an interaction that is over."""
    call = work.call
    return {
        "interaction": call.id,
        "queue": call.queue.id,
        "caller_number": call.caller_number,
        "customer": customer_json(work.customer),
        "started_at": utc_text(work.started_at),
        "people": sorted(work.took_part),
        "outcome": call.outcome,
        "disposition": work.disposition,
        "resolved": call.resolved,
        "end": {"result": call.end.result.value, "reason": call.end.reason} if call.end else None,
        "budgets": budgets(call),
        "case": case_json(work.case),
    }


def promise_told(task: StoredTask) -> dict[str, Any]:
    """What is told of a promise."""
    return {
        "task": task.id,
        "kind": task.kind,
        "interaction": task.interaction,
        "case": task.case,
        "customer": task.customer,
        "number": task.number,
        "owner": task.owner,
        "made_at": utc_text(task.made_at),
        "due_at": utc_text(task.due_at),
        "sentence": task.sentence,
        "outcome": task.outcome,
        "resolved": task.resolved,
        "kept_at": utc_text(task.closed_at) if task.closed_at else None,
        "in_time": task.closed_at <= task.due_at if task.closed_at else None,
    }


def _remember(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
