"""A desk over the fake centre, on a real server on a free loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from websockets.asyncio.client import ClientConnection, connect

from desk.access import COOKIE
from desk.app import create_app
from desk.logins import Logins
from desk.oidc import OidcLogin
from desk.phone_socket import Phones
from desk.server import DeskServer
from desk.settings import DeskSettings, OidcSettings
from tests.fakes.center import ROLES, FakeCenter
from tests.fakes.web_sessions import FakePendingLogins, FakeWebSessions
from vocabulary import PersonId

QUICK_HASHER = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))


@dataclass
class Clock:
    """A wall clock that stands until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 8, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def password_of(person: str) -> str:
    return f"{person}-secret"


class Passwords:
    """The stored hashes of everybody at the fake company, and who was looked up."""

    def __init__(self) -> None:
        self.hashes = {person: QUICK_HASHER.hash(password_of(person)) for person in ROLES}

    async def __call__(self, person: PersonId) -> str | None:
        return self.hashes.get(person)


@dataclass
class RunningDesk:
    """A desk that serves, and what is behind it."""

    center: FakeCenter
    sessions: FakeWebSessions
    logins: Logins
    clock: Clock
    url: str
    exits: AsyncExitStack
    pending: FakePendingLogins

    async def stranger(self) -> httpx2.AsyncClient:
        """An HTTP client without a session."""
        client = httpx2.AsyncClient(base_url=self.url, timeout=20, verify=False)  # plain HTTP: no certificates to read
        return await self.exits.enter_async_context(client)

    async def log_in(self, person: str) -> httpx2.AsyncClient:
        """An HTTP client with a session of this person."""
        client = await self.stranger()
        answer = await client.post("/api/login", json={"person": person, "password": password_of(person)})
        assert answer.status_code == 200, answer.text
        return client

    async def screen(self, client: httpx2.AsyncClient | None, **options: object) -> ClientConnection:
        """A live connection with the session of this client."""
        headers = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"} if client else {}
        headers |= options.pop("headers", {})  # type: ignore[call-overload]
        url = self.url.replace("http:", "ws:") + "/api/live"
        connection = connect(url, additional_headers=headers, proxy=None, **options)  # type: ignore[arg-type]
        return await self.exits.enter_async_context(connection)


StartDesk = Callable[..., Awaitable[RunningDesk]]


@asynccontextmanager
async def serving(
    settings: DeskSettings, static_dir: Path | None, oidc: OidcSettings | None = None, phones: Phones | None = None
) -> AsyncIterator[RunningDesk]:
    center, clock = FakeCenter(), Clock()
    sessions = FakeWebSessions(clock)
    logins = Logins(sessions, Passwords(), settings.logins, clock=clock, hasher=QUICK_HASHER)
    pending = FakePendingLogins()
    provider = OidcLogin(oidc, pending, clock=clock) if oidc else None
    app = create_app(center, logins, settings, static_dir, oidc=provider, phones=phones)
    server = DeskServer(app, "127.0.0.1", 0)
    port = await server.start()
    try:
        async with AsyncExitStack() as exits:
            yield RunningDesk(center, sessions, logins, clock, f"http://127.0.0.1:{port}", exits, pending)
    finally:
        await server.stop()
        logins.close()


@pytest.fixture
async def start_desk() -> AsyncIterator[StartDesk]:
    """Starts desks with settings of the test's own."""
    async with AsyncExitStack() as running:

        async def start(
            settings: DeskSettings | None = None, static_dir: Path | None = None, oidc: OidcSettings | None = None
        ) -> RunningDesk:
            return await running.enter_async_context(serving(settings or DeskSettings(), static_dir, oidc))

        yield start


@pytest.fixture
async def desk(start_desk: StartDesk) -> RunningDesk:
    """A desk as it comes."""
    return await start_desk()


@pytest.fixture(scope="module")
async def shared_desk() -> AsyncIterator[RunningDesk]:
    """One desk for tests that change nothing at it, since starting and stopping takes a moment."""
    async with serving(DeskSettings(), None) as running:
        yield running
