"""Works out the SIP addresses of a leg that is dialled: where the INVITE goes, and which identity it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import quote

from telephony.admission import Directory
from telephony.headers import Flow, HeaderError, parse_uri, quoted
from telephony.model import CallerIdentity, Destination
from telephony.registrar import Binding

_USER_SAFE = "+-_.!~*'()&=$,"
CONNECTIONS = frozenset({"tcp", "tls"})


@dataclass(frozen=True, slots=True)
class Target:
    """One INVITE to send: `to` is the logical address (To), `uri` where it really goes (request URI)."""

    to: str
    uri: str


def user_uri(user: str, domain: str) -> str:
    """Write the SIP URI of a user or number at a host."""
    return f"sip:{quote(user, safe=_USER_SAFE)}@{_host(domain)}"


def identity(shown: CallerIdentity, domain: str) -> str:
    """Write the From and P-Asserted-Identity value for an identity (RFC 3261 §20.20, RFC 3325 §9.1)."""
    address = f"<{user_uri(shown.number or 'anonymous', domain)}>"
    return f"{quoted(shown.display)} {address}" if shown.display else address


def of_binding(binding: Binding, domain: str) -> Target:
    """Reach one registered phone.

    A phone on a TCP or TLS connection is reached over that very connection (RFC 5626 §5.3); a phone on UDP whose
    contact names another host than its packets come from sits behind NAT and is reached where they come from.
    """
    uri = parse_uri(binding.contact)
    flow = binding.flow
    host, port, transport = uri.host, uri.port, (uri.param("transport") or "").lower()
    if flow.transport in CONNECTIONS or uri.host != flow.host:
        host, port, transport = flow.host, flow.port, flow.transport
    others = tuple((name, value) for name, value in uri.params if name in ("user", "ob", "line", "rinstance"))
    params = (*others, *((("transport", transport),) if transport in CONNECTIONS else ()))
    tail = "".join(f";{name}={value}" if value else f";{name}" for name, value in params)
    user = f"{quote(uri.user, safe=_USER_SAFE)}@" if uri.user else ""
    where = f"{_host(host)}:{port}" if port else _host(host)
    return Target(user_uri(str(binding.person), domain), f"sip:{user}{where}{tail}")


def of_number(destination: Destination, directory: Directory) -> Target | None:
    """Reach a number through its trunk; None when the trunk is unknown or takes no calls."""
    trunk = directory.trunk(destination.trunk)
    if trunk is None or not trunk.outbound_uri or not destination.number:
        return None
    scheme, _, rest = trunk.outbound_uri.partition(":")
    host_part = rest.rpartition("@")[2]
    uri = f"{scheme}:{quote(destination.number, safe=_USER_SAFE)}@{host_part}"
    return Target(uri.partition(";")[0], uri)


def without_connection(binding: Binding) -> Binding:
    """Give a binding that outlived the process: its TCP or TLS connection is gone, so its contact is all we have."""
    if binding.flow.transport not in CONNECTIONS:
        return binding
    try:
        uri = parse_uri(binding.contact)
    except HeaderError:
        return binding
    default = 5061 if binding.flow.transport == "tls" else 5060
    return replace(binding, flow=Flow(binding.flow.transport, uri.host, uri.port or default))


def _host(text: str) -> str:
    try:
        return f"[{text}]" if ip_address(text).version == 6 else text
    except ValueError:
        return text
