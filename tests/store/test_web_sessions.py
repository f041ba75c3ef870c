"""Log-ins are kept on the server: they end when they expire or are revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from routing.model import Person
from store import Store
from store.records import WebSession
from tests.store.situations import VirtualClock
from vocabulary import DeskRole, PersonId

EVA, TOM = PersonId("eva"), PersonId("tom")


@pytest.fixture(autouse=True)
async def given_two_people(store: Store) -> None:
    for person in (EVA, TOM):
        await store.directory.save_person(Person(person, person, "", frozenset({DeskRole.SPECIALIST})))


def _session(clock: VirtualClock, id_hash: str, person: PersonId = EVA, hours: int = 8) -> WebSession:
    begin = datetime.fromtimestamp(clock.now, UTC)
    return WebSession(id_hash, person, begin, begin + timedelta(hours=hours), "Browser/1.0", "127.0.0.1", "a.b.c")


async def test_a_session_lives_until_it_expires(store: Store, clock: VirtualClock) -> None:
    session = _session(clock, "h1")
    await store.web_sessions.create(session)
    assert await store.web_sessions.get("h1") == session
    assert await store.web_sessions.get("h2") is None
    clock.now += 8 * 3600
    assert await store.web_sessions.get("h1") is None
    assert await store.web_sessions.of(EVA) == []


async def test_sessions_are_revoked_one_by_one_or_all_of_a_person(store: Store, clock: VirtualClock) -> None:
    sessions = {}
    for name, person in (("h1", EVA), ("h2", EVA), ("h3", EVA), ("h4", TOM)):
        sessions[name] = _session(clock, name, person)
        await store.web_sessions.create(sessions[name])
        clock.now += 1
    await store.web_sessions.revoke("h1")
    assert await store.web_sessions.of(EVA) == [sessions["h2"], sessions["h3"]]
    await store.web_sessions.revoke_all(EVA)
    assert await store.web_sessions.of(EVA) == []
    assert await store.web_sessions.of(TOM) == [sessions["h4"]]


async def test_expired_sessions_are_purged_and_live_ones_kept(store: Store, clock: VirtualClock) -> None:
    short, long = _session(clock, "short", hours=1), _session(clock, "long", hours=8)
    await store.web_sessions.create(short)
    await store.web_sessions.create(long)
    await store.web_sessions.purge_expired(short.expires_at)
    assert await store.web_sessions.of(EVA) == [long]
    await store.web_sessions.create(short)  # its place is free again


async def test_an_endless_user_agent_is_cut(store: Store, clock: VirtualClock) -> None:
    session = _session(clock, "h1")
    await store.web_sessions.create(WebSession("h1", EVA, session.created_at, session.expires_at, "x" * 10_000))
    stored = await store.web_sessions.get("h1")
    assert stored is not None
    assert stored.user_agent == "x" * 256
