"""Which SIP server may be loaded: our own machine and private networks, others only by express order."""

from __future__ import annotations

import os
import re
import resource
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from siplab.errors import BadInput
from siplab.load.plan import Plan

CALLS_PER_CORE = 300
"""Calls with sound and verdicts that one core carries, two legs of media each way; see `siplab bench --rows legs`."""
FILES_PER_CALL = 4
_TARGET = re.compile(r"^sip:(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(?:;transport=(udp|tcp|tls))?$")


@dataclass(frozen=True, slots=True)
class Target:
    """A SIP server."""

    host: str
    port: int
    transport: str

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port};transport={self.transport}"


def parse_target(text: str, transport: str, owned: bool) -> Target:
    """Read `sip:host:port;transport=…` and check that we may load it.

    Raises:
        BadInput: It is none, cannot be found, or belongs to a network that must be asked first.
    """
    found = _TARGET.match(text)
    if found is None:
        raise BadInput(f"--target must look like sip:127.0.0.1:5060 or sip:host:5060;transport=tcp, not {text!r}")
    chosen = found[3] or transport
    port = int(found[2] or (5061 if chosen == "tls" else 5060))
    if not 0 < port < 65_536:
        raise BadInput(f"--target: there is no port {port}")
    strangers = [address for address in _addresses(found[1].strip("[]"), port) if not _is_private(address)]
    if strangers and not owned:
        raise BadInput(
            f"--target {found[1]} is {strangers[0]}, outside loopback and private networks; load is an attack on "
            "who does not expect it. If it is yours, say so with --i-own-this-target"
        )
    return Target(found[1], port, chosen)


def _addresses(host: str, port: int) -> list[str]:
    try:
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(host, port)})
    except OSError as error:
        raise BadInput(f"--target: {host} cannot be found: {error.strerror}") from error


def _is_private(address: str) -> bool:
    parsed = ip_address(address.partition("%")[0])
    return parsed.is_loopback or parsed.is_private or parsed.is_link_local


def check_reachable(target: Target) -> None:
    """Ask a UDP, TCP or TLS server whether it is there, before anybody calls.

    Raises:
        BadInput: Nobody listens there.
    """
    host = target.host.strip("[]")
    try:
        if target.transport == "udp":
            _ask_over_udp(host, target.port)
        else:
            socket.create_connection((host, target.port), timeout=3.0).close()
    except OSError as error:
        raise BadInput(f"--target {target.uri}: nobody answers there ({error.strerror or 'no answer'})") from error


def _ask_over_udp(host: str, port: int) -> None:
    """Send OPTIONS (RFC 3261 §11); any answer will do, silence will not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(1.0)
        asking.connect((host, port))
        own, own_port = asking.getsockname()[:2]
        shown, own = (f"[{host}]", f"[{own}]") if family == socket.AF_INET6 else (host, own)
        branch = os.urandom(8).hex()
        request = (
            f"OPTIONS sip:{shown}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {own}:{own_port};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:siplab@{own}>;tag={branch}\r\nTo: <sip:{shown}:{port}>\r\n"
            f"Call-ID: {branch}@siplab\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        for attempt in range(3):
            asking.send(request.encode())
            try:
                asking.recv(65_535)
                return
            except TimeoutError:
                if attempt == 2:
                    raise


def check_machine(plan: Plan) -> None:
    """Tell before the run what this machine cannot carry.

    Raises:
        BadInput: Too many calls at once for its cores or its open files, and what to change.
    """
    cores, calls = len(os.sched_getaffinity(0)), plan.run.max_concurrent
    if calls > cores * CALLS_PER_CORE:
        raise BadInput(
            f"run.max_concurrent = {calls} is too much for {cores} cores (about {CALLS_PER_CORE} calls each); "
            f"use at most {cores * CALLS_PER_CORE}, or more machines"
        )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = -(-calls // plan.run.workers) * FILES_PER_CALL + 100
    if needed > files:
        raise BadInput(
            f"run.max_concurrent = {calls} in {plan.run.workers} processes needs {needed} open files each, {files} are "
            "allowed; raise `ulimit -n` or run.workers"
        )
