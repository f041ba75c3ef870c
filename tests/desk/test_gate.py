"""What every request must be, and what every answer carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.datastructures import Headers
from structlog.testing import capture_logs

from desk.gate import is_our_origin
from desk.settings import DeskSettings
from tests.desk.conftest import RunningDesk, StartDesk
from tests.fakes.center import ADMINISTRATOR, AGENT

pytestmark = pytest.mark.loopback


async def test_commands_from_foreign_pages_are_refused(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    body = {"status": "ready"}
    for origin in ("http://evil.example", "null", desk.url.replace("http", "https"), desk.url + ".evil.example", "x"):
        answer = await client.post("/api/me/agent-status", json=body, headers={"Origin": origin})
        assert answer.status_code == 403, origin
        assert answer.json()["error"]["code"] == "foreign_origin"
    assert desk.center.calls == []
    ours = await client.post("/api/me/agent-status", json=body, headers={"Origin": desk.url})
    assert ours.status_code == 204


async def test_an_origin_can_be_allowed_for_a_proxy(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(allowed_origins=frozenset({"https://desk.example.com"})))
    client = await desk.log_in(AGENT)
    headers = {"Origin": "https://desk.example.com"}
    assert (await client.post("/api/me/agent-status", json={"status": "ready"}, headers=headers)).status_code == 204


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "ours"),
    [
        (None, "desk", "http", True),
        ("http://desk", "desk", "http", True),
        ("http://DESK:81", "desk:81", "ws", True),
        ("https://desk", "desk", "wss", True),
        ("http://[::1]:80", "[::1]:80", "http", True),
        ("https://desk", "desk", "http", False),
        ("http://desk", "desk", "https", False),
        ("http://desk:81", "desk", "http", False),
        ("http://user@desk", "desk", "http", False),
        ("http://[bad", "[bad", "http", False),
        ("http://desk/", "desk", "http", False),
        ("", "", "http", False),
    ],
)
def test_an_origin_is_ours_when_scheme_host_and_port_are(
    origin: str | None, host: str, scheme: str, ours: bool
) -> None:
    headers = Headers({"host": host} | ({} if origin is None else {"origin": origin}))
    assert is_our_origin(headers, scheme, frozenset()) is ours


async def test_bodies_that_are_not_declared_as_json_are_refused(desk: RunningDesk) -> None:
    """A form of a foreign page can send only other types without asking first."""
    client = await desk.log_in(AGENT)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await client.post(
            "/api/me/agent-status", content=b'{"status":"ready"}', headers={"Content-Type": kind}
        )
        assert answer.status_code == 415, kind
        assert answer.json()["error"]["code"] == "not_json"
    assert desk.center.calls == []


async def test_large_bodies_are_refused_declared_or_not(shared_desk: RunningDesk) -> None:
    client = await shared_desk.stranger()
    kind = {"Content-Type": "application/json"}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    for content in (b" " * 65_537, endless()):
        answer = await client.post("/api/login", content=content, headers=kind)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "body_too_large"
    just_fits = await client.post("/api/login", content=b" " * 65_536, headers=kind)
    assert just_fits.status_code == 400


async def test_a_body_that_never_comes_is_not_waited_for(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(body_timeout_s=0.05))
    host, port = desk.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 20)
    writer.close()


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 60_000, b'{"person": NaN', b"{'a': 1}"])
async def test_malformed_json_gets_the_error_envelope(shared_desk: RunningDesk, content: bytes) -> None:
    client = await shared_desk.stranger()
    answer = await client.post("/api/login", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["code"] in {"malformed_json", "unreadable_request", "invalid_body"}


async def test_every_answer_carries_the_security_headers(shared_desk: RunningDesk) -> None:
    client = await shared_desk.stranger()
    for path in ("/", "/api/health", "/api/me", "/api/nothing", "/assets/nothing.js"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert f"connect-src 'self' {shared_desk.url.replace('http', 'ws')} " in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert (await client.get("/api/health")).headers["cache-control"] == "no-store"


async def test_a_strange_host_does_not_get_into_the_policy(shared_desk: RunningDesk) -> None:
    client = await shared_desk.stranger()
    answer = await client.get("/api/health", headers={"Host": "x; script-src *"})
    assert "script-src" not in answer.headers["content-security-policy"]


async def test_a_bug_is_answered_without_details_and_logged(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    desk.center.fails_with = RuntimeError("a detail of ours")
    with capture_logs() as logged:
        answer = await client.post("/api/me/agent-status", json={"status": "ready"})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "detail" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [(each["event"], each["route"], each["exc_info"]) for each in logged] == [
        ("desk_request_failed", "/api/me/agent-status", True)
    ]
    desk.center.fails_with = None
    assert (await client.get("/api/me")).status_code == 200


async def test_metrics_are_for_this_machine_and_administrators(desk: RunningDesk) -> None:
    stranger = await desk.stranger()
    text = (await stranger.get("/metrics")).text
    assert "ringside_desk_requests_total" in text
    behind_a_proxy = {"X-Forwarded-For": "192.0.2.1"}
    assert (await stranger.get("/metrics", headers=behind_a_proxy)).status_code == 401
    agent = await desk.log_in(AGENT)
    assert (await agent.get("/metrics", headers=behind_a_proxy)).status_code == 403
    administrator = await desk.log_in(ADMINISTRATOR)
    assert (await administrator.get("/metrics", headers=behind_a_proxy)).status_code == 200


async def test_requests_are_counted_by_route_not_by_id(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    await client.get("/api/interactions/int_1")
    await client.get("/api/interactions/int_99")
    text = (await client.get("/metrics")).text
    route = 'method="GET",route="/api/interactions/{interaction}"'
    assert f'ringside_desk_requests_total{{{route},status="200"}} 1.0' in text
    assert f'ringside_desk_requests_total{{{route},status="404"}} 1.0' in text
    assert "int_99" not in text
