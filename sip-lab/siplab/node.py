"""The product under test: a private instance on free ports, or one that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from siplab.company import LabCompany
from siplab.environment import child_environment
from siplab.errors import BadInput, NodeFailed
from siplab.presence import DEFAULT_PREFIX

INIT_TIMEOUT_S = 90.0
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.05
LOG_TAIL_LINES = 25
FREE_PORTS = {
    "RINGSIDE_WEB__PORT": "0",
    "RINGSIDE_SIP__UDP_PORT": "0",
    "RINGSIDE_SIP__TCP_PORT": "0",
    "RINGSIDE_SIP__TLS_PORT": "0",
    "RINGSIDE_SIP__ADDRESS": "127.0.0.1",
    "RINGSIDE_PRESENCE__PRIVATE_PORT": "0",
}


@dataclass(frozen=True, slots=True)
class Login:
    """How a person of the demo company gets in: at the desk, and with phone and UC client."""

    person: str
    name: str
    roles: tuple[str, ...]
    web_password: str = field(repr=False)
    phone_password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """What a scenario needs to know of a node. `pid` is 0, `state_dir` None, when the node is not ours."""

    web: str
    logins: dict[str, Login]
    mqtt_prefix: str = DEFAULT_PREFIX
    pid: int = 0
    state_dir: Path | None = None

    def with_role(self, role: str) -> tuple[Login, ...]:
        """Give the people who have a role, in the order of the company."""
        return tuple(login for login in self.logins.values() if role in login.roles)


def parse_logins(text: str) -> dict[str, Login]:
    """Read what `ringside init --json` printed.

    Raises:
        BadInput: It is not that, or it has no logins (the database was there before).
    """
    try:
        entries = json.loads(text)["logins"]
        logins = {e["person"]: Login(**{**e, "roles": tuple(e["roles"])}) for e in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f'logins must be {{"logins": [{{person, name, roles, web_password, phone_password}}]}}: {error!r}'
        ) from error
    if not logins:
        raise BadInput("no logins in it: passwords are shown only when the database is created")
    return logins


def attach(url: str, logins_file: Path | None) -> NodeAccess:
    """Use a node that runs already; the file holds what its `ringside init --json` printed."""
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"--target must be an http address, not {url!r}")
    if logins_file is None:
        raise BadInput("--target needs --logins FILE, the output of `ringside init --json`")
    try:
        text = logins_file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"logins file {logins_file}: {error.strerror}") from error
    return NodeAccess(url.rstrip("/"), parse_logins(text))


class PrivateNode:
    """A node of its own, from an empty state folder: `async with PrivateNode() as access`.

    The folder is temporary and goes when the node stops cleanly, unless `state_dir` is given. The log is kept in
    `node.log` there and its tail is part of every failure's text. Without a `company` it is the demo company's.
    """

    def __init__(
        self,
        state_dir: Path | None = None,
        init_args: tuple[str, ...] = (),
        extra_env: dict[str, str] | None = None,
        company: LabCompany | None = None,
    ):
        self._company = company
        self._temporary = state_dir is None
        self.state_dir = (state_dir or Path(tempfile.mkdtemp(prefix="ringside-lab-"))).resolve()
        self.log_path = self.state_dir / "node.log"
        self._init_args = init_args
        self._env = {
            **child_environment(),
            **FREE_PORTS,
            "RINGSIDE_STATE_DIR": str(self.state_dir),
            **(extra_env or {}),
        }
        self._process: Process | None = None
        self.exit_status: int | None = None

    async def __aenter__(self) -> NodeAccess:
        if not self._temporary and self.state_dir.exists():
            _clear_old_state(self.state_dir)
        try:
            return await self.serve(await self.fill())
        except BaseException:
            await self.stop()
            raise

    async def fill(self) -> dict[str, Login]:
        """Fill the empty store with the company."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        return parse_logins(await self._init())

    def told(self, environment: dict[str, str]) -> None:
        """Tell it more before it is served."""
        self._env |= environment

    async def serve(self, logins: dict[str, Login]) -> NodeAccess:
        """Start it and wait until it can be used."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        facts = await self._serve()
        prefix = facts["mqtt"].get("prefix", DEFAULT_PREFIX)
        return NodeAccess(facts["web"], logins, prefix, int(facts["pid"]), self.state_dir)

    async def kill(self) -> None:
        """Let it die as by a power cut."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            self.exit_status = await self._process.wait()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self._temporary and kind is None and self.exit_status == 0:
            shutil.rmtree(self.state_dir, ignore_errors=True)

    async def _init(self) -> str:
        process, company = await self._start_init()
        try:
            out, err = await asyncio.wait_for(process.communicate(company), INIT_TIMEOUT_S)
        except TimeoutError:
            raise NodeFailed(f"making the company did not end within {INIT_TIMEOUT_S:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        if process.returncode != 0:
            said = err.decode(errors="replace")[-2000:]
            raise NodeFailed(f"making the company ended with {process.returncode}: {said}")
        return out.decode()

    async def _start_init(self) -> tuple[Process, bytes | None]:
        """Start what fills the empty store; gives it and what it wants to read."""
        if self._company is None:
            return await self._run("init", "--json", *self._init_args, stdout=PIPE, stderr=PIPE), None
        command = (sys.executable, "-m", "siplab.enrol")
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._env, cwd=self.state_dir
        )
        return process, json.dumps(self._company.as_json()).encode()

    async def _serve(self) -> dict[str, Any]:
        with self.log_path.open("wb") as log:
            self._process = await self._run("serve", stdout=log, stderr=STDOUT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.returncode is not None:
                raise NodeFailed(f"`ringside serve` ended with {self._process.returncode}:\n{self.log_tail()}")
            with contextlib.suppress(OSError, ValueError):
                facts = json.loads((self.state_dir / "node.json").read_text(encoding="utf-8"))
                return dict(facts)
            await asyncio.sleep(POLL_S)
        raise NodeFailed(f"the node was not ready within {START_TIMEOUT_S:g} s:\n{self.log_tail()}")

    async def _run(self, *args: str, stdout: Any, stderr: Any) -> Process:
        # The state folder is the working folder, so that nobody's ringside.toml is picked up by accident.
        return await asyncio.create_subprocess_exec(
            *_ringside(), *args, stdin=DEVNULL, stdout=stdout, stderr=stderr, env=self._env, cwd=self.state_dir
        )

    async def stop(self) -> None:
        """Stop the node as an operator would; kill it only when it does not leave."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        self.exit_status = process.returncode

    def keep(self) -> None:
        """Leave the state folder and its log behind, to look into a failure."""
        self._temporary = False

    def log_tail(self) -> str:
        """Give the last lines of the node's log."""
        try:
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-LOG_TAIL_LINES:])


def _ringside() -> tuple[str, ...]:
    """Give the command that is installed beside this Python, else the module."""
    beside = Path(sys.executable).with_name("ringside")
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "center.cli")


def _clear_old_state(folder: Path) -> None:
    """Empty a state folder of an earlier run; refuse anything that does not look like one."""
    entries = {entry.name for entry in folder.iterdir()}
    if entries and not entries & {"node.log", "node.json", "ringside.db"}:
        raise BadInput(f"{folder} is not empty and not a state folder of an earlier run")
    shutil.rmtree(folder)
