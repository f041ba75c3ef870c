"""Requests we send that belong to no leg's INVITE: NOTIFY and OPTIONS. Plain data; an adapter puts them on the wire."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request outside the calls. `sender` and `to` are name-addrs without tags; empty texts are left out."""

    method: str
    uri: str
    sender: str
    to: str
    from_tag: str = ""
    to_tag: str = ""
    contact: str = ""
    sip_call_id: str = ""
    cseq: int = 1
    headers: Headers = ()
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class DialogName:
    """Which dialog of a call a request belongs to (RFC 3261 §12)."""

    sip_call_id: str
    local_tag: str
    remote_tag: str


@dataclass(frozen=True, slots=True)
class DialogRequest:
    """A request beside a call; the dialog supplies addresses, route and CSeq."""

    dialog: DialogName
    method: str
    headers: Headers = ()
    content_type: str = ""
    body: bytes = b""
