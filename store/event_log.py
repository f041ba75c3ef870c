"""The append-only log of every interaction, which never makes a call wait and loses nothing it can keep.

    append() ──> memory ──> database                    all is well
                   └──────> journal ──> database        the database is down or full: events wait on disk, in order
                   └─(stay)                             the journal is full too: events wait in memory, up to a bound

One task writes. While the journal holds events, new ones go behind it, so the order stays. Every event has an id that
is unique for ever and the database ignores one it has already: writing again after a doubtful failure is harmless.
While the database fails, it is asked again after a growing pause; in between, events go to the journal only.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlmodel import col, select

from store.database import Database
from store.errors import StoreError
from store.journal import Journal, LoggedEvent
from store.records import StoredEvent
from store.tables import EventRow, InteractionRow
from vocabulary import InteractionId

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EventLogLimits:
    """Bounds of the event log."""

    batch_events: int = 500
    """Most events of one transaction."""
    gather_s: float = 0.02
    """How long events gather before they are written together."""
    memory_bytes: int = 64 * 1024 * 1024
    """Most that waits in memory; beyond it new events are lost, counted and reported."""
    journal_bytes: int = 256 * 1024 * 1024
    """Most that waits on disk: about a million events."""
    first_retry_s: float = 0.2
    last_retry_s: float = 5.0
    """The pause after a failure doubles from the first to the last."""


Watcher = Callable[[InteractionId, str, Mapping[str, object], datetime], None]
"""Hears of every event at once, also of those the database has not got yet; must not raise."""


class EventLog:
    """Takes events at once and stores them soon. Used from the event loop only.

    `degraded` says in words what is wrong (None: nothing); `lost` counts events that could not be kept anywhere.
    """

    def __init__(
        self, database: Database, folder: Path, clock: Callable[[], float], limits: EventLogLimits | None = None
    ) -> None:
        self._database = database
        self._insert = database.insert_of(EventRow).on_conflict_do_nothing()
        self._clock = clock
        self._limits = limits or EventLogLimits()
        self._journal = Journal(folder, self._limits.journal_bytes)
        self._writer_id = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._pending: deque[LoggedEvent] = deque()
        self._pending_bytes = 0
        self._wake = asyncio.Event()
        self._pass_ended = asyncio.Condition()
        self._passes_begun = 0
        self._passes_ended = 0
        self._all_stored = True
        self._retry_s = self._limits.first_retry_s
        self._retry_at = 0.0
        self._database_problem = ""
        self._closing = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None
        self._watcher: Watcher | None = None
        self.degraded: str | None = None
        self.lost = 0

    def start(self) -> None:
        """Begin to write; first whatever an earlier run left in the journal."""
        self._task = asyncio.create_task(self._write_until_closed(), name="event-log-writer")
        self._wake.set()

    async def close(self) -> None:
        """Store what can be stored, then stop. Events that are nowhere but in memory are reported as lost."""
        if self._task is None:
            return
        self._closing, self._retry_at = True, 0.0
        self._wake.set()
        await self._task
        self._task = None
        await asyncio.to_thread(self._journal.close)
        if self._pending:
            self._lose(len(self._pending))

    def append(
        self, interaction: InteractionId, name: str, data: dict[str, object], *, at: datetime | None = None
    ) -> None:
        """Log that something happened. Returns at once and never raises; `data` is copied as JSON."""
        moment = _utc(at, self._clock)
        event = LoggedEvent(
            id=f"{self._writer_id}-{next(self._numbers)}",
            interaction=_storable(interaction),
            name=_storable(name),
            at=moment.isoformat(),
            data=_json(data),
        )
        self._tell(interaction, name, data, moment)
        closed = self._closing and self._task is None
        if closed or self._pending_bytes + _size(event) > self._limits.memory_bytes:
            self._lose(1)
            return
        self._pending.append(event)
        self._pending_bytes += _size(event)
        self._wake.set()

    def watch(self, watcher: Watcher | None) -> None:
        """Tell this one of every event from now on; None: nobody."""
        self._watcher = watcher

    def _tell(self, interaction: InteractionId, name: str, data: Mapping[str, object], at: datetime) -> None:
        if self._watcher is None:
            return
        try:
            self._watcher(interaction, name, data, at)
        except Exception:
            log.exception("event_watcher_bug")  # whoever looks on must not cost a call

    async def flush(self) -> bool:
        """Wait until everything appended so far was tried once; True when all of it is in the database."""
        if self._task is None or self._task.done():
            return False
        async with self._pass_ended:
            wanted = self._passes_begun + 1
            self._retry_at = 0.0
            self._wake.set()
            await self._pass_ended.wait_for(lambda: self._passes_ended >= wanted or self._stopped)
        return self._all_stored

    async def of(self, interaction: InteractionId) -> list[StoredEvent]:
        """The interaction's events in order, as far as they are in the database (`flush` first to have the newest)."""
        return await self._database.to_its_end(self._read(interaction))

    async def _read(self, interaction: InteractionId) -> list[StoredEvent]:
        async with self._database.reading() as session:
            rows = await session.exec(
                select(EventRow).where(EventRow.interaction == interaction).order_by(col(EventRow.sequence))
            )
            return [_stored(row) for row in rows]

    async def of_calls_since(self, since: datetime, most_calls: int) -> list[StoredEvent]:
        """The events of the newest interactions that came since then, in the order they were logged."""
        newest = (
            select(InteractionRow.id)
            .where(col(InteractionRow.enqueued_at) >= since)
            .order_by(col(InteractionRow.enqueued_at).desc())
            .limit(most_calls)
        )
        chosen = select(EventRow).where(col(EventRow.interaction).in_(newest)).order_by(col(EventRow.sequence))
        async with self._database.reading() as session:
            return [_stored(row) for row in await session.exec(chosen)]

    async def named(self, interactions: Sequence[InteractionId], names: Sequence[str]) -> list[StoredEvent]:
        """The events of these names in these interactions, in order."""
        chosen = select(EventRow).where(col(EventRow.interaction).in_(interactions), col(EventRow.name).in_(names))
        async with self._database.reading() as session:
            return [_stored(row) for row in await session.exec(chosen.order_by(col(EventRow.sequence)))]

    async def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            await self._wait_for_work()
            closing = self._closing
            self._wake.clear()
            self._passes_begun += 1
            self._all_stored = await self._write_pass()
            async with self._pass_ended:
                self._passes_ended, self._stopped = self._passes_begun, closing
                self._pass_ended.notify_all()

    async def _wait_for_work(self) -> None:
        """Wait for an event, or while something is not stored for the next try; then let more events gather."""
        pause = None if self._all_stored else max(0.0, self._retry_at - self._now())
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()
        if not self._closing:
            await asyncio.sleep(self._limits.gather_s)

    async def _write_pass(self) -> bool:
        """Move journal and memory into the database as far as it goes; True when both are empty."""
        if not self._all_stored:
            self._report(await self._write_journal())  # durable first: asking the database may take until it times out
            if self._now() < self._retry_at:
                return False
        try:
            journal_problem = await self._replay_journal()
            while self._pending:
                batch = self._next_batch()
                await self._store(batch)
                self._forget(batch)
        except StoreError as error:
            return await self._fail(str(error))
        except Exception as error:
            log.exception("event_writer_bug")  # a bug here must not cost the events, nor stop the writer
            return await self._fail(type(error).__name__)
        if journal_problem is not None:
            return await self._fail(journal_problem)
        self._recovered()
        return True

    async def _fail(self, why: str) -> bool:
        """Save to the journal what can be saved, say what is wrong and when to try again."""
        self._retry_at = self._now() + self._retry_s
        self._retry_s = min(self._retry_s * 2, self._limits.last_retry_s)
        self._database_problem = why
        self._report(await self._write_journal())
        return False

    async def _replay_journal(self) -> str | None:
        """Store what the journal holds. A journal that cannot be read is reported, and no reason to store nothing."""
        try:
            while await asyncio.to_thread(self._journal.waiting):
                chunk = await asyncio.to_thread(self._journal.read, self._limits.batch_events)
                await self._store(chunk.events)
                await asyncio.to_thread(self._journal.done, chunk)
                if chunk.damaged:
                    self._lose(chunk.damaged)
        except OSError as error:
            return f"the journal cannot be read: {error.strerror or error}"
        return None

    async def _write_journal(self) -> str | None:
        """Put what is in memory behind the journal, batch by batch; says what is wrong if that fails."""
        try:
            while self._pending:
                batch = self._next_batch()
                await asyncio.to_thread(self._journal.append, batch)
                self._forget(batch)
        except OSError as error:
            return str(error.strerror or error)
        return None

    async def _store(self, events: Sequence[LoggedEvent]) -> None:
        if not events:
            return
        rows = [asdict(event) | {"at": datetime.fromisoformat(event.at)} for event in events]
        async with self._database.writing() as session:
            await (await session.connection()).execute(self._insert, rows)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _next_batch(self) -> list[LoggedEvent]:
        return list(itertools.islice(self._pending, self._limits.batch_events))

    def _forget(self, batch: Sequence[LoggedEvent]) -> None:
        for event in batch:
            self._pending.popleft()
            self._pending_bytes -= _size(event)

    def _report(self, journal_problem: str | None) -> None:
        """Say what is wrong; in the log only when it begins or when the journal begins to fail too."""
        where = f"in memory, since the journal fails too ({journal_problem})" if journal_problem else "in the journal"
        worse = self.degraded is None or (journal_problem is not None and "in memory" not in self.degraded)
        self.degraded = f"{self._database_problem}; events wait {where}"
        if worse:
            log.error("event_log_degraded", why=self.degraded)

    def _recovered(self) -> None:
        self._retry_s = self._limits.first_retry_s
        if self.degraded is not None:
            log.info("event_log_recovered", lost=self.lost)
            self.degraded = None

    def _lose(self, count: int) -> None:
        if self.lost == 0:
            log.error("events_lost", count=count)
        self.lost += count


def _stored(row: EventRow) -> StoredEvent:
    data = json.loads(row.data)
    return StoredEvent(row.id, row.sequence or 0, InteractionId(row.interaction), row.name, row.at, data)


def _size(event: LoggedEvent) -> int:
    return len(event.data) + len(event.interaction) + len(event.name) + 200


def _json(data: dict[str, object]) -> str:
    """The data as ASCII JSON; what is no JSON (a time, an id of a foreign type) as its text."""
    try:
        return json.dumps(data, default=str)
    except Exception as error:  # whatever a foreign object's __str__ raises: a log line must not end a call
        log.error("event_data_unreadable", error=type(error).__name__)
        return json.dumps({"unreadable": type(error).__name__})


def _storable(text: str) -> str:
    """Text that every database takes: no NUL, no lone surrogate."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _utc(at: datetime | None, clock: Callable[[], float]) -> datetime:
    if at is None:
        return datetime.fromtimestamp(clock(), UTC)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
