"""A foreign PBX in the way: passes SIP over UDP between one phone and the node, and keeps what it does not know.

It takes the headers that carry a case (User-to-User, Call-Info) out of what it passes to the phone, and answers REFER
with 405, as systems do that never heard of either.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from types import TracebackType
from typing import Self

Address = tuple[str, int]

STRIPPED = (b"user-to-user:", b"call-info:")
_CONTACT_PORT = re.compile(rb"(\r\nContact: ?[^\r\n]*?@127\.0\.0\.1):[0-9]+")
KEPT_IN_ANSWERS = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")


class _Side(asyncio.DatagramProtocol):
    """One of its two ports."""

    def __init__(self, pbx: ForeignPbx, *, towards_node: bool) -> None:
        self._pbx = pbx
        self._towards_node = towards_node
        self.transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._towards_node:
            self._pbx.from_node(data, addr)
        else:
            self._pbx.from_phone(data, addr)

    def send(self, data: bytes, to: Address) -> None:
        if self.transport is not None:
            self.transport.sendto(data, to)


class ForeignPbx:
    """`async with ForeignPbx("127.0.0.1:5060") as pbx`: a phone whose server is `pbx.server` sits behind it."""

    def __init__(self, node: str) -> None:
        host, _, port = node.rpartition(":")
        self._node: Address = (host, int(port))
        self._phone: Address | None = None
        self._to_node = _Side(self, towards_node=True)
        self._to_phone = _Side(self, towards_node=False)
        self.server = ""
        self._own_port = 0
        self.stripped = 0
        self.refused = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for side in (self._to_node, self._to_phone):
            side.transport, _ = await loop.create_datagram_endpoint(partial(_itself, side), ("127.0.0.1", 0))
        self._own_port = self._to_node.port
        self.server = f"127.0.0.1:{self._to_phone.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for side in (self._to_node, self._to_phone):
            if side.transport is not None:
                side.transport.close()

    def from_phone(self, data: bytes, addr: Address) -> None:
        self._phone = addr
        self._to_node.send(_with_contact_at(self._own_port, data), self._node)

    def from_node(self, data: bytes, addr: Address) -> None:
        if data.startswith(b"REFER "):
            self.refused += 1
            self._to_node.send(_not_allowed(data), addr)
        elif self._phone is not None:
            self._to_phone.send(_with_contact_at(self._phone[1], self._without_case(data)), self._phone)

    def _without_case(self, data: bytes) -> bytes:
        head, end, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(STRIPPED)]
        self.stripped += len(lines) - len(kept)
        return b"\r\n".join(kept) + end + body


def _with_contact_at(port: int, data: bytes) -> bytes:
    """Register the PBX itself instead of the phone, as a PBX does, and let the phone find itself in the answer."""
    if b"REGISTER" not in data.partition(b"\r\nCSeq:")[2].partition(b"\r\n")[0]:
        return data
    return _CONTACT_PORT.sub(rb"\g<1>:%d" % port, data)


def _itself(side: _Side) -> _Side:
    return side


def _not_allowed(request: bytes) -> bytes:
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in lines if line.lower().startswith(KEPT_IN_ANSWERS)]
    return b"\r\n".join((b"SIP/2.0 405 Method Not Allowed", *kept, b"Content-Length: 0", b"", b""))
