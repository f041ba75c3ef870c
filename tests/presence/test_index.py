"""The index of specialists: the right one, incrementally, like a plain search would find (issue 4, scale)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from presence.bench import bench_index, bench_presence
from presence.index import SpecialistEntry, SpecialistIndex
from presence.model import Availability, AvailabilityState
from vocabulary import PersonId

ANN, BOB, CYR = PersonId("ann"), PersonId("bob"), PersonId("cyr")


def given_index() -> SpecialistIndex:
    index = SpecialistIndex(
        [
            SpecialistEntry(ANN, {"claims": 5, "law": 2}, ("en", "cs")),
            SpecialistEntry(BOB, {"claims": 3, "law": 4}, ("en",)),
            SpecialistEntry(CYR, {"claims": 5}, ("en",)),
        ]
    )
    for person in (ANN, BOB, CYR):
        index.set_free(person, True)
    return index


def test_the_highest_level_in_the_first_skill_wins() -> None:
    assert given_index().best({"claims": 1, "law": 1}) == ANN
    assert given_index().best({"law": 1, "claims": 1}) == BOB
    assert given_index().best({"law": 3}, language="cs") is None
    assert given_index().best({"claims": 1, "law": 3}) == BOB
    assert given_index().best({"poetry": 1}) is None


def test_the_first_wanted_skill_that_somebody_free_has_counts() -> None:
    assert given_index().best_of(["poetry", "law"]) == BOB
    assert given_index().best_of([]) is None


def test_equals_take_turns_and_the_least_interrupted_goes_first() -> None:
    """N14: fair spread."""
    index = given_index()
    assert [index.best({"claims": 5}) for _ in range(4)] == [ANN, CYR, ANN, CYR]
    index.interruptions_changed(ANN, 2)
    assert {index.best({"claims": 5}) for _ in range(4)} == {CYR}
    index.interruptions_changed(CYR, 99)
    assert {index.best({"claims": 5}) for _ in range(4)} == {ANN}


def test_availability_changes_are_followed() -> None:
    index = given_index()
    busy = Availability(ANN, AvailabilityState.BUSY, datetime.now(UTC), "in a call", 1.0, ())
    index.availability_changed(busy)
    assert index.best({"claims": 5}) == CYR
    index.remove(CYR)
    index.remove(CYR)
    assert index.best({"claims": 1}) == BOB
    index.put(SpecialistEntry(PersonId("new"), {"claims": 4}))
    assert index.best({"claims": 1}) == BOB
    index.set_free(PersonId("new"), True)
    assert index.best({"claims": 1}) == "new"
    index.put(SpecialistEntry(PersonId("new"), {"claims": 1}))
    assert index.best({"claims": 1}) == BOB
    assert len(index) == 3


names = st.sampled_from([PersonId(f"p{number}") for number in range(6)])
skills = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 5))
changes = st.one_of(
    st.tuples(st.just("put"), names, skills),
    st.tuples(st.just("free"), names, st.booleans()),
    st.tuples(st.just("remove"), names, st.none()),
    st.tuples(st.just("load"), names, st.integers(0, 12)),
)


@settings(deadline=None)
@given(st.lists(changes, max_size=30), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 5)))
def test_the_answer_is_that_of_a_plain_search(
    steps: list[tuple[str, PersonId, object]], required: dict[str, int]
) -> None:
    index = SpecialistIndex()
    people: dict[PersonId, dict[str, int]] = {}
    free: dict[PersonId, bool] = {}
    load: dict[PersonId, int] = {}
    for kind, person, value in steps:
        if kind == "put" and isinstance(value, dict):
            index.put(SpecialistEntry(person, value))
            people[person] = value
        elif kind == "free" and isinstance(value, bool):
            index.set_free(person, value)
            free |= {person: value} if person in people else {}
        elif kind == "remove":
            index.remove(person)
            for memory in (people, free, load):
                memory.pop(person, None)
        elif isinstance(value, int):
            index.interruptions_changed(person, value)
            load |= {person: value} if person in people else {}
    able = [p for p, has in people.items() if free.get(p) and all(has.get(s, 0) >= n for s, n in required.items())]
    first = next(iter(required), None)
    best = max((people[p][first] if first else 0 for p in able), default=None)
    top = [p for p in able if (people[p][first] if first else 0) == best]
    least = min((min(load.get(p, 0), 8) for p in top), default=None)
    equals = {p for p in top if min(load.get(p, 0), 8) == least}
    chosen = index.best(required)
    assert chosen in equals if equals else chosen is None


def test_the_benchmark_of_the_index_gives_numbers() -> None:
    numbers = bench_index(people=2_000, questions=20)
    assert numbers["people"] == 2_000
    assert 0 < numbers["best_p50_us"] <= numbers["best_max_us"]


async def test_the_benchmark_of_presence_gives_numbers_and_loses_nothing(tmp_path: Path) -> None:
    numbers = await bench_presence(tmp_path, seconds=1.0, specialists=40, period_s=2.0)
    assert numbers["heard"] == numbers["published"] > 0
    assert 0 < numbers["p50_ms"] <= numbers["max_ms"]


def test_a_ranking_is_what_would_be_chosen_one_after_the_other() -> None:
    """CE-15: the order in which an escalation asks."""
    assert given_index().ranked(["law", "claims"], limit=5) == [BOB, ANN, CYR]
    assert given_index().ranked(["claims"], limit=2) == [ANN, CYR]
    assert given_index().ranked(["claims"], limit=5, without=[ANN, CYR, PersonId("stranger")]) == [BOB]
    assert given_index().ranked(["poetry"], limit=5) == []
