"""Log-ins over the real store: the fake in the other tests behaves like it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.errors import WrongLogin
from desk.logins import Logins
from routing.model import Person
from store import Store
from tests.desk.conftest import QUICK_HASHER, Clock
from vocabulary import DeskRole, PersonId

VERA = PersonId("vera")


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """A store with one person who may log in."""
    made = await Store.open(
        f"sqlite:///{tmp_path}/ringside.db", journal_dir=tmp_path / "journal", clock=lambda: clock.now.timestamp()
    )
    await made.directory.save_person(Person(VERA, "Vera", "", frozenset({DeskRole.SUPERVISOR})))
    await made.directory.set_password_hash(VERA, QUICK_HASHER.hash("right"))
    yield made
    await made.close()


async def test_a_session_outlives_a_restart_and_ends_when_it_is_over(store: Store, clock: Clock) -> None:
    def start() -> Logins:
        return Logins(store.web_sessions, store.directory.password_hash, clock=clock, hasher=QUICK_HASHER)

    first = start()
    for person, password in ((VERA, "wrong"), ("nobody", "right")):
        with pytest.raises(WrongLogin):
            await first.log_in(person, password, address="127.0.0.1")
    cookie, session = await first.log_in(VERA, "right", address="127.0.0.1", user_agent="a browser")
    first.close()

    second = start()
    clock.advance(11 * 3600)
    found = await second.session_of(cookie)
    assert found is not None
    assert (found.person, found.id_hash, found.user_agent) == (VERA, session.id_hash, "a browser")
    clock.advance(11 * 3600)
    assert await second.session_of(cookie) is not None, "its use was written back"
    await second.log_out(found)
    assert await second.session_of(cookie) is None

    forgotten, _ = await second.log_in(VERA, "right", address="127.0.0.1")
    clock.advance(12 * 3600 + 1)
    assert await second.session_of(forgotten) is None
    await second.purge_expired()
    assert await store.web_sessions.of(VERA) == []
    second.close()
