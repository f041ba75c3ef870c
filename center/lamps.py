"""Notices whose telephone lines changed, so that busy lamp keys follow (RFC 4235): rung, talking, over.

Availability says less: a phone that begins to ring while its owner is reserved already changes no availability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from center.escalation.model import Escalation, Invitation
from center.interaction.model import Interaction
from vocabulary import LegId, PersonId

Line = tuple[PersonId, LegId, bool]
"""Whose leg it is, which one, and whether he talks on it (it rings otherwise)."""


@dataclass(slots=True)
class Lamps:
    """Remembers the lines of each conversation and escalation; `tell` hears of every person whose lines changed."""

    tell: Callable[[PersonId], None]
    _lines: dict[str, frozenset[Line]] = field(default_factory=dict)

    def call_changed(self, call: Interaction) -> None:
        self._note(call.id, ((p.person, p.leg, p.talking) for p in call.participants if p.person is not None))

    def escalation_changed(self, esc: Escalation) -> None:
        self._note(esc.id, ((each.specialist, each.leg, False) for each in esc.invitations if rings(each)))

    def _note(self, key: str, lines: Iterable[Line]) -> None:
        before, after = self._lines.pop(key, frozenset()), frozenset(lines)
        if after:
            self._lines[key] = after
        for person in sorted({person for person, _leg, _talking in before ^ after}):
            self.tell(person)


def rings(invitation: Invitation) -> bool:
    """Whether a phone is asked to ring, or was answered without accepting yet."""
    return invitation.is_live and invitation.dialled and not invitation.is_accepted
