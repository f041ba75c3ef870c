"""Runs a load plan: customers call at their planned times, people serve them, and there is always an end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from siplab.child import ChildEvent
from siplab.errors import LabError
from siplab.load.arrivals import PlannedCall
from siplab.load.cores import Cores, Gauge, pin
from siplab.load.customers import CustomerReport, Customers, caller_number
from siplab.load.ladder import CUSTOMER, LadderStep, in_order
from siplab.load.plan import Plan
from siplab.load.run import LoadRun, PresenceFigures, Second
from siplab.load.staff import Staff
from siplab.load.system import System
from siplab.load.trace import TraceFile
from siplab.load.verdict import STOPPED, CallResult, estimated_mos, faults_of, media_from_json

POLL_S = 0.05
TICK_S = 0.5
GOODBYE_S = 5.0
STAFF_LIMIT_S = 180.0
"""A call with agents ends when they end it: wait, talk, escalation and what comes after."""
HELD_BACK = "held back: run.max_concurrent reached"
LOST = "lost: its process died"
UNSERVED = "not served: the run ended before an agent was free"
DIGITS_THAT_COUNT = 9

Show = Callable[[LoadRun], None]


@dataclass(slots=True)
class OpenCall:
    """A call that is not over."""

    number: int
    planned: PlannedCall
    at_s: float
    began: float
    answered_at: float | None = None
    steps: list[LadderStep] = field(default_factory=list)


class LoadEngine:
    """One run. `stop()` ends it early; the results so far stay."""

    def __init__(
        self,
        plan: Plan,
        system: System,
        calls: list[PlannedCall],
        *,
        cores: Cores | None = None,
        trace: Path | None = None,
    ) -> None:
        self.run = LoadRun(plan, system.target, len(calls), datetime.now(UTC))
        self._system = system
        self._calls = calls
        self._cores = cores or Cores()
        self._stopping = asyncio.Event()
        self.customers = Customers(plan, system.target, self._cores.robots)
        self._staff: Staff | None = None
        self._open: dict[int, OpenCall] = {}
        self._numbers: dict[str, int] = {}
        self._ladders: dict[int, list[LadderStep]] = {}
        self._trace = TraceFile(trace)
        self._gauge = Gauge()
        self._began = time.monotonic()

    def stop(self) -> None:
        """Begin no more calls, hang up, keep the results."""
        self._stopping.set()

    async def play(self, show: Show = lambda _run: None) -> LoadRun:
        """Make all calls and wait for their ends.

        Raises:
            LabError: Callers or staff could not be started.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(self._trace)
            await self.customers.start(stack, self._on_event)
            await self._bring_staff(stack)
            self._pin()
            self._began = time.monotonic()
            ticking = asyncio.create_task(self._tick(show))
            try:
                await self._make_calls()
                await self._wait_for_ends()
                await self._hang_up()
                if self._staff is not None:
                    await self._staff.finish()
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)
            self._give_up_open(STOPPED if self._stopping.is_set() else LOST)
            self._close_books()
        show(self.run)
        return self.run

    async def _bring_staff(self, stack: AsyncExitStack) -> None:
        plan = self.run.plan
        if self._system.access is None or not (plan.agents or plan.specialists or plan.presence):
            return
        self._staff = Staff(plan, self._system, self, self._cores.robots)
        await self._staff.start()
        stack.push_async_callback(self._staff.stop)
        await self._staff.until_free()
        self._staff.begin()

    def _pin(self) -> None:
        cores = self._cores
        if cores.target and self._system.pid:
            pin(self._system.pid, cores.target)
        self.run.pinned = str(cores if self._system.pid else replace(cores, target=()))

    # --- the calls -----------------------------------------------------------------------------------------------

    async def _make_calls(self) -> None:
        for number, call in enumerate(self._calls):
            wait_s = self._began + call.at_s - time.monotonic()
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_s)
            if self._stopping.is_set():
                return
            self._begin(number, call)

    def _begin(self, number: int, call: PlannedCall) -> None:
        now = time.monotonic()
        at_s = round(now - self._began, 3)
        if len(self._open) >= self.run.plan.run.max_concurrent:
            self.run.results.append(CallResult(number, at_s, cause=HELD_BACK, kind=call.kind.label))
            return
        self._open[number] = OpenCall(number, call, at_s, now)
        self._numbers[_key(caller_number(self.run.plan, number))] = number
        try:
            self.customers.call(number, call)
        except LabError:
            del self._open[number]
            self.run.results.append(CallResult(number, at_s, cause=LOST, kind=call.kind.label))
            return
        self.run.begun += 1
        self.run.active = len(self._open)

    async def _wait_for_ends(self) -> None:
        """Wait until every call is over; none lasts longer than its answer time-out and its talk."""
        longest_s = max((call.talk_s for call in self._calls), default=0.0)
        extra_s = STAFF_LIMIT_S if self._staff is not None and self.run.plan.agents else 0.0
        deadline = time.monotonic() + longest_s + self.run.plan.customers.answer_timeout_s + GOODBYE_S + extra_s
        while self._open and not self._stopping.is_set() and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), POLL_S)

    async def _hang_up(self) -> None:
        if not self._open:
            return
        self.customers.hang_up()
        deadline = time.monotonic() + GOODBYE_S
        while self._open and time.monotonic() < deadline:  # noqa: ASYNC110 - many calls end; a poll is simpler
            await asyncio.sleep(POLL_S)

    # --- what happens --------------------------------------------------------------------------------------------

    def _on_event(self, event: ChildEvent) -> None:
        call = self._open.get(int(event.data.get("number", -1)))
        if call is None:
            return
        match event.name:
            case "sip":
                self._step(call, CUSTOMER, event)
            case "answered":
                call.answered_at = event.t
                self.run.talking += 1
            case "over":
                self._over(call, event)

    def _step(self, call: OpenCall, who: str, event: ChildEvent) -> None:
        step = LadderStep(round((event.t - call.began) * 1000, 1), who, str(event.data["way"]), str(event.data["what"]))
        call.steps.append(step)
        self._trace.step(call.number, step)

    def _over(self, call: OpenCall, event: ChildEvent) -> None:
        data, plan = event.data, self.run.plan
        del self._open[call.number]
        self._numbers.pop(_key(caller_number(plan, call.number)), None)
        self._trace.over(call.number, str(data["cause"]))
        media = media_from_json(data["media"])
        self.run.lag_ms = max(self.run.lag_ms, float(data["lag_ms"]))
        answered = data["setup_ms"] is not None
        self.run.talking -= call.answered_at is not None
        self.run.active = len(self._open)
        faults = faults_of(media, plan.audio.hears, plan.audio.max_silence_ms) if answered else ()
        if data["cause"] or faults or self._staff is not None or not self._ladders:
            self._ladders[call.number] = call.steps
        self.run.results.append(
            CallResult(
                call.number,
                call.at_s,
                data["setup_ms"],
                float(data["talked_s"]),
                self._cause(str(data["cause"]), answered, call),
                estimated_mos(media) if answered else None,
                faults if plan.audio.hears != "nothing" else tuple(f for f in faults if f == "one_way"),
                media,
                kind=call.planned.kind.label,
            )
        )

    def _cause(self, cause: str, answered: bool, call: OpenCall) -> str:
        """Tell a customer whom the end of the run cut off in the queue from one whom Ctrl-C cut off."""
        served = self._staff is not None and call.number in self._staff.notes
        unserved = cause == STOPPED and not self._stopping.is_set() and self.run.plan.agents is not None
        return UNSERVED if unserved and answered and not served else cause

    def _give_up_open(self, cause: str, worker: int | None = None) -> None:
        """Count calls nobody will tell about any more."""
        for number, call in list(self._open.items()):
            if worker is None or self.customers.serves(worker, number):
                del self._open[number]
                self.run.talking -= call.answered_at is not None
                self._ladders[number] = call.steps
                self.run.results.append(CallResult(number, call.at_s, cause=cause, kind=call.planned.kind.label))
        self.run.active = len(self._open)

    # --- what staff asks for (CallBook) --------------------------------------------------------------------------

    def call_from(self, caller: str) -> tuple[int, PlannedCall] | None:
        """Find a running call by the number it comes from."""
        call = self._open_from(caller)
        return (call.number, call.planned) if call is not None else None

    def answered_at(self, number: int) -> float | None:
        """Tell when the target answered a call."""
        call = self._open.get(number)
        return call.answered_at if call is not None else None

    def reset_ears(self, number: int) -> None:
        """Let a customer forget what he heard: music, for one."""
        self.customers.reset(number)

    async def customer_report(self, number: int) -> CustomerReport:
        """Ask a customer's phone."""
        return await self.customers.report(number)

    def note_step(self, caller: str, who: str, event: ChildEvent) -> None:
        """Put a message of an agent's or specialist's phone into the ladder of the call it belongs to."""
        call = self._open_from(caller)
        if call is not None:
            self._step(call, who, event)

    def _open_from(self, caller: str) -> OpenCall | None:
        number = self._numbers.get(_key(caller))
        return self._open.get(number) if number is not None else None

    # --- the clock -----------------------------------------------------------------------------------------------

    async def _tick(self, show: Show) -> None:
        while True:
            for index in self.customers.dead():
                self._give_up_open(LOST, index)
            self._note_second()
            show(self.run)
            await asyncio.sleep(TICK_S)

    def _note_second(self) -> None:
        run, staff = self.run, self._staff
        if staff is not None:
            run.agents, run.escalating, run.rings = staff.states(), staff.running, staff.rings()
        pid = self._system.pid
        cpu = self._gauge.cpu_percent((pid,)) if pid else None
        memory = self._gauge.memory_mib(pid) if pid else None
        robots = self._gauge.cpu_percent(self.customers.pids)
        at_s = round(time.monotonic() - self._began, 2)
        run.history.append(
            Second(
                at_s,
                run.begun,
                run.active,
                len(run.results),
                run.failed,
                cpu,
                memory,
                run.talking,
                run.escalating,
                robots,
            )
        )

    def _close_books(self) -> None:
        """Put together what customers and staff know; keep the ladders of what broke and of one that went well."""
        run, staff = self.run, self._staff
        self._note_second()
        run.took_s = time.monotonic() - self._began
        run.stopped = self._stopping.is_set()
        results = [self._with_staffs_word(each) for each in sorted(run.results, key=lambda each: each.number)]
        good = [each for each in results if not each.broken]
        example = next((each for each in good if each.escalation is not None), good[0] if good else None)
        shown = {each.number: self._ladders.get(each.number, ()) for each in results if each.broken or each is example}
        run.results = [replace(each, ladder=in_order(shown.get(each.number, ()))) for each in results]
        if staff is not None:
            run.troubles = staff.troubles
            if staff.churn is not None:
                churn = staff.churn
                run.presence = PresenceFigures(churn.said, churn.unseen, churn.seen_ms)

    def _with_staffs_word(self, result: CallResult) -> CallResult:
        note = self._staff.notes.get(result.number) if self._staff is not None else None
        if note is None:
            return result
        return replace(result, agent=note.agent, waited_s=note.waited_s, deaf=note.deaf, escalation=note.escalation)


def _key(caller: str) -> str:
    """Compare numbers by their last digits, however they are written."""
    return "".join(filter(str.isdigit, caller))[-DIGITS_THAT_COUNT:]
