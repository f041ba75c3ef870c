"""The rows of the benchmark. Each sets up its own processes, measures once, and gives its figures by name.

The switch rows measure `telephony`'s switch in a process of its own: the callers are elsewhere, so its CPU is its own.
The node row measures the whole product; `core_rows` what needs no SIP.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from siplab.bench.browser_rows import BROWSER_BUDGETS, measure_browser
from siplab.bench.core_rows import (
    CORE_BUDGETS,
    measure_index,
    measure_leases,
    measure_presence,
    measure_screen,
    measure_simulate,
)
from siplab.bench.hearing_rows import CALLEE, HEARING_BUDGETS, measure_hearing
from siplab.bench.leg_rows import LEG_BUDGETS, measure_legs, measure_legs_at
from siplab.bench.live_rows import LIVE_BUDGETS, measure_live
from siplab.bench.measure import Budget, CpuMeter, Measured, percentile, resident_mib
from siplab.bench.peer import Peer
from siplab.bench.pinning import pin_system
from siplab.bench.register import register_flood
from siplab.bench.rig import address_of, given_load, given_load_at, given_switch, ramp
from siplab.child import Child
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import LabError, WaitTimeout
from siplab.node import PrivateNode
from siplab.remote import Line, RemoteRobot
from siplab.scenarios.stage import Stage, choose_cast, phone_line, sip_server

SETTLE_S = 1.0
BACKGROUND_LEGS = 150
DIALS = 100
SETUPS, SETUP_PARALLEL = 600, 8
REGISTER_S = 3.0
REGISTER_PEOPLE = 256
ESCALATIONS = 20
IDLE_S, SETTLED_S = 5.0, 3.0
MB_PER_MIB = 2**20 / 10**6


BUDGETS: dict[str, dict[str, Budget]] = {
    **LEG_BUDGETS,
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
    **HEARING_BUDGETS,
    "register": {
        "REGISTER with digest": Budget("reg/s"),
        "per core of the switch": Budget("reg/s", ">= 5000", 5_000.0, at_least=True),
        "refused": Budget("reg", "0", 0.0),
    },
    "node": {
        "idle memory": Budget("MB", "<= 150", 150.0),
        "the same in binary units": Budget("MiB"),
        "idle CPU": Budget("% core", "<= 2", 2.0),
        "escalate to INVITE, screen acknowledging, p50": Budget("ms"),
        "escalate to INVITE, screen acknowledging, p99": Budget("ms", "<= 60", 60.0),
    },
    **LIVE_BUDGETS,
    **BROWSER_BUDGETS,
    **CORE_BUDGETS,
}


async def measure_setup() -> Measured:
    """Calls back to back: INVITE to ACK, then BYE, a few at once."""
    async with given_switch() as switch:
        return await measure_setup_at(Peer(address_of(switch), switch.pid))


async def measure_setup_at(peer: Peer) -> Measured:
    """The same against any SIP server that answers 5001; its CPU too, where its process is known."""
    async with given_load_at(peer.address) as load:
        meter = CpuMeter(peer.pid) if peer.pid else None
        at = time.monotonic()
        load.send("call", count=SETUPS, parallel=SETUP_PARALLEL, keep=False, silent=True)
        called = await load.wait_for("called", since=at, timeout_s=60.0)
        times, failures = called.data["setup_ms"], called.data["failures"]
        cpu = {"CPU per call": 1000 * meter.used_s() / SETUPS} if meter is not None else {}
        return cpu | {
            "calls answered, back to back": len(times) / called.data["took_s"],
            "set-up time p50": percentile(times, 0.5),
            "set-up time p99": percentile(times, 0.99),
            "failed": float(sum(failures.values())),
        }


async def measure_invite() -> Measured:
    """From the effect given to the switch to the INVITE at the phone, with 50 conferences in the background."""
    password = secrets.token_hex(8)
    async with given_switch({CALLEE: password}) as switch:
        line = Line("E1", CALLEE, address_of(switch), password=password, answer="decline")
        phone = await RemoteRobot.spawn("callee", [line])
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
    """The whole node, started a second time: idle, then escalations whose screen acknowledges at once; cancelled when
    the phone rings.
    """
    node = PrivateNode()
    async with node as access:
        await node.stop()  # the first start may compile and bring the schema up to date: people see it once
        access = await node.serve(access.logins)
        pin_system(access.pid)
        await asyncio.sleep(SETTLED_S)
        meter = CpuMeter(access.pid)
        await asyncio.sleep(IDLE_S)
        memory = resident_mib(access.pid)
        idle = {"idle memory": memory * MB_PER_MIB, "the same in binary units": memory, "idle CPU": meter.percent()}
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
    "hear": measure_hearing,
    "register": measure_register,
    "node": measure_node,
    "live": measure_live,
    "browser": measure_browser,
    "index": measure_index,
    "presence": measure_presence,
    "screen": measure_screen,
    "leases": measure_leases,
    "simulate": measure_simulate,
}
PEER_ROWS: dict[str, Callable[[Peer], Awaitable[Measured]]] = {"setup": measure_setup_at, "legs": measure_legs_at}
"""Rows that another product can be measured by: a SIP server that answers 5001."""
PINNED_ROWS = frozenset({"legs", "setup", "invite", "hear", "register", "node", "live", "screen"})
"""Rows with a system under test and a load apart from it; the others are one process, or several of one kind."""
