"""From the trigger to sound: customer, agent and a specialist whose phone answers at once, proved by their tones."""

from __future__ import annotations

import asyncio
import secrets
import time

from siplab.bench.measure import Budget, Measured, percentile
from siplab.bench.rig import address_of, given_switch
from siplab.child import Child
from siplab.errors import LabError
from siplab.prover import all_directions, heard_since
from siplab.remote import Line, RemoteRobot

CALLEE = "bench.callee"
TIMES = 25
QUIET_S = 0.25
"""By then what a jitter buffer still held of the last round has been heard."""
LOOK_EVERY_S = 0.05
LATEST_S = 20.0
PARTIES = ("C", "A", "E1")
NAME = "trigger to all three hear each other, phone answering at once, p"

HEARING_BUDGETS: dict[str, dict[str, Budget]] = {
    "hear": {f"{NAME}50": Budget("ms"), f"{NAME}95": Budget("ms", "<= 43", 43.0)},
}


async def measure_hearing() -> Measured:
    """Fetch the specialist again and again into a call of two."""
    password = secrets.token_hex(8)
    async with given_switch({CALLEE: password}) as switch:
        server = address_of(switch)
        callers = await RemoteRobot.spawn("callers", [Line(who, f"+3859155501{who}", server) for who in PARTIES[:2]])
        try:
            line = Line(PARTIES[2], CALLEE, server, password=password, answer="auto", ring=False)
            phone = await RemoteRobot.spawn("callee", [line])
            try:
                delays = await _fetch_often(switch, callers, phone)
            finally:
                await phone.stop()
        finally:
            await callers.stop()
    return {f"{NAME}50": percentile(delays, 0.5), f"{NAME}95": percentile(delays, 0.95)}


async def _fetch_often(switch: Child, callers: RemoteRobot, phone: RemoteRobot) -> list[float]:
    phone.send("register")
    await phone.wait_for("registered")
    for who in PARTIES[:2]:
        callers.send("call", who, to="5001")
        await callers.wait_for("confirmed", who)
    return [await _fetch_once(switch, callers, phone) for _ in range(TIMES)]


async def _fetch_once(switch: Child, callers: RemoteRobot, phone: RemoteRobot) -> float:
    """Milliseconds from the effect to the moment when the last of six directions is heard."""
    await asyncio.sleep(QUIET_S)
    for robot, who in ((callers, PARTIES[0]), (callers, PARTIES[1]), (phone, PARTIES[2])):
        robot.send("reset", who)
        await robot.report(who)  # commands are obeyed in order: it has forgotten
    at = time.monotonic()
    switch.send("fetch", person=CALLEE)
    dialled = await switch.wait_for("dialled", since=at)
    heard = dict[tuple[str, str], float]()
    while not all_directions(PARTIES) <= set(heard):
        if time.monotonic() > at + LATEST_S:
            raise LabError(
                f"after {LATEST_S:g} s not all hear each other: {sorted(all_directions(PARTIES) - set(heard))}"
            )
        await asyncio.sleep(LOOK_EVERY_S)
        reports = [await callers.report(PARTIES[0]), await callers.report(PARTIES[1]), await phone.report(PARTIES[2])]
        heard = heard_since(reports, dialled.t)
    switch.send("end_fetched")
    await phone.wait_for("ended", since=at)
    return max(heard[direction] for direction in all_directions(PARTIES))
