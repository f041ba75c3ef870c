"""Which revision a database's schema has, and which one this program knows; a start needs no more when they agree."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def newest_revision() -> str:
    """The newest revision this program has: the files of migrations/versions are named r<revision>_<what>.py."""
    return max(path.name[1:].partition("_")[0] for path in (MIGRATIONS / "versions").glob("r*.py"))


def is_newest(connection: Connection) -> bool:
    """Whether the schema has the newest revision. A database without one of ours has none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return False
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found == newest_revision()
