"""Runs a load plan: callers in several processes, calls at their planned times, results as they come, always an end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from siplab.bench.measure import CpuMeter, resident_mib
from siplab.child import Child, ChildEvent
from siplab.errors import LabError
from siplab.load.arrivals import PlannedCall
from siplab.load.plan import Plan
from siplab.load.target import Target
from siplab.load.verdict import STOPPED, CallResult, estimated_mos, faults_of, media_from_json

POLL_S = 0.05
TICK_S = 0.5
GOODBYE_S = 5.0
LAG_BOUND_MS = 100.0
HELD_BACK = "held back: run.max_concurrent reached"
LOST = "lost: its process died"


@dataclass(frozen=True, slots=True)
class Second:
    """One line of the run's history."""

    at_s: float
    begun: int
    active: int
    ended: int
    failed: int
    cpu_percent: float | None = None
    memory_mib: float | None = None


@dataclass(slots=True)
class LoadRun:
    """What is known of a run, during it and after."""

    plan: Plan
    target: Target
    planned: int
    started_at: datetime
    results: list[CallResult] = field(default_factory=list)
    history: list[Second] = field(default_factory=list)
    begun: int = 0
    active: int = 0
    took_s: float = 0.0
    stopped: bool = False
    lag_ms: float = 0.0
    """How late the callers' own processes were at worst: a starved caller measures the tester, not the target."""

    @property
    def failed(self) -> int:
        return sum(result.failed for result in self.results)

    @property
    def warning(self) -> str:
        """Say when the figures are not to be trusted; empty when they are."""
        if self.lag_ms <= LAG_BOUND_MS:
            return ""
        return (
            f"The callers' own processes were up to {self.lag_ms:.0f} ms late: this machine was too busy, so times and "
            "quality are worse than the target's own."
        )

    @property
    def causes(self) -> Counter[str]:
        return Counter(result.cause for result in self.results if result.failed)


Show = Callable[[LoadRun], None]


class LoadEngine:
    """One run. `stop()` ends it early; the results so far stay."""

    def __init__(self, plan: Plan, target: Target, calls: list[PlannedCall], watched_pid: int = 0) -> None:
        self.run = LoadRun(plan, target, len(calls), datetime.now(UTC))
        self._calls = calls
        self._stopping = asyncio.Event()
        self._workers: list[Child] = []
        self._open: dict[int, tuple[float, int]] = {}
        self._cpu = CpuMeter(watched_pid) if watched_pid else None
        self._watched_pid = watched_pid
        self._began = 0.0

    def stop(self) -> None:
        """Begin no more calls, hang up, keep the results."""
        self._stopping.set()

    async def play(self, show: Show = lambda _run: None) -> LoadRun:
        """Make all calls and wait for their ends.

        Raises:
            LabError: No caller process could be started.
        """
        async with AsyncExitStack() as stack:
            for number in range(self.run.plan.run.workers):
                self._workers.append(await self._start_worker(number))
                stack.push_async_callback(self._workers[-1].stop)
            self._began = time.monotonic()
            ticking = asyncio.create_task(self._tick(show))
            try:
                await self._make_calls()
                await self._wait_for_ends()
                await self._hang_up()
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)
        self._collect()
        self._give_up_open(LOST if not self._stopping.is_set() else STOPPED)
        self._note_second()
        self.run.took_s = time.monotonic() - self._began
        self.run.stopped = self._stopping.is_set()
        self.run.results.sort(key=lambda result: result.number)
        show(self.run)
        return self.run

    async def _start_worker(self, number: int) -> Child:
        plan = self.run.plan
        return await Child.start(
            f"callers {number + 1}",
            "siplab.load.caller",
            target=self.run.target.uri,
            number=plan.customers.number,
            caller=plan.customers.caller,
            codec=plan.customers.codec,
            answer_timeout_s=plan.customers.answer_timeout_s,
            max_calls=plan.run.max_concurrent + 10,
        )

    async def _make_calls(self) -> None:
        for number, call in enumerate(self._calls):
            wait_s = self._began + call.at_s - time.monotonic()
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_s)
            if self._stopping.is_set():
                return
            self._collect()
            self._begin(number, call)

    def _begin(self, number: int, call: PlannedCall) -> None:
        at_s = time.monotonic() - self._began
        worker = number % len(self._workers)
        if len(self._open) >= self.run.plan.run.max_concurrent:
            self.run.results.append(CallResult(number, at_s, cause=HELD_BACK))
            return
        try:
            self._workers[worker].send("call", number=number, talk_s=call.talk_s)
        except LabError:
            self.run.results.append(CallResult(number, at_s, cause=LOST))
            return
        self.run.begun += 1
        self._open[number] = (at_s, worker)
        self.run.active = len(self._open)

    async def _wait_for_ends(self) -> None:
        """Wait until every call is over; none lasts longer than its answer time-out and its talk."""
        longest_s = max((call.talk_s for call in self._calls), default=0.0)
        deadline = time.monotonic() + longest_s + self.run.plan.customers.answer_timeout_s + GOODBYE_S
        while self._open and not self._stopping.is_set() and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
            self._collect()

    async def _hang_up(self) -> None:
        if not self._open:
            return
        for worker in self._workers:
            with contextlib.suppress(LabError):
                worker.send("hang_up")
        deadline = time.monotonic() + GOODBYE_S
        while self._open and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
            self._collect()

    async def _tick(self, show: Show) -> None:
        while True:
            self._collect()
            self._note_second()
            show(self.run)
            await asyncio.sleep(TICK_S)

    def _note_second(self) -> None:
        run = self.run
        cpu = memory = None
        if self._cpu is not None:
            try:
                cpu, memory = self._cpu.percent(), resident_mib(self._watched_pid)
                self._cpu = CpuMeter(self._watched_pid)
            except OSError:
                self._cpu = None  # it has gone
        at_s = time.monotonic() - self._began
        run.history.append(Second(round(at_s, 2), run.begun, run.active, len(run.results), run.failed, cpu, memory))

    def _collect(self) -> None:
        for index, worker in enumerate(self._workers):
            for event in worker.take_events():
                if event.name == "over":
                    self._over(event)
            if worker.ended:
                self._give_up_open(LOST, index)
        self.run.active = len(self._open)

    def _over(self, event: ChildEvent) -> None:
        data = event.data
        number = int(data["number"])
        at_s, _worker = self._open.pop(number, (0.0, 0))
        plan = self.run.plan
        media = media_from_json(data["media"])
        self.run.lag_ms = max(self.run.lag_ms, float(data["lag_ms"]))
        answered = data["setup_ms"] is not None
        faults = faults_of(media, plan.audio.hears, plan.audio.max_silence_ms) if answered else ()
        self.run.results.append(
            CallResult(
                number,
                round(at_s, 3),
                data["setup_ms"],
                float(data["talked_s"]),
                str(data["cause"]),
                estimated_mos(media, plan.customers.codec) if answered else None,
                faults if plan.audio.hears != "nothing" else tuple(f for f in faults if f == "one_way"),
                media,
                tuple(data["ladder"]),
            )
        )

    def _give_up_open(self, cause: str, worker: int | None = None) -> None:
        """Count calls nobody will tell about any more."""
        for number, (at_s, whose) in list(self._open.items()):
            if worker in (None, whose):
                del self._open[number]
                self.run.results.append(CallResult(number, round(at_s, 3), cause=cause))
        self.run.active = len(self._open)
