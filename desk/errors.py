"""What can go wrong at the desk itself.

    DeskError
    ├── PortTaken            the address or port cannot be listened on (start-up)
    └── Refused              a request is answered with an error; knows its status, slug and sentence
        ├── NotLoggedIn      no session, or it has ended                      (401 not_logged_in)
        ├── WrongLogin       unknown person or wrong password, on purpose one (401 wrong_login)
        ├── TooManyAttempts  too many log-ins from there or for this person   (429 too_many_attempts)
        ├── TooManyRequests  a person's programs ask too often                (429 too_many_requests)
        └── ProviderRefused  a log-in by the identity provider did not come off; shown on the log-in page

Refusals of the centre are `center.errors.CenterError`s; `desk.refusals` turns both into the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DeskError(Exception):
    """Something at the desk failed; the message is fit for an operator."""


class PortTaken(DeskError):
    """The web desk cannot listen where it was told to."""


class Refused(DeskError):
    """A request is answered with this status, slug and sentence; nothing changed."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s
        self.details = details


class NotLoggedIn(Refused):
    """No session, or it has ended."""

    def __init__(self) -> None:
        super().__init__(401, "not_logged_in", "Log in first.")


class WrongLogin(Refused):
    """Unknown person or wrong password; which of them is not told."""

    def __init__(self) -> None:
        super().__init__(401, "wrong_login", "This person and password do not belong together.")


class TooManyAttempts(Refused):
    """Too many log-ins from one address or for one person, or too many waiting for their turn."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            429,
            "too_many_attempts",
            f"Too many log-ins were tried; try again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )


class TooManyRequests(Refused):
    """One person's pages and programs ask more often than pages ever do."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            429,
            "too_many_requests",
            f"You send too many requests; try again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )


class ProviderRefused(Refused):
    """A log-in by the identity provider did not come off. `code` is one of `desk.oidc.Failure`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(401, code, message)
