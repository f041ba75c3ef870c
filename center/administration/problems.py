"""What can be wrong with a change, said for people: a slug that stays, a sentence, and the field it is about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from center.errors import BadRequest, WrongMoment


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `field` is the path in the thing (`skills.claims`), empty for the thing as a whole.

    `values` are what a translated sentence needs: names, limits.
    """

    field: str
    code: str
    message: str
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "code": self.code, "message": self.message, "values": dict(self.values)}


def refusal(problems: list[Problem]) -> BadRequest:
    """The refusal of a change with these problems, at least one."""
    first = problems[0]
    details = {"problems": [problem.as_json() for problem in problems]}
    return BadRequest(first.code, first.message, field=first.field or None, details=details)


def too_late(code: str, message: str, **values: str) -> WrongMoment:
    """The refusal of a change that something newer stands against."""
    return WrongMoment(code, message, details={"values": values})
