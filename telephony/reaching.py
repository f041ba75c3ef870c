"""Works out the URI that reaches a phone from the contact it gave and the flow it was heard on."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote

from telephony.headers import Flow, SipUri

USER_SAFE = "+-_.!~*'()&=$,"
CONNECTIONS = frozenset({"tcp", "tls"})


def reachable(uri: SipUri, flow: Flow) -> str:
    """Write the URI that reaches a phone which gave this contact and was heard on this flow.

    A phone on a TCP or TLS connection is reached over that very connection (RFC 5626 §5.3); a phone on UDP whose
    contact names another host than its packets come from sits behind NAT and is reached where they come from.
    """
    host, port, transport = uri.host, uri.port, (uri.param("transport") or "").lower()
    if flow.transport in CONNECTIONS or uri.host != flow.host:
        host, port, transport = flow.host, flow.port, flow.transport
    others = tuple((name, value) for name, value in uri.params if name in ("user", "ob", "line", "rinstance"))
    params = (*others, *((("transport", transport),) if transport in CONNECTIONS else ()))
    tail = "".join(f";{name}={value}" if value else f";{name}" for name, value in params)
    user = f"{quote(uri.user, safe=USER_SAFE)}@" if uri.user else ""
    where = f"{host_text(host)}:{port}" if port else host_text(host)
    return f"sip:{user}{where}{tail}"


def host_text(text: str) -> str:
    """Write a host for a URI: IPv6 literals in brackets."""
    try:
        return f"[{text}]" if ip_address(text).version == 6 else text
    except ValueError:
        return text
