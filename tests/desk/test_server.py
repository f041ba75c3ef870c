"""The server inside our own loop."""

from __future__ import annotations

import asyncio
import signal
import socket

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from desk.errors import DeskError, PortTaken
from desk.server import DeskServer

pytestmark = pytest.mark.loopback

OWN_ADDRESS = "127.0.0.86"
"""Where nobody else on this machine takes a port that is free for a moment."""


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def test_it_tells_the_port_it_got_and_frees_it_when_stopped() -> None:
    server = DeskServer(hello, OWN_ADDRESS, 0)
    port = await server.start()
    async with httpx2.AsyncClient(timeout=20) as client:
        assert (await client.get(f"http://{OWN_ADDRESS}:{port}/")).text == "hello"
    await server.stop()
    await server.stop()
    again = DeskServer(hello, OWN_ADDRESS, port)
    assert await again.start() == port
    await again.stop()


async def test_it_listens_on_ipv6() -> None:
    server = DeskServer(hello, "::1", 0)
    port = await server.start()
    async with httpx2.AsyncClient(timeout=20) as client:
        assert (await client.get(f"http://[::1]:{port}/")).text == "hello"
    await server.stop()


async def test_a_port_in_use_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = DeskServer(hello, "127.0.0.1", port)
        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1 is in use"):
            await server.start()
        await server.stop()


async def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(DeskError, match=r"192\.0\.2\.1"):
        await DeskServer(hello, "192.0.2.1", 0).start()


async def test_signals_stay_with_the_node() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    server = DeskServer(hello, "127.0.0.1", 0)
    await server.start()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    await server.stop()


async def test_idle_connections_do_not_delay_stopping() -> None:
    server = DeskServer(hello, "127.0.0.1", 0)
    port = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")  # never finished
    await writer.drain()
    await asyncio.wait_for(server.stop(), 20)
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_forwarded_addresses_are_believed_from_a_trusted_proxy_only() -> None:
    async def tell(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})

    for proxies, seen in (((), "127.0.0.1"), (("127.0.0.1",), "192.0.2.7"), (("127.0.0.9",), "127.0.0.1")):
        server = DeskServer(tell, "127.0.0.1", 0, trusted_proxies=proxies)
        port = await server.start()
        async with httpx2.AsyncClient(timeout=20) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/", headers={"X-Forwarded-For": "192.0.2.7"})
        assert answer.text == seen
        await server.stop()


async def test_answers_leave_at_once() -> None:
    """Nagle's algorithm would hold small answers back for 40 ms (N3)."""
    server = DeskServer(hello, "127.0.0.1", 0)
    port = await server.start()
    async with httpx2.AsyncClient(timeout=20) as client:
        await client.get(f"http://127.0.0.1:{port}/")
        (connection,) = server._server.server_state.connections
        peer = connection.transport.get_extra_info("socket")
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    await server.stop()
