"""Log-ins under way at an identity provider are finished once, by whichever node gets the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from store import Store
from store.records import PendingLogin
from tests.store.situations import VirtualClock


def _pending(clock: VirtualClock, state: str) -> PendingLogin:
    return PendingLogin(
        state, "browser", "nonce", "verifier", datetime.fromtimestamp(clock.now, UTC) + timedelta(minutes=10)
    )


async def test_a_log_in_under_way_can_be_taken_once(store: Store, clock: VirtualClock) -> None:
    pending = _pending(clock, "s1")
    assert await store.pending_logins.add(pending)
    assert await store.pending_logins.take("s2") is None
    assert await store.pending_logins.take("s1") == pending
    assert await store.pending_logins.take("s1") is None


async def test_their_number_is_bounded_and_expired_ones_make_room(
    store: Store, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.pending_logins.MOST_PENDING", 2)
    assert [await store.pending_logins.add(_pending(clock, f"s{n}")) for n in range(3)] == [True, True, False]
    clock.now += 601
    assert await store.pending_logins.add(_pending(clock, "s4"))
