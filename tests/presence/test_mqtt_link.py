"""The connection that comes back by itself, against a real broker (issue 2 part 4)."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from presence.adapters import mosquitto, mqtt
from presence.adapters.mosquitto import MosquittoBroker
from presence.adapters.mqtt import BrokerAddress, MqttLink
from presence.adapters.tasks import end_tasks
from presence.contract import IncomingMessage
from tests.presence.conftest import WAIT_S, listens, until

pytestmark = pytest.mark.loopback


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[MosquittoBroker]:
    running = MosquittoBroker(tmp_path, prefix="test/v1", node_account="node")
    await running.start()
    yield running
    await running.stop()


class Ears:
    """Everything a link told."""

    def __init__(self) -> None:
        self.messages: list[IncomingMessage] = []
        self.connected = asyncio.Event()
        self.seen_at_connection = -1

    def link(self, address: BrokerAddress, *, name: str = "a", status_topic: str = "", topic: str = "#") -> MqttLink:
        return MqttLink(
            address,
            client_id=name,
            status_topic=status_topic or f"test/v1/node/{name}",
            subscriptions=(f"test/v1/availability/{topic}",),
            on_message=self.messages.append,
            on_connected=self._now_connected,
            on_lost=self.connected.clear,
        )

    def _now_connected(self) -> None:
        self.seen_at_connection = len(self.messages)
        self.connected.set()


async def test_connected_means_that_everything_retained_was_handed_over(
    broker: MosquittoBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S06 step 3: the snapshot is complete before anybody is told, so nobody flickers."""
    monkeypatch.setattr(mqtt, "ANSWER_TIMEOUT_S", 60.0)  # a link that stops sends what is queued for so long
    writer, reader = Ears(), Ears()
    writing = writer.link(broker.address, topic="nothing")
    writing.start()
    for number in range(500):
        writing.publish(f"test/v1/availability/p{number}", b"{}", retain=True)
    await asyncio.wait_for(writer.connected.wait(), WAIT_S)
    await writing.stop()  # sends what is queued first
    reading = reader.link(broker.address, name="b")
    reading.start()
    await asyncio.wait_for(reader.connected.wait(), WAIT_S)
    await reading.stop()
    assert reader.seen_at_connection == 500
    assert all(message.retained for message in reader.messages)


async def test_what_was_published_while_away_leaves_after_connecting(broker: MosquittoBroker) -> None:
    """Choices made during an outage are not lost, and each topic is said once."""
    reader, writer = Ears(), Ears()
    reading, writing = reader.link(broker.address, name="b"), writer.link(broker.address, topic="nothing")
    reading.start()
    await asyncio.wait_for(reader.connected.wait(), WAIT_S)
    writing.publish("test/v1/availability/eva", b"old", retain=True)
    writing.publish("test/v1/availability/eva", b"new", retain=True)
    assert not writing.connected
    writing.start()
    await until(lambda: bool(reader.messages))
    await writing.stop()
    await reading.stop()
    assert [message.payload for message in reader.messages] == [b"new"]


async def test_refused_password_is_said_once_not_at_every_attempt(
    broker: MosquittoBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password must not fill the log."""
    monkeypatch.setattr(mqtt, "LONGEST_BACKOFF_S", 0.02)
    monkeypatch.setattr(mqtt, "FIRST_BACKOFF_S", 0.02)
    attempts = 0
    make_client = MqttLink._client

    def counted(link: MqttLink) -> object:
        nonlocal attempts
        attempts += 1
        return make_client(link)

    monkeypatch.setattr(MqttLink, "_client", counted)
    with capture_logs() as logs:
        link = Ears().link(BrokerAddress("127.0.0.1", broker.port, "node", "guess"))
        link.start()
        await until(lambda: attempts >= 3)
        await link.stop()
    lines = [line for line in logs if line["event"] == "mqtt_not_connected"]
    assert len(lines) == 1
    assert "uthori" in lines[0]["cause"]
    assert not any("guess" in str(line) for line in logs)


async def test_account_that_may_not_read_its_own_status_is_told_so(
    broker: MosquittoBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configured broker with too narrow access rules: a clear cause instead of silence."""
    monkeypatch.setattr(mqtt, "ANSWER_TIMEOUT_S", 0.3)
    await broker.add_account("eva", "secret")
    ears = Ears()
    with capture_logs() as logs:
        link = ears.link(
            BrokerAddress("127.0.0.1", broker.port, "eva", "secret"), status_topic="test/v1/presence/eva/connected"
        )
        link.start()
        await until(lambda: any("check its access rules" in line.get("cause", "") for line in logs))
        await link.stop()
    assert not ears.connected.is_set()


async def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
        *("-keyout", str(key), "-out", str(certificate)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await openssl.wait() == 0
    return certificate, key


def _has_begun_or_ended(process: asyncio.subprocess.Process, port: int) -> bool:
    return process.returncode is not None or listens("127.0.0.1", port)


@asynccontextmanager
async def _tls_broker(folder: Path, certificate: Path, key: Path) -> AsyncIterator[int]:
    """A broker as an administrator would run it, TLS only; gives its port."""
    process = None
    while process is None or process.returncode is not None:  # somebody may take the port before the broker has it
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        config = folder / "tls.conf"
        config.write_text(
            f"allow_anonymous true\nuser {getpass.getuser()}\nlistener {port} 127.0.0.1\n"
            f"cafile {certificate}\ncertfile {certificate}\nkeyfile {key}\n"
        )
        binary = mosquitto._binary("mosquitto")
        process = await asyncio.create_subprocess_exec(binary, "-c", str(config), stderr=asyncio.subprocess.DEVNULL)
        await until(partial(_has_begun_or_ended, process, port))
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()


async def test_configured_broker_with_tls_is_used_only_when_its_certificate_is_trusted(tmp_path: Path) -> None:
    """A company's own broker speaks TLS; a certificate nobody vouches for is refused with its cause."""
    certificate, key = await _certificate(tmp_path, "broker")
    other, _ = await _certificate(tmp_path, "other")
    trusting, wary = Ears(), Ears()
    async with _tls_broker(tmp_path, certificate, key) as port:
        link = trusting.link(BrokerAddress("127.0.0.1", port, ca_file=certificate))
        link.start()
        await asyncio.wait_for(trusting.connected.wait(), WAIT_S)
        await link.stop()
        with capture_logs() as logs:
            link = wary.link(BrokerAddress("127.0.0.1", port, ca_file=other))
            link.start()
            await until(lambda: any("certificate verify failed" in line.get("cause", "") for line in logs))
            await link.stop()
    assert not wary.connected.is_set()


async def test_tasks_end_even_when_a_cancellation_is_lost() -> None:
    """A cancellation that meets an acknowledgement is lost in Python 3.11; the node must not hang on that."""
    swallowed = asyncio.Event()

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await end_tasks(task)
    assert swallowed.is_set()
    assert task.cancelled()
