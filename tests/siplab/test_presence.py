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
from siplab.presence import Broker, UcClient

pytestmark = pytest.mark.loopback


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A private Mosquitto for whoever comes, on a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n")
    program = next(p for p in ("/usr/sbin/mosquitto", "/usr/bin/mosquitto") if Path(p).exists())
    process = subprocess.Popen([program, "-c", str(config)])
    try:
        _wait_until_open(port)
        yield Broker("127.0.0.1", port, "test/v1")
    finally:
        process.terminate()
        process.wait(5)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


async def retained(broker: Broker, topic: str, status: str) -> dict[str, Any]:
    """Wait until the retained message of a topic says a status."""
    async with aiomqtt.Client(broker.host, broker.port) as reader:
        await reader.subscribe(topic)
        async with asyncio.timeout(5):
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
    connection = uc._client._client.socket()
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)
    fact = await retained(broker, "test/v1/presence/eva/connected", "offline")
    assert fact["reason"] == "lost"
    await uc.__aexit__(None, None, None)


async def test_missing_broker_is_explained() -> None:
    with pytest.raises(LabError, match="eva's UC client cannot use the broker"):
        async with UcClient(Broker("127.0.0.1", 9), "eva", "secret"):
            pytest.fail("nobody is there")
