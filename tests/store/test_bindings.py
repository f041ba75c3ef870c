"""Registered phones survive a restart (RFC 3261 §10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from store import Store
from store.records import Binding

AOR = "sip:eva@ringside"
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
    await store.bindings.replace(AOR, [SOFTPHONE, DESK_PHONE])
    await store.bindings.replace(other.aor, [other])
    assert await store.bindings.all() == [SOFTPHONE, DESK_PHONE, other]
    await store.bindings.replace(AOR, [DESK_PHONE])
    assert await store.bindings.all() == [DESK_PHONE, other]
    await store.bindings.replace(AOR, [])
    assert await store.bindings.all() == [other]


async def test_bindings_are_there_after_a_restart(store: Store, url: str, tmp_path: Path) -> None:
    await store.bindings.replace(AOR, [DESK_PHONE])
    await store.close()
    again = await Store.open(url, journal_dir=tmp_path)
    try:
        assert await again.bindings.all() == [DESK_PHONE]
    finally:
        await again.close()
