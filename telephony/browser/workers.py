"""Keeps the media workers: starts them when they are needed, one warm in advance, and tells whose lines a dead one had.

A worker that dies takes its own lines with it and nothing else; another is started after a pause that grows while they
go on dying. Loop thread only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from telephony.browser.effects import ClosePeer, HoldPeer, OpenPeer, PeerCommand, RenewPeer
from telephony.browser.events import PeerAnswered, PeerConnected, PeerEvent, PeerFailed, PeerRefused, WorkerLost
from telephony.browser.model import Line, PhoneId
from vocabulary import LegId

log = structlog.get_logger(__name__)

REPORT_BYTES = 256 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
READY_TIMEOUT_S, ALIVE_TIMEOUT_S = 20.0, 8.0
"""A worker that says nothing for so long hangs and is killed; it speaks every 2 s."""
STOP_S = 2.0
IDLE_S = 60.0
"""A worker without lines that is not the warm one goes after this long."""


Codec = Literal["opus", "G722", "PCMU"]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How browsers' audio is carried."""

    codecs: tuple[Codec, ...] = ("opus", "G722", "PCMU")
    """Most preferred first."""
    addresses: tuple[str, ...] = ()
    """Addresses to name as ICE candidates; none: all of this machine."""
    peers_per_worker: int = 12
    most_workers: int = 4


def wanted_workers(lines: int, phones_on: bool, settings: WorkerSettings) -> int:
    """How many workers should run: as many as the lines need with room for one more, none while no phone is on."""
    if lines == 0 and not phones_on:
        return 0
    return min(settings.most_workers, lines // settings.peers_per_worker + 1)


@dataclass(eq=False, slots=True)
class _Process:
    """One running worker. What it is told before it is ready waits in the pipe."""

    process: asyncio.subprocess.Process
    lines: set[Line] = field(default_factory=set)
    ready: bool = False
    watching: asyncio.Task[None] | None = None

    @property
    def leaves(self) -> bool:
        """Whether it was asked to go."""
        return self.process.stdin is None or self.process.stdin.is_closing()

    def send(self, command: dict[str, Any]) -> None:
        if self.process.stdin is not None and not self.leaves:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")


class MediaWorkers:
    """The media workers of a node. Reports go to `on_event`, on the loop."""

    def __init__(self, settings: WorkerSettings, on_event: Callable[[PeerEvent], None]) -> None:
        self._settings = settings
        self._on_event = on_event
        self._running: list[_Process] = []
        self._starting = 0
        self._phones_on = False
        self._failures = 0
        self._stopping = False
        self._waiting: list[OpenPeer] = []
        """Lines that came while no worker ran yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_check: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the running workers, oldest first."""
        return tuple(worker.process.pid for worker in self._running)

    def lines_of(self, pid: int) -> frozenset[Line]:
        """The lines a worker carries."""
        return frozenset(line for worker in self._running if worker.process.pid == pid for line in worker.lines)

    @property
    def lines(self) -> int:
        return sum(len(worker.lines) for worker in self._running) + len(self._waiting)

    def phones_on(self, on: bool) -> None:
        """Whether any browser phone is on: then one worker is kept warm, so that a call connects at once."""
        self._phones_on = on
        self._adjust()

    def perform(self, command: PeerCommand) -> None:
        """Take a command; outcomes come back as events."""
        match command:
            case OpenPeer():
                self._open(command)
            case RenewPeer(line, offer):
                self._send(line, {"do": "renew", "line": _name(line), "sdp": offer})
            case HoldPeer(line, on):
                self._send(line, {"do": "hold", "line": _name(line), "on": on})
            case ClosePeer(line):
                self._waiting = [each for each in self._waiting if each.line != line]
                self._send(line, {"do": "close", "line": _name(line)})
                for worker in self._running:
                    worker.lines.discard(line)
                self._adjust()

    async def stop(self) -> None:
        """End all workers; their lines are over."""
        self._stopping = True
        if self._idle_check is not None:
            self._idle_check.cancel()
        for worker in self._running:
            _close_input(worker)
        watching = [worker.watching for worker in self._running if worker.watching is not None]
        for task in self._tasks:
            task.cancel()
        if watching:
            await asyncio.wait(watching, timeout=STOP_S)
        for worker in list(self._running):
            with suppress(ProcessLookupError):
                worker.process.kill()
        await asyncio.gather(*watching, *self._tasks, return_exceptions=True)

    def _open(self, command: OpenPeer) -> None:
        most = self._settings.peers_per_worker
        free = [each for each in self._running if len(each.lines) < most and not each.leaves]
        if free:
            worker = max(free, key=lambda each: (each.ready, -len(each.lines)))
            worker.lines.add(command.line)
            worker.send({"do": "open", "line": _name(command.line), "ring": command.ring, "sdp": command.offer})
        elif len(self._running) >= self._settings.most_workers:
            self._on_event(PeerRefused(command.line))
        else:
            self._waiting.append(command)
        self._adjust()

    def _send(self, line: Line, command: dict[str, Any]) -> None:
        for worker in self._running:
            if line in worker.lines:
                worker.send(command)

    def _adjust(self) -> None:
        """Start what is missing; let go, after a while, of what nobody needs."""
        if self._stopping:
            return
        wanted = wanted_workers(self.lines, self._phones_on, self._settings)
        while len(self._running) + self._starting < wanted:
            self._starting += 1
            task = asyncio.get_running_loop().create_task(self._start())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(self._running) > wanted and self._idle_check is None:
            self._idle_check = asyncio.get_running_loop().call_later(IDLE_S, self._retire)

    def _retire(self) -> None:
        self._idle_check = None
        wanted = wanted_workers(self.lines, self._phones_on, self._settings)
        idle = [worker for worker in self._running if not worker.lines]
        for worker in idle[: max(0, len(self._running) - wanted)]:
            _close_input(worker)

    async def _start(self) -> None:
        try:
            if self._failures:
                await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._failures - 1)))
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "telephony.browser.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=REPORT_BYTES,
                env=_environment(),
            )
        except OSError as error:
            self._failures += 1
            log.error("media_worker_not_started", reason=os.strerror(error.errno or 0))
            self._refuse_waiting()
            return
        finally:
            self._starting -= 1
        worker = _Process(process)
        self._running.append(worker)
        settings = self._settings
        worker.send({"do": "configure", "codecs": settings.codecs, "addresses": settings.addresses})
        worker.watching = asyncio.get_running_loop().create_task(self._watch(worker))
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            self._open(command)

    async def _watch(self, worker: _Process) -> None:
        """Read a worker's reports until it ends, then say what went with it."""
        assert worker.process.stdout is not None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S) as limit:
                while line := await worker.process.stdout.readline():
                    limit.reschedule(asyncio.get_running_loop().time() + ALIVE_TIMEOUT_S)
                    self._report(worker, line)
        except (TimeoutError, ValueError, KeyError):
            with suppress(ProcessLookupError):
                worker.process.kill()
        finally:
            self._running.remove(worker)
        status = await worker.process.wait()
        if self._stopping:
            return
        if worker.leaves and status == 0:
            self._adjust()  # a phone may have been switched on while it left
            return
        self._failures += 1
        log.error("media_worker_lost", pid=worker.process.pid, status=status, lines=len(worker.lines))
        if worker.lines:
            self._on_event(WorkerLost(tuple(sorted(worker.lines))))
        self._adjust()

    def _report(self, worker: _Process, text: bytes) -> None:
        report = json.loads(text)
        if report["is"] == "alive":
            if not worker.ready:
                worker.ready = True
                log.info("media_worker_started", pid=worker.process.pid)
            return
        line = _line(report["line"])
        if line not in worker.lines:
            return  # closed meanwhile
        self._failures = 0
        match report["is"]:
            case "answered":
                self._on_event(PeerAnswered(line, report["sdp"]))
            case "connected":
                self._on_event(PeerConnected(line))
            case "failed":
                self._on_event(PeerFailed(line, report["reason"]))

    def _refuse_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            self._on_event(PeerRefused(command.line))


def _close_input(worker: _Process) -> None:
    if worker.process.stdin is not None:
        worker.process.stdin.close()


def _environment() -> dict[str, str]:
    """Our environment without our settings: secrets have no business in a worker."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGSIDE_")}


def _name(line: Line) -> str:
    return f"{line.leg}@{line.phone}"


def _line(name: str) -> Line:
    leg, _, phone = name.partition("@")
    return Line(PhoneId(phone), LegId(leg))
