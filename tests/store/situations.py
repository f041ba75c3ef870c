"""What the store's tests put it through: a clock they turn, and databases that stop taking anything."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from store import Store
from tests.fixtures.postgres import PostgresServer

_UNLIMITED_PAGES = 1_073_741_823


@dataclass(slots=True)
class VirtualClock:
    """UTC seconds that pass only when a test says so."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class FullDisk:
    """While entered, the SQLite file may not grow by a page, so SQLite reports a full disk."""

    readable = True

    def __init__(self, store: Store) -> None:
        self._engine = store.database.engine.sync_engine
        self._limit = _UNLIMITED_PAGES
        sa.event.listen(self._engine, "checkout", self._apply)

    async def __aenter__(self) -> None:
        self._limit = 1  # SQLite raises it to the present size

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit = _UNLIMITED_PAGES

    def _apply(self, connection: Any, _record: object, _proxy: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count = {self._limit}")
        cursor.close()


class ServerGone:
    """While entered, PostgreSQL has cut this database's connections and takes no new ones."""

    readable = False

    def __init__(self, server: PostgresServer, url: str) -> None:
        self._server = server
        self._database = make_url(url).database

    async def __aenter__(self) -> None:
        await self._server.run(f"ALTER DATABASE {self._database} ALLOW_CONNECTIONS false")
        await self._server.run(
            f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{self._database}'"
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.run(f"ALTER DATABASE {self._database} ALLOW_CONNECTIONS true")


Outage = FullDisk | ServerGone
