"""What scenarios put between a node and others: a network that can be cut, a PBX that knows nothing of cases."""

from __future__ import annotations

import asyncio

from siplab.foreign_pbx import ForeignPbx
from siplab.relay import Relay

INVITE = (
    b"INVITE sip:e@127.0.0.1:5 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nCSeq: 1 INVITE\r\n"
    b"User-to-User: 6361;encoding=hex\r\nCall-Info: <http://h/>\r\nContent-Length: 4\r\n\r\nv=0\n"
)
REGISTER = b"REGISTER sip:h SIP/2.0\r\nCSeq: 1 REGISTER\r\nContact: <sip:e@127.0.0.1:5555;ob>\r\n\r\n"
REFER = b"REFER sip:e@h SIP/2.0\r\nCall-ID: 7\r\nCSeq: 2 REFER\r\nRefer-To: <sip:x@h>\r\n\r\n"
PATIENCE_S = 20.0


async def test_a_cut_relay_keeps_everybody_waiting_and_loses_nothing() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Relay("127.0.0.1", server.sockets[0].getsockname()[1]) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"before\n")
        assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"BEFORE\n"
        relay.cut()
        late_reader, late_writer = await asyncio.open_connection("127.0.0.1", relay.port)
        for waiting in (writer, late_writer):
            waiting.write(b"during\n")
        answers = asyncio.gather(reader.readline(), late_reader.readline())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not answers.done()
        relay.heal()
        assert list(await asyncio.wait_for(answers, PATIENCE_S)) == [b"DURING\n", b"DURING\n"]
        for waiting in (writer, late_writer):
            waiting.close()


class Inbox(asyncio.DatagramProtocol):
    """A SIP peer that only keeps what comes."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.put_nowait((data, addr))

    async def next(self) -> tuple[bytes, tuple[str, int]]:
        return await asyncio.wait_for(self.got.get(), PATIENCE_S)


async def test_a_foreign_pbx_registers_itself_strips_the_case_and_knows_no_refer() -> None:
    loop = asyncio.get_running_loop()
    node_end, node = await loop.create_datagram_endpoint(Inbox, ("127.0.0.1", 0))
    phone_end, phone = await loop.create_datagram_endpoint(Inbox, ("127.0.0.1", 0))
    async with ForeignPbx(f"127.0.0.1:{node_end.get_extra_info('sockname')[1]}") as pbx:
        host, _, port = pbx.server.rpartition(":")
        phone_end.sendto(REGISTER, (host, int(port)))
        registered, from_ = await node.next()
        assert f"<sip:e@127.0.0.1:{from_[1]};ob>".encode() in registered
        node_end.sendto(INVITE, from_)
        invited, _ = await phone.next()
        assert b"User-to-User" not in invited
        assert b"Call-Info" not in invited
        assert invited.endswith(b"\r\n\r\nv=0\n")
        assert pbx.stripped == 2
        node_end.sendto(REFER, from_)
        answer, _ = await node.next()
        assert answer.startswith(b"SIP/2.0 405 ")
        assert b"Call-ID: 7\r\nCSeq: 2 REFER\r\n" in answer
    node_end.close()
    phone_end.close()
