"""What a busy machine is forgiven: how late it wakes whoever wants nothing else, and what bounds that widens.

A play measures its promises by the clock. On a machine that is asked for nothing else the bounds hold as they stand
(`STRICT`); where other programs take turns, a process may stand still for a second, which says nothing about it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

WAIT_S = 20.0
"""A wait that succeeds costs nothing; this only ends a play that went wrong."""
LEEWAY_MS = 5_000.0
"""For whatever several processes do one after the other."""
IN_A_ROW = 2
"""Speaker and node may have stood still one after the other, which makes one gap."""


class Metronome:
    """Wakes every 10 ms on each core and remembers how late it was: what the machine withheld from everybody."""

    BEAT_S = 0.01

    def __init__(self) -> None:
        self._worst: dict[int, float] = {}
        self._asked_at: dict[int, float] = {}
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._beat, args=(core,), daemon=True) for core in sorted(os.sched_getaffinity(0))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def worst_ms(self) -> float:
        """The longest delay so far on any core, one that has not ended included."""
        cores = list(self._asked_at)
        return max((max(self._worst.get(core, 0.0), self._late_ms(core)) for core in cores), default=0.0)

    def _late_ms(self, core: int) -> float:
        return (time.monotonic() - self._asked_at[core] - self.BEAT_S) * 1_000

    def _beat(self, core: int) -> None:
        with suppress(OSError):  # where that is forbidden it beats on any core
            os.sched_setaffinity(0, {core})  # of this thread only
        self._asked_at[core] = time.monotonic()
        while not self._stopped.wait(self.BEAT_S):
            self._worst[core] = max(self._worst.get(core, 0.0), self._late_ms(core))
            self._asked_at[core] = time.monotonic()


def _nothing() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How much more than promised still counts as kept; all in milliseconds."""

    leeway_ms: float = 0.0
    withheld_ms: Callable[[], float] = _nothing

    @property
    def for_steps(self) -> float:
        """For what processes do: answers, documents, signalling."""
        return self.leeway_ms + self.withheld_ms()

    @property
    def for_gaps(self) -> float:
        """For what is heard: the media clock is late only if the machine withheld its turn."""
        return IN_A_ROW * self.withheld_ms()


STRICT = Patience()


@contextmanager
def patient() -> Iterator[Patience]:
    """Forgive what this machine withholds from now on."""
    with Metronome() as metronome:
        yield Patience(LEEWAY_MS, lambda: metronome.worst_ms)
