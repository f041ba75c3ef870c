"""A private PostgreSQL server for tests and stress runs: own data folder, own port on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store.errors import StoreError

_OPTIONS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
_START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class PrivatePostgres:
    """A running server on 127.0.0.1, where anybody is `postgres`."""

    port: int
    _programs: Path
    _folder: Path

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def crash(self) -> None:
        """Let it die as by a power cut: no checkpoint, no word to whoever is connected."""
        _run(self._programs / "pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop")

    def start(self) -> None:
        """Bring it back at the same port; returns when it takes connections."""
        _launch(self._programs, self._folder, self.port)


@contextlib.contextmanager
def private_postgres() -> Iterator[int]:
    """Run a server of the newest version installed; gives its port.

    Raises:
        StoreError: PostgreSQL is not installed.
    """
    with private_postgres_server() as server:
        yield server.port


@contextlib.contextmanager
def private_postgres_server() -> Iterator[PrivatePostgres]:
    """The same, for who wants to let it crash.

    Raises:
        StoreError: PostgreSQL is not installed.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="ringside-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        _run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        port = _start(programs, folder)
        try:
            yield PrivatePostgres(port, programs, folder)
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise StoreError("PostgreSQL is not installed: install the Debian package postgresql")
    return found[-1].parent


def _start(programs: Path, folder: Path) -> int:
    """Start the server on a free port; another program may take the port in between, then try another."""
    for attempt in range(_START_ATTEMPTS):
        port = _free_port()
        try:
            _launch(programs, folder, port)
        except subprocess.CalledProcessError:
            if attempt == _START_ATTEMPTS - 1:
                raise
        else:
            return port
    raise AssertionError("unreachable")


def _launch(programs: Path, folder: Path, port: int) -> None:
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} {_OPTIONS}"
    log = folder / "server.log"
    _run(programs / "pg_ctl", "-D", folder / "data", "-l", log, "-w", "-t", "60", "-o", options, "start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _run(program: Path, *arguments: str | Path) -> None:
    """Run a PostgreSQL program, which refuses to work for root."""
    command = [str(program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    # Files, not pipes: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", check=False)
        if done.returncode != 0:
            output.seek(0)
            raise subprocess.CalledProcessError(done.returncode, command, output.read())
