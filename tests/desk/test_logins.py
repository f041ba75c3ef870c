"""Passwords and sessions, without a web server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pwdlib import PasswordHash

from desk.errors import TooManyAttempts, WrongLogin
from desk.logins import COOKIE_CHARS, Logins, hash_password
from desk.settings import LoginSettings
from store.errors import StoreUnavailable
from tests.desk.conftest import QUICK_HASHER, Clock, Passwords, password_of
from tests.fakes.center import AGENT
from tests.fakes.web_sessions import FakeWebSessions

HOME = "127.0.0.9"


class Counting(PasswordHash):
    """A hasher that knows how many checks ran, and how many of them at once; checks wait while `gate` is closed."""

    def __init__(self) -> None:
        super().__init__(QUICK_HASHER.hashers)
        self.gate = threading.Event()
        self.gate.set()
        self.verified = 0
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:
        with self._lock:
            self.verified += 1
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.gate.wait(30)
        with self._lock:
            self.running -= 1
        return super().verify(password, hash)


class Office:
    """Logins with everything behind them in reach."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sessions = FakeWebSessions(self.clock)
        self.hasher = Counting()
        self.logins = self.with_settings()

    def with_settings(self, **settings: Any) -> Logins:
        made = LoginSettings(**settings)
        self.logins = Logins(self.sessions, Passwords(), made, clock=self.clock, hasher=self.hasher)
        return self.logins


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    yield made
    made.hasher.gate.set()
    made.logins.close()


async def test_only_the_hash_of_the_cookie_is_stored(office: Office) -> None:
    """A copied database opens no desk."""
    cookie, session = await office.logins.log_in(AGENT, password_of(AGENT), address=HOME)
    assert len(cookie) == COOKIE_CHARS
    assert cookie not in repr(office.sessions.rows)
    assert list(office.sessions.rows) == [session.id_hash]
    found = await office.logins.session_of(cookie)
    assert found is not None
    assert found.person == AGENT


async def test_an_unknown_person_costs_a_check_like_a_wrong_password(office: Office) -> None:
    with pytest.raises(WrongLogin) as wrong:
        await office.logins.log_in(AGENT, "wrong", address=HOME)
    assert office.hasher.verified == 1
    with pytest.raises(WrongLogin) as unknown:
        await office.logins.log_in("nobody", "wrong", address=HOME)
    assert office.hasher.verified == 2
    assert str(wrong.value) == str(unknown.value)


async def test_at_most_two_passwords_are_checked_at_once(office: Office) -> None:
    """Each check takes 64 MiB and a core; calls come first (N9)."""
    office.hasher.gate.clear()
    tries = [asyncio.create_task(office.logins.log_in(f"p{i}", "wrong", address=HOME)) for i in range(8)]
    await asyncio.to_thread(_wait_for, lambda: office.hasher.running == 2)
    office.hasher.gate.set()
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(result, WrongLogin) for result in results)
    assert office.hasher.verified == 8
    assert office.hasher.most_running == 2


async def test_a_crowd_of_logins_is_told_to_come_back(office: Office) -> None:
    logins = office.with_settings(waiting=3)
    office.hasher.gate.clear()
    tries = [asyncio.create_task(logins.log_in(f"p{i}", "wrong", address=HOME)) for i in range(4)]
    done, waiting = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    assert [type(each.exception()) for each in done] == [TooManyAttempts]
    office.hasher.gate.set()
    await asyncio.wait(waiting)
    assert all(isinstance(each.exception(), WrongLogin) for each in waiting)


async def test_guessing_one_persons_password_is_slowed_from_any_address(office: Office) -> None:
    logins = office.with_settings(attempts_per_person=3)
    for i in range(3):
        with pytest.raises(WrongLogin):
            await logins.log_in(AGENT, "wrong", address=f"127.0.1.{i}")
    with pytest.raises(TooManyAttempts) as refusal:
        await logins.log_in(AGENT, password_of(AGENT), address="127.0.2.1")
    assert 0 < (refusal.value.retry_after_s or 0) <= 300


async def test_guessing_from_one_address_is_slowed_for_any_person(office: Office) -> None:
    logins = office.with_settings(attempts_per_address=3)
    for i in range(3):
        with pytest.raises(WrongLogin):
            await logins.log_in(f"p{i}", "wrong", address="2001:db8::1")
    with pytest.raises(TooManyAttempts):
        await logins.log_in("p9", "wrong", address="2001:db8::ffff")  # the same household
    with pytest.raises(WrongLogin):
        await logins.log_in("p9", "wrong", address="2001:db8:1::1")


async def test_a_right_password_clears_the_persons_count(office: Office) -> None:
    logins = office.with_settings(attempts_per_person=3)
    for _ in range(3):
        with pytest.raises(WrongLogin):
            await logins.log_in(AGENT, "wrong", address=HOME)
        await logins.log_in(AGENT, password_of(AGENT), address=HOME)


async def test_a_session_ends_after_idle_time_and_lives_on_while_used(office: Office) -> None:
    cookie, _ = await office.logins.log_in(AGENT, password_of(AGENT), address=HOME)
    for _ in range(4):
        office.clock.advance(11 * 3600)
        assert await office.logins.session_of(cookie) is not None
    office.clock.advance(12 * 3600)
    assert await office.logins.session_of(cookie) is None


async def test_sessions_seen_before_go_on_while_the_store_is_down(office: Office) -> None:
    """Calls go on without the database, and so do the desks of those who are in them (N9)."""
    cookie, _ = await office.logins.log_in(AGENT, password_of(AGENT), address=HOME)
    office.sessions.down = True
    office.clock.advance(3600)
    assert await office.logins.session_of(cookie) is not None
    with pytest.raises(StoreUnavailable):
        await office.logins.session_of("x" * COOKIE_CHARS)  # it may be somebody: nobody knows now
    office.clock.advance(12 * 3600)
    assert await office.logins.session_of(cookie) is None
    with pytest.raises(StoreUnavailable):
        await office.logins.log_in(AGENT, password_of(AGENT), address=HOME)


async def test_a_session_revoked_on_another_node_ends_here(office: Office) -> None:
    logins = office.with_settings(recheck_s=0.01)
    cookie, session = await logins.log_in(AGENT, password_of(AGENT), address=HOME)
    ended = asyncio.create_task(logins.until_ended(session))
    await office.sessions.revoke(session.id_hash)
    await asyncio.wait_for(ended, 10)
    assert await logins.session_of(cookie) is None


async def test_an_open_screen_survives_a_store_that_is_down(office: Office) -> None:
    logins = office.with_settings(recheck_s=0.01)
    _, session = await logins.log_in(AGENT, password_of(AGENT), address=HOME)
    office.sessions.down = True
    ended = asyncio.create_task(logins.until_ended(session))
    async with asyncio.timeout(10):
        await office.sessions.refused.wait()
    assert not ended.done()
    office.sessions.down = False
    await logins.log_out(session)
    await asyncio.wait_for(ended, 10)


async def test_revoking_all_ends_every_session_of_the_person_only(office: Office) -> None:
    mine = [(await office.logins.log_in(AGENT, password_of(AGENT), address=HOME))[0] for _ in range(2)]
    other, _ = await office.logins.log_in("sam", password_of("sam"), address=HOME)
    await office.logins.revoke_all(AGENT)
    assert [await office.logins.session_of(cookie) for cookie in mine] == [None, None]
    assert await office.logins.session_of(other) is not None


async def test_expired_sessions_are_purged(office: Office) -> None:
    await office.logins.log_in(AGENT, password_of(AGENT), address=HOME)
    office.clock.advance(13 * 3600)
    await office.logins.purge_expired()
    assert office.sessions.rows == {}


def test_passwords_are_hashed_with_argon2id_and_a_fresh_salt() -> None:
    first, second = hash_password("open sesame"), hash_password("open sesame")
    assert first.startswith("$argon2id$")
    assert first != second
    assert PasswordHash.recommended().verify("open sesame", first)


def _wait_for(condition: Any) -> None:
    """Wait in a thread for something other threads do."""
    tick = threading.Event()
    for _ in range(3000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen")
