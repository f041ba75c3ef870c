"""The figures on the supervisors' screens, and the lists behind them. Loop thread only.

Every event that is logged is counted at once; the document is made anew at most once a second and only when something
changed (or, rarely, because time alone moves a window). At the start the log of today is read back, up to a bound.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import structlog

from center.errors import NotAllowed, UnknownThing
from center.live import Audience, Document, LiveDocuments
from center.report.documents import Behind, call_row, calls_behind, report_document
from center.report.facts import LogEvent
from center.report.report import Report, Window
from center.report.tally import Rules
from context.bundle import utc_text
from routing.model import Person, ServiceQueue
from store.store import Store
from vocabulary import DeskRole, InteractionId, PersonId, QueueId

log = structlog.get_logger(__name__)

EVERY_S = 1.0
"""The document is made anew at most so often."""
AT_LEAST_EVERY_S = 15.0
"""Time alone moves the window of the last half hour."""
ROWS = 100
HELP_ROWS = 50
REFILL_CALLS = 5_000
KEY = "report"


class Reports:
    """Today's figures of this node."""

    def __init__(
        self,
        store: Store,
        live: LiveDocuments,
        queues: Callable[[], Sequence[ServiceQueue]],
        names: Callable[[], Mapping[PersonId, str]],
        rules: Rules | None = None,
        zone: tzinfo | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._live = live
        self._queues = queues
        self._names = names
        self._clock = clock
        self._report = Report(rules, zone or datetime.now().astimezone().tzinfo or UTC)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read today's log, then follow it."""
        await self._refill()
        self._store.events.watch(self._take)
        self.show()
        self._task = asyncio.create_task(self._keep_current(), name="report")

    async def stop(self) -> None:
        self._store.events.watch(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _refill(self) -> None:
        """The figures go on where they were before a restart. A store that fails costs the past, not the start."""
        since = datetime.fromtimestamp(self._report.since(Window.TODAY, self._clock()), UTC)
        try:
            await self._store.events.flush()  # the ends of calls that an earlier run left open
            events = await self._store.events.of_calls_since(since, REFILL_CALLS)
        except Exception as error:
            log.warning("report_not_refilled", error=type(error).__name__)
            return
        for event in events:
            self._report.take(LogEvent(event.interaction, event.name, event.at.timestamp(), event.data))
        self._report.leave_out_running()

    def _take(self, interaction: InteractionId, name: str, data: Mapping[str, object], at: datetime) -> None:
        if self._report.take(LogEvent(interaction, name, at.timestamp(), data)):
            self._changed.set()

    async def _keep_current(self) -> None:
        while True:
            try:
                async with asyncio.timeout(AT_LEAST_EVERY_S if not self._report.waiting else EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            self.show()
            await asyncio.sleep(EVERY_S)

    def show(self) -> None:
        """Put the figures of now on the screens; equal ones are not sent again."""
        now = self._clock()
        self._report.forget(now)
        queues = [queue.id for queue in self._queues()]
        document = report_document(self._report, queues, now)
        self._live.put(KEY, document, Audience(roles=frozenset({DeskRole.SUPERVISOR})))

    # -- behind the figures -------------------------------------------------------------------------------------

    async def calls(
        self, person: Person, figure: Behind, window: Window, queue: QueueId, bin_: int | None = None
    ) -> Document:
        """The calls that make a figure, newest first, at most `ROWS`; for supervisors.

        Raises:
            NotAllowed: The person is no supervisor.
        """
        if DeskRole.SUPERVISOR not in person.roles:
            raise NotAllowed("not_a_supervisor", "Only supervisors can do that.")
        found = list(calls_behind(self._report, figure, window, queue, self._clock(), bin_))
        names, queue_names = dict(self._names()), {each.id: each.name for each in self._queues()}
        rows = [call_row(facts, names, queue_names) for facts in found[:ROWS]]
        callers = await self._store.interactions.callers([facts.id for facts in found[:ROWS]])
        for row in rows:
            number, customer = callers.get(row["interaction"], ("", None))
            row |= {"caller_number": number, "customer_name": customer}
        return {"rows": rows, "count": len(found)}

    async def help_given(self, person: Person) -> Document:
        """What came of the calls a person joined, or brought a specialist into, newest first (CE-27, N14, S01)."""
        helped = await self._store.interactions.helped_by(person.id, HELP_ROWS)
        ids = [each.interaction for each in helped]
        empty = await self._store.events.named(ids, ("case.at_join", "case.at_close", "customer.rated"))
        rows: list[dict[str, Any]] = []
        for each in helped:
            said = {event.name: event.data for event in empty if event.interaction == each.interaction}
            rated = said.get("customer.rated", {})
            rows.append(
                {
                    "interaction": each.interaction,
                    "joined_at": utc_text(each.joined_at),
                    "closed": each.closed_at is not None,
                    "asked_by": self._names().get(each.agent, each.agent),
                    "specialist_name": self._names().get(each.specialist, each.specialist),
                    "helped": each.specialist == person.id,
                    "customer_name": each.customer_name,
                    "queue_name": each.queue_name,
                    "outcome": each.outcome,
                    "resolved": each.fcr,
                    "specialist_s": each.specialist_s,
                    "empty_at_join": _empty(said.get("case.at_join")),
                    "empty_at_close": _empty(said.get("case.at_close")),
                    "rating": rated.get("rating"),
                    "words": rated.get("pii_words", ""),
                }
            )
        known = [row["resolved"] for row in rows if row["resolved"] is not None]
        return {"rows": rows, "joined": len(rows), "resolved": known.count(True), "known": len(known)}

    async def rate(self, person: Person, interaction: InteractionId, rating: int, words: str) -> None:
        """Keep what the customer said afterwards; whoever served him reads it. For supervisors, and for surveys in
        their name.

        Raises:
            NotAllowed: The person is no supervisor.
            UnknownThing: There is no such interaction.
        """
        if DeskRole.SUPERVISOR not in person.roles:
            raise NotAllowed("not_a_supervisor", "Only supervisors can do that.")
        if await self._store.interactions.get(interaction) is None:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        data: dict[str, object] = {"rating": rating, "pii_words": words, "by": person.id}
        self._store.events.append(interaction, "customer.rated", data)


def _empty(data: Mapping[str, object] | None) -> int | None:
    """How many required fields were empty then; None: not recorded."""
    empty = data.get("empty") if data is not None else None
    return len(empty) if isinstance(empty, list | tuple) else None
