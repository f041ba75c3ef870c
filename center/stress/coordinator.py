"""Runs a stress test: starts the node processes, kills some while they hold people, starts them again, judges."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from center.stress.plan import Counts, NodeOrder, StressPlan
from center.stress.referee import Ring, Verdict, judge, read_rings
from store.store import Store
from vocabulary import PersonId

RECOVERY_LIMIT_S = 5.0
_LOOK_EVERY_S = 0.02


@dataclass(slots=True)
class Life:
    """One process of a node, from its start to its end."""

    order: NodeOrder
    process: asyncio.subprocess.Process
    reading: asyncio.Task[None]
    counts: Counts = field(default_factory=Counts)
    died_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class StressReport:
    """What came of it; `holds` is the promise."""

    plan: StressPlan
    counts: Counts
    verdict: Verdict
    recoveries_s: tuple[float, ...]
    """How long after each kill the last of the dead node's people could be had again."""
    took_s: float
    crashed: int

    @property
    def slowest_recovery_s(self) -> float:
        return max(self.recoveries_s, default=0.0)

    @property
    def holds(self) -> bool:
        none_twice = self.verdict.double_rings == self.verdict.tokens_out_of_order == self.counts.wrong == 0
        in_time = self.slowest_recovery_s <= RECOVERY_LIMIT_S
        all_done = self.counts.attempts >= self.plan.attempts and len(self.recoveries_s) == self.plan.kills
        return none_twice and in_time and all_done and self.crashed == 0

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"holds": self.holds}, indent=2)


class StressRun:
    """One run on one database."""

    def __init__(self, plan: StressPlan, url: str, folder: Path) -> None:
        self._plan = plan
        self._url = url
        self._folder = folder
        self._lives: list[Life] = []
        self._recoveries: list[asyncio.Task[float]] = []
        self._told = asyncio.Event()

    async def run(self) -> StressReport:
        """Play the plan.

        Raises:
            TimeoutError: Not done within the plan's limit.
        """
        plan, began = self._plan, time.monotonic()
        store = await Store.open(self._url, journal_dir=self._folder / "journal")  # also makes the schema, once
        try:
            async with asyncio.timeout(plan.limit_s):
                for number in range(plan.nodes):
                    await self._start(f"n{number + 1}")
                for number in range(plan.kills):
                    await self._progress((number + 1) / (plan.kills + 1))
                    await self._kill_and_restart(store, at_once=number % 2 == 1 or plan.nodes == 1)
                await self._progress(1.0)
                await self._finish()
                await asyncio.gather(*self._recoveries)
        finally:
            await self._end_all()
            await store.close()
        return self._report(time.monotonic() - began)

    async def _start(self, node: str) -> None:
        plan, number = self._plan, len(self._lives)
        order = NodeOrder(
            url=self._url,
            node=node,
            nodes=plan.nodes,
            folder=str(self._folder / f"{node}-journal"),
            rings_file=str(self._folder / f"rings-{number}"),
            agents=-(-plan.agents // plan.nodes),
            specialists=plan.specialists,
            timing=plan.timing,
            think_s=plan.think_s,
            stall_every_s=plan.stall_every_s,
            seed=plan.seed * 1_000 + number,
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "center.stress.node", order.as_argument()), stdout=asyncio.subprocess.PIPE
        )
        life = Life(order, process, asyncio.create_task(asyncio.sleep(0)))
        life.reading = asyncio.create_task(self._read(life))
        self._lives.append(life)

    async def _read(self, life: Life) -> None:
        assert life.process.stdout is not None
        async for line in life.process.stdout:
            life.counts = Counts(**json.loads(line))
            self._told.set()
        await life.process.wait()
        life.ended_at = time.time()
        self._told.set()

    def _done(self) -> int:
        return sum(life.counts.attempts for life in self._lives)

    async def _kill_and_restart(self, store: Store, *, at_once: bool) -> None:
        """Kill a node that holds somebody. Started again at once it frees its people itself; else they expire."""
        running = self._running()
        if not running:
            return  # too few attempts for so many kills; the report says so
        victim = running[len(self._recoveries) % len(running)]
        node = victim.order.node
        while not any(lease.holder.startswith(f"{node}/") for lease in await store.leases.live()):
            if victim.process.returncode is not None:
                return
        victim.process.kill()
        await victim.process.wait()
        victim.died_at = time.time()
        await victim.reading
        held = [
            (lease.person, lease.token) for lease in await store.leases.live() if lease.holder.startswith(f"{node}/")
        ]
        self._recoveries.append(asyncio.create_task(_recovery_s(store, held, victim.died_at)))
        if not at_once:
            await asyncio.sleep(self._plan.timing.ttl_s + 0.5)
        await self._start(node)

    async def _progress(self, share: float) -> None:
        """Wait until so much is done and every node has begun, or all have ended."""
        while running := self._running():
            if self._done() >= share * self._plan.attempts and all(life.counts.attempts for life in running):
                return
            self._told.clear()
            await self._told.wait()

    async def _finish(self) -> None:
        """Nodes go on until they are told: none is gone before it was its turn to be killed, however slow we are."""
        for life in self._running():
            life.process.terminate()
        for life in self._lives:
            await life.process.wait()
            await life.reading

    def _running(self) -> list[Life]:
        return [life for life in self._lives if life.process.returncode is None]

    async def _end_all(self) -> None:
        for life in self._lives:
            if life.process.returncode is None:
                life.process.kill()
            await life.process.wait()
            life.reading.cancel()
        await asyncio.gather(*(life.reading for life in self._lives), return_exceptions=True)

    def _report(self, took_s: float) -> StressReport:
        counts, rings = Counts(), list[Ring]()
        for life in self._lives:
            counts.add(life.counts)
            path = Path(life.order.rings_file)
            if path.exists():
                rings += read_rings(path.read_text().splitlines(), life.died_at)
        recoveries = tuple(task.result() for task in self._recoveries)
        crashed = sum(life.died_at is None and life.process.returncode != 0 for life in self._lives)
        first_done = min(life.ended_at or 0.0 for life in self._lives if life.died_at is None)
        timing = self._plan.timing
        bearable_s = timing.ttl_s - timing.renew_every_s - timing.answer_s
        verdict = judge(rings, bearable_s=bearable_s, idle_until=first_done)
        return StressReport(self._plan, counts, verdict, recoveries, took_s, crashed)


async def _recovery_s(store: Store, held: list[tuple[PersonId, int]], died_at: float) -> float:
    """How long it takes until none of these leases counts any more."""
    while True:
        live = {(lease.person, lease.token) for lease in await store.leases.live()}
        if live.isdisjoint(held):
            return time.time() - died_at
        await asyncio.sleep(_LOOK_EVERY_S)
