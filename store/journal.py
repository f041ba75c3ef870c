"""The journal: events that wait on disk while the database does not take them.

A file of JSON lines, one per event, each batch made durable (fsync) before its events leave memory. An append that
fails half-way is cut off again, so the file always ends with a whole line. Reading goes forward in chunks; when all is
written to the database, the file is emptied. Whoever uses the file holds a lock on it, so that two nodes given the same
folder do not mix their events. All methods block: they run in a thread.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

JOURNAL_NAME = "events.journal"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event on its way: everything is ready to be stored (`at` in ISO 8601, `data` as JSON)."""

    id: str
    interaction: str
    name: str
    at: str
    data: str

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some events from the journal, the place behind them, and how many lines among them were unreadable."""

    events: tuple[LoggedEvent, ...]
    end: int
    damaged: int


class JournalFull(OSError):
    """The journal has reached its limit."""


class Journal:
    """Appends, reads and empties the file. Not for use by two threads at once."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._path = folder / JOURNAL_NAME
        self._limit_bytes = limit_bytes
        self._file: int | None = None
        self._position = 0
        self._damaged = False

    def waiting(self) -> bool:
        """Whether events wait in the file. Another node's are not ours to see."""
        if self._file is None and not self._path.exists():
            return False
        try:
            return os.fstat(self._opened()).st_size > self._position
        except BlockingIOError:
            return False

    def append(self, events: Sequence[LoggedEvent]) -> None:
        """Add events durably: all of them, or none and an OSError (disk full, limit reached, folder gone, locked)."""
        file = self._opened()
        size = os.fstat(file).st_size
        content = b"".join(event.line() for event in events)
        if size + len(content) > self._limit_bytes:
            raise JournalFull(f"the journal is limited to {self._limit_bytes} bytes")
        try:
            _write_all(file, content)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise

    def read(self, most: int) -> Chunk:
        """The next events, at most `most`; call `done` with the chunk's end when they are stored."""
        file = self._opened()
        events: list[LoggedEvent] = []
        damaged = 0
        with os.fdopen(os.dup(file), "rb") as reader:
            reader.seek(self._position)
            end = self._position
            for line in reader:
                end += len(line)
                event = _parsed(line)
                if event is None:
                    damaged += 1
                else:
                    events.append(event)
                if len(events) + damaged >= most:
                    break
        return Chunk(tuple(events), end, damaged)

    def done(self, chunk: Chunk) -> None:
        """Never read these events again; empty the file when they were the last. A file with damage is kept aside."""
        file = self._opened()
        self._position = chunk.end
        self._damaged = self._damaged or chunk.damaged > 0
        if self._position < os.fstat(file).st_size:
            return
        if self._damaged:
            os.replace(self._path, self._path.with_suffix(".damaged"))
            self.close()
        else:
            os.ftruncate(file, 0)
        self._position, self._damaged = 0, False

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end_torn_line(file)
            except OSError:
                os.close(file)
                raise
            self._file = file
        return self._file


def _end_torn_line(file: int) -> None:
    """A crash may have left half a line: end it, so that it spoils nothing that follows."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        _write_all(file, b"\n")


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _parsed(line: bytes) -> LoggedEvent | None:
    """The event of a line, or None for a line torn by a crash or a bad disk."""
    try:
        event = LoggedEvent(**json.loads(line))
        readable = datetime.fromisoformat(event.at).tzinfo is not None
    except (ValueError, TypeError):
        return None
    return event if readable and all(isinstance(value, str) for value in asdict(event).values()) else None
