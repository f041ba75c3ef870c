"""Log-in by an identity provider: OpenID Connect, authorisation code flow with PKCE and nonce.

    browser ── /api/login/oidc ──> desk: state, nonce and verifier are kept, the browser gets a cookie of its own
       │<─────── 303 ────────────────┘
       ├──> provider: the person proves who he is
       │<─── 303 back with code and state
       └── /api/login/oidc/callback ──> desk: state known, not used, not expired, same browser ──> id token ──> person

Whoever comes back with another browser's state, or with one used already, gets nothing: nobody can be logged in as
somebody else behind his back. What cannot be finished is told on the log-in page, by one of the words of `Failure`.
Logging out goes the same way without a code: our session ends first, then the browser is sent to end the provider's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import structlog

from desk.errors import ProviderRefused
from desk.ports import PendingLogins
from desk.provider_errors import BadAnswer, ProviderError, Unreachable
from desk.settings import OidcSettings
from store.records import PendingLogin
from vocabulary import PersonId

TOKEN_BYTES = 32
LONGEST_PARAMETER = 4_096
LONGEST_NAME = 128
LONGEST_TOKEN = 8_192
"""A longer id token is not kept: it would not fit into an address."""

log = structlog.get_logger()


class Failure(StrEnum):
    """Why a log-in did not come off; a contract with the log-in page, which says it in the person's language."""

    UNKNOWN_PERSON = "unknown_person"
    EXPIRED = "expired"
    DENIED = "denied"
    UNREACHABLE = "unreachable"
    BAD_ANSWER = "bad_answer"
    BUSY = "busy"


SENTENCES = {
    Failure.UNKNOWN_PERSON: "The identity provider knows you, but this desk has nobody by that name.",
    Failure.EXPIRED: "This log-in took too long, was finished before, or was begun in another browser.",
    Failure.DENIED: "The identity provider did not let you in.",
    Failure.UNREACHABLE: "The identity provider cannot be reached.",
    Failure.BAD_ANSWER: "The identity provider's answer cannot be trusted.",
    Failure.BUSY: "Too many log-ins are under way.",
}


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the value of the cookie that binds the answer to it."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Proved:
    """Who has logged in, and the id token that says so; it is shown to the provider again at log-out."""

    person: PersonId
    id_token: str = field(repr=False)


class OidcLogin:
    """Sends people to the provider and takes them back. Loop thread only."""

    def __init__(
        self,
        settings: OidcSettings,
        pending: PendingLogins,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self._pending = pending
        self._clock = clock
        from desk.provider import Provider  # loads 14 MB, which a node without a provider does not need

        self._provider = Provider(settings, lambda: clock().timestamp())

    async def begin(self, redirect_uri: str) -> Begun:
        """Begin a log-in.

        Raises:
            ProviderRefused: The provider is unreachable, or too many are under way.
            StoreError: The store is down.
        """
        state, browser, nonce, verifier = (secrets.token_urlsafe(TOKEN_BYTES) for _ in range(4))
        try:
            url = await self._provider.authorization_url(
                redirect_uri=redirect_uri, state=state, nonce=nonce, verifier=verifier
            )
        except ProviderError as error:
            raise _refusal(error) from error
        until = self._clock() + timedelta(seconds=self.settings.pending_s)
        if not await self._pending.add(PendingLogin(_hash(state), _hash(browser), nonce, verifier, until)):
            raise _refused(Failure.BUSY)
        return Begun(url, browser)

    async def finish(self, answer: Mapping[str, str], browser: str, redirect_uri: str) -> Proved:
        """Who has logged in, by the parameters the provider sent back and the browser's cookie.

        Raises:
            ProviderRefused: With one of `Failure`.
            StoreError: The store is down.
        """
        pending = await self._pending.take(_hash(answer.get("state", "")))
        if pending is None or pending.expires_at <= self._clock():
            raise _refused(Failure.EXPIRED)
        if not hmac.compare_digest(pending.browser_hash, _hash(browser)):
            raise _refused(Failure.EXPIRED)
        try:
            await self._check_issuer(answer)
            if "error" in answer:
                raise _refused(Failure.DENIED)
            token = await self._provider.id_token(
                code=answer.get("code", ""), redirect_uri=redirect_uri, nonce=pending.nonce, verifier=pending.verifier
            )
        except ProviderError as error:
            raise _refusal(error) from error
        return Proved(self._person(token.claims), token.text if len(token.text) <= LONGEST_TOKEN else "")

    async def log_out_url(self, id_token: str, redirect_uri: str) -> str | None:
        """Where a browser goes to end its log-in at the provider (RP-Initiated Logout 1.0 §2), and comes back from.

        None when the log-in was not opened there, or the provider does not offer it or cannot say so now: the log-out
        here must not depend on it.
        """
        if not id_token or not self.settings.log_out:
            return None
        try:
            endpoint = (await self._provider.discovery()).end_session_endpoint
        except ProviderError as error:
            log.warning("identity_provider_not_asked_to_log_out", why=str(error))
            return None
        if endpoint is None:
            return None
        asked = {
            "id_token_hint": id_token,
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": urljoin(redirect_uri, "/"),
        }
        parts = urlsplit(endpoint)
        return parts._replace(query="&".join(filter(None, (parts.query, urlencode(asked))))).geturl()

    async def _check_issuer(self, answer: Mapping[str, str]) -> None:
        """The answer comes from this provider, where it says so (RFC 9207)."""
        promised = (await self._provider.discovery()).authorization_response_iss_parameter_supported
        if answer.get("iss", self.settings.issuer if not promised else "") != self.settings.issuer:
            raise BadAnswer("the answer comes from another issuer")

    def _person(self, claims: Mapping[str, Any]) -> PersonId:
        """The person that the claim names; an e-mail address counts only when the provider has verified it."""
        name = claims.get(self.settings.claim)
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise _refused(Failure.UNKNOWN_PERSON)
        if self.settings.claim == "email" and claims.get("email_verified") is not True:
            raise _refused(Failure.UNKNOWN_PERSON)
        name = name.lower()
        if self.settings.domain:
            name, at, domain = name.rpartition("@")
            if not at or domain != self.settings.domain.lower():
                raise _refused(Failure.UNKNOWN_PERSON)
        return PersonId(name)


def _refusal(error: ProviderError) -> ProviderRefused:
    log.warning("identity_provider_failed", why=str(error))
    return _refused(Failure.UNREACHABLE if isinstance(error, Unreachable) else Failure.BAD_ANSWER)


def _refused(failure: Failure) -> ProviderRefused:
    return ProviderRefused(failure.value, SENTENCES[failure])


def _hash(value: str) -> str:
    return hashlib.sha256(value[:LONGEST_PARAMETER].encode(errors="surrogateescape")).hexdigest()
