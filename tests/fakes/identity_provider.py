"""A small OpenID provider on loopback: it keeps the rules that a log-in depends on, and can be told to break them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from desk.server import DeskServer
from desk.settings import OidcSettings

CLIENT, SECRET = "ringside-desk", "s3cret/+ of the client"
Key = RSAKey | ECKey


@dataclass
class IdentityProvider:
    """Everybody who comes is `claims`; what it does can be changed between two steps of a log-in."""

    clock: Callable[[], datetime]
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "petra", "email_verified": True})
    override: dict[str, Any] = field(default_factory=dict)
    """Claims of the id token that are not what they should be; None leaves one out."""
    algorithm: str = "RS256"
    keys: dict[str, Key] = field(default_factory=dict)
    signs_with: str = ""
    denies: bool = False
    offers_log_out: bool = True
    logged_in: bool = False
    """Whether the browser has a log-in here."""
    broken: dict[str, Response] = field(default_factory=dict)
    """Path -> what is answered there instead."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def new_key(self, name: str, kind: str = "RSA") -> None:
        """Sign with a fresh key from now on."""
        options: Any = {"kid": name, "use": "sig"}
        made: Key = RSAKey.generate_key(2048, options) if kind == "RSA" else ECKey.generate_key("P-256", options)
        self.keys[name] = made
        self.signs_with = name
        self.algorithm = "RS256" if kind == "RSA" else "ES256"

    def settings(self, **changes: Any) -> OidcSettings:
        return OidcSettings(issuer=self.issuer, client_id=CLIENT, secret=SECRET, **changes)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.middleware("http")
        async def note(request: Request, go_on: Any) -> Any:
            self.fetched.append(request.url.path)
            return self.broken.get(request.url.path) or await go_on(request)

        app.get("/.well-known/openid-configuration")(self._discovery)
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        app.get("/keys")(self._keys)
        app.get("/end-session")(self._end_session)
        return app

    async def _discovery(self) -> dict[str, Any]:
        end = {"end_session_endpoint": f"{self.issuer}/end-session?tenant=1"} if self.offers_log_out else {}
        return end | {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
        }

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        answer = {"error": "access_denied"} if self.denies else {"code": code}
        answer |= {"state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", status_code=302)

    async def _token(self, request: Request) -> Response:
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        fits = (
            asked is not None
            and asked["code_challenge"] == challenge.decode().rstrip("=")
            and asked["redirect_uri"] == form.get("redirect_uri")
        )
        if asked is None or not fits or request.headers.get("authorization", "")[:6] != "Basic ":
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        token = self.id_token(asked["nonce"])
        self.logged_in = True
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def id_token(self, nonce: str) -> str:
        now = int(self.clock().timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "4711", "iat": now, "exp": now + 60, "nonce": nonce}
        claims = {key: value for key, value in (claims | self.claims | self.override).items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.signs_with}
        return jwt.encode(header, claims, self.keys[self.signs_with], algorithms=[self.algorithm])

    async def _end_session(self, request: Request) -> Response:
        """RP-Initiated Logout 1.0 §2: the hint names the log-in, the client must be the one it was made for."""
        asked = dict(request.query_params)
        key = self.keys[self.signs_with]
        hinted = jwt.decode(asked["id_token_hint"], key, algorithms=[self.algorithm]).claims
        if (hinted["iss"], hinted["aud"], asked["client_id"]) != (self.issuer, CLIENT, CLIENT):
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        self.logged_in = False
        return RedirectResponse(asked["post_logout_redirect_uri"], status_code=302)

    async def _keys(self) -> dict[str, Any]:
        odd = {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "odd"}
        return {"keys": [odd, *(key.as_dict(private=False) for key in self.keys.values())]}


@asynccontextmanager
async def serving_identities(clock: Callable[[], datetime]) -> AsyncIterator[IdentityProvider]:
    """A provider that serves on a free port."""
    provider = IdentityProvider(clock)
    provider.new_key("first")
    server = DeskServer(provider.app(), "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{await server.start()}"
    try:
        yield provider
    finally:
        await server.stop()
