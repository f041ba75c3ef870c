"""Which SIP server may be loaded: our own machine and private networks, others only by express order."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass, replace
from ipaddress import ip_address

from siplab.errors import BadInput

_TARGET = re.compile(r"^sip:(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(?:;transport=(udp|tcp|tls))?$")


@dataclass(frozen=True, slots=True)
class Target:
    """A SIP server. `ports` names those of other transports; unnamed ones follow custom: TLS is one above."""

    host: str
    port: int
    transport: str
    ports: tuple[tuple[str, int], ...] = ()

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port};transport={self.transport}"

    def over(self, transport: str) -> Target:
        """Give the same server over another transport."""
        step = (transport == "tls") - (self.transport == "tls")
        port = dict(self.ports).get(transport, self.port + step)
        return replace(self, port=port, transport=transport)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def own_address(self) -> str:
        """Give the address of this machine that leads there, for SDP to name one the target can reach."""
        host = self.host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, self.port))
            return str(probe.getsockname()[0])


def parse_target(text: str, transport: str, owned: bool) -> Target:
    """Read `sip:host:port;transport=…` and check that we may load it.

    Raises:
        BadInput: It is none, cannot be found, or belongs to a network that must be asked first.
    """
    found = _TARGET.match(text)
    if found is None:
        raise BadInput(
            f"--target must look like self, http://127.0.0.1:8080, sip:127.0.0.1:5060 or sip:host:5060;transport=tcp, "
            f"not {text!r}"
        )
    chosen = found[3] or transport
    port = int(found[2] or (5061 if chosen == "tls" else 5060))
    if not 0 < port < 65_536:
        raise BadInput(f"--target: there is no port {port}")
    refuse_strangers(found[1], port, owned)
    return Target(found[1], port, chosen)


def refuse_strangers(host: str, port: int, owned: bool) -> None:
    """Allow loopback and private networks, others only by express order.

    Raises:
        BadInput: The host belongs to others, or cannot be found.
    """
    strangers = [address for address in _addresses(host.strip("[]"), port) if not _is_private(address)]
    if strangers and not owned:
        raise BadInput(
            f"--target {host} is {strangers[0]}, outside loopback and private networks; load is an attack on "
            "who does not expect it. If it is yours, say so with --i-own-this-target"
        )


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
            socket.create_connection((host, target.port), timeout=10.0).close()
    except OSError as error:
        raise BadInput(f"--target {target.uri}: nobody answers there ({error.strerror or 'no answer'})") from error


def _ask_over_udp(host: str, port: int) -> None:
    """Send OPTIONS (RFC 3261 §11); any answer will do, silence will not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2.0)
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
