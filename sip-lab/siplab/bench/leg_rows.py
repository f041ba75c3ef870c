"""CPU per leg against the number of legs: from 30 up to the knee, where packets get lost or a core is full."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from siplab.bench.measure import Budget, CpuMeter, Measured, resident_mib
from siplab.bench.peer import Peer
from siplab.bench.rig import given_load, given_load_at, given_switch, ramp
from siplab.child import Child
from siplab.errors import LabError

STEPS = (30, 90, 180, 300, 450, 600, 750, 900)
ALWAYS = 300
"""So many legs are carried by any machine that is worth measuring; a failure before is an error, after it the knee."""
SETTLE_S, WINDOW_S = 1.0, 3.0
FULL_PERCENT = 95.0
LOST_SHARE = 1e-4
"""Fewer lost packets than one in 10,000 are no loss: what a neighbour on the machine does for a moment."""
CURVE = "CPU per leg, {} legs"

LEG_BUDGETS: dict[str, dict[str, Budget]] = {
    "legs": {
        **{CURVE.format(legs): Budget("% core", "<= 0.12", 0.12) for legs in STEPS},
        "three-way conferences on one core without loss": Budget("conferences", ">= 270", 270.0, at_least=True),
        f"RTP packets lost, up to {ALWAYS} legs": Budget("packets", "0", 0.0),
        "core used by the switch at the last step": Budget("% core"),
        "core used by the callers at the last step": Budget("% core"),
        "memory per leg": Budget("KiB"),
    }
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """RTP packets so far: what the callers received, and what was lost on either way."""

    received: int
    lost: int


Count = Callable[[], Awaitable[Traffic]]


async def measure_legs() -> Measured:
    """Callers in three-way conferences, more at each step."""
    async with given_switch() as switch, given_load(switch) as load:

        async def count() -> Traffic:
            at = time.monotonic()
            switch.send("stats")
            stats = await switch.wait_for("stats", since=at)
            heard = await _heard(load)
            if stats.data["conferences"] * 3 != stats.data["legs"]:
                raise LabError(f"not all stayed in their conferences: {stats.data}")
            return Traffic(heard.received, heard.lost + int(stats.data["lost"]))

        return await _climb(load, switch.pid, count)


async def measure_legs_at(peer: Peer) -> Measured:
    """The same at another server, which does with callers of 5001 what it does; nothing without its process id."""
    if not peer.pid:
        return {}
    async with given_load_at(peer.address) as load:
        return await _climb(load, peer.pid, lambda: _heard(load))


async def _heard(load: Child) -> Traffic:
    at = time.monotonic()
    load.send("report")
    report = await load.wait_for("report", since=at)
    return Traffic(int(report.data["received"]), int(report.data["lost"]))


async def _climb(load: Child, pid: int, count: Count) -> Measured:
    figures: Measured = {}
    memory: list[tuple[int, float]] = []
    clean = 0
    for legs in STEPS:
        try:
            await ramp(load, legs - (memory[-1][0] if memory else 0))
            await asyncio.sleep(SETTLE_S)
            before, system, callers = await count(), CpuMeter(pid), CpuMeter(load.pid)
            await asyncio.sleep(WINDOW_S)
            used, used_by_callers = system.percent(), callers.percent()
            after = await count()
        except LabError:
            if legs <= ALWAYS:
                raise
            break  # it takes no more calls, or cannot keep them together
        memory.append((legs, resident_mib(pid)))
        figures[CURVE.format(legs)] = used / legs
        figures["core used by the switch at the last step"] = used
        figures["core used by the callers at the last step"] = used_by_callers
        if legs <= ALWAYS:
            figures[f"RTP packets lost, up to {ALWAYS} legs"] = float(after.lost)
        if after.lost - before.lost > LOST_SHARE * (after.received - before.received):
            break
        clean = legs
        if max(used, used_by_callers) > FULL_PERCENT:
            break
    figures["three-way conferences on one core without loss"] = clean / 3
    (least, first), (most, last) = memory[0], memory[-1]
    figures["memory per leg"] = 1024 * (last - first) / max(1, most - least)
    return figures
