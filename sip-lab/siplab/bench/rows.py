"""The rows of the benchmark. Each sets up its own processes, measures once, and gives its figures by name.

The switch rows measure `telephony`'s switch in a process of its own: the callers are elsewhere, so its CPU is its own.
The node row measures the whole product; `core_rows` what needs no SIP.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from siplab.bench.core_rows import (
    CORE_BUDGETS,
    measure_index,
    measure_leases,
    measure_presence,
    measure_simulate,
)
from siplab.bench.measure import Budget, CpuMeter, Measured, percentile, resident_mib
from siplab.bench.register import register_flood
from siplab.child import Child
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import LabError, WaitTimeout
from siplab.node import PrivateNode
from siplab.remote import Line, RemoteRobot
from siplab.scenarios.stage import Stage, choose_cast, phone_line, sip_server

LEGS = (30, 150, 300)
SETTLE_S = 1.0
WINDOW_S = 4.0
RAMP_PARALLEL = 20
BACKGROUND_LEGS = 150
DIALS = 100
SETUPS, SETUP_PARALLEL = 600, 8
REGISTER_S = 3.0
REGISTER_PEOPLE = 256
ESCALATIONS = 20
IDLE_S = 5.0
CALLEE = "bench.callee"


BUDGETS: dict[str, dict[str, Budget]] = {
    "legs": {
        **{f"CPU per leg, {legs} legs": Budget("% core", "<= 0.12", 0.12) for legs in LEGS},
        "memory per leg": Budget("KiB"),
        "RTP packets lost": Budget("packets", "0", 0.0),
    },
    "setup": {
        "calls answered, back to back": Budget("calls/s", ">= 300", 300.0, at_least=True),
        "set-up time p50": Budget("ms"),
        "set-up time p99": Budget("ms", "<= 100", 100.0),
        "CPU per call": Budget("ms"),
        "failed": Budget("calls", "0", 0.0),
    },
    "invite": {
        "trigger to INVITE p50": Budget("ms", "<= 2", 2.0),
        "trigger to INVITE p99": Budget("ms", "<= 6", 6.0),
    },
    "register": {
        "REGISTER with digest": Budget("reg/s"),
        "per core of the switch": Budget("reg/s", ">= 5000", 5_000.0, at_least=True),
        "refused": Budget("reg", "0", 0.0),
    },
    "node": {
        "idle memory": Budget("MiB", "<= 150", 150.0),
        "idle CPU": Budget("% core", "<= 2", 2.0),
        "escalate to INVITE, screen acknowledging, p50": Budget("ms"),
        "escalate to INVITE, screen acknowledging, p99": Budget("ms", "<= 60", 60.0),
    },
    **CORE_BUDGETS,
}


@asynccontextmanager
async def given_switch(people: dict[str, str] | None = None, connections: bool = False) -> AsyncIterator[Child]:
    """Run a switch by itself, on UDP; with `connections` also on TCP and TLS."""
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as folder:
        settings = {"state_dir": folder, "people": people or {}, "connections": connections}
        switch = await Child.start("the switch", "siplab.bench.switch_child", **settings)
        try:
            yield switch
        finally:
            await switch.stop()


@asynccontextmanager
async def given_load(switch: Child) -> AsyncIterator[Child]:
    """Run callers against a switch."""
    async with given_load_at(_address(switch)) as load:
        yield load


@asynccontextmanager
async def given_load_at(target: str) -> AsyncIterator[Child]:
    """Run callers against the SIP server at `host:port`."""
    load = await Child.start("the load", "siplab.bench.load", target=target, number="5001")
    try:
        yield load
        load.send("hang_up")
        await load.wait_for("idle", since=time.monotonic(), timeout_s=15.0)
    finally:
        await load.stop()


async def ramp(load: Child, count: int) -> None:
    """Bring more callers into conferences and wait until all are answered."""
    at = time.monotonic()
    load.send("call", count=count, parallel=RAMP_PARALLEL, keep=True)
    called = await load.wait_for("called", since=at, timeout_s=30.0)
    if called.data["failures"]:
        raise LabError(f"calls failed while ramping up: {called.data['failures']}")


async def measure_legs() -> Measured:
    """CPU per leg in three-way conferences at 30, 150 and 300 legs, and what was lost on the way."""
    figures: Measured = {}
    async with given_switch() as switch, given_load(switch) as load:
        standing, resident = 0, dict[int, float]()
        for legs in LEGS:
            await ramp(load, legs - standing)
            standing = legs
            await asyncio.sleep(SETTLE_S)
            meter = CpuMeter(switch.pid)
            await asyncio.sleep(WINDOW_S)
            figures[f"CPU per leg, {legs} legs"] = meter.percent() / legs
            resident[legs] = resident_mib(switch.pid)
        at = time.monotonic()
        switch.send("stats")
        load.send("report")
        stats, heard = await switch.wait_for("stats", since=at), await load.wait_for("report", since=at)
        if stats.data["conferences"] != LEGS[-1] // 3 or heard.data["calls"] != LEGS[-1]:
            raise LabError(f"not all stayed in their conferences: {stats.data}, {heard.data}")
        figures["memory per leg"] = 1024 * (resident[LEGS[-1]] - resident[LEGS[0]]) / (LEGS[-1] - LEGS[0])
        figures["RTP packets lost"] = heard.data["lost"] + stats.data["lost"]
    return figures


async def measure_setup() -> Measured:
    """Calls back to back: INVITE to ACK, then BYE, a few at once."""
    async with given_switch() as switch:
        meter = CpuMeter(switch.pid)
        figures = await measure_setup_at(_address(switch))
        return figures | {"CPU per call": 1000 * meter.used_s() / SETUPS}


async def measure_setup_at(target: str) -> Measured:
    """The same against any SIP server that answers 5001; its CPU is not known."""
    async with given_load_at(target) as load:
        at = time.monotonic()
        load.send("call", count=SETUPS, parallel=SETUP_PARALLEL, keep=False, silent=True)
        called = await load.wait_for("called", since=at, timeout_s=60.0)
        times, failures = called.data["setup_ms"], called.data["failures"]
        return {
            "calls answered, back to back": len(times) / called.data["took_s"],
            "set-up time p50": percentile(times, 0.5),
            "set-up time p99": percentile(times, 0.99),
            "failed": float(sum(failures.values())),
        }


def _address(switch: Child) -> str:
    return f"127.0.0.1:{switch.events[0].data['port']}"


async def measure_invite() -> Measured:
    """From the effect given to the switch to the INVITE at the phone, with 50 conferences in the background."""
    password = secrets.token_hex(8)
    async with given_switch({CALLEE: password}) as switch:
        server = f"127.0.0.1:{switch.events[0].data['port']}"
        phone = await RemoteRobot.spawn("callee", [Line("E1", CALLEE, server, password=password, answer="decline")])
        try:
            phone.send("register")
            await phone.wait_for("registered")
            async with given_load(switch) as load:
                await ramp(load, BACKGROUND_LEGS)
                await asyncio.sleep(SETTLE_S)
                delays = [await _dial_once(switch, phone) for _ in range(DIALS)]
        finally:
            await phone.stop()
    return {"trigger to INVITE p50": percentile(delays, 0.5), "trigger to INVITE p99": percentile(delays, 0.99)}


async def _dial_once(switch: Child, phone: RemoteRobot) -> float:
    at = time.monotonic()
    switch.send("dial", person=CALLEE)
    dialled = await switch.wait_for("dialled", since=at)
    try:
        incoming = await phone.wait_for("incoming", since=at)
    except WaitTimeout as late:
        reasons = [event.data["reason"] for event in switch.events if event.name == "dial_ended" and event.t >= at]
        raise LabError(f"{late}; the switch says: {', '.join(reasons) or 'nothing'}") from late
    await phone.wait_for("ended", since=at)
    return (incoming.t - dialled.t) * 1000


async def measure_register() -> Measured:
    """Registrations with digest, challenge included."""
    people = {f"phone{i}": secrets.token_hex(8) for i in range(REGISTER_PEOPLE)}
    async with given_switch(people) as switch:
        port = int(switch.events[0].data["port"])
        meter = CpuMeter(switch.pid)
        outcome = await asyncio.to_thread(register_flood, "127.0.0.1", port, people, REGISTER_S)
        return {
            "REGISTER with digest": outcome.done / outcome.took_s,
            "per core of the switch": outcome.done / max(0.01, meter.used_s()),
            "refused": float(outcome.refused),
        }


async def measure_node() -> Measured:
    """The whole node: idle, then escalations whose screen acknowledges at once; cancelled when the phone rings."""
    async with PrivateNode() as access:
        await asyncio.sleep(SETTLE_S)
        meter = CpuMeter(access.pid)
        await asyncio.sleep(IDLE_S)
        idle = {"idle memory": resident_mib(access.pid), "idle CPU": meter.percent()}
        async with Stage(access) as stage:
            delays = await _escalate_often(stage)
    name = "escalate to INVITE, screen acknowledging, p"
    return {**idle, f"{name}50": percentile(delays, 0.5), f"{name}99": percentile(delays, 0.99)}


async def _escalate_often(stage: Stage) -> list[float]:
    agent_login = stage.access.with_role("agent")[0]
    agent_desk = await stage.desk(agent_login)
    cast = choose_cast(stage.access, [dict(doc) for doc in await agent_desk.read("people")], agent_login.person)
    me, e1 = agent_desk.docs["me"], cast.specialists[0]
    specialist_desk = await stage.desk(e1)
    phone = await stage.robot("specialist", phone_line("E1", e1, me, "never"))
    await stage.robot("agent", phone_line("A", cast.agent, me, "auto"))
    await specialist_desk.command("me/availability", {"status": "available"})
    await agent_desk.command("me/agent-status", {"status": "ready"})
    customer = await stage.robot("customer", Line("C", "+385915550101", sip_server(me)))
    customer.send("call", to="5001")
    talking = await agent_desk.wait_for(_talking, 30.0, "the interaction in phase talking")
    interaction = str((talking.value or {})["id"])
    return [
        await _escalate_once(agent_desk, specialist_desk, phone, interaction, e1.person) for _ in range(ESCALATIONS)
    ]


async def _escalate_once(
    agent: DeskClient, specialist: DeskClient, phone: RemoteRobot, interaction: str, person: str
) -> float:
    await agent.wait_for(
        lambda d: d[f"person/{person}"]["availability"]["state"] == "free", 10.0, "the specialist free"
    )
    at = time.monotonic()
    escalating = asyncio.create_task(agent.command(f"interactions/{interaction}/escalations", {"specialist": person}))
    offered = await specialist.wait_for(_offered, 5.0, "the escalation")
    doc = offered.value or {}
    await specialist.command(f"escalations/{doc['id']}/rendered", {"digest": doc["digest"]})
    incoming = await phone.wait_for("incoming", since=at)
    await escalating
    await agent.command(f"escalations/{doc['id']}/cancel")
    await phone.wait_for("ended", since=at)
    closed = f"escalation/{doc['id']}"
    await agent.wait_for(lambda d: closed not in d or d[closed]["state"] == "closed", 10.0, "the end of the escalation")
    return (incoming.t - at) * 1000


def _talking(docs: Documents) -> Document | None:
    return next((d for key, d in docs.items() if key.startswith("interaction/") and d["phase"] == "talking"), None)


def _offered(docs: Documents) -> Document | None:
    return next((d for key, d in docs.items() if key.startswith("escalation/") and d["state"] == "offered"), None)


ROWS: dict[str, Callable[[], Awaitable[Measured]]] = {
    "legs": measure_legs,
    "setup": measure_setup,
    "invite": measure_invite,
    "register": measure_register,
    "node": measure_node,
    "index": measure_index,
    "presence": measure_presence,
    "leases": measure_leases,
    "simulate": measure_simulate,
}
PEER_ROWS: dict[str, Callable[[str], Awaitable[Measured]]] = {"setup": measure_setup_at}
"""Rows that another product can be measured by: a SIP server that answers 5001."""
