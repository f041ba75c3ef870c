"""The trace of a run: every SIP message of the robots as it comes, one JSON line each, for `siplab watch`.

Lines: `{"call", "at_ms", "who", "way", "what"}` for a message, `{"call", "over": cause}` for a call's end, and
`{"end": true}` last. It holds the methods, statuses and numbers of robots; no bodies, nobody's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from siplab.load.ladder import CUSTOMER, LadderStep

FILE = "trace.jsonl"
MAX_LINES = 500_000
"""About 50 MB; what comes later is not traced."""


class TraceFile:
    """Writes a trace: `with TraceFile(path) as trace`. Without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._lines = 0

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8", buffering=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines = 0  # the end is always told
        self._write({"end": True})
        if self._file is not None:
            self._file.close()

    def step(self, call: int, step: LadderStep) -> None:
        """Keep a message."""
        self._write({"call": call, **asdict(step)})

    def over(self, call: int, cause: str) -> None:
        """Keep the end of a call."""
        self._write({"call": call, "over": cause})

    def _write(self, record: dict[str, Any]) -> None:
        if self._file is not None and self._lines < MAX_LINES:
            self._lines += 1
            self._file.write(json.dumps(record) + "\n")


@dataclass(slots=True)
class Watched:
    """Chooses the call that is shown, from the lines of a trace: one that was asked for, or a new one after the other.

    A call that is over stays until `release`; the next that begins then takes its place.
    """

    wanted: int | None = None
    call: int | None = None
    steps: list[LadderStep] = field(default_factory=list)
    over: str | None = None
    """Why the shown call ended; None while it lives, empty when all was well."""
    ended: bool = False
    """The run has ended."""
    _released: bool = False

    def release(self) -> None:
        """Move on with the next call that begins, if the shown one is over."""
        self._released = self.over is not None

    def take(self, line: str) -> None:
        """Take a line of the file."""
        record = json.loads(line)
        if record.get("end"):
            self.ended = True
            return
        call = int(record["call"])
        if "over" in record:
            if call == self.call:
                self.over = str(record["over"])
            return
        step = LadderStep.from_json(record)
        if (step.who, step.way, step.what) == (CUSTOMER, "out", "INVITE") and self._may_show(call):
            self.call, self.steps, self.over, self._released = call, [], None, False
        if call == self.call:
            self.steps.append(step)

    def _may_show(self, call: int) -> bool:
        if self.wanted is not None:
            return call == self.wanted and self.call is None
        return self.call is None or self._released


def whole_lines(file: TextIO) -> Iterator[str]:
    """Give the lines that have been written whole since the last time; the rest is read again next time."""
    while True:
        at = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(at)
            return
        yield line
