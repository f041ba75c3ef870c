"""Rows of the benchmark that need no SIP: the index of specialists, presence over MQTT, leases, the bound of N2."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from center.simulate import simulate
from center.simulate_report import CEILING_S, TARGET_S, judge
from presence.bench import bench_index, bench_presence
from siplab.bench.measure import Budget, Measured, percentile
from siplab.bench.pinning import pin_system
from siplab.crowd import given_crowd, measure_crowd
from siplab.errors import LabError
from store.errors import StoreError
from store.private_postgres import private_postgres
from store.store import Store
from vocabulary import PersonId

PRESENCE_S = 12.0
LEASES = 500
LEASE_TTL_S = 10.0
ESCALATIONS, SEED = 10_000, 1

CORE_BUDGETS: dict[str, dict[str, Budget]] = {
    "index": {
        "best specialist of 100,000 p50": Budget("ms"),
        "best specialist of 100,000 p99": Budget("ms", "<= 1", 1.0),
        "nobody free has the skill p99": Budget("ms", "<= 1", 1.0),
        "a specialist changes p99": Budget("ms"),
    },
    "presence": {
        "message to callback p50": Budget("ms"),
        "message to callback p95": Budget("ms", "<= 100", 100.0),
        "message to callback p99": Budget("ms"),
        "messages unheard": Budget("messages", "0", 0.0),
    },
    "screen": {
        **{
            f"presence message to agent's screen, 2,000 specialists, p{share}": Budget("ms", *budget)
            for share, budget in ((50, ()), (95, ("<= 100", 100.0)), (99, ()))
        },
        **{f"the same until Chromium has painted the row, p{share}": Budget("ms") for share in (50, 95, 99)},
        "changes that reached no screen": Budget("messages", "0", 0.0),
    },
    "leases": {
        f"{database} {act} p{share}": Budget("ms")
        for database in ("SQLite", "PostgreSQL")
        for act in ("acquire", "release")
        for share in (50, 99)
    },
    "simulate": {
        "longest of 10,000 escalations": Budget("s", "<= 30", CEILING_S),
        "answerable p95": Budget("s", "<= 20", TARGET_S),
        "rung twice": Budget("people", "0", 0.0),
    },
}


async def measure_index() -> Measured:
    """Ask an index of 100,000 people for the best free one, and change people in it."""
    numbers = await asyncio.to_thread(bench_index)
    return {
        "best specialist of 100,000 p50": numbers["best_p50_us"] / 1000,
        "best specialist of 100,000 p99": numbers["best_p99_us"] / 1000,
        "nobody free has the skill p99": numbers["none_p99_us"] / 1000,
        "a specialist changes p99": numbers["update_p99_us"] / 1000,
    }


async def measure_presence() -> Measured:
    """2,000 specialists on a private Mosquitto, each changing every 30 s."""
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as folder:
        numbers = await bench_presence(Path(folder), seconds=PRESENCE_S)
    figures = {f"message to callback p{share}": numbers[f"p{share}_ms"] for share in (50, 95, 99)}
    return figures | {"messages unheard": numbers["published"] - numbers["heard"]}


async def measure_screen() -> Measured:
    """The same with a real node, the company's own Mosquitto and an agent's WebSocket, and his page in Chromium."""
    async with given_crowd() as crowd:
        pin_system(crowd.access.pid)
        delays = await measure_crowd(crowd, PRESENCE_S)
    figures = {"changes that reached no screen": float(delays.sent - len(delays.screen_ms))}
    for share in (50, 95, 99):
        name = f"presence message to agent's screen, 2,000 specialists, p{share}"
        figures[name] = percentile(list(delays.screen_ms), share / 100)
        if delays.painted_ms:
            painted = percentile(list(delays.painted_ms), share / 100)
            figures[f"the same until Chromium has painted the row, p{share}"] = painted
    return figures


async def measure_leases() -> Measured:
    """Take and give back people, one after the other: on SQLite, and on PostgreSQL where it is installed."""
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        figures = await _leases_on("SQLite", f"sqlite:///{folder}/ringside.db", folder)
        try:
            port = stack.enter_context(private_postgres())
        except StoreError:
            return figures
        return figures | await _leases_on("PostgreSQL", f"postgresql://postgres@127.0.0.1:{port}/postgres", folder)


async def _leases_on(database: str, url: str, folder: Path) -> Measured:
    store = await Store.open(url, journal_dir=folder / f"{database}-journal")
    acquired, released = list[float](), list[float]()
    try:
        for number in range(LEASES):
            began = time.perf_counter()
            lease = await store.leases.acquire(PersonId(f"p{number % 50}"), "bench", LEASE_TTL_S)
            acquired.append((time.perf_counter() - began) * 1000)
            if lease is None:
                raise LabError(f"{database} refused a lease that nobody holds")
            began = time.perf_counter()
            await store.leases.release(lease)
            released.append((time.perf_counter() - began) * 1000)
    finally:
        await store.close()
    return {
        f"{database} {act} p{share}": percentile(times, share / 100)
        for act, times in (("acquire", acquired), ("release", released))
        for share in (50, 99)
    }


async def measure_simulate() -> Measured:
    """Play 10,000 escalations on virtual time; the seed is fixed, so the runs agree to the last digit."""
    verdict = judge(await asyncio.to_thread(simulate, ESCALATIONS, SEED))
    return {
        "longest of 10,000 escalations": verdict.longest_s,
        "answerable p95": verdict.answerable_p95_s,
        "rung twice": float(verdict.rung_twice),
    }
