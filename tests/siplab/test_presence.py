"""The UC client on a real broker: retained statuses, and a last will when it vanishes (presence contract)."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from siplab.errors import LabError
from siplab.patience import WAIT_S
from siplab.ports import lasting_port
from siplab.presence import Broker, UcClient

pytestmark = pytest.mark.loopback


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A private Mosquitto for whoever comes, on a free port of loopback."""
    port = lasting_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n")
    program = next(p for p in ("/usr/sbin/mosquitto", "/usr/bin/mosquitto") if Path(p).exists())
    process = subprocess.Popen([program, "-c", str(config)])
    try:
        _wait_until_open(port)
        yield Broker("127.0.0.1", port, "test/v1")
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), WAIT_S).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


async def retained(broker: Broker, topic: str, status: str) -> dict[str, Any]:
    """Wait until the retained message of a topic says a status."""
    async with aiomqtt.Client(broker.host, broker.port) as reader:
        await reader.subscribe(topic)
        async with asyncio.timeout(WAIT_S):
            async for message in reader.messages:
                fact: dict[str, Any] = json.loads(bytes(message.payload))
                if fact["status"] == status:
                    return fact
    raise AssertionError("the reader ended")


async def test_status_is_retained_with_since_and_a_growing_sequence(broker: Broker) -> None:
    async with UcClient(broker, "eva", "secret") as uc:
        await uc.say("available")
        said_at = await uc.say("busy", "in a meeting")
        fact = await retained(broker, "test/v1/presence/eva/uc", "busy")
        assert fact["reason"] == "in a meeting"
        assert fact["seq"] == 1
        assert fact["since"].endswith("+00:00")
        assert said_at <= time.monotonic()
        assert (await retained(broker, "test/v1/presence/eva/connected", "available"))["status"] == "available"


async def test_client_that_began_anew_counts_from_zero(broker: Broker) -> None:
    """Presence contract: 0 tells that the sender was restarted, so its word is not taken for a late one."""
    for _ in range(2):
        async with UcClient(broker, "eva", "secret") as uc:
            await uc.say("away")
            assert (await retained(broker, "test/v1/presence/eva/uc", "away"))["seq"] == 0


async def test_client_that_leaves_says_so(broker: Broker) -> None:
    async with UcClient(broker, "eva", "secret"):
        pass
    assert "reason" not in await retained(broker, "test/v1/presence/eva/connected", "offline")


async def test_client_that_vanishes_leaves_its_last_will(broker: Broker) -> None:
    """N6: a killed client must not stay free for ever."""
    uc = UcClient(broker, "eva", "secret")
    await uc.__aenter__()
    await uc.kill()
    fact = await retained(broker, "test/v1/presence/eva/connected", "offline")
    assert fact["reason"] == "lost"


async def test_pinged_client_says_its_status_again_before_it_answers(broker: Broker) -> None:
    """N6: so a probe that hears the answer knows the status, too."""
    async with UcClient(broker, "eva", "secret") as uc, aiomqtt.Client(broker.host, broker.port) as node:
        await uc.say("busy", "in a meeting")
        for topic in ("presence/eva/uc", "pong/eva"):
            await node.subscribe(f"test/v1/{topic}", qos=1)
        await node.publish("test/v1/ping/eva", b'{"nonce":"n1"}', qos=1)
        heard: list[tuple[str, Any]] = []
        async with asyncio.timeout(WAIT_S):
            async for message in node.messages:
                if not message.retain:
                    heard.append((str(message.topic), json.loads(bytes(message.payload))))
                if len(heard) == 2:
                    break
        assert [topic for topic, _ in heard] == ["test/v1/presence/eva/uc", "test/v1/pong/eva"]
        assert (heard[0][1]["status"], heard[0][1]["seq"]) == ("busy", 1)
        assert heard[1][1] == {"nonce": "n1"}


async def test_client_sees_what_the_product_shows_of_its_person(broker: Broker) -> None:
    """S06 step 6: its own status can follow an escalation."""
    async with UcClient(broker, "eva", "secret") as uc, aiomqtt.Client(broker.host, broker.port) as node:
        await node.publish("test/v1/availability/eva", b'{"kind":"reserved"}', qos=1)
        async with asyncio.timeout(WAIT_S):
            while uc.shown.get("kind") != "reserved":  # noqa: ASYNC110  # it has no event to wait for
                await asyncio.sleep(0.01)


async def test_clients_of_one_person_speak_on_topics_of_their_own(broker: Broker) -> None:
    async with UcClient(broker, "eva", "secret", name="laptop") as uc:
        await uc.say("away")
        await uc.tell("manual", "dnd", reason="audit")
        assert (await retained(broker, "test/v1/presence/eva/uc/laptop", "away"))["seq"] == 0
        assert (await retained(broker, "test/v1/presence/eva/manual", "dnd"))["reason"] == "audit"


async def test_missing_broker_is_explained() -> None:
    with pytest.raises(LabError, match="eva's UC client cannot use the broker"):
        async with UcClient(Broker("127.0.0.1", 9), "eva", "secret"):
            pytest.fail("nobody is there")
