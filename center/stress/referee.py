"""Judges a stress run from the rings alone, knowing nothing of leases: who was rung when, under which token. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ring:
    """A phone rang. Times are UTC seconds of one machine."""

    person: str
    token: int
    begins_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rings prove."""

    rings: int
    double_rings: int
    tokens_out_of_order: int
    longest_idle_s: float
    """The longest any person was not rung between two rings, although everybody wanted him."""


def read_rings(lines: Iterable[str], died_at: float | None) -> list[Ring]:
    """Read one process's file. What it did not end before it died ended then."""
    open_rings: dict[tuple[str, int], float] = {}
    rings: list[Ring] = []
    for line in lines:
        what, person, token, at = line.split()
        key = (person, int(token))
        if what == "begin":
            open_rings[key] = float(at)
        else:
            rings.append(Ring(*key, open_rings.pop(key), float(at)))
    if open_rings and died_at is None:
        raise ValueError("a process that was not killed left rings open")
    return [*rings, *(Ring(*key, begins, died_at or begins) for key, begins in open_rings.items())]


def judge(rings: Sequence[Ring]) -> Verdict:
    """Look for two rings of one person at a time, and for tokens that do not grow."""
    doubles = disorder = 0
    longest_idle_s = 0.0
    for of_person in by_person(rings).values():
        busy_until, newest = float("-inf"), 0
        for ring in of_person:
            doubles += ring.begins_at < busy_until
            disorder += ring.token <= newest
            if busy_until > float("-inf"):
                longest_idle_s = max(longest_idle_s, ring.begins_at - busy_until)
            busy_until, newest = max(busy_until, ring.ends_at), max(newest, ring.token)
    return Verdict(len(rings), doubles, disorder, longest_idle_s)


def recovery_s(rings: Sequence[Ring], people: Iterable[str], died_at: float) -> float | None:
    """How long after a node's death the last of its people was rung again; None if one never was."""
    slowest = 0.0
    rung = by_person(rings)
    for person in people:
        again = next((ring.begins_at for ring in rung.get(person, ()) if ring.begins_at > died_at), None)
        if again is None:
            return None
        slowest = max(slowest, again - died_at)
    return slowest


def by_person(rings: Sequence[Ring]) -> dict[str, list[Ring]]:
    """Each person's rings in the order of their begin."""
    grouped: defaultdict[str, list[Ring]] = defaultdict(list)
    for ring in sorted(rings, key=lambda ring: ring.begins_at):
        grouped[ring.person].append(ring)
    return grouped
