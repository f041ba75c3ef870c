"""A lab node under load tools (DC-06): numbers that need no people, proved by tones and by SIPp."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from siplab.patience import WAIT_S
from siplab.ports import lasting_port
from siplab.remote import Line, RemoteRobot
from siplab.scenarios.stage import Stage

from center.lab.runner import TONE_HZ
from tests.scenarios.company import NodeUnderTest, until_heard
from tests.scenarios.foreign import foreign_program, program

pytestmark = [pytest.mark.loopback, pytest.mark.native]

PASSWORD = "only-for-the-lab"
LAB = {
    "RINGSIDE_LAB__ENABLED": "true",
    "RINGSIDE_LAB__PHONES": "3",
    "RINGSIDE_LAB__PASSWORD": PASSWORD,
    "RINGSIDE_SIP__DIGEST": "md5",
}
SIPP_S = 60.0
"""Its calls take a second or two; this only ends a run that went wrong."""
SIPP = Path(__file__).parents[2] / "sip-lab" / "scenarios" / "sipp"


@dataclass
class LabNode:
    """A lab node and where it is."""

    stage: Stage
    web: str
    sip: str

    async def caller(self, party: str) -> RemoteRobot:
        return await self.stage.robot(party, Line(party, f"load-{party}", self.sip))

    async def phone(self, party: str, user: str) -> RemoteRobot:
        return await self.stage.robot(party, Line(party, user, self.sip, password=PASSWORD, answer="auto"))

    async def escalate(self, call: str, to: str) -> tuple[int, dict[str, Any]]:
        async with httpx2.AsyncClient(base_url=self.web, timeout=WAIT_S) as http:
            answer = await http.post("/api/lab/escalations", json={"call": call, "to": to})
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
async def lab_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[NodeUnderTest, Any]]:
    node = NodeUnderTest(tmp_path_factory.mktemp("lab") / "state", LAB)
    async with node as access:
        yield node, access


@pytest.fixture
async def lab(lab_node: tuple[NodeUnderTest, Any]) -> AsyncIterator[LabNode]:
    node, access = lab_node
    facts = json.loads((node.state_dir / "node.json").read_text())
    async with Stage(access) as stage:
        yield LabNode(stage, access.web, f"127.0.0.1:{facts['sip']['udp']}")


async def test_echo_is_heard_by_its_caller(lab: LabNode) -> None:
    caller = await lab.caller("C")
    caller.send("call", to="echo")
    await until_heard((caller,), (("C", "C"),))


async def test_answer_plays_its_tone(lab: LabNode) -> None:
    caller = await lab.stage.robot("C", Line("C", "load-C", lab.sip), speakers={"lab": TONE_HZ})
    caller.send("call", to="answer")
    await until_heard((caller,), (("lab", "C"),))


async def test_rooms_mix_those_of_one_key_and_nobody_else(lab: LabNode) -> None:
    one, two, other = await asyncio.gather(*(lab.caller(party) for party in ("C", "A", "E1")))
    for robot, room in ((one, "room-x"), (two, "room-x"), (other, "room-y")):
        robot.send("call", to=room)
    await until_heard((one, two), (("C", "A"), ("A", "C")))
    report = await other.report()
    assert not any(reading.present for reading in report.readings)


async def test_a_bridged_call_is_escalated_to_a_third_phone_by_http(lab: LabNode) -> None:
    """The centre's own machines and matrix: three hear each other."""
    caller, first, third = await asyncio.gather(lab.caller("C"), lab.phone("A", "lab1"), lab.phone("E1", "lab2"))
    caller.send("call", to="call-lab1")
    await until_heard((caller, first), (("C", "A"), ("A", "C")))
    call_id = (await caller.wait_for("confirmed")).data["sip_call_id"]
    status, answer = await lab.escalate("nobody's", "lab2")
    assert (status, answer["error"]["code"]) == (404, "unknown_call")
    status, answer = await lab.escalate(call_id, "lab2")
    assert (status, answer["escalation"][:4]) == (202, "esc_")
    everybody = (("C", "A"), ("A", "C"), ("C", "E1"), ("E1", "C"), ("A", "E1"), ("E1", "A"))
    await until_heard((caller, first, third), everybody)
    status, answer = await lab.escalate(call_id, "lab3")
    assert (status, answer["error"]["code"]) == (409, "already_escalating")
    caller.send("hang_up")
    await asyncio.gather(first.wait_for("ended"), third.wait_for("ended"))


@pytest.mark.parametrize("service", ["echo", "answer", "room"])
async def test_sipp_loads_the_lab_with_the_shipped_scenarios(lab: LabNode, captures: Path, service: str) -> None:
    port = lasting_port(socket.SOCK_DGRAM)
    load = ("-m", "20", "-r", "20", "-l", "20", "-d", "300", "-s", "7", "-nostdin")
    own = ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port))
    command = (program("sipp", "sip-tester"), lab.sip, "-sf", str(SIPP / f"{service}.xml"), *own, *load)
    async with foreign_program(*command, log=captures / "sipp.log", cwd=captures) as sipp:
        assert await asyncio.wait_for(sipp.wait(), SIPP_S) == 0, (captures / "sipp.log").read_text()[-2_000:]


async def test_sipp_registers_a_phone_answers_with_it_and_calls_it(lab: LabNode, captures: Path) -> None:
    phone_port, own_port = lasting_port(socket.SOCK_DGRAM), lasting_port(socket.SOCK_DGRAM)
    users = captures / "users.csv"
    users.write_text(f"SEQUENTIAL\nlab3;[authentication username=lab3 password={PASSWORD}];{phone_port}\n")
    sipp, here = program("sipp", "sip-tester"), ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin")

    async def plays(name: str, *more: str) -> None:
        command = (sipp, lab.sip, "-sf", str(SIPP / f"{name}.xml"), *here, *more)
        async with foreign_program(*command, log=captures / f"{name}.log", cwd=captures) as run:
            assert await asyncio.wait_for(run.wait(), SIPP_S) == 0, (captures / f"{name}.log").read_text()[-2_000:]

    await plays("register", "-m", "1", "-inf", str(users), "-p", str(own_port))
    phone = (sipp, "-sf", str(SIPP / "phone.xml"), *here, "-p", str(phone_port), "-d", "50", "-m", "5")
    async with foreign_program(*phone, log=captures / "phone.log", cwd=captures) as answering:
        await plays("call", "-s", "lab3", "-m", "5", "-r", "10", "-d", "300", "-p", str(own_port))
        assert await asyncio.wait_for(answering.wait(), SIPP_S) == 0, (captures / "phone.log").read_text()[-2_000:]
