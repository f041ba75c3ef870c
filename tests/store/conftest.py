"""Every test of the store runs on both databases, each with a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from store import Store
from store.database import parse_url
from tests.fixtures.postgres import PostgresServer, postgres_server
from tests.store.situations import FullDisk, Outage, ServerGone, VirtualClock

__all__ = ["postgres_server"]


@pytest.fixture(autouse=True)
def _a_database_that_answers_slowly_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("HEALTH_TIMEOUT_S", "CONNECT_TIMEOUT_S", "OPERATION_TIMEOUT_S"):
        monkeypatch.setattr(f"store.database.{limit}", 30.0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(scope="session")
async def migrated_postgres(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a migrated database; each test that used it leaves it empty."""
    await postgres_server.run("CREATE DATABASE ringside")
    return await _migrated(postgres_server.url("ringside"), tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="session")
async def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy from, which is faster than migrating for every test."""
    folder = tmp_path_factory.mktemp("migrated")
    await _migrated(f"sqlite:///{folder}/ringside.db", folder)
    return folder / "ringside.db"


async def _migrated(address: str, journal_dir: Path) -> str:
    store = await Store.open(address, journal_dir=journal_dir)
    await store.close()
    return address


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_url(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: PostgresServer
) -> AsyncIterator[str]:
    """The address of a database without any schema yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ringside.db"
        return
    async with postgres_server.new_database() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite: Path, migrated_postgres: str
) -> AsyncIterator[str]:
    """The address of an empty database with its schema."""
    if request.param == "sqlite":
        shutil.copy(migrated_sqlite, tmp_path / "ringside.db")
        yield f"sqlite:///{tmp_path}/ringside.db"
        return
    yield migrated_postgres
    await _empty(migrated_postgres)


async def _empty(address: str) -> None:
    """Empty all tables, also the one that refuses it, by acting as a replica (triggers and references are off)."""
    engine = create_async_engine(parse_url(address), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table in SQLModel.metadata.sorted_tables:
            await connection.execute(sa.delete(table))


@pytest.fixture
async def store(url: str, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Store]:
    """An open, empty store."""
    store = await Store.open(url, journal_dir=tmp_path / "journal", clock=clock)
    yield store
    await store.close()


@pytest.fixture
def outage(store: Store, url: str, postgres_server: PostgresServer) -> Outage:
    """What makes the store's database stop taking anything: a full disk, or a server that is gone."""
    return FullDisk(store) if store.database.is_sqlite else ServerGone(postgres_server, url)
