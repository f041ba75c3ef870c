"""What can go wrong with a request to the centre.

    CenterError
    ├── UnknownThing       the id names nothing the caller may see            (404)
    ├── NotAllowed         the caller has no part in it or lacks the role     (403)
    ├── WrongMoment        it exists, but not in a state that allows this     (409)
    └── BadRequest         the request itself is wrong                        (422)

`code` is a slug shown outside (a contract); the message is one English sentence for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CenterError(Exception):
    """A request was refused; nothing changed. `details` are for pages that say it in another language, as JSON."""

    def __init__(
        self, code: str, message: str, *, field: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.details = details


class UnknownThing(CenterError):
    """The id names nothing the caller may see."""


class NotAllowed(CenterError):
    """The caller has no part in it, or lacks the role."""


class WrongMoment(CenterError):
    """It exists, but not in a state that allows this."""


class BadRequest(CenterError):
    """The request itself is wrong."""
