"""What the switch rows stand on: a switch in a process of its own, pinned, and callers in another."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from siplab.bench.pinning import pin_system
from siplab.child import Child
from siplab.errors import LabError

RAMP_PARALLEL = 20


@asynccontextmanager
async def given_switch(people: dict[str, str] | None = None, connections: bool = False) -> AsyncIterator[Child]:
    """Run a switch by itself, on UDP; with `connections` also on TCP and TLS."""
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as folder:
        settings = {"state_dir": folder, "people": people or {}, "connections": connections}
        switch = await Child.start("the switch", "siplab.bench.switch_child", **settings)
        try:
            pin_system(switch.pid)
            yield switch
        finally:
            await switch.stop()


def address_of(switch: Child) -> str:
    """Give `host:port` of a switch."""
    return f"127.0.0.1:{switch.events[0].data['port']}"


@asynccontextmanager
async def given_load(switch: Child) -> AsyncIterator[Child]:
    """Run callers against a switch."""
    async with given_load_at(address_of(switch)) as load:
        yield load


@asynccontextmanager
async def given_load_at(target: str) -> AsyncIterator[Child]:
    """Run callers against the SIP server at `host:port`."""
    load = await Child.start("the load", "siplab.bench.load", target=target, number="5001")
    try:
        yield load
        at = time.monotonic()
        load.send("hang_up")
        await load.wait_for("idle", since=at)
    finally:
        await load.stop()


async def ramp(load: Child, count: int) -> None:
    """Bring more callers into conferences and wait until all are answered."""
    at = time.monotonic()
    load.send("call", count=count, parallel=RAMP_PARALLEL, keep=True)
    called = await load.wait_for("called", since=at, timeout_s=30.0)
    if called.data["failures"]:
        raise LabError(f"calls failed while ramping up: {called.data['failures']}")
