"""Opening a store: migrations on both databases, and clear refusals."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from context.model import Customer
from store import SchemaTooNew, Store, StoreError, StoreUnavailable
from store.schema import alembic_config, upgrade_schema
from tests.fixtures.postgres import PostgresServer
from tests.store.situations import Outage
from vocabulary import CustomerId


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), SQLModel.metadata))


async def test_migrations_make_exactly_the_tables_of_the_code(empty_url: str, tmp_path: Path) -> None:
    store = await Store.open(empty_url, journal_dir=tmp_path)
    try:
        async with store.database.engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
            assert await connection.run_sync(lambda sync: sa.inspect(sync).has_table("event"))
    finally:
        await store.close()


async def test_schema_can_be_taken_back_and_made_again(empty_url: str, tmp_path: Path) -> None:
    store = await Store.open(empty_url, journal_dir=tmp_path)
    try:
        async with store.database.engine.begin() as connection:
            await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "base"))
            left = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
            assert left == ["alembic_version"]
            await connection.run_sync(upgrade_schema)
            assert await connection.run_sync(_differences) == []
    finally:
        await store.close()


async def test_nodes_that_start_at_once_migrate_once(empty_url: str, tmp_path: Path) -> None:
    stores = await asyncio.gather(*(Store.open(empty_url, journal_dir=tmp_path / str(node)) for node in range(4)))
    assert [await store.healthy() for store in stores] == [True] * 4
    for store in stores:
        await store.close()


async def test_a_database_of_a_newer_version_is_refused(empty_url: str, tmp_path: Path) -> None:
    store = await Store.open(empty_url, journal_dir=tmp_path)
    async with store.database.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(SchemaTooNew, match="newer version of this program"):
        await Store.open(empty_url, journal_dir=tmp_path)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("mysql://root@127.0.0.1/db", "'mysql' are not supported"),
        ("nonsense", "cannot be read"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
async def test_a_wrong_address_is_refused_with_a_reason(address: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=complaint):
        await Store.open(address, journal_dir=tmp_path)


async def test_an_unreachable_database_is_reported_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"postgresql\+asyncpg://ringside:\*\*\*@127\.0\.0\.1:1/db") as caught:
        await Store.open("postgresql://ringside:topsecret@127.0.0.1:1/db", journal_dir=tmp_path)
    assert "topsecret" not in str(caught.value)


async def test_a_wrong_database_name_is_a_store_error(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist"):
        await Store.open(postgres_server.url("missing"), journal_dir=tmp_path)


async def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    file = tmp_path / "ringside.db"
    file.write_bytes(b"this is a letter, not a database " * 40)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Store.open(f"sqlite:///{file}", journal_dir=tmp_path)


@pytest.mark.parametrize("part", ["database", "journal"])
async def test_a_folder_that_cannot_be_made_is_a_store_error(part: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bad, good = tmp_path / "file" / "folder", tmp_path / "good"
    database, journal = (bad, good) if part == "database" else (good, bad)
    with pytest.raises(StoreError, match="cannot be made"):
        await Store.open(f"sqlite:///{database}/ringside.db", journal_dir=journal)


async def test_sqlite_is_set_up_for_many_readers_and_checked_references(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/ringside.db", journal_dir=tmp_path)
    try:
        async with store.database.engine.connect() as connection:
            pragmas = [
                (await connection.execute(sa.text(f"PRAGMA {name}"))).scalar_one()
                for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
            ]
        assert pragmas == ["wal", 1, 5000, 1]
    finally:
        await store.close()


async def test_a_database_that_is_gone_is_unhealthy_until_it_is_back(store: Store, outage: Outage) -> None:
    async with outage:
        assert await store.healthy() is outage.readable
    assert await store.healthy()


async def test_a_database_that_fails_raises_store_unavailable(store: Store, outage: Outage) -> None:
    """The driver's own errors stop at the store."""
    big = Customer(CustomerId("ana"), "Ana", (), "x" * 100_000)
    async with outage:
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            await store.customers.save(big)
    await store.customers.save(big)
    assert await store.customers.get(big.id) == big


async def test_a_start_on_an_up_to_date_schema_does_not_load_alembic(empty_url: str, tmp_path: Path) -> None:
    """It takes 10 MiB that an idle node has better use for."""
    store = await Store.open(empty_url, journal_dir=tmp_path)
    await store.close()
    program = (
        "import asyncio, pathlib, sys\n"
        "from store.store import Store\n"
        "async def start():\n"
        "    store = await Store.open(sys.argv[1], journal_dir=pathlib.Path(sys.argv[2]))\n"
        "    await store.close()\n"
        "asyncio.run(start())\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    again = await asyncio.create_subprocess_exec(sys.executable, "-c", program, empty_url, str(tmp_path))
    assert await again.wait() == 0
