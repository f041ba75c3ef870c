"""Finds the best free specialist among very many, in well under a millisecond.

Every person has a place; skills, levels, languages and "free" are sets of places kept as bits of big integers. A
question is a few intersections of such sets, each some microseconds for 100,000 people, whatever the answer is. Among
equals the least interrupted wins, then the one whose turn it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from presence.model import Availability, AvailabilityState
from vocabulary import PersonId

LEVELS = (5, 4, 3, 2, 1)
MAX_COUNTED = 8
"""From so many interruptions on, people count as equally loaded."""


@dataclass(frozen=True, slots=True)
class SpecialistEntry:
    """What the index must know of a specialist: skill -> level 1..5, languages."""

    person: PersonId
    skills: Mapping[str, int]
    languages: tuple[str, ...] = ()


class SpecialistIndex:
    """One per node, kept current by `put`, `remove`, `availability_changed`, `interruptions_changed`. Loop thread."""

    def __init__(self, entries: Iterable[SpecialistEntry] = ()) -> None:
        self._people: list[PersonId | None] = []
        self._places: dict[PersonId, int] = {}
        self._entries: dict[PersonId, SpecialistEntry] = {}
        self._vacant: list[int] = []
        self._at_level: dict[tuple[str, int], int] = {}
        self._speaking: dict[str, int] = {}
        self._free = 0
        self._loaded = [0] * (MAX_COUNTED + 1)
        self._turn = 0
        self._load_all(entries)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, person: object) -> bool:
        return person in self._places

    def put(self, entry: SpecialistEntry) -> None:
        """Add a specialist (not free until told), or change his skills and languages."""
        known = self._entries.get(entry.person)
        if known is None:
            place = self._vacant.pop() if self._vacant else len(self._people)
            if place == len(self._people):
                self._people.append(None)
            self._people[place] = entry.person
            self._places[entry.person] = place
            self._loaded[0] |= 1 << place
        else:
            self._change_skills(known, self._places[entry.person], present=False)
        self._entries[entry.person] = entry
        self._change_skills(entry, self._places[entry.person], present=True)

    def remove(self, person: PersonId) -> None:
        """Forget a specialist; one who is not there is no error."""
        place = self._places.pop(person, None)
        if place is None:
            return
        self._change_skills(self._entries.pop(person), place, present=False)
        bit = ~(1 << place)
        self._free &= bit
        self._loaded = [people & bit for people in self._loaded]
        self._people[place] = None
        self._vacant.append(place)

    def availability_changed(self, availability: Availability) -> None:
        """Take a change of the presence service; people who are no specialists are passed over."""
        self.set_free(availability.person, availability.state is AvailabilityState.FREE)

    def set_free(self, person: PersonId, free: bool) -> None:
        """Say whether a specialist may be picked now."""
        place = self._places.get(person)
        if place is not None:
            self._free = self._free | 1 << place if free else self._free & ~(1 << place)

    def interruptions_changed(self, person: PersonId, count: int) -> None:
        """Say how often a specialist was interrupted lately; who was less is asked first among equals."""
        place = self._places.get(person)
        if place is None:
            return
        bit, wanted = 1 << place, min(max(count, 0), MAX_COUNTED)
        for load, people in enumerate(self._loaded):
            if load == wanted:
                self._loaded[load] = people | bit
            elif people & bit:
                self._loaded[load] = people & ~bit

    def best(self, required: Mapping[str, int], *, language: str | None = None) -> PersonId | None:
        """The best free specialist who has all `required` skills at least at these levels, or None.

        The first skill named decides: the highest level in it wins, then the least interrupted, then whose turn it is.
        """
        return self._best_among(self._among(self._free, language), required)

    def _best_among(self, others: int, required: Mapping[str, int]) -> PersonId | None:
        skills = list(required)
        if not skills:
            return self._next_of(others)
        for skill in skills[1:]:
            others &= self._having(skill, required[skill])
        for level in LEVELS:
            if level < required[skills[0]]:
                break
            if candidates := others & self._at_level.get((skills[0], level), 0):
                return self._next_of(candidates)
        return None

    def best_of(self, wanted: Sequence[str], *, language: str | None = None) -> PersonId | None:
        """The best free specialist for the first of these skills that a free one has, as queues name them."""
        for skill in wanted:
            if (person := self.best({skill: 1}, language=language)) is not None:
                return person
        return None

    def ranked(self, wanted: Sequence[str], *, limit: int, without: Iterable[PersonId] = ()) -> list[PersonId]:
        """Up to `limit` free specialists, best first, each as `best_of` would choose after those before him."""
        free = self._free
        for person in without:
            if (place := self._places.get(person)) is not None:
                free &= ~(1 << place)
        found: list[PersonId] = []
        for skill in wanted:
            while len(found) < limit:
                best = self._best_among(free, {skill: 1})
                if best is None:
                    break
                found.append(best)
                free &= ~(1 << self._places[best])
        return found

    def _among(self, people: int, language: str | None) -> int:
        return people if language is None else people & self._speaking.get(language, 0)

    def _having(self, skill: str, least_level: int) -> int:
        people = 0
        for level in LEVELS:
            if level >= least_level:
                people |= self._at_level.get((skill, level), 0)
        return people

    def _next_of(self, candidates: int) -> PersonId | None:
        """Of equals the least interrupted; among those the first place after the last one chosen."""
        for people in self._loaded:
            if least := candidates & people:
                later = least >> self._turn << self._turn
                chosen = later or least
                place = (chosen & -chosen).bit_length() - 1
                self._turn = (place + 1) % len(self._people)
                return self._people[place]
        return None

    def _change_skills(self, entry: SpecialistEntry, place: int, *, present: bool) -> None:
        bit = 1 << place
        for key in entry.skills.items():
            self._at_level[key] = self._at_level.get(key, 0) | bit if present else self._at_level[key] & ~bit
        for language in entry.languages:
            people = self._speaking.get(language, 0)
            self._speaking[language] = people | bit if present else people & ~bit

    def _load_all(self, entries: Iterable[SpecialistEntry]) -> None:
        """Build all sets at one go: one by one, each of 100,000 people would copy all sets anew."""
        levels: dict[tuple[str, int], list[int]] = {}
        languages: dict[str, list[int]] = {}
        for entry in {entry.person: entry for entry in entries}.values():
            place = len(self._people)
            self._people.append(entry.person)
            self._places[entry.person], self._entries[entry.person] = place, entry
            for key in entry.skills.items():
                levels.setdefault(key, []).append(place)
            for language in entry.languages:
                languages.setdefault(language, []).append(place)
        size = len(self._people) // 8 + 1
        self._at_level = {key: _bits(places, size) for key, places in levels.items()}
        self._speaking = {key: _bits(places, size) for key, places in languages.items()}
        self._loaded[0] = (1 << len(self._people)) - 1


def _bits(places: Sequence[int], size: int) -> int:
    octets = bytearray(size)
    for place in places:
        octets[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(octets, "little")
