"""The order of the list of specialists: who can help, and how surely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from presence.model import AvailabilityState
from routing.model import Person
from vocabulary import DeskRole, PersonId

_RANK = {
    AvailabilityState.FREE: 0,
    AvailabilityState.BUSY: 1,
    AvailabilityState.AWAY: 2,
    AvailabilityState.UNKNOWN: 3,
}


def by_usefulness(
    people: Iterable[Person], availability: Mapping[PersonId, AvailabilityState], wanted_skills: Sequence[str]
) -> list[Person]:
    """Order specialists: free first, then by the first wanted skill they have and its level, then by name."""

    def key(person: Person) -> tuple[int, int, int, str]:
        state = availability.get(person.id, AvailabilityState.UNKNOWN)
        matching = [
            (place, person.skills[skill]) for place, skill in enumerate(wanted_skills) if skill in person.skills
        ]
        place, level = matching[0] if matching else (len(wanted_skills), 0)
        return _RANK[state], place, -level, person.name

    return sorted((person for person in people if DeskRole.SPECIALIST in person.roles), key=key)
