"""The customers of a run, in several processes: makes them call, hears how it went, and gives their phones' reports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

from siplab.child import Child, ChildEvent
from siplab.errors import LabError, WaitTimeout
from siplab.load.arrivals import LONGEST_TALK_S, PlannedCall
from siplab.load.caller import Order
from siplab.load.plan import Plan
from siplab.load.target import Target
from siplab.load.weather import Climate
from siplab.prover import HearingReport, ToneReading
from siplab.tones import load_tone, load_tones

PLAIN_TONES = [(f"{hz}", hz) for hz in range(400, 2_000, 100)]
SPARE_CALLS = 10
"""Calls that are ending while new ones begin."""
REPORT_TIMEOUT_S = 10.0
NUMBERS = 100_000


def caller_number(plan: Plan, number: int) -> str:
    """Give the number a call comes from; it repeats after 100,000 calls."""
    return f"{plan.customers.caller}{number % NUMBERS:05}"


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """What a customer's phone hears, and how it was treated."""

    hearing: HearingReport
    hold_s: float
    reinvites: int


class Customers:
    """Owns the callers' processes. Every event of a call goes to `take`; `None` there: these calls are lost."""

    def __init__(self, plan: Plan, target: Target, cores: Sequence[int] = ()) -> None:
        self._plan = plan
        self._target = target
        self._cores = list(cores)
        self._workers: list[Child] = []
        self._asked: dict[int, asyncio.Future[ChildEvent]] = {}
        self._take: Callable[[ChildEvent], None] = lambda _event: None

    async def start(self, stack: AsyncExitStack, take: Callable[[ChildEvent], None]) -> None:
        """Start the processes; the stack ends them.

        Raises:
            LabError: One could not be started.
        """
        self._take = take
        for number in range(self._plan.run.workers):
            settings = self._settings() | {"relays": await self._start_relays(stack, number)}
            worker = await Child.start(f"callers {number + 1}", "siplab.load.callers", **settings)
            worker.listen(self._on_event)
            self._workers.append(worker)
            stack.push_async_callback(worker.stop)

    def _settings(self) -> dict[str, Any]:
        plan = self._plan
        with_staff = plan.agents is not None
        transports = sorted({kind.transport for kind in plan.kinds})
        return {
            "targets": {each: self._target.over(each).address for each in transports},
            "address": self._target.own_address(),
            "number": plan.customers.number,
            "codecs": sorted({kind.codec for kind in plan.kinds}),
            "answer_timeout_s": plan.customers.answer_timeout_s,
            "max_calls": plan.run.max_concurrent + SPARE_CALLS,
            "tones": load_tones("C") if with_staff else PLAIN_TONES,
            "others": dict([*load_tones("A"), *load_tones("S")]) if with_staff else {},
            "cores": self._cores,
        }

    async def _start_relays(self, stack: AsyncExitStack, number: int) -> dict[str, Any] | None:
        network = self._plan.network
        if network is None:
            return None
        weather = Climate(network.loss_percent, network.delay_ms, network.jitter_ms, network.reorder_percent)
        station = await Child.start(
            f"weather {number + 1}",
            "siplab.load.weather",
            legs=self._plan.run.max_concurrent + SPARE_CALLS,
            address=self._target.own_address(),
            seed=self._plan.seed,
            weather=asdict(weather),
            cores=self._cores,
        )
        stack.push_async_callback(station.stop)
        ready = station.events[0].data
        return {"control": ready["control"], "ports": ready["ports"]}

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    def call(self, number: int, call: PlannedCall) -> None:
        """Let a customer call.

        Raises:
            LabError: Its process has died.
        """
        with_staff = self._plan.agents is not None
        order = Order(
            number,
            LONGEST_TALK_S if with_staff else call.talk_s,
            caller_number(self._plan, number),
            call.kind.codec,
            call.kind.transport,
            call.kind.srtp,
            call.weather,
            with_staff,
        )
        self._worker(number).send("call", order=asdict(order))

    def reset(self, number: int) -> None:
        """Let a customer forget what he heard so far."""
        self._worker(number).send("reset", number=number)

    async def report(self, number: int) -> CustomerReport:
        """Ask a customer's phone.

        Raises:
            LabError: The call is gone, or the process silent.
        """
        asked = self._asked.get(number)
        if asked is None:
            asked = self._asked[number] = asyncio.get_running_loop().create_future()
            self._worker(number).send("report", number=number)
        try:
            event = await asyncio.wait_for(asyncio.shield(asked), REPORT_TIMEOUT_S)
        except TimeoutError:
            raise WaitTimeout(f"what customer {number} hears", REPORT_TIMEOUT_S) from None
        finally:
            self._asked.pop(number, None)
        if event.data["readings"] is None:
            raise LabError(f"customer {number} has gone")
        readings = tuple(ToneReading(**each) for each in event.data["readings"])
        own = load_tone("C", number)[0]
        hearing = HearingReport(own, event.t, tuple(each for each in readings if each.speaker != own))
        return CustomerReport(hearing, float(event.data["hold_s"]), int(event.data["reinvites"]))

    def hang_up(self) -> None:
        """End all calls."""
        for worker in self._workers:
            with contextlib.suppress(LabError):
                worker.send("hang_up")

    def dead(self) -> list[int]:
        """Give the indexes of processes that have died; call n is with process n modulo their number."""
        return [index for index, worker in enumerate(self._workers) if worker.ended]

    def serves(self, index: int, number: int) -> bool:
        return number % len(self._workers) == index

    def _worker(self, number: int) -> Child:
        return self._workers[number % len(self._workers)]

    def _on_event(self, event: ChildEvent) -> None:
        if event.name == "report":
            asked = self._asked.get(int(event.data["number"]))
            if asked is not None and not asked.done():
                asked.set_result(event)
        else:
            self._take(event)
