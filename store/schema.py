"""Brings the schema to the newest revision. Imported only when there is something to do: alembic takes 10 MiB."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from store.errors import SchemaTooNew
from store.revision import MIGRATIONS


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings, made here because an installed package has no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade_schema(connection: Connection) -> None:
    """Bring the schema to the newest revision, inside the caller's transaction.

    Raises:
        SchemaTooNew: The database knows a revision that this program does not.
    """
    try:
        command.upgrade(alembic_config(connection), "head")
    except CommandError as error:
        shown = connection.engine.url.render_as_string(hide_password=True)
        raise SchemaTooNew(f"the database {shown} was made by a newer version of this program ({error})") from error
