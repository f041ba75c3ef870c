"""Runs the web desk inside our own event loop, on a socket bound by us."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Generator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from desk.errors import DeskError, PortTaken

CONNECTIONS = 8_000
"""Open connections at once; more are answered 503 at once instead of exhausting the node."""
KEEP_ALIVE_S = 75
STOP_S = 3
LARGEST_MESSAGE = 64 * 1024
"""A browser phone sends its audio offer over its connection; screens send nothing over theirs."""
DEAD_PEER_MS = 30_000

log = structlog.get_logger()


class DeskServer:
    """One listening address of the web desk.

    Args:
        trusted_proxies: Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed; from nobody else.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, *, trusted_proxies: tuple[str, ...] = ()) -> None:
        self._host = host
        self._port = port
        self._server = _Server(
            uvicorn.Config(
                app,
                ws="websockets-sansio",
                ws_max_size=LARGEST_MESSAGE,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies) or None,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_S,
            )
        )
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; returns the real port (for port 0, the one the system chose).

        Raises:
            PortTaken: Somebody else listens there, or we may not.
            DeskError: The address is not one of this machine.
        """
        listening = _bind(self._host, self._port)
        port: int = listening.getsockname()[1]
        self._running = asyncio.create_task(self._server.serve(sockets=[listening]), name="desk-server")
        started = asyncio.create_task(self._server.up.wait())
        await asyncio.wait((self._running, started), return_when=asyncio.FIRST_COMPLETED)
        if not self._server.up.is_set():
            started.cancel()
            listening.close()
            raise DeskError("The web desk did not start.") from self._running.exception()
        log.info("desk_listening", host=self._host, port=port)
        return port

    async def stop(self) -> None:
        """Take no new request, end the open ones within a few seconds, close all screens. Harmless when not started."""
        if self._running is None:
            return
        self._server.should_exit = True
        await self._running
        self._running = None
        log.info("desk_stopped")


class _Server(uvicorn.Server):
    """uvicorn without signal handlers (the node has its own), and with an event when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # asyncio switches Nagle's delay (40 ms per answer) off only on sockets that say they are TCP.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise DeskError(f"The web desk cannot use the address {host}: {error.strerror}.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by every connection: a peer that takes nothing for so long is dropped with all that waits for it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        listening.close()
        raise _cannot_listen(host, port, error) from error
    listening.setblocking(False)
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> DeskError:
    match error.errno:
        case errno.EADDRINUSE:
            return PortTaken(f"Port {port} on {host} is in use by another program; set web.port to a free one.")
        case errno.EACCES:
            return PortTaken(f"Port {port} on {host} needs rights this program does not have; set web.port above 1023.")
        case _:
            return DeskError(f"The web desk cannot listen on {host} port {port}: {error.strerror}.")
