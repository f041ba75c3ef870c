"""The other end of a PcmPort whose ring lives in shared memory, for media workers, recorders and recognisers.

A process that shares nothing else with the one running PJSIP maps the ring by name. Layout and rules stand in
src/pcm_ring.hpp. One process writes and one reads per ring. Plain Python stores are ordered as needed on x86-64; on
other machines put a lock or a C extension in between.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType
from typing import Self

_MAGIC, _VERSION = 0x52535052, 1
_HEADER_BYTES, _SAMPLE_BYTES = 512, 2
_CLOSED = 24 // 4  # position as u32, the following as u64
_TO_WRITTEN, _TO_PLAYED, _FROM_WRITTEN, _FROM_READ, _LOST = 64 // 8, 128 // 8, 192 // 8, 256 // 8, 336 // 8
_HEARTBEAT = 384 // 8  # the first of the words that the C++ side leaves free


class SharedRing:
    """Reads what the bridge mixed for a PcmPort and writes what the others shall hear.

    Samples are signed 16-bit little-endian mono at `clock_rate_hz`. Use as a context manager or call `close()`.
    """

    def __init__(self, name: str, folder: Path = Path("/dev/shm")) -> None:
        """Map the ring that `PcmPort(..., sharedMemoryName=name)` made.

        Raises:
            FileNotFoundError: No such port, or it is closed already.
            ValueError: The memory is not a ring of this version.
        """
        with (folder / name.lstrip("/")).open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        view = memoryview(self._memory)
        self._words, self._indices = view[:_HEADER_BYTES].cast("I"), view[:_HEADER_BYTES].cast("Q")
        if self._words[0] != _MAGIC or self._words[1] != _VERSION:
            raise ValueError(f"{name} is not a PCM ring of version {_VERSION}")
        self.clock_rate_hz, self.ptime_ms, self.capacity, self.frame_samples = self._words[2:6].tolist()
        self._to_bridge = view[_HEADER_BYTES : _HEADER_BYTES + self.capacity * _SAMPLE_BYTES]
        self._from_bridge = view[_HEADER_BYTES + self.capacity * _SAMPLE_BYTES :]
        self._views = [self._words, self._indices, self._to_bridge, self._from_bridge, view]

    @property
    def port_closed(self) -> bool:
        """Whether the PcmPort is gone; samples still waiting may be read."""
        return bool(self._words[_CLOSED])

    @property
    def lost_samples(self) -> int:
        """Samples this reader lost because it came too late; the oldest go first."""
        return self._indices[_LOST]

    def available(self) -> int:
        """Samples waiting to be read."""
        waiting = self._indices[_FROM_WRITTEN] - self._indices[_FROM_READ]
        return min(waiting, self.capacity - self.frame_samples)

    def queued(self) -> int:
        """Samples written that the bridge has not played yet."""
        return self._indices[_TO_WRITTEN] - self._indices[_TO_PLAYED]

    @property
    def heartbeat(self) -> int:
        """A number the other process raises with every frame from its far end, whether or not the bridge plays it."""
        return self._indices[_HEARTBEAT]

    def beat(self) -> None:
        """Tell that the far end lives; the process that writes only."""
        self._indices[_HEARTBEAT] += 1

    def write(self, samples: bytes) -> int:
        """Queue samples for the bridge and return how many fitted; offer the rest again later."""
        written = self._indices[_TO_WRITTEN]
        room = self.capacity - (written - self._indices[_TO_PLAYED])
        count = min(len(samples) // _SAMPLE_BYTES, room)
        start = written % self.capacity
        first = min(count, self.capacity - start)
        self._to_bridge[start * 2 : (start + first) * 2] = samples[: first * 2]
        self._to_bridge[: (count - first) * 2] = samples[first * 2 : count * 2]
        self._indices[_TO_WRITTEN] = written + count
        return count

    def read(self, max_samples: int) -> bytes:
        """Take at most that many samples of what the bridge mixed; empty when none are waiting."""
        at, written = self._indices[_FROM_READ], self._indices[_FROM_WRITTEN]
        if self._overtaken(at):
            at = self._skip(at, written)
        count = min(max_samples, written - at)
        start = at % self.capacity
        first = min(count, self.capacity - start)
        ring = self._from_bridge
        samples = bytes(ring[start * 2 : (start + first) * 2]) + bytes(ring[: (count - first) * 2])
        if self._overtaken(at):  # the bridge wrote over it while we copied
            self._indices[_FROM_READ] = self._skip(at, self._indices[_FROM_WRITTEN])
            return b""
        self._indices[_FROM_READ] = at + count
        return samples

    def skip(self, samples: int) -> None:
        """Forget the oldest samples that wait to be read."""
        self._indices[_FROM_READ] += min(samples, self.available())

    def _overtaken(self, at: int) -> bool:
        return self._indices[_FROM_WRITTEN] + self.frame_samples - at > self.capacity

    def _skip(self, at: int, written: int) -> int:
        """Move half a ring behind the bridge and count what lies between."""
        target = written - self.capacity // 2
        self._indices[_LOST] += target - at
        return target

    def close(self) -> None:
        """Unmap the ring; the port goes on without us."""
        for view in self._views:
            view.release()
        self._views.clear()
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
