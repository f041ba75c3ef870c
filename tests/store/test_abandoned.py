"""A node that vanishes in the middle of a transaction holds nobody up."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from store import database
from store.database import Database
from store.errors import StoreError
from tests.fixtures.postgres import PostgresServer

LOCK = sa.text("UPDATE alembic_version SET version_num = version_num")


async def test_rows_of_a_transaction_that_says_nothing_any_more_become_free(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N4: a node cut off between two statements is taken over all the same."""
    monkeypatch.setattr(database, "ABANDONED_MS", 200)
    async with postgres_server.new_database() as address:
        cut_off, survivor = await Database.open(address), await Database.open(address)
        has_lock, is_over = asyncio.Event(), asyncio.Event()

        async def vanish() -> None:
            async with cut_off.writing() as session:
                await session.exec(LOCK)  # type: ignore[call-overload]
                has_lock.set()
                await is_over.wait()

        vanishing = asyncio.create_task(vanish())
        await has_lock.wait()
        async with survivor.writing() as session:
            await session.exec(LOCK)  # type: ignore[call-overload]
        assert not vanishing.done()
        is_over.set()
        with pytest.raises(StoreError):
            await vanishing
        await asyncio.gather(cut_off.close(), survivor.close())
