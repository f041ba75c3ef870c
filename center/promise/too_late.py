"""What somebody is told who wanted to take a promise that is somebody else's already. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from center.errors import WrongMoment
from center.promise.model import TaskState
from store.records import StoredTask
from vocabulary import PersonId

Names = Mapping[PersonId, str]

WAITING = (TaskState.OPEN, TaskState.OFFERED)
"""Nobody has begun with it."""


def kept_by(person: PersonId | None, names: Names) -> WrongMoment:
    """Somebody was faster; None: nobody here knows who."""
    if person is None:
        return WrongMoment("kept_elsewhere", "Somebody else already keeps this promise.")
    name = names.get(person, person)
    return WrongMoment("too_late", f"{name} already keeps this promise.", details={"by": person, "by_name": name})


def asked_now(person: PersonId | None, names: Names) -> WrongMoment:
    """It is on a colleague's screen: he has a minute to answer."""
    name = names.get(person, person) if person is not None else "A colleague"
    details = {"by": person, "by_name": name}
    return WrongMoment("taken", f"{name} is asked at this moment whether to keep this promise.", details=details)


def kept_elsewhere(row: StoredTask | None, names: Names) -> WrongMoment:
    """Another node has it; `row` is what the store says, None when it could not say anything."""
    if row is None or row.state in WAITING:
        return kept_by(None, names)
    if row.closed_at is not None and row.person is None:
        return WrongMoment("called_off", "This promise is not needed any more.")
    return kept_by(row.person, names)
