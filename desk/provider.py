"""The identity provider as a neighbour: its discovery document, its keys, the exchange of a code for an id token.

Everything it sends is bounded in size and time and checked before it is believed. Errors of the libraries stop here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from desk.provider_errors import BadAnswer, Unreachable
from desk.settings import OidcSettings

ALGORITHMS = ["RS256", "ES256"]
LARGEST_ANSWER = 256 * 1024
KNOWN_FOR_S = 3600.0
"""Discovery document and keys are fetched again after this long."""
KEYS_AGAIN_S = 60.0
"""A key that is not known makes us look again, at most this often: anybody can invent key ids."""
LEEWAY_S = 60
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Discovery(BaseModel):
    """What we need of its metadata (OpenID Connect Discovery §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False
    end_session_endpoint: str | None = None
    """Where people are sent to log out (OpenID Connect RP-Initiated Logout 1.0 §2.1); None: not offered."""


@dataclass(frozen=True, slots=True)
class IdToken:
    """An id token that was checked: its text, and what it says."""

    text: str = field(repr=False)
    claims: dict[str, Any] = field(repr=False)


class Provider:
    """One provider. Loop thread only."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._turn = asyncio.Lock()
        # Made once: reading the machine's certificates takes 20 ms, which a log-in must not take from calls.
        self._tls = httpx2.create_ssl_context()
        self._discovery: tuple[float, Discovery] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def discovery(self) -> Discovery:
        """Its metadata, fetched when it is needed and not known.

        Raises:
            ProviderError: It cannot be reached, or its answer cannot be used.
        """
        async with self._turn:
            if self._discovery is None or self._clock() - self._discovery[0] > KNOWN_FOR_S:
                self._discovery = self._clock(), await self._discover()
            return self._discovery[1]

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to log in (RFC 6749 §4.1.1 with RFC 7636).

        Raises:
            ProviderError: As `discovery`.
        """
        found = await self.discovery()
        async with self._client(redirect_uri, found) as client:
            url, _ = client.create_authorization_url(
                found.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def id_token(self, *, code: str, redirect_uri: str, nonce: str, verifier: str) -> IdToken:
        """Exchange a code and return the id token, after all checks of OpenID Connect Core §3.1.3.7.

        Raises:
            ProviderError: The exchange failed, or the token is not for us, not from it, or not for this log-in.
        """
        found = await self.discovery()
        token = await self._exchange(found, code, redirect_uri, verifier)
        try:
            return IdToken(token, await self._checked(token, found, nonce))
        except (JoseError, ValueError, TypeError) as error:
            raise BadAnswer(f"the id token is not valid: {type(error).__name__}") from error

    async def _exchange(self, found: Discovery, code: str, redirect_uri: str, verifier: str) -> str:
        try:
            async with asyncio.timeout(self._settings.timeout_s), self._client(redirect_uri, found) as client:
                answer = await client.fetch_token(found.token_endpoint, code=code, code_verifier=verifier)
        except OAuthError as error:
            raise BadAnswer("the provider does not take the code") from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unreachable(f"no answer: {type(error).__name__}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise BadAnswer("the token answer is no JSON object") from error
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise BadAnswer("there is no id token in the answer")
        return token

    async def _checked(self, token: str, found: Discovery, nonce: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, await self._key_set(found), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            decoded = jwt.decode(token, await self._key_set(found, again=True), algorithms=ALGORITHMS)
        claims: dict[str, Any] = decoded.claims
        rules = jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": found.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        rules.validate(claims)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._settings.client_id:
            raise ValueError("the token was made for another client")
        return claims

    async def _key_set(self, found: Discovery, *, again: bool = False) -> KeySet:
        """Its signing keys. `again`: a key was not among them; they may have been changed."""
        async with self._turn:
            age = self._clock() - self._keys[0] if self._keys is not None else KNOWN_FOR_S + 1
            if self._keys is None or age > KNOWN_FOR_S or (again and age > KEYS_AGAIN_S):
                content = await self._fetch(found.jwks_uri)
                keys = content.get("keys")
                usable = [
                    key
                    for key in (keys if isinstance(keys, list) else [])
                    if isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"
                ]
                self._keys = self._clock(), KeySet.import_key_set({"keys": usable})
            return self._keys[1]

    async def _discover(self) -> Discovery:
        issuer = self._settings.issuer
        content = await self._fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
        try:
            found = Discovery.model_validate(content)
        except ValidationError as error:
            raise BadAnswer("the discovery document lacks something") from error
        if found.issuer != issuer:
            raise BadAnswer("the discovery document names another issuer")
        secure = ("https",) if urlsplit(issuer).hostname not in LOOPBACK else ("https", "http")
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if urlsplit(address).scheme not in secure:
                raise BadAnswer("the discovery document names an address without TLS")
        if urlsplit(found.end_session_endpoint or "").scheme not in secure:
            return found.model_copy(update={"end_session_endpoint": None})
        return found

    async def _fetch(self, url: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._settings.timeout_s), httpx2.AsyncClient(**self._how()) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                content = answer.json()
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unreachable(f"no answer: {type(error).__name__}") from error
        except (ValueError, httpx2.InvalidURL) as error:
            raise BadAnswer("the answer is no JSON") from error
        if not isinstance(content, dict):
            raise BadAnswer("the answer is no JSON object")
        return content

    def _client(self, redirect_uri: str, found: Discovery) -> AsyncOAuth2Client:
        methods = found.token_endpoint_auth_methods_supported
        by_header = "client_secret_basic" in methods or "client_secret_post" not in methods
        method = "none" if not self._settings.secret else "client_secret_basic" if by_header else "client_secret_post"
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.secret or None,
            token_endpoint_auth_method=method,
            scope=self._settings.scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            **self._how(),
        )

    def _how(self) -> dict[str, Any]:
        return {
            "timeout": self._settings.timeout_s,
            "transport": _Bounded(self._tls),
            "headers": {"Accept-Encoding": "identity", "Accept": "application/json"},
        }


class _Bounded(httpx2.AsyncBaseTransport):
    """The ordinary transport, which stops reading an answer that is too long."""

    def __init__(self, tls: SSLContext) -> None:
        self._inner = httpx2.AsyncHTTPTransport(verify=tls)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._inner.handle_async_request(request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        answer.stream = _BoundedStream(answer.stream)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            size += len(part)
            if size > LARGEST_ANSWER:
                raise httpx2.ReadError("the answer is too long")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
