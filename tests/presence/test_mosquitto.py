"""The private broker: locked, supervised, clear when it cannot start (issue 2 part 4)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from presence.adapters import mosquitto
from presence.adapters.mosquitto import MosquittoBroker
from presence.adapters.mosquitto_files import PasswordFile
from presence.adapters.mqtt import BrokerAddress
from presence.errors import AccountRefused, BrokerDidNotStart, BrokerNotInstalled, BrokerPortBusy
from tests.presence.conftest import WAIT_S, first_message, listens, until

pytestmark = pytest.mark.loopback


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[MosquittoBroker]:
    running = MosquittoBroker(tmp_path / "broker", prefix="test/v1", node_account="node")
    await running.start()
    yield running
    await running.stop()


def client(
    broker: MosquittoBroker, username: str | None, password: str | None, *, port: int | None = None, web: bool = False
) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        port or broker.port,
        username=username,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5,
        transport="websockets" if web else "tcp",
    )


async def accepted(broker: MosquittoBroker, username: str | None, password: str | None) -> bool:
    try:
        async with client(broker, username, password):
            return True
    except aiomqtt.MqttError:
        return False


async def test_nobody_enters_without_an_account_and_its_password(broker: MosquittoBroker) -> None:
    """Issue 2 part 4: no anonymous access."""
    node: BrokerAddress = broker.address
    assert await accepted(broker, node.username, node.password)
    assert not await accepted(broker, None, None)
    assert not await accepted(broker, node.username, "guess")
    assert not await accepted(broker, "stranger", "guess")


async def test_accounts_come_and_go_while_running(broker: MosquittoBroker) -> None:
    await broker.add_account("eva", "first")
    assert await accepted(broker, "eva", "first")
    await broker.add_account("eva", "second")
    assert not await accepted(broker, "eva", "first")
    assert broker.accounts() == {"eva"}
    async with client(broker, "eva", "second") as eva:
        await broker.remove_account("eva")
        with pytest.raises(aiomqtt.MqttError):  # the broker ends her connection as it reloads
            await asyncio.wait_for(anext(eva.messages), WAIT_S)
    assert not await accepted(broker, "eva", "second")
    assert broker.accounts() == set()


@pytest.mark.parametrize(("name", "password"), [("node", "x"), ("a/b", "x"), ("a:b", "x"), ("%u", "x"), ("eva", "")])
async def test_names_that_would_bend_files_or_rules_get_no_account(
    broker: MosquittoBroker, name: str, password: str
) -> None:
    with pytest.raises(AccountRefused):
        await broker.add_account(name, password)


async def test_secrets_lie_hashed_and_only_their_owner_reads_them(broker: MosquittoBroker, tmp_path: Path) -> None:
    await broker.add_account("eva", "eva-secret")
    folder = tmp_path / "broker"
    texts = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    password = broker.address.password
    assert password is not None
    assert not any(b"eva-secret" in text or password.encode() in text for text in texts)
    assert stat.S_IMODE((folder / "passwords").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert password not in repr(broker.address)


async def test_killed_broker_returns_on_the_same_port(broker: MosquittoBroker) -> None:
    """Clients know the port; a restart must not move it."""
    first = broker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: broker.pid not in (None, first))
    await until(lambda: listens("127.0.0.1", broker.port))
    assert await accepted(broker, broker.address.username, broker.address.password)
    assert broker.restarts == 1


async def test_log_is_turned_before_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "LOG_CHECK_INTERVAL_S", 0.05)
    monkeypatch.setattr(mosquitto, "MAX_LOG_BYTES", 10)
    broker = MosquittoBroker(tmp_path, prefix="test/v1", node_account="node")
    await broker.start()
    try:
        await until(lambda: (tmp_path / "mosquitto.log.1").exists())
        assert await accepted(broker, broker.address.username, broker.address.password)
        await until(lambda: (tmp_path / "mosquitto.log").exists())
    finally:
        await broker.stop()


async def test_stop_leaves_no_process_behind(tmp_path: Path) -> None:
    broker = MosquittoBroker(tmp_path, prefix="test/v1", node_account="node")
    await broker.start()
    pid = broker.pid
    assert pid is not None
    await broker.stop()
    assert broker.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await broker.stop()


async def test_broker_dies_with_its_node(tmp_path: Path) -> None:
    """A killed node must not leave a broker that keeps the port."""
    script = (
        "import asyncio, sys, pathlib\n"
        "from presence.adapters.mosquitto import MosquittoBroker\n"
        "async def main():\n"
        "    broker = MosquittoBroker(pathlib.Path(sys.argv[1]), prefix='test/v1', node_account='node')\n"
        "    await broker.start()\n"
        "    print(broker.pid, file=sys.stderr, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    node = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(tmp_path / "broker"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert node.stderr is not None
    try:
        pid = int(await asyncio.wait_for(node.stderr.readline(), WAIT_S))
        assert _lives(pid)
    finally:
        node.kill()
        await node.wait()
    await until(lambda: not _lives(pid))


async def test_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = MosquittoBroker(tmp_path, prefix="test/v1", node_account="node", port=port)
        with pytest.raises(BrokerPortBusy, match=f"port {port}"):
            await broker.start()


async def test_missing_binary_says_which_package_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mosquitto, "_DAEMON_DIRECTORIES", ())
    broker = MosquittoBroker(tmp_path / "broker", prefix="test/v1", node_account="node")
    with pytest.raises(BrokerNotInstalled, match="package mosquitto"):
        await broker.start()


async def test_broker_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    """A prefix with a line break would be a broken rule; the broker says so and we pass it on."""
    broker = MosquittoBroker(tmp_path, prefix="test/v1\nnonsense", node_account="node")
    with pytest.raises(BrokerDidNotStart):
        await broker.start()
    assert broker.pid is None


async def test_websocket_listener_speaks_mqtt_5(tmp_path: Path) -> None:
    """UC clients and browsers that cannot open plain TCP."""
    broker = MosquittoBroker(tmp_path, prefix="test/v1", node_account="node", websocket_port=0)
    await broker.start()
    try:
        address = broker.address
        port = broker.websocket_port
        assert port is not None
        async with client(broker, address.username, address.password, port=port, web=True) as node:
            await node.subscribe("test/v1/#")
            await node.publish("test/v1/availability/eva", b"{}")
            assert (await first_message(node)).payload == b"{}"
        # Mosquitto 2.0 would open it on all addresses if its configuration did not name the domain.
        assert listens("127.0.0.1", port)
        assert not listens("127.0.0.2", port)
        assert not listens("127.0.0.2", broker.port)
    finally:
        await broker.stop()


def test_accounts_survive_in_the_password_file(tmp_path: Path) -> None:
    PasswordFile(tmp_path / "passwords").put("eva", "secret")
    PasswordFile(tmp_path / "passwords").put("ivan", "secret")
    assert PasswordFile(tmp_path / "passwords").names() == {"eva", "ivan"}
    PasswordFile(tmp_path / "passwords").remove("eva")
    assert PasswordFile(tmp_path / "passwords").names() == {"ivan"}


def _lives(pid: int) -> bool:
    """False when the process is gone, or dead and only not yet collected by the system's first process."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
