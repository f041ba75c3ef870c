"""A media worker: a process of its own that carries the audio of about a dozen browsers.

Run as `python -m telephony.browser.worker`. Commands come as JSON lines on standard input, reports go as JSON lines to
standard output, logs to standard error. It ends when its input ends, so it never outlives the node. All it shares with
the node are the rings, by name.

    in   {"do": "configure", "codecs", "addresses"}   first
         {"do": "open", "line", "ring", "sdp"}   {"do": "renew", "line", "sdp"}
         {"do": "hold", "line", "on"}            {"do": "close", "line"}
    out  {"is": "alive"}   first, and every 2 s  {"is": "answered", "line", "sdp"}
         {"is": "connected", "line"}             {"is": "failed", "line", "reason"}
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aioice.ice
import structlog

from telephony.browser.peer import Peer
from telephony.native.shared_ring import SharedRing

log = structlog.get_logger(__name__)

ALIVE_EVERY_S = 2.0
LINE_BYTES = 256 * 1024
"""An SDP of 32,000 characters, escaped."""


@dataclass(slots=True)
class _Line:
    """One line's ring, its connection, and what is done with them, one thing after the other."""

    ring: SharedRing
    peer: Peer | None = None
    held: bool = False
    work: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class Worker:
    """The peers of this process."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self._report = report
        self._lines: dict[str, _Line] = {}
        self._codecs: tuple[str, ...] = ()

    def do(self, command: dict[str, Any]) -> None:
        """Take one command; nothing here waits."""
        what, name = command["do"], command.get("line", "")
        if what == "configure":
            self._configure(command)
        elif what == "open":
            self._open(name, command)
        elif name in self._lines:
            self._lines[name].work.put_nowait(command)

    async def stop(self) -> None:
        """Close everything."""
        for line in self._lines.values():
            line.work.put_nowait({"do": "close"})
        await asyncio.gather(*(line.task for line in self._lines.values() if line.task), return_exceptions=True)

    def _configure(self, command: dict[str, Any]) -> None:
        self._codecs = tuple(command["codecs"])
        choose_addresses(tuple(command["addresses"]))
        self._report_alive()

    def _report_alive(self) -> None:
        self._report({"is": "alive"})
        asyncio.get_running_loop().call_later(ALIVE_EVERY_S, self._report_alive)

    def _open(self, name: str, command: dict[str, Any]) -> None:
        try:
            line = self._lines[name] = _Line(SharedRing(command["ring"]))
        except (OSError, ValueError) as error:
            self._report({"is": "failed", "line": name, "reason": type(error).__name__})
            return
        line.work.put_nowait(command)
        line.task = asyncio.get_running_loop().create_task(self._serve(name, line))

    async def _serve(self, name: str, line: _Line) -> None:
        """Do what is asked about one line, in order, until it is closed."""
        while True:
            command = await line.work.get()
            what = command["do"]
            if what in ("open", "renew"):
                await self._connect(name, line, command["sdp"])
            elif what == "hold":
                line.held = bool(command["on"])
                if line.peer is not None:
                    line.peer.hold(line.held)
            else:
                break
        self._lines.pop(name, None)
        if line.peer is not None:
            with contextlib.suppress(Exception):
                await line.peer.close()
        line.ring.close()

    async def _connect(self, name: str, line: _Line, offer: str) -> None:
        """Give the line a new connection; a bad offer fails it, and only it."""
        old, line.peer = line.peer, None
        if old is not None:
            await old.close()

        def tell(what: str, **more: object) -> None:
            if line.peer is peer:
                self._report({"is": what, "line": name, **more})

        peer = line.peer = Peer(line.ring, self._codecs, tell)
        peer.hold(line.held)
        try:
            await peer.connect(offer)
        except Exception as error:  # whatever aiortc makes of a strange offer
            log.warning("offer_refused", line=name, error=type(error).__name__)
            tell("failed", reason="the offer cannot be used")


def choose_addresses(addresses: tuple[str, ...]) -> None:
    """Let ICE name these addresses; none: all of this machine, and loopback where it has no other."""
    every = aioice.ice.get_host_addresses

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        found = list(addresses) or every(use_ipv4=use_ipv4, use_ipv6=use_ipv6)
        return found or ["127.0.0.1"]

    aioice.ice.get_host_addresses = chosen


async def serve() -> None:
    """Read commands until the input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)

    def report(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")

    worker = Worker(report)
    while line := await reader.readline():
        worker.do(json.loads(line))
    await worker.stop()


def main() -> None:
    """Run until the node closes our input."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    gc.freeze()  # the libraries stay; no collection walks them
    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop
        except ImportError:
            asyncio.run(serve())
        else:
            uvloop.run(serve())


if __name__ == "__main__":
    main()
