"""Foreign agents: SIPp as a desk phone that registers, answers, and sends back what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from types import TracebackType
from typing import Self

from siplab.bench.register import digest_authorization
from siplab.errors import BadInput, LabError
from siplab.load.target import Target
from siplab.node import Login

SCENARIO = Path(__file__).parent / "sipp" / "answer.xml"
ANSWER_S, TRIES = 1.0, 4
LEAVE_S = 3.0
MEDIA_PORTS = 4
"""SIPp's echo takes the media port, the next even one and their RTCP."""


def check_sipp() -> None:
    """Tell before the run if SIPp is missing.

    Raises:
        BadInput: What to install.
    """
    if shutil.which("sipp") is None:
        raise BadInput("agents.sipp needs SIPp, which is not installed: apt install sip-tester, or set agents.sipp = 0")


class SippPhone:
    """A phone played by SIPp: `async with SippPhone(login, server)` while it is registered and answers."""

    def __init__(self, login: Login, server: Target) -> None:
        self._login = login
        self._server = server
        self._folder = tempfile.TemporaryDirectory(prefix="siplab-sipp-")
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        try:
            own = self._server.own_address()
            port = _free_port(own, 1)
            await asyncio.to_thread(register, self._login, self._server.over("udp"), own, port)
            self._process = await self._sipp(port)
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), LEAVE_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        self._folder.cleanup()

    async def _sipp(self, port: int) -> Process:
        own = self._server.own_address()
        return await asyncio.create_subprocess_exec(
            "sipp", self._server.over("udp").address, "-sf", str(SCENARIO), "-s", self._login.person,
            "-i", own, "-p", str(port), "-mi", own, "-mp", str(_free_port(own, MEDIA_PORTS)), "-rtp_echo",
            "-m", "1000000", "-aa", "-nostdin",
            stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, cwd=self._folder.name,
        )  # fmt: skip


def register(login: Login, server: Target, own: str, port: int) -> None:
    """Register a phone at `own`:`port` from that very port; SIPp itself knows no challenge but MD5.

    Raises:
        LabError: It was refused, or nobody answered.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((own, port))
        asking.connect((server.host, server.port))
        asking.settimeout(ANSWER_S)
        uri, headers = f"sip:{server.address}", ""
        for sequence in (1, 2):
            answer = _ask(asking, _request(login.person, uri, f"{own}:{port}", sequence, headers))
            if answer.startswith("SIP/2.0 200"):
                return
            if not answer.startswith("SIP/2.0 401"):
                break
            headers = digest_authorization(login.person, login.phone_password, answer, uri)
        said = answer.partition("\r\n")[0] or "no answer"
        raise LabError(f"the phone of {login.person} for SIPp cannot register: {said}")


def _request(user: str, uri: str, contact: str, sequence: int, headers: str) -> bytes:
    identity = f"<sip:{user}@{uri.removeprefix('sip:')}>"
    return (
        f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {contact};rport;branch=z9hG4bK-{user}-{sequence}\r\n"
        f"Max-Forwards: 70\r\nFrom: {identity};tag=1\r\nTo: {identity}\r\nCall-ID: sipp-{user}-{contact}\r\n"
        f"CSeq: {sequence} REGISTER\r\nContact: <sip:{user}@{contact}>\r\nExpires: 3600\r\n"
        f"{headers}Content-Length: 0\r\n\r\n"
    ).encode()


def _ask(asking: socket.socket, request: bytes) -> str:
    """Send a request, again when nothing comes; gives the final answer, empty for none."""
    for _ in range(TRIES):
        asking.send(request)
        with contextlib.suppress(TimeoutError):
            while (answer := asking.recv(8_192).decode("utf-8", "replace")).startswith("SIP/2.0 1"):
                pass
            return answer
    return ""


def _free_port(own: str, count: int) -> int:
    """Find so many free UDP ports side by side, the first even."""
    for _ in range(200):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            first = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            first.bind((own, 0))
            port = int(first.getsockname()[1])
            if port % 2 or port + count > 65_535:
                continue
            for other in range(1, count):
                stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((own, port + other))
            return port
    raise LabError("no free UDP ports for SIPp")
