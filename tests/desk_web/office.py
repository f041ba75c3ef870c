"""The administrator's page in a real browser needs a real company behind it: a centre, its store, its desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from desk.app import create_app
from desk.logins import Logins
from desk.server import DeskServer
from tests.center.administration.office import Office, an_office
from tests.desk.conftest import QUICK_HASHER
from vocabulary import PersonId

PASSWORD = "secret"


@dataclass
class ServedOffice:
    """Where the desk listens, and the company behind it."""

    url: str
    office: Office


@asynccontextmanager
async def serving_office(folder: Path, static: Path) -> AsyncIterator[ServedOffice]:
    """A desk over a running demo company; everybody's password is `secret`."""
    known = QUICK_HASHER.hash(PASSWORD)

    async def password_hash(_person: PersonId) -> str:
        return known

    async with an_office(folder) as office:
        center, store = office.stage.center, office.stage.store
        logins = Logins(store.web_sessions, password_hash, hasher=QUICK_HASHER)
        center.running.when_gone.append(logins.revoke_all)
        app = create_app(center.commands, logins, static_dir=static, administration=office.administration)
        server = DeskServer(app, "127.0.0.1", 0)
        port = await server.start()
        try:
            yield ServedOffice(f"http://127.0.0.1:{port}", office)
        finally:
            await server.stop()
            logins.close()
