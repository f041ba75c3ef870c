"""What the store raises.

StoreError                 whatever the store could not do; the message suits an operator, without personal data
├── StoreUnavailable       the database does not answer, is full, or does not take us: try again later
├── StoreConflict          somebody else wrote first, or a unique thing (a number, a name) is taken
└── SchemaTooNew           the database was migrated by a newer version of this program
"""

from __future__ import annotations

from vocabulary import EndReason


class StoreError(Exception):
    """The store could not do what was asked."""

    end_reason = EndReason.server_error("store_error")


class StoreUnavailable(StoreError):
    """The database is down, unreachable, full, or refuses us."""

    end_reason = EndReason.server_error("store_unavailable")


class StoreConflict(StoreError):
    """A newer version is already stored, or a value that must be unique is taken."""

    end_reason = EndReason.client_error("store_conflict")


class SchemaTooNew(StoreError):
    """The database belongs to a newer version of this program."""

    end_reason = EndReason.server_error("schema_too_new")
