"""Registered phones survive a restart (RFC 3261 §10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from store import Store
from store.records import Binding

AOR = "sip:eva@ringside"
SECOND = timedelta(seconds=1)
DESK_PHONE = Binding(
    AOR,
    "sip:eva@192.0.2.9:5062;transport=tcp",
    "192.0.2.9:40112;tcp",
    "a84b4c76e66710",
    4_000_000_000,
    datetime(2027, 1, 10, 12, tzinfo=UTC),
    "Phone/1.0",
    "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>",
    1,
)
SOFTPHONE = replace(DESK_PHONE, contact_uri="sip:eva@192.0.2.10:5060", instance="", reg_id=0)


async def test_bindings_of_an_address_are_replaced_as_a_whole(store: Store) -> None:
    other = replace(SOFTPHONE, aor="sip:tom@ringside")
    await store.bindings.replace("n1", AOR, [SOFTPHONE, DESK_PHONE])
    await store.bindings.replace("n1", other.aor, [other])
    assert await store.bindings.of("n1") == [SOFTPHONE, DESK_PHONE, other]
    await store.bindings.replace("n1", AOR, [DESK_PHONE])
    assert await store.bindings.of("n1") == [DESK_PHONE, other]
    await store.bindings.replace("n1", AOR, [])
    assert await store.bindings.of("n1") == [other]


async def test_bindings_are_there_after_a_restart(store: Store, url: str, tmp_path: Path) -> None:
    await store.bindings.replace("n1", AOR, [DESK_PHONE])
    await store.close()
    again = await Store.open(url, journal_dir=tmp_path)
    try:
        assert await again.bindings.of("n1") == [DESK_PHONE]
    finally:
        await again.close()


async def test_a_node_knows_the_phones_that_registered_at_it_and_no_others(store: Store) -> None:
    """S05: a phone that one node can reach is not rung by another after that one's restart."""
    await store.bindings.replace("n1", AOR, [DESK_PHONE])
    await store.bindings.replace("n2", AOR, [SOFTPHONE])
    assert await store.bindings.of("n1") == [DESK_PHONE]
    assert await store.bindings.of("n2") == [SOFTPHONE]
    await store.bindings.replace("n1", AOR, [])
    assert await store.bindings.of("n1") == []
    assert await store.bindings.of("n2") == [SOFTPHONE]


async def test_bindings_from_before_nodes_had_names_hold_until_they_are_replaced(store: Store) -> None:
    await store.bindings.replace("n1", AOR, [DESK_PHONE])
    async with store.database.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE binding SET node = ''"))
    assert await store.bindings.of("n1") == [DESK_PHONE]
    await store.bindings.replace("n1", AOR, [SOFTPHONE])
    assert await store.bindings.of("n1") == [SOFTPHONE]
    assert await store.bindings.of("n2") == []


async def test_expired_bindings_of_nodes_that_are_gone_are_forgotten(store: Store) -> None:
    await store.bindings.replace("n1", AOR, [DESK_PHONE, replace(SOFTPHONE, expires_at=DESK_PHONE.expires_at + SECOND)])
    await store.bindings.purge_expired(DESK_PHONE.expires_at)
    assert [each.contact_uri for each in await store.bindings.of("n1")] == [SOFTPHONE.contact_uri]
