"""A private Mosquitto as a supervised child, for those who have not configured a broker."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import aiomqtt
import structlog

from presence.adapters.mosquitto_files import BrokerFiles, PasswordFile, access_text, config_text, write_private
from presence.adapters.mqtt import BrokerAddress
from presence.adapters.tasks import end_tasks
from presence.errors import AccountRefused, BrokerDidNotStart, BrokerNotInstalled, BrokerPortBusy
from presence.mapping import ClientMapping

_log = structlog.get_logger(__name__)
START_TIMEOUT_S = 10.0
START_TRIES = 3
STOP_TIMEOUT_S = 5.0
LOGIN_DEADLINE_S = 10.0
LOGIN_TIMEOUT_S = 1.0
"""One try to log in: when the broker dies during it, the client library notices by time-out only."""
FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 10.0
HEALTHY_AFTER_S = 30.0
MAX_LOG_BYTES = 10_000_000
LOG_CHECK_INTERVAL_S = 60.0
# Debian puts daemons where an ordinary user's PATH does not look.
_DAEMON_DIRECTORIES = ("/usr/sbin", "/usr/local/sbin", "/sbin")


class MosquittoBroker:
    """Starts Mosquitto, keeps it running on the same port, and owns its accounts.

    Port 0 chooses a free one (`websocket_port` too). The node's own account gets a new random password with each start.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        prefix: str,
        node_account: str,
        host: str = "127.0.0.1",
        port: int = 0,
        websocket_port: int | None = None,
        mappings: Sequence[ClientMapping] = (),
    ) -> None:
        self._mappings = tuple(mappings)
        self._files = BrokerFiles(state_dir)
        self._prefix = prefix
        self._host = host
        self._wanted_port = port
        self._wanted_websocket_port = websocket_port
        self.websocket_port = websocket_port
        self._passwords = PasswordFile(self._files.passwords)
        self._node_account = node_account
        self._node_password = secrets.token_urlsafe(24)
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.port = port
        self.restarts = 0

    @property
    def address(self) -> BrokerAddress:
        """How the node itself enters."""
        return BrokerAddress(_reachable(self._host), self.port, self._node_account, self._node_password)

    @property
    def pid(self) -> int | None:
        """The running child, None while there is none."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def start(self) -> None:
        """Write the files, start the child, wait until it accepts connections.

        Raises:
            BrokerNotInstalled: The package mosquitto is missing.
            BrokerPortBusy: Somebody else listens on the port.
            BrokerDidNotStart: The child ended at once or never listened; the text has the end of its log.
        """
        tries_left = 1 if self._wanted_port else START_TRIES
        while self._process is None:
            tries_left -= 1
            try:
                await self._start_on_free_port()
            except BrokerDidNotStart:
                if not tries_left:
                    raise
        self._supervisor = asyncio.create_task(self._supervise(), name="mosquitto-supervisor")

    async def stop(self) -> None:
        """End the child: politely first (it saves its retained messages), then by force."""
        if self._supervisor is not None:
            await end_tasks(self._supervisor)
            self._supervisor = None
        if self._process is not None:
            await _end(self._process)
            self._process = None

    async def add_account(self, name: str, password: str) -> None:
        """Let a person in; returns when the running broker accepts the password.

        Raises:
            AccountRefused: The name cannot be an account name or is the node's own, or the password is empty.
            BrokerDidNotStart: The running broker did not take the account over in time.
        """
        if name == self._node_account:
            raise AccountRefused("the node's own account cannot be changed")
        self._passwords.put(name, password)
        if self.pid is not None:
            self._signal(signal.SIGHUP)
            await self._await_login(BrokerAddress(_reachable(self._host), self.port, name, password))

    async def remove_account(self, name: str) -> None:
        """Let a person in no more; the broker ends the person's connections as it reloads.

        Raises:
            AccountRefused: It is the node's own account.
        """
        if name == self._node_account:
            raise AccountRefused("the node's own account cannot be removed")
        self._passwords.remove(name)
        self._signal(signal.SIGHUP)

    def accounts(self) -> frozenset[str]:
        """Names of all people who have an account."""
        return self._passwords.names() - {self._node_account}

    def save(self) -> None:
        """Have the retained messages written to disk now instead of at the next autosave."""
        self._signal(signal.SIGUSR1)

    async def _start_on_free_port(self) -> None:
        """One attempt; somebody may take a chosen port before the child has it."""
        self.port = _free_port(self._host, self._wanted_port)
        if self._wanted_websocket_port is not None:
            self.websocket_port = _free_port(self._host, self._wanted_websocket_port)
        self._write_files()
        await self._spawn()

    def _write_files(self) -> None:
        self._files.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._passwords.put(self._node_account, self._node_password)
        write_private(self._files.access, access_text(self._prefix, self._node_account, self._mappings))
        write_private(self._files.config, config_text(self._files, self._host, self.port, self.websocket_port))

    async def _spawn(self) -> None:
        command = [_binary("mosquitto"), "-c", str(self._files.config)]
        # setpriv makes the kernel end the broker with us, even if we are killed; a hook of our own between fork and
        # exec would be unsafe beside the media threads.
        if (setpriv := shutil.which("setpriv")) is not None:
            command = [setpriv, "--pdeathsig", "TERM", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # An interrupt at the terminal is for the node, which then ends the broker in order.
            start_new_session=True,
        )
        try:
            await self._await_listening(process)
            # Mosquitto listens before it handles signals: a reload sent in between would kill it.
            await self._await_login(self.address)
        except BaseException:
            await _end(process)
            raise
        self._process = process
        _log.info("broker_started", port=self.port, pid=process.pid)

    async def _await_listening(self, process: asyncio.subprocess.Process) -> None:
        ports = [port for port in (self.port, self.websocket_port) if port is not None]
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise BrokerDidNotStart(f"mosquitto ended with status {process.returncode}: {self._last_log_lines()}")
            if await _listens(_reachable(self._host), ports[0]):
                ports.pop(0)
            if not ports:
                return
            await asyncio.sleep(0.02)
        raise BrokerDidNotStart(f"mosquitto does not listen on port {ports[0]} after {START_TIMEOUT_S:g} s")

    async def _supervise(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        started_at = time.monotonic()
        while True:
            await self._await_end()
            if time.monotonic() - started_at >= HEALTHY_AFTER_S:
                backoff_s = FIRST_BACKOFF_S
            status = None if self._process is None else self._process.returncode
            _log.error("broker_died", status=status, restart_in_s=backoff_s)
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
            started_at = time.monotonic()
            self.restarts += 1
            try:
                await self._spawn()
            except (BrokerDidNotStart, BrokerNotInstalled, OSError) as error:
                _log.error("broker_restart_failed", cause=str(error))

    async def _await_end(self) -> None:
        """Return when the child has ended; keep its log small meanwhile."""
        while self._process is not None and self._process.returncode is None:
            try:
                async with asyncio.timeout(LOG_CHECK_INTERVAL_S):
                    await self._process.wait()
            except TimeoutError:
                self._turn_log()

    def _turn_log(self) -> None:
        log = self._files.log
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
            self._signal(signal.SIGHUP)  # has it open a new file

    async def _await_login(self, address: BrokerAddress) -> None:
        """The broker tells nobody when it has started or reloaded, so ask until it has."""
        deadline = time.monotonic() + LOGIN_DEADLINE_S
        while time.monotonic() < deadline:
            try:
                async with aiomqtt.Client(
                    address.host,
                    address.port,
                    username=address.username,
                    password=address.password,
                    protocol=aiomqtt.ProtocolVersion.V5,
                    timeout=LOGIN_TIMEOUT_S,
                ):
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.02)
        raise BrokerDidNotStart(f"mosquitto runs, but refuses a known account: {self._last_log_lines()}")

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.pid) is not None:
            os.kill(pid, number)

    def _last_log_lines(self) -> str:
        if not self._files.log.exists():
            return "no log"
        return " / ".join(self._files.log.read_text(errors="replace").splitlines()[-3:])


def _binary(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_DAEMON_DIRECTORIES))
    if path is None:
        raise BrokerNotInstalled(
            f"{name} is not installed: install the package mosquitto (apt-get install mosquitto), "
            "or configure the address of a broker you already have"
        )
    return path


def _free_port(host: str, port: int) -> int:
    """Check that `port` is free on `host`, or choose a free one when it is 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BrokerPortBusy(f"the broker cannot listen on {host} port {port}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def _reachable(host: str) -> str:
    """The address at which a listener on `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
