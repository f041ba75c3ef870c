"""A process of the lab and the master's end of it: JSON lines in (commands) and out (events)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from siplab.environment import child_environment
from siplab.errors import RobotFailed, WaitTimeout
from siplab.patience import WAIT_S

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
MAX_EVENTS = 20_000
STREAM_LIMIT = 1 << 22

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChildEvent:
    """Something a child saw: when (monotonic seconds), on which line, and the details by name."""

    name: str
    line: str
    t: float
    data: dict[str, Any] = field(default_factory=dict)


class Child:
    """A child process. `events` holds everything it said, in order; `wait_for` looks there first."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.pid = process.pid
        self.events: list[ChildEvent] = []
        self._process = process
        self._changed = asyncio.Condition()
        self._ended = False
        self._listener: Callable[[ChildEvent], None] | None = None
        self._stderr: deque[str] = deque(maxlen=40)
        self._tasks = (asyncio.create_task(self._read_events()), asyncio.create_task(self._read_stderr()))

    @classmethod
    async def start(cls, name: str, module: str, **settings: Any) -> Self:
        """Run a module with its start command and wait until it is ready.

        Raises:
            RobotFailed: It died; the text is what it said last.
            WaitTimeout: It was not ready in time.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=STREAM_LIMIT,
            env=child_environment(),
        )
        child = cls(name, process)
        child.send("start", **settings)
        try:
            await child.wait_for("ready", timeout_s=START_TIMEOUT_S)
        except BaseException:
            await child.stop()
            raise
        return child

    def send(self, do: str, line: str = "", **data: Any) -> None:
        """Send a command; what comes of it arrives as events."""
        if self._process.stdin is None or self._process.stdin.is_closing():
            raise RobotFailed(f"{self.name} takes no commands any more")
        self._process.stdin.write(json.dumps({"do": do, "line": line, **data}).encode() + b"\n")

    async def wait_for(
        self,
        name: str,
        line: str = "",
        *,
        since: float = 0.0,
        timeout_s: float = WAIT_S,
        where: Callable[[ChildEvent], bool] = lambda _event: True,
    ) -> ChildEvent:
        """Wait for the first event of that name at or after `since`.

        Raises:
            WaitTimeout: It did not come in time; the text names it and the last events seen.
            RobotFailed: The robot died meanwhile.
        """

        def found() -> ChildEvent | None:
            fits = (e for e in self.events if e.name == name and line in ("", e.line) and e.t >= since and where(e))
            return next(fits, None)

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: found() or self._ended), timeout_s)
            except TimeoutError:
                seen = ", ".join(event.name for event in self.events[-4:]) or "nothing"
                what = f"'{name}' from {self.name}{f' line {line}' if line else ''}"
                raise WaitTimeout(what, timeout_s, f"its last events: {seen}") from None
        event = found()
        if event is None:
            raise RobotFailed(f"{self.name} died: {' | '.join(self._stderr) or 'it said nothing'}")
        return event

    def count(self, name: str, line: str = "") -> int:
        """Count the events of that name so far."""
        return sum(event.name == name and line in ("", event.line) for event in self.events)

    @property
    def ended(self) -> bool:
        """Tell whether it says nothing any more."""
        return self._ended

    def take_events(self) -> list[ChildEvent]:
        """Give all events so far and forget them: for who reads a long stream and never looks back."""
        taken, self.events = self.events, []
        return taken

    def listen(self, listener: Callable[[ChildEvent], None]) -> None:
        """Hand each event over as it comes, those so far at once; none is kept any more."""
        self._listener = listener
        for event in self.take_events():
            listener(event)

    async def stop(self) -> None:
        """Let the child finish and leave; kill it when it does not within a bound."""
        with contextlib.suppress(RobotFailed, ConnectionError):
            self.send("quit")
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._tasks)

    async def _read_events(self) -> None:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            record = json.loads(raw)
            event = ChildEvent(record.pop("event"), record.pop("line"), record.pop("t"), record)
            if event.name == "fault":
                log.warning("%s, line %s: %s", self.name, event.line, event.data.get("what"))
            if self._listener is not None:
                self._listener(event)
                continue
            async with self._changed:
                if len(self.events) < MAX_EVENTS:
                    self.events.append(event)
                self._changed.notify_all()
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            self._stderr.append(raw.decode(errors="replace").rstrip())
