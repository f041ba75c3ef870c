"""The event log: never in a call's way, in order, exactly once, and never changed afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from store import Store, StoreUnavailable
from store.database import Database, parse_url
from store.event_log import EventLog, EventLogLimits
from store.journal import Journal, LoggedEvent
from tests.store.situations import Outage, VirtualClock
from vocabulary import InteractionId

CALL = InteractionId("int_1")
BULK = "x" * 6_000
"""Makes an event larger than a page, so that a full database takes none."""
QUICK = EventLogLimits(gather_s=0.001, first_retry_s=0.01, last_retry_s=0.02)
ON_FLUSH = EventLogLimits(gather_s=0.001, first_retry_s=600, last_retry_s=600)
"""Asks a failing database again only when flushed, so that a script is followed word by word."""


def _numbered(store: Store, numbers: range, padding: str = "") -> None:
    for number in numbers:
        store.events.append(CALL, "leg.ringing", {"number": number, "padding": padding})


async def _numbers(store: Store) -> list[object]:
    return [event.data["number"] for event in await store.events.of(CALL)]


async def test_events_come_back_in_order_with_their_data(store: Store, clock: VirtualClock) -> None:
    """N15: any call can be replayed from its log."""
    at = datetime(2027, 1, 10, 13, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))
    store.events.append(CALL, "escalation.requested", {"specialist": "eva", "nested": {"n": [1, None, "č"]}}, at=at)
    store.events.append(InteractionId("other"), "leg.ringing", {})
    store.events.append(CALL, "escalation.joined", {})
    assert await store.events.flush()
    requested, joined = await store.events.of(CALL)
    assert (requested.name, requested.at) == ("escalation.requested", at)
    assert requested.at.tzinfo is UTC
    assert requested.data == {"specialist": "eva", "nested": {"n": [1, None, "č"]}}
    assert (joined.name, joined.at.timestamp(), joined.data) == ("escalation.joined", clock.now, {})
    assert requested.sequence < joined.sequence
    assert requested.id != joined.id


async def test_an_event_is_what_it_was_when_it_happened(store: Store) -> None:
    data: dict[str, object] = {"number": 1}
    store.events.append(CALL, "leg.ringing", data)
    data["number"] = 2
    await store.events.flush()
    assert await _numbers(store) == [1]


async def test_thousands_of_events_are_stored_in_order(store: Store) -> None:
    _numbered(store, range(3_000))
    assert await store.events.flush()
    assert await _numbers(store) == list(range(3_000))


async def test_closing_the_store_keeps_the_last_events(store: Store, url: str, tmp_path: Path) -> None:
    _numbered(store, range(10))
    await store.close()
    again = await Store.open(url, journal_dir=tmp_path / "journal")
    try:
        assert await _numbers(again) == list(range(10))
        assert not (tmp_path / "journal" / "events.journal").exists()
    finally:
        await again.close()


async def test_flushing_while_closing_comes_to_an_end(url: str, tmp_path: Path, clock: VirtualClock) -> None:
    for ticks in range(12):
        async with _log_on(Database(parse_url(url)), tmp_path, clock, QUICK) as log, asyncio.timeout(20):
            log.append(CALL, "leg.ringing", {"ticks": ticks})
            closing = asyncio.create_task(log.close())
            for _ in range(ticks):
                await asyncio.sleep(0)
            await log.flush()
            await closing
            assert [event.data["ticks"] for event in await log.of(CALL)] == list(range(ticks + 1))


@pytest.mark.parametrize("statement", ["UPDATE event SET name = 'nothing.happened'", "DELETE FROM event"])
async def test_stored_events_cannot_be_changed_or_deleted(store: Store, statement: str) -> None:
    """The log is append-only, whoever asks."""
    _numbered(store, range(3))
    await store.events.flush()
    before = await store.events.of(CALL)
    with pytest.raises(DBAPIError, match="append-only"):
        async with store.database.engine.begin() as connection:
            await connection.execute(sa.text(statement))
    assert await store.events.of(CALL) == before


async def test_the_whole_log_cannot_be_emptied(store: Store) -> None:
    _numbered(store, range(3))
    await store.events.flush()
    statement = "DELETE FROM event" if store.database.is_sqlite else "TRUNCATE event"
    with pytest.raises(DBAPIError, match="append-only"):
        async with store.database.engine.begin() as connection:
            await connection.execute(sa.text(statement))
    assert await _numbers(store) == [0, 1, 2]


async def test_no_data_can_stop_the_log(store: Store) -> None:
    """A foreign object, a NUL, half a surrogate pair, a circle: each is stored somehow, and what follows as well."""

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    circle: dict[str, object] = {}
    circle["self"] = circle
    odd: list[dict[str, object]] = [
        {"text": "a\0b\ud800"},
        {"who": Hostile()},
        circle,
        {"at": datetime(2027, 1, 1, tzinfo=UTC)},
    ]
    for data in odd:
        store.events.append(CALL, "odd", data)
    store.events.append(InteractionId("int\0\ud800"), "odd\0", {}, at=datetime(2027, 1, 1))
    store.events.append(CALL, "after", {})
    assert await store.events.flush()
    stored = await store.events.of(CALL)
    assert [event.data for event in stored] == [
        {"text": "a\0b\ud800"},
        {"unreadable": "RuntimeError"},
        {"unreadable": "ValueError"},
        {"at": "2027-01-01 00:00:00+00:00"},
        {},
    ]
    assert store.events.lost == 0


async def test_appending_does_not_wait_for_a_locked_database(store: Store) -> None:
    """A call goes on while something else holds the database."""
    lock = "DELETE FROM trunk" if store.database.is_sqlite else "LOCK TABLE event"
    async with store.database.engine.begin() as connection:
        await connection.execute(sa.text(lock))
        _numbered(store, range(100))
        flushed = asyncio.create_task(store.events.flush())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not flushed.done()
    assert await flushed
    assert await _numbers(store) == list(range(100))


async def test_events_of_an_outage_are_stored_afterwards_in_order_exactly_once(store: Store, outage: Outage) -> None:
    """Design: when the database is down, calls go on; events wait in the journal."""
    journal = store.journal_dir / "events.journal"
    _numbered(store, range(5), BULK)
    assert await store.events.flush()
    async with outage:
        for first in (5, 10, 15):
            _numbered(store, range(first, first + 5), BULK)
            assert not await store.events.flush()
        assert store.events.degraded is not None
        assert "events wait in the journal" in store.events.degraded
        assert journal.stat().st_size > 15 * len(BULK)
    _numbered(store, range(20, 25), BULK)
    assert await store.events.flush()
    assert store.events.degraded is None
    assert store.events.lost == 0
    assert journal.stat().st_size == 0
    assert await _numbers(store) == list(range(25))


async def test_an_outage_ends_by_itself_without_a_new_event(url: str, tmp_path: Path, clock: VirtualClock) -> None:
    database = ScriptedDatabase(url, ["refuse"] * 4)
    async with _log_on(database, tmp_path, clock, QUICK) as log:
        log.append(CALL, "leg.ringing", {"number": 1})
        async with asyncio.timeout(20):
            await database.took_something.wait()
        assert [event.data for event in await log.of(CALL)] == [{"number": 1}]


async def test_events_journaled_before_a_crash_are_stored_at_the_next_start(
    store: Store, url: str, outage: Outage
) -> None:
    async with outage:
        _numbered(store, range(10), BULK)
        assert not await store.events.flush()
        content = (store.journal_dir / "events.journal").read_bytes()
        await store.close()
    assert (store.journal_dir / "events.journal").read_bytes() == content
    for _ in range(2):  # the second time as if the crash came after the commit and before the journal was emptied
        (store.journal_dir / "events.journal").write_bytes(content)
        again = await Store.open(url, journal_dir=store.journal_dir)
        try:
            assert await again.events.flush()
            assert await _numbers(again) == list(range(10))
        finally:
            await again.close()


async def test_a_torn_line_costs_only_its_own_event_and_is_kept_aside(url: str, tmp_path: Path) -> None:
    """A power cut in the middle of a write."""
    async with _log_on(ScriptedDatabase(url, ["refuse"] * 9), tmp_path, VirtualClock()) as log:
        for number in range(3):
            log.append(CALL, "leg.ringing", {"number": number})
        await log.flush()
    file = tmp_path / "events.journal"
    file.write_bytes(file.read_bytes()[:-20])
    async with _log_on(ScriptedDatabase(url, ["refuse"]), tmp_path, VirtualClock()) as log:
        log.append(CALL, "leg.ringing", {"number": 3})
        assert not await log.flush()  # so the next event goes behind the torn one
        assert await log.flush()
        assert [event.data["number"] for event in await log.of(CALL)] == [0, 1, 3]
        assert log.lost == 1
    assert (tmp_path / "events.damaged").exists()


async def test_when_the_journal_is_full_too_events_wait_in_memory(
    url: str, tmp_path: Path, clock: VirtualClock
) -> None:
    limits = replace(ON_FLUSH, journal_bytes=1_000)
    async with _log_on(ScriptedDatabase(url, ["refuse"] * 2), tmp_path, clock, limits) as log:
        for first in (0, 5):
            for number in range(first, first + 5):
                log.append(CALL, "leg.ringing", {"number": number})
            assert not await log.flush()
        assert "in memory, since the journal fails too (the journal is limited to 1000 bytes)" in (log.degraded or "")
        assert await log.flush()
        assert [event.data["number"] for event in await log.of(CALL)] == list(range(10))
        assert log.lost == 0


async def test_events_beyond_all_bounds_are_counted_as_lost(url: str, tmp_path: Path, clock: VirtualClock) -> None:
    limits = replace(ON_FLUSH, journal_bytes=10, memory_bytes=3_000)
    async with _log_on(ScriptedDatabase(url, ["refuse"]), tmp_path, clock, limits) as log:
        for number in range(50):
            log.append(CALL, "leg.ringing", {"number": number})
        assert not await log.flush()
        assert await log.flush()
        stored = [event.data["number"] for event in await log.of(CALL)]
        assert 0 < len(stored) < 50
        assert stored == list(range(len(stored)))
        assert log.lost == 50 - len(stored)


async def test_a_journal_of_another_node_is_left_alone(url: str, tmp_path: Path, clock: VirtualClock) -> None:
    foreign = Journal(tmp_path, 10_000)
    async with _log_on(ScriptedDatabase(url, ["ok", "refuse"]), tmp_path, clock) as log:
        log.append(CALL, "leg.ringing", {"number": 0})
        assert await log.flush()
        [first] = await log.of(CALL)
        foreign.append([LoggedEvent(f"{first.id}-foreign", CALL, "leg.ringing", first.at.isoformat(), "{}")])
        log.append(CALL, "leg.ringing", {"number": 1})
        assert not await log.flush()
        assert "in memory" in (log.degraded or "")
        assert await log.flush()
        assert [event.data["number"] for event in await log.of(CALL)] == [0, 1]
    assert foreign.waiting()
    foreign.close()


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_fails_every_event_is_stored_once_and_in_order(
    url: str, tmp_path: Path, clock: VirtualClock, seed: int
) -> None:
    """Refusals, commits that succeed but are reported as failed, and crashes, in any order."""
    chance = random.Random(seed)
    appended = 0
    for _life in range(4):
        script = chance.choices(("ok", "refuse", "doubtful"), weights=(2, 3, 2), k=12)
        async with _log_on(ScriptedDatabase(url, script), tmp_path, clock, replace(QUICK, batch_events=3)) as log:
            for _ in range(chance.randrange(1, 6)):
                for _ in range(chance.randrange(6)):
                    log.append(CALL, "leg.ringing", {"number": appended})
                    appended += 1
                await log.flush()
    async with _log_on(Database(parse_url(url)), tmp_path, clock) as log:
        assert await log.flush()
        assert [event.data["number"] for event in await log.of(CALL)] == list(range(appended))
        assert log.lost == 0


def test_a_disk_that_is_really_full_costs_no_event(tmp_path: Path) -> None:
    """Neither the database's file nor the journal may grow (RLIMIT_FSIZE, in a process of its own); then both may."""
    program = Path(__file__).with_name("full_disk_program.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert "in memory, since the journal fails too (File too large)" in report["degraded_while_full"]
    assert report["journal_bytes_while_full"] > 0
    assert report["stored"] == list(range(report["appended"]))
    assert (report["degraded_after"], report["lost"]) == (None, 0)


class ScriptedDatabase(Database):
    """A real database whose writes go as scripted, one word each: `ok`, `refuse` (nothing stored), `doubtful` (stored,
    but reported as failed, as when the answer is lost). After the script all is well."""

    def __init__(self, url: str, script: list[str]) -> None:
        super().__init__(parse_url(url))
        self._script = iter(script)
        self.took_something = asyncio.Event()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        word = next(self._script, "ok")
        if word == "refuse":
            raise StoreUnavailable("scripted refusal")
        async with super().writing() as session:
            yield session
        self.took_something.set()
        if word == "doubtful":
            raise StoreUnavailable("scripted loss of the answer")


@asynccontextmanager
async def _log_on(
    database: Database, folder: Path, clock: VirtualClock, limits: EventLogLimits = ON_FLUSH
) -> AsyncIterator[EventLog]:
    """An event log on its own, on a migrated database."""
    await database.migrate()
    log = EventLog(database, folder, clock, limits)
    log.start()
    try:
        yield log
    finally:
        await log.close()
        await database.close()
