"""The database of a soak's node: PostgreSQL of its own where that is installed, else SQLite; looked at from outside.

The fault of each is its own: PostgreSQL crashes and is started again, SQLite takes no writes for a while.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from siplab.errors import BadInput
from store.errors import StoreError
from store.private_postgres import PrivatePostgres, private_postgres_server

LOCKED_S, DOWN_S = 5.0, 5.0
ANSWER_S = 10.0
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database holds about the run."""

    interactions: int
    unclosed: int
    escalations: int
    open_escalations: int


class Breakable(Protocol):
    """What a soak does to a database."""

    name: str
    fault: str

    async def break_for_a_while(self) -> None: ...


class Locked:
    """SQLite whose write lock is held: the nearest to a read-only disk that also works for root."""

    name = "SQLite"
    fault = f"database takes no writes for {LOCKED_S:g} s"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def break_for_a_while(self) -> None:
        lock = sqlite3.connect(self._path, timeout=10.0, isolation_level=None, check_same_thread=False)
        try:
            await asyncio.to_thread(lock.execute, "BEGIN IMMEDIATE")
            await asyncio.sleep(LOCKED_S)
            lock.execute("ROLLBACK")
        finally:
            lock.close()


class Crashing:
    """PostgreSQL that dies and comes back at the same port."""

    name = "PostgreSQL"
    fault = f"database killed, started again after {DOWN_S:g} s"

    def __init__(self, server: PrivatePostgres) -> None:
        self._server = server

    async def break_for_a_while(self) -> None:
        await asyncio.to_thread(self._server.crash)
        try:
            await asyncio.sleep(DOWN_S)
        finally:
            await asyncio.to_thread(self._server.start)


class SoakDatabase:
    """Where the node keeps things (`url`, None: its own SQLite file), what is in it, and how it is broken."""

    def __init__(self, breakable: Breakable, address: str, url: str | None) -> None:
        self.breakable = breakable
        self.url = url
        parsed = make_url(address)
        self._engine = create_async_engine(parsed.set(drivername=_DRIVERS[parsed.drivername]), poolclass=NullPool)

    async def leases(self) -> float | None:
        """How many reservations hold; None while the database is away."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return float(await self._number("select count(*) from lease where expires_at > :now", now=time.time()))
        except (SQLAlchemyError, OSError, TimeoutError):
            return None

    async def kept(self) -> Kept:
        """Count what is stored."""
        counts = [
            await self._number(f"select count({what}) from {table}")
            for table in ("interaction", "escalation")
            for what in ("*", "closed_at")
        ]
        return Kept(counts[0], counts[0] - counts[1], counts[2], counts[2] - counts[3])

    async def _number(self, query: str, **values: Any) -> int:
        async with self._engine.connect() as connection:
            return int((await connection.execute(sa.text(query), values)).scalar_one())


@asynccontextmanager
async def given_database(kind: str, state_dir: Path) -> AsyncIterator[SoakDatabase]:
    """Give the database for a node with this state directory. `kind`: auto, sqlite or postgresql.

    Raises:
        BadInput: There is no such kind, or PostgreSQL is asked for and not installed.
    """
    if kind not in ("auto", "sqlite", "postgresql"):
        raise BadInput(f"--database is auto, sqlite or postgresql, not {kind!r}")
    server = private_postgres_server()
    running: PrivatePostgres | None = None
    if kind != "sqlite":
        try:
            running = await asyncio.to_thread(server.__enter__)
        except StoreError as error:
            if kind == "postgresql":
                raise BadInput(str(error)) from error
    if running is None:
        path = state_dir / "ringside.db"
        yield SoakDatabase(Locked(path), f"sqlite:///{path}", None)
        return
    try:
        yield SoakDatabase(Crashing(running), running.url, running.url)
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
