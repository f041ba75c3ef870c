"""Log-in by an identity provider, over real HTTP: who proved who he is gets in, everything else is told clearly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.responses import JSONResponse, PlainTextResponse

from desk.access import COOKIE
from desk.settings import DeskSettings, OidcSettings
from tests.desk.conftest import Clock, RunningDesk, serving
from tests.fakes.identity_provider import IdentityProvider, serving_identities

pytestmark = pytest.mark.loopback

CLOCK = Clock()
"""One time for provider and desk: their clocks agree."""


@pytest.fixture(scope="module")
async def running_provider() -> AsyncIterator[IdentityProvider]:
    async with serving_identities(CLOCK) as provider:
        yield provider


@pytest.fixture
def provider(running_provider: IdentityProvider) -> IdentityProvider:
    """The provider as it comes."""
    running_provider.override.clear()
    running_provider.broken.clear()
    running_provider.denies = False
    running_provider.offers_log_out = True
    running_provider.claims = {"preferred_username": "petra"}
    return running_provider


@asynccontextmanager
async def a_desk(oidc: OidcSettings) -> AsyncIterator[RunningDesk]:
    async with serving(DeskSettings(), None, oidc) as desk:
        desk.clock.now = CLOCK.now
        yield desk


class Browser:
    """Goes where it is sent, one step at a time, with a cookie jar for the desk."""

    def __init__(self, desk: RunningDesk, client: httpx2.AsyncClient) -> None:
        self.desk, self.client = desk, client

    async def to_the_provider(self) -> str:
        """Press the button; where the browser is sent."""
        answer = await self.client.get("/api/login/oidc")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def and_back(self, url: str) -> str:
        """Log in at the provider; the address it sends the browser back to."""
        async with httpx2.AsyncClient(verify=False, timeout=20) as elsewhere:
            answer = await elsewhere.get(url)
        assert answer.status_code == 302
        back: str = answer.headers["location"]
        assert back.startswith(self.desk.url + "/api/login/oidc/callback?")
        return back

    async def log_in(self) -> httpx2.Response:
        return await self.client.get(await self.and_back(await self.to_the_provider()))


async def browser(desk: RunningDesk) -> Browser:
    return Browser(desk, await desk.stranger())


async def failure(desk: RunningDesk, went: Browser | None = None) -> str:
    """The reason a log-in ends with; nobody is logged in."""
    went = went or await browser(desk)
    answer = await went.log_in()
    assert COOKIE not in went.client.cookies
    return told(answer)


def told(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    page, _, reason = answer.headers["location"].partition("#login/")
    assert page == "/"
    return str(reason)


@pytest.mark.parametrize("kind", ["RSA", "EC"])
async def test_who_proved_who_he_is_gets_in(provider: IdentityProvider, kind: str) -> None:
    """RS256 and ES256; the keys are fetched once and again when a new one signs."""
    provider.new_key(f"key-{kind}", kind)
    async with a_desk(provider.settings(name="Office log-in")) as desk:
        person = await browser(desk)
        ways = (await person.client.get("/api/login/ways")).json()
        assert ways == {"password": True, "oidc": {"name": "Office log-in"}}
        answer = await person.log_in()
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = [each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE)]
        assert "HttpOnly" in cookie[0]
        assert "SameSite=strict" in cookie[0]
        assert (await person.client.get("/api/me")).json()["id"] == "petra"
        provider.fetched.clear()
        assert (await (await browser(desk)).log_in()).headers["location"] == "/"
        assert provider.fetched == ["/authorize", "/token"], "metadata and keys are known"
        provider.new_key(f"new-{kind}", kind)
        desk.clock.advance(61)
        assert (await (await browser(desk)).log_in()).headers["location"] == "/"


async def test_what_the_browser_is_sent_with_holds_no_secret(provider: IdentityProvider) -> None:
    async with a_desk(provider.settings()) as desk:
        url = await (await browser(desk)).to_the_provider()
        asked = parse_qs(urlsplit(url).query)
        (pending,) = desk.pending.rows.values()
        assert asked["nonce"] == [pending.nonce]
        assert asked["scope"] == ["openid profile email"]
        assert pending.verifier not in url
        assert asked["state"][0] not in repr(pending), "only its hash is kept"
        assert provider.settings().secret not in repr(provider.settings())


async def test_a_state_counts_once_in_its_own_browser_and_in_time(provider: IdentityProvider) -> None:
    """Nobody is logged in as somebody else by a link that he was sent."""
    async with a_desk(provider.settings()) as desk:
        mine, theirs = await browser(desk), await browser(desk)
        back = await mine.and_back(await mine.to_the_provider())
        await theirs.to_the_provider()
        assert told(await theirs.client.get(back)) == "expired"
        assert told(await mine.client.get(back)) == "expired", "the state was used up"
        back = await mine.and_back(await mine.to_the_provider())
        assert (await mine.client.get(back)).headers["location"] == "/"
        late = await browser(desk)
        back = await late.and_back(await late.to_the_provider())
        desk.clock.advance(601)
        assert told(await late.client.get(back)) == "expired"
        assert told(await late.client.get("/api/login/oidc/callback")) == "expired"
        assert COOKIE not in late.client.cookies
        assert COOKIE not in theirs.client.cookies


@pytest.mark.parametrize(
    ("settings", "claims", "reason"),
    [
        ({}, {"preferred_username": "nobody.here"}, "unknown_person"),
        ({}, {}, "unknown_person"),
        ({}, {"preferred_username": ["petra"]}, "unknown_person"),
        ({"claim": "email"}, {"email": "petra", "email_verified": False}, "unknown_person"),
        ({"claim": "email", "domain": "harbour.example"}, {"email": "petra@evil.example", "email_verified": True},
         "unknown_person"),
    ],
)  # fmt: skip
async def test_a_person_who_is_not_ours_is_told_so(
    provider: IdentityProvider, settings: dict[str, str], claims: dict[str, Any], reason: str
) -> None:
    provider.claims = claims
    async with a_desk(provider.settings(**settings)) as desk:
        assert await failure(desk) == reason


async def test_a_verified_address_of_our_domain_names_the_person_before_the_at(provider: IdentityProvider) -> None:
    provider.claims = {"email": "Petra@harbour.example", "email_verified": True}
    async with a_desk(provider.settings(claim="email", domain="harbour.example")) as desk:
        person = await browser(desk)
        assert (await person.log_in()).headers["location"] == "/"
        assert (await person.client.get("/api/me")).json()["id"] == "petra"


async def test_a_token_that_is_not_for_this_log_in_is_not_believed(provider: IdentityProvider) -> None:
    now = int(CLOCK.now.timestamp())
    wrong: list[dict[str, Any]] = [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["ringside-desk", "another-client"]},
        {"azp": "another-client"},
        {"exp": now - 61},
        {"exp": None},
        {"iat": None},
        {"nonce": "of another log-in"},
        {"nonce": None},
        {"sub": None},
    ]
    async with a_desk(provider.settings()) as desk:
        for override in wrong:
            provider.override = override
            assert await failure(desk) == "bad_answer", override
        provider.override = {}
        right, provider.keys = provider.keys, dict(provider.keys)
        kind = "RSA" if provider.algorithm == "RS256" else "EC"
        provider.new_key(provider.signs_with, kind)  # the same name, another key: a forged signature
        forged, provider.keys = provider.keys, right
        provider.id_token = lambda nonce: _signed_by(provider, forged, nonce)  # type: ignore[method-assign]
        assert await failure(desk) == "bad_answer"
        del provider.__dict__["id_token"]


def _signed_by(provider: IdentityProvider, keys: Any, nonce: str) -> str:
    honest, provider.keys = provider.keys, keys
    try:
        return IdentityProvider.id_token(provider, nonce)
    finally:
        provider.keys = honest


async def test_a_provider_that_fails_is_told_as_what_it_is(provider: IdentityProvider) -> None:
    discovery = "/.well-known/openid-configuration"
    cases = [
        (discovery, PlainTextResponse("down", status_code=503), "unreachable"),
        (discovery, PlainTextResponse("<html>"), "bad_answer"),
        (discovery, JSONResponse({"issuer": provider.issuer}), "bad_answer"),
        (discovery, PlainTextResponse(" " * 300_000), "unreachable"),
    ]
    for path, answer, reason in cases:
        provider.broken = {path: answer}
        async with a_desk(provider.settings()) as desk:
            client = await desk.stranger()
            assert told(await client.get("/api/login/oidc")) == reason
    later = [
        ("/token", PlainTextResponse("down", status_code=503), "unreachable"),
        ("/token", JSONResponse({"access_token": "x", "token_type": "Bearer"}), "bad_answer"),
        ("/token", JSONResponse({"error": "invalid_grant"}, status_code=400), "bad_answer"),
        ("/keys", PlainTextResponse("down", status_code=503), "unreachable"),
        ("/keys", JSONResponse({"keys": "none"}), "bad_answer"),
    ]
    for path, answer, reason in later:
        async with a_desk(provider.settings()) as desk:
            provider.broken = {path: answer}
            assert await failure(desk) == reason, (path, reason)


async def test_logging_out_ends_the_log_in_at_the_provider_too(provider: IdentityProvider) -> None:
    """CE-27: our session ends first; the provider sees its own token again, which the page was never given before."""
    async with a_desk(provider.settings()) as desk:
        person = await browser(desk)
        answer = await person.log_in()
        (session,) = desk.sessions.rows.values()
        assert session.id_token.count(".") == 2
        assert session.id_token not in repr(session)
        assert session.id_token not in (await person.client.get("/api/me/sessions")).text + answer.text
        answer = await person.client.post("/api/logout", json={})
        assert (answer.status_code, list(answer.json())) == (200, ["continue_at"])
        assert COOKIE not in person.client.cookies
        assert desk.sessions.rows == {}
        assert provider.logged_in
        async with httpx2.AsyncClient(timeout=20) as elsewhere:
            back = await elsewhere.get(answer.json()["continue_at"])
        assert (back.status_code, back.headers["location"]) == (302, desk.url + "/")
        assert not provider.logged_in


async def test_logging_out_depends_on_no_provider(provider: IdentityProvider) -> None:
    """Whatever it offers, answers, or is set to: the log-out here has its 204, as that of who came by password."""
    discovery = "/.well-known/openid-configuration"
    cases: list[tuple[dict[str, Any], bool, Any]] = [
        ({}, False, None),
        ({"log_out": False}, True, None),
        ({}, True, PlainTextResponse("down", status_code=503)),
    ]
    for settings, offers, broken in cases:
        provider.offers_log_out, provider.broken = offers, {}
        async with a_desk(provider.settings(**settings)) as desk:
            person = await browser(desk)
            await person.log_in()
            provider.broken = {discovery: broken} if broken else {}
            desk.clock.advance(3_601)  # what was known of the provider must be asked again
            assert (await person.client.post("/api/logout", json={})).status_code == 204, settings
            assert desk.sessions.rows == {}
    provider.offers_log_out, provider.broken = True, {}
    async with a_desk(provider.settings()) as desk:
        client = await desk.log_in("petra")
        assert (await client.post("/api/logout", json={})).status_code == 204


async def test_an_unsafe_address_to_log_out_at_counts_as_none(provider: IdentityProvider) -> None:
    honest = await provider._discovery()
    for unsafe in ("javascript:alert(1)", "ftp://login.example/out", "", None):
        document = JSONResponse(honest | {"end_session_endpoint": unsafe})
        provider.broken = {"/.well-known/openid-configuration": document}
        async with a_desk(provider.settings()) as desk:
            person = await browser(desk)
            assert (await person.log_in()).headers["location"] == "/"
            assert (await person.client.post("/api/logout", json={})).status_code == 204, unsafe


async def test_a_denied_log_in_a_full_table_and_a_stopped_provider_are_told(provider: IdentityProvider) -> None:
    async with a_desk(provider.settings()) as desk:
        provider.denies = True
        assert await failure(desk) == "denied"
        desk.pending.full = True
        assert told(await (await desk.stranger()).get("/api/login/oidc")) == "busy"
    async with serving_identities(CLOCK) as gone:
        settings = gone.settings()
    async with a_desk(settings) as desk:
        assert told(await (await desk.stranger()).get("/api/login/oidc")) == "unreachable"


async def test_without_a_provider_there_is_none(shared_desk: RunningDesk) -> None:
    client = await shared_desk.stranger()
    assert (await client.get("/api/login/ways")).json() == {"password": True, "oidc": None}
    for path in ("/api/login/oidc", "/api/login/oidc/callback"):
        assert (await client.get(path)).status_code == 404


async def test_a_discovery_document_without_tls_or_of_another_issuer_is_refused(provider: IdentityProvider) -> None:
    honest = {
        "issuer": provider.issuer,
        "authorization_endpoint": f"{provider.issuer}/authorize",
        "token_endpoint": f"{provider.issuer}/token",
        "jwks_uri": f"{provider.issuer}/keys",
    }
    for change in ({"issuer": "https://other.example"}, {"jwks_uri": "file:///etc/passwd"}):
        provider.broken = {"/.well-known/openid-configuration": JSONResponse(honest | change)}
        async with a_desk(provider.settings()) as desk:
            assert told(await (await desk.stranger()).get("/api/login/oidc")) == "bad_answer"
