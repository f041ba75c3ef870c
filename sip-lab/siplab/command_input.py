"""Commands on stdin and events on stdout for the lab's processes that live on PJSIP's event loop."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

MAX_LINE_BYTES = 4_000_000
POLL_S = 0.005


class CommandInput:
    """Reads JSON lines from a descriptor without ever blocking."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = b""
        self.ended = False
        os.set_blocking(fd, False)

    def commands(self) -> Iterator[dict[str, Any]]:
        """Give the commands that have arrived whole."""
        try:
            chunk = os.read(self._fd, 65_536)
        except BlockingIOError:
            return
        self.ended = not chunk
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        if len(self._buffer) > MAX_LINE_BYTES:
            self.ended = True
        yield from (json.loads(line) for line in lines if line.strip())

    def first(self) -> dict[str, Any] | None:
        """Wait for the start command; None when the input ends. The master sends more only after `ready`."""
        while not self.ended:
            command = next(self.commands(), None)
            if command is not None:
                return command
            time.sleep(POLL_S)
        return None


class EventOutput:
    """Writes events as JSON lines, each stamped with CLOCK_MONOTONIC seconds."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    @classmethod
    def take_stdout(cls) -> EventOutput:
        """Keep stdout for events alone: what C libraries print there goes to stderr from now on."""
        events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        return cls(events)

    def emit(self, event: str, line: str = "", **data: Any) -> None:
        """Write one event."""
        record = {"t": time.monotonic(), "event": event, "line": line, **data}
        self._output.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._output.flush()
