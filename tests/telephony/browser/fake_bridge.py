"""The bridge's end of a shared ring, in Python: plays a tone every 20 ms and keeps what the worker wrote.

The layout is that of telephony/native/src/pcm_ring.hpp, written here from its comment and not from shared_ring.py.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import time
from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ, FRAME, CAPACITY = 8_000, 160, 4_096
_TO_WRITTEN, _TO_PLAYED, _FROM_WRITTEN, _FROM_READ = 64, 128, 192, 256


class FakeBridge:
    """One ring; `tone_hz` is what the others say to the browser, `heard` what came from it (the last 200 ms)."""

    def __init__(self, name: str, tone_hz: float = 0.0) -> None:
        self.name = f"ringside-test-{os.getpid()}-{name}"
        self.tone_hz = tone_hz
        self.path = Path("/dev/shm", self.name)
        self.heard: deque[NDArray[np.float64]] = deque(maxlen=10)
        self.heard_at: float | None = None
        """When `listen_for` was first heard, monotonic seconds."""
        self.listen_for = 0.0
        self.tone_began: float | None = None
        self.most_waiting = 0
        size = 512 + 4 * CAPACITY
        self.path.write_bytes(struct.pack("<6I", 0x52535052, 1, RATE_HZ, 20, CAPACITY, FRAME).ljust(size, b"\0"))
        with self.path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), size)
        self._clock = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self._clock.cancel()
        await asyncio.gather(self._clock, return_exceptions=True)
        self.path.unlink()
        self._memory.close()

    async def _run(self) -> None:
        start, ticks = time.monotonic(), 0
        while True:
            ticks += 1
            await asyncio.sleep(max(0.0, start + ticks * 0.02 - time.monotonic()))
            self._play()
            self._record(ticks)

    def _play(self) -> None:
        """As the bridge takes a frame of what the browser said; silence when there is none."""
        written, played = self._get(_TO_WRITTEN), self._get(_TO_PLAYED)
        self.most_waiting = max(self.most_waiting, written - played)
        if written - played < FRAME:
            return
        samples = np.array([self._sample(512, played + at) for at in range(FRAME)]) / 32_768.0
        self._put(_TO_PLAYED, played + FRAME)
        self.heard.append(samples)
        if self.heard_at is None and self.listen_for and self.amplitude(self.listen_for, 1) > 0.03:
            self.heard_at = time.monotonic()

    def _record(self, ticks: int) -> None:
        """As the bridge mixes a frame for the browser."""
        written = self._get(_FROM_WRITTEN)
        at = np.arange(FRAME) + ticks * FRAME
        samples = (8_000 * np.sin(2 * np.pi * self.tone_hz / RATE_HZ * at)).astype("<i2")
        start = 512 + 2 * CAPACITY
        for number, sample in enumerate(samples.tolist()):
            struct.pack_into("<h", self._memory, start + 2 * ((written + number) % CAPACITY), sample)
        self._put(_FROM_WRITTEN, written + FRAME)
        if self.tone_hz and self.tone_began is None:
            self.tone_began = time.monotonic()

    def amplitude(self, tone_hz: float, frames: int = 10) -> float:
        """How loud a tone is in the newest frames, 1 being full scale."""
        newest = list(self.heard)[-frames:]
        if len(newest) < frames:
            return 0.0
        samples = np.concatenate(newest)
        wave = np.hanning(len(samples)) * np.exp(-2j * np.pi * tone_hz / RATE_HZ * np.arange(len(samples)))
        return float(4 * abs(np.dot(samples, wave)) / len(samples))

    async def until_hears(self, tone_hz: float, *, deaf_to: float) -> None:
        """Wait until a tone is heard, and another one not at that moment."""
        async with asyncio.timeout(20):
            while self.amplitude(tone_hz) < 0.05 or self.amplitude(deaf_to) > 0.01:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def _sample(self, start: int, index: int) -> int:
        return int(struct.unpack_from("<h", self._memory, start + 2 * (index % CAPACITY))[0])

    def _get(self, offset: int) -> int:
        return int(struct.unpack_from("<Q", self._memory, offset)[0])

    def _put(self, offset: int, value: int) -> None:
        struct.pack_into("<Q", self._memory, offset, value)
