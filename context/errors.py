"""What can be wrong with an edit of a case.

ContextError
├── UnknownField     the template has no such field
├── ValueTooLong     longer than MAX_VALUE_CHARS
├── NotAChoice       a choice field got something else
└── VersionAhead     the edit claims to have seen a version that does not exist
"""

from __future__ import annotations


class ContextError(Exception):
    """An edit was refused; the case is unchanged."""

    code = "bad_edit"


class UnknownField(ContextError):
    """The template has no such field."""

    code = "unknown_field"


class ValueTooLong(ContextError):
    """The text is longer than a value may be."""

    code = "too_long"


class NotAChoice(ContextError):
    """A choice field takes one of its choices only."""

    code = "not_a_choice"


class VersionAhead(ContextError):
    """The editor says he saw a version that is yet to come."""

    code = "version_ahead"
