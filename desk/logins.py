"""Who is at the desk: checks passwords and keeps server-side sessions.

The browser holds an opaque random id in a cookie; the store holds only its SHA-256, so a copied database opens no desk.
A session ends by logging out, by being revoked (here or on another node) or after idle time. While the store is down,
sessions this node has seen go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from pwdlib import PasswordHash

from desk.attempts import Attempts
from desk.errors import TooManyAttempts, WrongLogin
from desk.ports import PasswordLookup, WebSessions
from desk.settings import LoginSettings
from store.errors import StoreError
from store.records import WebSession
from vocabulary import PersonId

PARALLEL_CHECKS = 2
"""Each argon2id check takes 64 MiB and a core for about 0.1 s; more at once would starve calls."""

SESSION_ID_BYTES = 32
COOKIE_CHARS = 43
"""Length of that many bytes in URL-safe base64; anything else need not be looked up."""
KNOWN_SESSIONS = 10_000
PURGE_EVERY_S = 3_600.0
KNOWN_WAIT_S = 1.0
"""So long the store may take for a session this node has seen: a command must not hang on a cut-off store."""
USER_AGENT_CHARS = 200
ADDRESS_CHARS = 64
NAME_CHARS = 16

_hasher = PasswordHash.recommended()
log = structlog.get_logger()


def hash_password(password: str) -> str:
    """Hash a web password with argon2id and a fresh salt. Takes about 0.1 s: call it off the loop."""
    return _hasher.hash(password)


class Logins:
    """Log-ins of one node. Loop thread only, except the password checks, which run in two threads of their own."""

    def __init__(
        self,
        sessions: WebSessions,
        password_hash: PasswordLookup,
        settings: LoginSettings | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        hasher: PasswordHash = _hasher,
    ) -> None:
        self._sessions = sessions
        self._password_hash = password_hash
        self._settings = settings or LoginSettings()
        self._clock = clock
        self._hasher = hasher
        self._attempts = Attempts(self._settings)
        self._checks = ThreadPoolExecutor(PARALLEL_CHECKS, thread_name_prefix="password-check")
        self._waiting = 0
        self._nobody = self._checks.submit(hasher.hash, secrets.token_urlsafe())
        self._known: OrderedDict[str, WebSession] = OrderedDict()
        self._watchers: dict[str, set[asyncio.Event]] = {}

    async def log_in(self, person: str, password: str, *, address: str, user_agent: str = "") -> tuple[str, WebSession]:
        """Check a password and open a session; returns the cookie's value with it.

        Raises:
            WrongLogin: Unknown person or wrong password; both take the same time.
            TooManyAttempts: From this address, for this person, or too many at once.
            StoreError: The store is down.
        """
        self._attempts.count(person, address)
        stored = await self._password_hash(PersonId(person))
        if not await self._check(password, stored):
            raise WrongLogin
        self._attempts.forgive(person)
        return await self.open(PersonId(person), address=address, user_agent=user_agent)

    async def open(
        self, person: PersonId, *, address: str, user_agent: str = "", id_token: str = ""
    ) -> tuple[str, WebSession]:
        """Open a session for a person who has proved who he is; returns the cookie's value with it.

        `id_token`: how he has proved it, if by an identity provider.

        Raises:
            StoreError: The store is down.
        """
        cookie = secrets.token_urlsafe(SESSION_ID_BYTES)
        now = self._clock()
        session = WebSession(
            id_hash=_id_hash(cookie),
            person=person,
            created_at=now,
            expires_at=self._expiry(now),
            user_agent=user_agent[:USER_AGENT_CHARS],
            address=address[:ADDRESS_CHARS],
            id_token=id_token,
        )
        await self._sessions.create(session)
        self._remember(session)
        return cookie, session

    def count_address(self, address: str) -> None:
        """Count an attempt to log in that names nobody yet.

        Raises:
            TooManyAttempts: From this address.
        """
        self._attempts.count_address(address)

    async def session_of(self, cookie: str) -> WebSession | None:
        """The living session behind a cookie's value, whose idle time starts anew; None when there is none.

        Raises:
            StoreError: The store is down and this node has not seen the session before, so nobody knows.
        """
        session = await self._living(_id_hash(cookie)) if len(cookie) == COOKIE_CHARS else None
        if session is None:
            return None
        expiry = self._expiry(self._clock())
        if expiry - session.expires_at < timedelta(seconds=self._settings.extend_after_s):
            return session
        session = replace(session, expires_at=expiry)
        self._remember(session)
        try:
            await self._sessions.extend(session.id_hash, expiry)
        except StoreError as error:
            log.warning("web_session_not_extended", reason=error.end_reason.reason)
        return session

    async def log_out(self, session: WebSession) -> None:
        """End one session; its screens close."""
        await self._sessions.revoke(session.id_hash)
        self._forget(session.id_hash)

    async def sessions_of(self, person: PersonId) -> list[WebSession]:
        """A person's living sessions, oldest first."""
        return await self._sessions.of(person)

    def last_used(self, session: WebSession) -> datetime:
        """When a session was used last, as exactly as it is written back."""
        return session.expires_at - timedelta(seconds=self._settings.idle_s)

    async def end(self, person: PersonId, name: str) -> bool:
        """End one of a person's sessions by its `session_name`; False when there is none. Its screens close."""
        ended = [each for each in await self._sessions.of(person) if session_name(each) == name]
        for session in ended:
            await self.log_out(session)
        return bool(ended)

    async def end_others(self, kept: WebSession) -> None:
        """End all sessions of this person but one."""
        for session in await self._sessions.of(kept.person):
            if session.id_hash != kept.id_hash:
                await self.log_out(session)

    async def revoke_all(self, person: PersonId) -> None:
        """End all sessions of a person; the screens on this node close at once, those of other nodes soon."""
        await self._sessions.revoke_all(person)
        for session in [each for each in self._known.values() if each.person == person]:
            self._forget(session.id_hash)

    async def until_ended(self, session: WebSession) -> None:
        """Return when this session is over, wherever it was ended."""
        ended = asyncio.Event()
        self._watchers.setdefault(session.id_hash, set()).add(ended)
        try:
            while not ended.is_set():
                try:
                    async with asyncio.timeout(self._settings.recheck_s):
                        await ended.wait()
                except TimeoutError:
                    with suppress(StoreError):
                        if await self._living(session.id_hash) is None:
                            return
        finally:
            watchers = self._watchers.get(session.id_hash, set())
            watchers.discard(ended)
            if not watchers:
                self._watchers.pop(session.id_hash, None)

    async def purge_expired(self) -> None:
        """Remove expired sessions from the store; call it now and then."""
        await self._sessions.purge_expired(self._clock())

    async def purge_for_ever(self) -> None:
        """Remove expired sessions every hour, as long as this runs."""
        while True:
            with suppress(StoreError):
                await self.purge_expired()
            await asyncio.sleep(PURGE_EVERY_S)

    def close(self) -> None:
        """Let the password-check threads go; running checks end by themselves."""
        self._checks.shutdown(wait=False, cancel_futures=True)

    async def _check(self, password: str, stored: str | None) -> bool:
        """Verify off the loop, one of few at a time."""
        if self._waiting >= self._settings.waiting:
            raise TooManyAttempts(retry_after_s=2)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._checks, self._verify, password, stored)
        finally:
            self._waiting -= 1

    def _verify(self, password: str, stored: str | None) -> bool:
        """Without a stored hash, verify against a made-up one, so that both answers take the same time."""
        matches = self._hasher.verify(password, self._nobody.result() if stored is None else stored)
        return matches and stored is not None

    async def _living(self, id_hash: str) -> WebSession | None:
        """Look a session up in the store, or in memory while the store is down."""
        known = self._known.get(id_hash)
        try:
            async with asyncio.timeout(KNOWN_WAIT_S if known is not None else None):
                session = await self._sessions.get(id_hash)
        except (StoreError, TimeoutError) as error:
            if known is None:
                raise
            log.warning("web_session_not_looked_up", error=type(error).__name__)
            session = known
        if session is None or session.expires_at <= self._clock():
            self._forget(id_hash)
            return None
        self._remember(session)
        return session

    def _remember(self, session: WebSession) -> None:
        self._known[session.id_hash] = session
        self._known.move_to_end(session.id_hash)
        while len(self._known) > KNOWN_SESSIONS:
            self._known.popitem(last=False)

    def _forget(self, id_hash: str) -> None:
        self._known.pop(id_hash, None)
        for watcher in self._watchers.get(id_hash, set()):
            watcher.set()

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._settings.idle_s)


def session_name(session: WebSession) -> str:
    """What a session is called outside: too little of its hash to be of any other use."""
    return session.id_hash[:NAME_CHARS]


def _id_hash(cookie: str) -> str:
    """The stored form of a cookie's value. A plain hash is enough: the value is 256 random bits."""
    return hashlib.sha256(cookie.encode(errors="surrogateescape")).hexdigest()
