"""What fails on a real node, and what people notice then (design: what fails; N1, N3; issue 2)."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from pathlib import Path

import pytest
from siplab.desk import DeskClient, Documents
from siplab.patience import WAIT_S

from tests.scenarios.company import (
    AGENT,
    BOTH_WAYS,
    SPECIALIST,
    Company,
    NodeUnderTest,
    a_normal_call_works,
    availability_of,
    company_of,
    until,
    until_heard,
)
from tests.scenarios.conftest import RunningNode

pytestmark = [pytest.mark.loopback, pytest.mark.native]

BACK_TIMEOUT_S = 60.0


def why_unknown(docs: Documents) -> str:
    """Why Eva's availability is unknown; empty while it is not."""
    because = str(docs[f"person/{SPECIALIST}"]["availability"]["because"])
    return because if availability_of(docs, SPECIALIST) == "unknown" else ""


def is_broker_there(docs: Documents) -> bool:
    return bool(docs["system"]["presence_connected"])


async def test_a_killed_broker_leaves_the_call_alone_and_makes_availability_unknown_until_it_is_back(
    running: RunningNode, company: Company
) -> None:
    """Design: the broker fails; N6: silent is unknown, never free."""
    call = await company.talking()
    await company.free_specialist(call.desk.docs["me"])
    await call.desk.wait_for(lambda docs: availability_of(docs, SPECIALIST) == "free", WAIT_S, "Eva free")
    running.node.kill_broker()
    await call.desk.wait_for(lambda docs: not is_broker_there(docs), WAIT_S, "the desk to say that the broker is gone")
    unknown = await call.desk.wait_for(why_unknown, WAIT_S, "Eva unknown")
    assert "broker" in unknown.value
    await call.still_heard()
    await call.desk.wait_for(is_broker_there, BACK_TIMEOUT_S, "the broker to come back by itself")
    back = await company.uc_client(SPECIALIST, call.desk.docs["me"])  # as every client does when its broker returns
    await back.say("available")
    await call.desk.wait_for(lambda docs: availability_of(docs, SPECIALIST) == "free", BACK_TIMEOUT_S, "Eva free again")
    await call.still_heard()
    await call.close()


async def test_a_killed_node_that_starts_again_knows_its_phones_and_closes_what_it_lost(tmp_path: Path) -> None:
    """Design: the node fails. Phones need not register again; the interaction it was in is closed as node_lost."""
    node = NodeUnderTest(tmp_path / "state")
    async with node as access, company_of(access) as company:
        call = await company.talking()
        broker = node.broker_pid()
        await node.kill()
        await node.start_again()
        await until(lambda: _gone(broker), "the old broker to leave", BACK_TIMEOUT_S)
        async with company_of(access) as later:
            desk = await later.desk(AGENT)
            await until(lambda: _has_promise(desk, call.interaction), "the customer to be called back")
            lost = await desk.read(f"interactions/{call.interaction}")
            assert (lost["phase"], lost["result"]["reason"]) == ("closed", "node_lost")
            names = [event["name"] for event in await desk.read(f"interactions/{call.interaction}/events")]
            assert names[0] == "leg.arrived"
            assert {"interaction.closed", "promise.made"} <= set(names)
            assert desk.docs["me"]["phone"]["registered"] is True
            assert desk.docs["me"]["agent"]["status"] == "ready"
            for robot in (call.agent, call.customer):
                robot.send("hang_up")
                robot.send("reset")
            call.customer.send("call", to="5001")
            await desk.wait_for(_talking, BACK_TIMEOUT_S, "the next call at the same phone")
            await until_heard((call.customer, call.agent), BOTH_WAYS)
            assert call.agent.count("registered") == 1


async def _has_promise(desk: DeskClient, interaction: str) -> bool:
    names = {event["name"] for event in await desk.read(f"interactions/{interaction}/events")}
    return {"interaction.closed", "promise.made"} <= names


async def _gone(pid: int) -> bool:
    return str(pid) not in os.listdir("/proc")


def _talking(docs: Documents) -> bool:
    return any(key.startswith("interaction/") and doc["phase"] == "talking" for key, doc in docs.items())


async def test_a_node_that_is_told_to_stop_says_goodbye_to_every_phone(tmp_path: Path) -> None:
    """Stopping means: end calls, write what is left, leave with status 0."""
    node = NodeUnderTest(tmp_path / "state")
    async with node as access, company_of(access) as company:
        call = await company.talking()
        await node.stop()
        assert node.exit_status == 0
        for robot in (call.customer, call.agent):
            ended = await robot.wait_for("ended")
            assert ended.data["by"] == "them"
        assert not (node.state_dir / "node.json").exists()
        await node.start_again()
        async with company_of(access) as later:
            stored = await (await later.desk(AGENT)).read(f"interactions/{call.interaction}")
            assert (stored["phase"], stored["result"]["reason"]) == ("closed", "node_stopping")


async def test_a_full_disk_is_told_while_calls_go_on_and_no_event_is_lost(tmp_path: Path) -> None:
    """Issue 2: a full disk for the event log. EFBIG stands for ENOSPC: no file of the node may grow any more."""
    small_disk = NodeUnderTest(tmp_path / "state")
    async with small_disk as access, company_of(access) as company:
        call = await company.talking()
        path = f"cases/{case_of(call.desk.docs)}/edits"
        limit_files(small_disk.pid, 4_096)
        try:
            for number in range(3):
                version = call.desk.docs[f"case/{case_of(call.desk.docs)}"]["version"]
                await call.desk.command(
                    path, {"field": "description", "text": f"Note {number}", "base_version": version}
                )
            await call.desk.wait_for(
                lambda docs: docs["system"]["degraded"], WAIT_S, "the desk to say that it is degraded"
            )
            await call.still_heard()
        finally:
            limit_files(small_disk.pid, resource.RLIM_INFINITY)
        await call.desk.wait_for(
            lambda docs: not docs["system"]["degraded"], BACK_TIMEOUT_S, "the desk to be well again"
        )
        await call.close()
        events = await call.desk.read(f"interactions/{call.interaction}/events")
        said = [event["data"]["pii_text"] for event in events if event["name"] == "case.edited"]
        assert said == ["Note 0", "Note 1", "Note 2"]
        assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
        assert "events_lost" not in small_disk.log_text()


def case_of(docs: Documents) -> str:
    return next(key for key in docs if key.startswith("case/")).partition("/")[2]


def limit_files(pid: int, size_bytes: int) -> None:
    """Let no file of this process grow beyond this size; writing then fails as on a full disk."""
    _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


async def test_a_second_node_on_the_same_ports_says_what_to_mend_and_the_first_serves_on(
    running: RunningNode,
) -> None:
    env = {"RINGSIDE_STATE_DIR": str(running.node.state_dir.with_name("second"))}
    facts = json.loads((running.node.state_dir / "node.json").read_text())
    ports = {"RINGSIDE_SIP__UDP_PORT": facts["sip"]["udp"], "RINGSIDE_SIP__TCP_PORT": 0, "RINGSIDE_SIP__TLS_PORT": 0}
    ports |= {"RINGSIDE_WEB__PORT": 0, "RINGSIDE_PRESENCE__PRIVATE_PORT": 0}
    process = await asyncio.create_subprocess_exec(
        "env", *(f"{name}={value}" for name, value in {**env, **ports}.items()), *running.node.command("serve"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _out, told = await asyncio.wait_for(process.communicate(), BACK_TIMEOUT_S)
    assert process.returncode == 1
    assert str(facts["sip"]["udp"]) in told.decode()
    assert "Traceback" not in told.decode()
    await a_normal_call_works(running.access)
