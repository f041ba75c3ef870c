"""Judges a stress run from the rings alone, knowing nothing of leases: who was rung when, under which token. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Ring:
    """A phone rang. Times are UTC seconds of one machine."""

    person: str
    token: int
    begins_at: float
    ends_at: float
    stood_still_s: float = 0.0
    """The longest its process stood still meanwhile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rings prove."""

    rings: int
    double_rings: int
    during_standstills: int
    """Two rings at a time because the first one's whole process stood still for longer than a lease can bear, as an
    overloaded machine makes it: nobody can end a ring then. Not among `double_rings`."""
    tokens_out_of_order: int
    longest_idle_s: float
    """The longest any person was not rung between two rings; the pauses and standstills of the run are in it."""


def read_rings(lines: Iterable[str], died_at: float | None) -> list[Ring]:
    """Read one process's file. What it did not end before it died ended then."""
    open_rings: dict[tuple[str, int], float] = {}
    rings: list[Ring] = []
    standstills: list[tuple[float, float]] = []
    for line in lines:
        what, person, number, at = line.split()
        key = (person, int(number))
        if what == "begin":
            open_rings[key] = float(at)
        elif what == "end":
            rings.append(Ring(*key, open_rings.pop(key), float(at)))
        else:
            standstills.append((float(at) - int(number) / 1_000, float(at)))
    if open_rings and died_at is None:
        raise ValueError("a process that was not killed left rings open")
    rings += [Ring(*key, begins, died_at or begins) for key, begins in open_rings.items()]
    return [replace(ring, stood_still_s=_stood_still(ring, standstills)) for ring in rings]


def _stood_still(ring: Ring, standstills: Sequence[tuple[float, float]]) -> float:
    meanwhile = (end - begin for begin, end in standstills if begin < ring.ends_at and end > ring.begins_at)
    return max(meanwhile, default=0.0)


def judge(rings: Sequence[Ring], *, bearable_s: float = float("inf"), idle_until: float = float("inf")) -> Verdict:
    """Look for two rings of one person at a time, and for tokens that do not grow.

    Args:
        bearable_s: For how long a process may stand still without losing its leases.
        idle_until: From then on not everybody wanted them any more.
    """
    doubles = excused = disorder = 0
    longest_idle_s = 0.0
    for of_person in by_person(rings).values():
        last: Ring | None = None
        newest = 0
        for ring in of_person:
            if last is not None and ring.begins_at < last.ends_at:
                stood_still = last.stood_still_s > bearable_s
                doubles, excused = doubles + (not stood_still), excused + stood_still
            elif last is not None and ring.begins_at < idle_until:
                longest_idle_s = max(longest_idle_s, ring.begins_at - last.ends_at)
            disorder += 0 < ring.token <= newest
            newest = max(newest, ring.token)
            last = ring if last is None or ring.ends_at > last.ends_at else last
    return Verdict(len(rings), doubles, excused, disorder, longest_idle_s)


def by_person(rings: Sequence[Ring]) -> dict[str, list[Ring]]:
    """Each person's rings in the order of their begin."""
    grouped: defaultdict[str, list[Ring]] = defaultdict(list)
    for ring in sorted(rings, key=lambda ring: ring.begins_at):
        grouped[ring.person].append(ring)
    return grouped
