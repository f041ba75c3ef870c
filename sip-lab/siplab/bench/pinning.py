"""Pinned cores: within `pinned()` the system under test has a core to itself, and everything else the other cores.

Children inherit where their parent may run, so this process moves first and only the system under test is moved back.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from siplab.load.cores import pin


@dataclass(frozen=True, slots=True)
class Pinning:
    """Which core the system under test has, and which the load; `system` None: there is one core only."""

    system: int | None
    load: tuple[int, ...]

    def __str__(self) -> str:
        if self.system is None:
            return "this machine has one core, which the system under test and its load share"
        cores = "core" if len(self.load) == 1 else "cores"
        return f"the system under test on core {self.system}, load on {cores} {', '.join(map(str, self.load))}"

    def as_json(self) -> dict[str, Any]:
        """Give it as the JSON file has it."""
        return {**asdict(self), "text": str(self)}


_now: list[Pinning] = []
"""What holds at the moment; empty: nothing is pinned."""


def pinning_of(cores: Collection[int]) -> Pinning:
    """Give the first core to the system under test, the others to the load."""
    first, *others = sorted(cores)
    return Pinning(first, tuple(others)) if others else Pinning(None, (first,))


def this_pinning() -> Pinning:
    """Give what holds, or would hold, on this machine."""
    return _now[-1] if _now else pinning_of(os.sched_getaffinity(0))


@contextmanager
def pinned() -> Iterator[Pinning]:
    """Move this process, and with it all children it starts, to the load's cores; back at the end."""
    before = os.sched_getaffinity(0)
    _now.append(pinning_of(before))
    pin(os.getpid(), _now[-1].load)
    try:
        yield _now[-1]
    finally:
        _now.pop()
        pin(os.getpid(), tuple(before))


def pin_system(pid: int) -> None:
    """Move the system under test, with its children, to its core. Nothing happens outside of `pinned()`."""
    if not _now or _now[-1].system is None:
        return
    pin(pid, (_now[-1].system,))
    for each in _children(pid):
        with suppress(OSError):  # one that has just ended
            pin(each, (_now[-1].system,))


def _children(pid: int) -> Iterator[int]:
    found: list[int] = []
    with suppress(OSError):  # processes and threads may end meanwhile
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as children:
                found += map(int, children.read().split())
    for child in found:
        yield child
        yield from _children(child)
