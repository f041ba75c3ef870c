"""Other people's user agents: SIPp as a customer, baresip as a specialist's desk phone (DC-01, DC-03, CE-12)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from siplab.desk import Document, Documents
from siplab.patience import WAIT_S
from siplab.ports import lasting_port
from siplab.remote import RemoteRobot

from tests.scenarios.company import (
    AGENT,
    BOTH_WAYS,
    CLAIMS_LINE,
    CONNECTED_TIMEOUT_S,
    SPECIALIST,
    Company,
    NodeUnderTest,
    company_of,
    talking_interaction,
    until,
    until_heard,
)
from tests.scenarios.conftest import RunningNode
from tests.scenarios.foreign import baresip_phone, foreign_program, heard_in, other_machine, sipp_customer
from tests.scenarios.hearing import heard

pytestmark = [pytest.mark.loopback, pytest.mark.native]

RECORDED_MS = 2_000.0
ECHO = (("A", "A"),)
"""SIPp sends all audio back: the agent who hears his own tone is heard, and hears."""


async def test_sipp_as_a_customer_is_answered_greeted_and_connected(
    running: RunningNode, company: Company, captures: Path
) -> None:
    facts = json.loads((running.node.state_dir / "node.json").read_text())
    node = (facts["sip"]["address"], facts["sip"]["udp"])
    desk, supervisor = await company.desk(AGENT), await company.desk("sara.quinn")
    agent = await company.phone("A", AGENT, desk.docs["me"])
    await desk.command("me/agent-status", {"status": "ready"})
    command = sipp_customer(CLAIMS_LINE, node, lasting_port(socket.SOCK_DGRAM))
    async with foreign_program(*command, log=captures / "sipp.log", cwd=captures) as sipp:
        call = await desk.wait_for(talking_interaction, CONNECTED_TIMEOUT_S, "SIPp to be connected")
        await until_heard((agent,), ECHO)
        interaction = str(call.value["id"])
        await desk.command(f"interactions/{interaction}/close", {"outcome": "solved", "resolved": True})
        assert await asyncio.wait_for(sipp.wait(), WAIT_S) == 0, (captures / "sipp.log").read_text()[-2_000:]
    phases = ("greeting", "queued", "offered", "talking")
    seen = [doc["phase"] for _at, key, doc in supervisor.history if key == f"interaction/{interaction}" and doc]
    shown = [phase for phase in dict.fromkeys(seen) if phase in phases]
    assert shown == [phase for phase in phases if phase in shown], "what passes quickly need not be shown"
    logged = [event["name"] for event in await desk.read(f"interactions/{interaction}/events")]
    steps = ("interaction.arrived", "interaction.queued", "interaction.offered", "interaction.closed")
    assert [name for name in dict.fromkeys(logged) if name in steps] == list(steps)
    await desk.command("me/wrap-up/finish")


async def test_a_baresip_desk_phone_on_another_machine_is_the_specialist_with_audio_both_ways(
    tmp_path: Path, captures: Path
) -> None:
    """Registered with digest over a network of its own; in the conference everybody hears everybody."""
    with other_machine() as machine:
        # This baresip answers no challenge once SHA-256 is among them.
        node = NodeUnderTest(tmp_path / "state", {"RINGSIDE_SIP__ADDRESS": machine.here, "RINGSIDE_SIP__DIGEST": "md5"})
        async with node as access, company_of(access) as company:
            call = await company.talking()
            client = await company.uc_client(SPECIALIST, call.desk.docs["me"])
            await client.say("available")
            phone = call.desk.docs["me"]["phone"]
            registrar = f"{phone['server']}:{phone['ports']['udp']}"
            folder = captures / "baresip"
            command = baresip_phone(folder, SPECIALIST, company.login(SPECIALIST).phone_password, registrar, "E1")
            log = captures / "baresip.log"
            async with foreign_program(*machine.inside(*command), log=log, cwd=captures):
                free = await call.desk.wait_for(
                    lambda docs: docs[f"person/{SPECIALIST}"]["availability"]["state"] == "free",
                    CONNECTED_TIMEOUT_S,
                    "baresip to be registered and Eva free",
                )
                assert free.value, log.read_text()[-2_000:]
                eva = await company.desk(SPECIALIST)
                path = f"interactions/{call.interaction}/escalations"
                await call.desk.command(path, {"specialist": SPECIALIST, "reason": "flood clause"})
                asked = await eva.wait_for(_escalation, WAIT_S, "the case on Eva's screen")
                # It answers by itself, which is not accepting: a mailbox could do that. She clicks.
                await eva.command(f"escalations/{asked.value['id']}/accept")
                await call.desk.wait_for(
                    lambda docs: docs[f"interaction/{call.interaction}"]["phase"] == "conference",
                    CONNECTED_TIMEOUT_S,
                    "baresip in the conference",
                )
                await until_heard((call.customer, call.agent), (*BOTH_WAYS, ("E1", "C"), ("E1", "A")))
                for robot in (call.customer, call.agent):
                    robot.send("reset")
                await until(_have_talked(call.customer, call.agent), "baresip to talk for the recording's length")
                await call.close()
                await until(_has_heard(folder, "C", "A"), "baresip's recording of customer and agent")


def _escalation(docs: Documents) -> Document | None:
    return next((doc for key, doc in docs.items() if key.startswith("escalation/") and doc["digest"]), None)


def _have_talked(*robots: RemoteRobot) -> Callable[[], Awaitable[bool]]:
    """Ask whether both heard E1 for longer than the end of its recording that is looked at."""

    async def asked() -> bool:
        return {("E1", "C"), ("E1", "A")} <= await heard(robots, RECORDED_MS)

    return asked


def _has_heard(folder: Path, *parties: str) -> Callable[[], Awaitable[bool]]:
    """Ask whether what the phone heard, written down when its call ends, has these parties' tones at its end."""

    async def asked() -> bool:
        recordings = await asyncio.to_thread(lambda: sorted(folder.glob("dump-*-dec.wav")))
        return bool(recordings) and all(heard_in(recordings[-1], *parties).values())

    return asked
