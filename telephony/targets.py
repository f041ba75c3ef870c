"""Works out the SIP addresses of a leg that is dialled: where the INVITE goes, and which identity it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from telephony.admission import Directory
from telephony.headers import Flow, HeaderError, parse_uri, quoted
from telephony.model import CallerIdentity, Destination
from telephony.reaching import CONNECTIONS, USER_SAFE, host_text, reachable
from telephony.registrar import Binding


@dataclass(frozen=True, slots=True)
class Target:
    """One INVITE to send: `to` is the logical address (To), `uri` where it really goes (request URI)."""

    to: str
    uri: str


def user_uri(user: str, domain: str) -> str:
    """Write the SIP URI of a user or number at a host."""
    return f"sip:{quote(user, safe=USER_SAFE)}@{host_text(domain)}"


def identity(shown: CallerIdentity, domain: str) -> str:
    """Write the From and P-Asserted-Identity value for an identity (RFC 3261 §20.20, RFC 3325 §9.1)."""
    address = f"<{user_uri(shown.number or 'anonymous', domain)}>"
    return f"{quoted(shown.display)} {address}" if shown.display else address


def of_binding(binding: Binding, domain: str) -> Target:
    """Reach one registered phone."""
    uri = reachable(parse_uri(binding.contact), binding.flow)
    return Target(user_uri(str(binding.person), domain), uri)


def of_number(destination: Destination, directory: Directory) -> Target | None:
    """Reach a number through its trunk; None when the trunk is unknown or takes no calls."""
    trunk = directory.trunk(destination.trunk)
    if trunk is None or not trunk.outbound_uri or not destination.number:
        return None
    scheme, _, rest = trunk.outbound_uri.partition(":")
    host_part = rest.rpartition("@")[2]
    uri = f"{scheme}:{quote(destination.number, safe=USER_SAFE)}@{host_part}"
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
