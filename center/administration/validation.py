"""Every rule of the company's set-up. Pure.

`mistakes` looks at what a person typed into one thing, `conflicts` at the thing among the others. A company without
conflicts stays without them whatever valid change comes, so undoing changes in reverse order is always allowed (a
property test).
"""

from __future__ import annotations

from center.administration.conflicts import conflicts, unlisting
from center.administration.mistakes import mistakes
from center.administration.model import Company, Content, Kind
from center.administration.problems import Problem


def check(company: Company, kind: Kind, subject: str, after: Content | None) -> list[Problem]:
    """Everything that stands against making the thing so (None: removing it)."""
    wrong = mistakes(company, kind, subject, after) if after is not None else list(unlisting(company, kind, subject))
    return wrong or conflicts(company, kind, subject, after)
