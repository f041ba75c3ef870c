"""Live screens over real WebSockets."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from center.live import EVERYONE, QUEUE_LIMIT, Audience, Subscription
from desk.access import COOKIE
from desk.logins import COOKIE_CHARS
from desk.settings import DeskSettings, LoginSettings
from tests.desk.conftest import RunningDesk, StartDesk
from tests.fakes.center import AGENT, CALL, CASE, OTHER_AGENT, SPECIALIST
from vocabulary import DeskRole, PersonId

pytestmark = pytest.mark.loopback

PATIENCE_S = 30
"""Nothing here takes long; this only ends a test that went wrong."""


async def read(screen: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        message: dict[str, Any] = json.loads(await screen.recv())
    return message


async def closing_code(screen: ClientConnection) -> int | None:
    """Read until the desk hangs up; returns why."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await screen.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


async def watched(desk: RunningDesk, person: str, screens: int) -> None:
    """Wait until the centre has this many subscriptions of a person."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(each.person == person for each in desk.center.live._subscriptions) != screens:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_screen_gets_a_snapshot_then_numbered_changes(desk: RunningDesk) -> None:
    """CE-04: what one enters is on the other's screen as whole documents."""
    client = await desk.log_in(AGENT)
    screen = await desk.screen(client)
    first = await read(screen)
    assert (first["type"], first["seq"]) == ("snapshot", 0)
    assert first["docs"]["me"]["id"] == AGENT
    assert {"system", "queue/claims", f"person/{SPECIALIST}", f"interaction/{CALL}", f"case/{CASE}"} <= set(
        first["docs"]
    )
    assert f"me/{SPECIALIST}" not in first["docs"]
    await client.post(f"/api/cases/{CASE}/edits", json={"field": "policy", "text": "Řípa \u2028", "base_version": 0})
    change = await read(screen)
    values = {"policy": "Řípa \u2028"}
    assert change == {
        "type": "change",
        "seq": 1,
        "set": {f"case/{CASE}": {"id": CASE, "version": 1, "values": values}},
        "remove": [],
    }
    desk.center.live.drop("queue/claims")
    assert await read(screen) == {"type": "change", "seq": 2, "set": {}, "remove": ["queue/claims"]}


async def test_a_document_one_may_no_longer_see_goes_from_the_screen(desk: RunningDesk) -> None:
    screen = await desk.screen(await desk.log_in(OTHER_AGENT))
    await read(screen)
    secret = {"id": "case_2"}
    desk.center.live.put("case/case_2", secret, Audience(people=frozenset({OTHER_AGENT})))
    assert (await read(screen))["set"] == {"case/case_2": secret}
    desk.center.live.put("case/case_2", secret, Audience(people=frozenset({AGENT})))
    assert (await read(screen))["remove"] == ["case/case_2"]


async def test_after_an_overflow_comes_a_fresh_snapshot(desk: RunningDesk) -> None:
    screen = await desk.screen(await desk.log_in(AGENT))
    await read(screen)
    for number in range(QUEUE_LIMIT + 1):
        desk.center.live.put(f"queue/q{number}", {"id": number}, EVERYONE)
    again = await read(screen)
    assert (again["type"], again["seq"]) == ("snapshot", 1)
    assert f"queue/q{QUEUE_LIMIT}" in again["docs"]
    desk.center.live.put("queue/q0", {"id": "changed"}, EVERYONE)
    assert await read(screen) == {"type": "change", "seq": 2, "set": {"queue/q0": {"id": "changed"}}, "remove": []}


async def test_what_the_snapshot_already_holds_is_not_sent_again(
    desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = desk.center.live
    subscribe = live.subscribe

    def subscribe_just_before_a_change(person: PersonId, roles: frozenset[DeskRole]) -> Subscription:
        subscription = subscribe(person, roles)
        live.put("system", {"number": 1}, EVERYONE)
        return subscription

    monkeypatch.setattr(live, "subscribe", subscribe_just_before_a_change)
    screen = await desk.screen(await desk.log_in(AGENT))
    assert (await read(screen))["docs"]["system"] == {"number": 1}
    live.put("system", {"number": 2}, EVERYONE)
    assert await read(screen) == {"type": "change", "seq": 1, "set": {"system": {"number": 2}}, "remove": []}


async def test_a_screen_that_never_reads_is_closed_and_holds_nobody_up(start_desk: StartDesk) -> None:
    """A dead screen must not slow a call or another screen down (N9)."""
    desk = await start_desk(DeskSettings(send_timeout_s=0.3))
    dead = await _open_without_reading(desk, (await desk.log_in(SPECIALIST)).cookies[COOKIE])
    await watched(desk, SPECIALIST, 1)
    screen = await desk.screen(await desk.log_in(AGENT))
    await read(screen)
    filling, number = "x" * 500_000, 0
    only_theirs = Audience(people=frozenset({SPECIALIST}))
    async with asyncio.timeout(PATIENCE_S):
        while desk.center.live.is_watching(SPECIALIST):
            number += 1
            desk.center.live.put("queue/large", {"number": number, "filling": filling}, only_theirs)
            desk.center.live.put("system", {"number": number}, EVERYONE)
            assert (await read(screen))["set"]["system"]["number"] == number
    assert desk.center.live.is_watching(AGENT)
    dead.close()


async def test_without_a_session_the_close_code_says_so(desk: RunningDesk) -> None:
    assert await closing_code(await desk.screen(None)) == 4401
    made_up = {"Cookie": f"{COOKIE}={'x' * COOKIE_CHARS}"}
    assert await closing_code(await desk.screen(None, headers=made_up)) == 4401
    desk.sessions.down = True
    assert await closing_code(await desk.screen(None, headers=made_up)) == 1013


async def test_a_foreign_page_gets_no_connection(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    for origin in ("http://evil.example", desk.url.replace("http:", "https:")):
        with pytest.raises(InvalidStatus) as refused:
            await desk.screen(client, origin=origin)
        assert refused.value.response.status_code == 403
    await read(await desk.screen(client, origin=desk.url))


async def test_logging_out_closes_all_screens_of_the_session_and_no_other(desk: RunningDesk) -> None:
    client, elsewhere = await desk.log_in(AGENT), await desk.log_in(AGENT)
    screens = [await desk.screen(client) for _ in range(2)]
    other = await desk.screen(elsewhere)
    for screen in [*screens, other]:
        await read(screen)
    await client.post("/api/logout", json={})
    assert [await closing_code(screen) for screen in screens] == [4401, 4401]
    desk.center.live.put("system", {"still": "here"}, EVERYONE)
    assert (await read(other))["set"]["system"] == {"still": "here"}


async def test_revoking_a_persons_sessions_closes_his_screens(desk: RunningDesk) -> None:
    screen = await desk.screen(await desk.log_in(AGENT))
    await read(screen)
    await desk.logins.revoke_all(AGENT)
    assert await closing_code(screen) == 4401
    await watched(desk, AGENT, 0)


async def test_an_expired_session_closes_its_screens(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(logins=LoginSettings(recheck_s=0.01)))
    screen = await desk.screen(await desk.log_in(AGENT))
    await read(screen)
    desk.clock.advance(13 * 3600)
    assert await closing_code(screen) == 4401


async def test_a_person_has_only_so_many_screens(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(screens_per_person=2))
    client = await desk.log_in(AGENT)
    screens = [await desk.screen(client) for _ in range(2)]
    for screen in screens:
        await read(screen)
    assert await closing_code(await desk.screen(client)) == 4429
    await read(await desk.screen(await desk.log_in(SPECIALIST)))
    await screens[0].close()
    await watched(desk, AGENT, 1)
    await read(await desk.screen(client))


async def test_a_screen_that_speaks_is_closed(desk: RunningDesk) -> None:
    """Commands are HTTP; whatever comes over the live connection is not from our page."""
    client = await desk.log_in(AGENT)
    for words in ("hello", b"\x00", "x" * 5000):
        screen = await desk.screen(client)
        await read(screen)
        await screen.send(words)
        assert await closing_code(screen) in (1008, 1009)


async def test_closing_a_screen_ends_its_subscription(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    screen = await desk.screen(client)
    await read(screen)
    assert "ringside_desk_screens 1.0" in (await client.get("/metrics")).text
    await screen.close()
    await watched(desk, AGENT, 0)
    screen = await desk.screen(client)
    screen.transport.abort()
    await watched(desk, AGENT, 0)
    assert "ringside_desk_screens 0.0" in (await client.get("/metrics")).text


async def test_a_document_without_a_json_form_spoils_only_itself(desk: RunningDesk) -> None:
    desk.center.live.put("queue/broken", {"load": float("nan")}, EVERYONE)
    screen = await desk.screen(await desk.log_in(AGENT))
    docs = (await read(screen))["docs"]
    assert "queue/broken" not in docs
    assert "queue/claims" in docs


async def test_an_unknown_websocket_path_is_refused(desk: RunningDesk) -> None:
    desk.url += "/api"
    with pytest.raises(InvalidStatus):
        await desk.screen(None)


async def _open_without_reading(desk: RunningDesk, cookie: str) -> socket.socket:
    """Open a live connection with a small receive buffer, by hand, and read only the handshake's answer."""
    host, port = desk.url.removeprefix("http://").split(":")
    dead = socket.socket()
    dead.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    dead.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(dead, (host, int(port)))
    request = (
        f"GET /api/live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nCookie: {COOKIE}={cookie}\r\n\r\n"
    )
    await loop.sock_sendall(dead, request.encode())
    assert (await loop.sock_recv(dead, 12)) == b"HTTP/1.1 101"
    return dead
