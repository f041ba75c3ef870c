"""Refuses to ring a person with a reservation that is no longer the newest (N4). Pure.

Tokens grow with every reservation of one person. Whoever comes with a lower one than was seen before was slow: somebody
else holds the person now. Token 0 is a call without a reservation (a trunk, an agent) and is never refused here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vocabulary import PersonId

UNFENCED = 0


@dataclass(slots=True)
class Fence:
    """The highest token seen for each person; as large as the company."""

    _highest: dict[PersonId, int] = field(default_factory=dict)

    def admits(self, person: PersonId, token: int) -> bool:
        """Whether this token may ring the person now; remembers it if so."""
        if token == UNFENCED:
            return True
        if token < self._highest.get(person, UNFENCED):
            return False
        self._highest[person] = token
        return True
