"""Log-ins as people see and end them; an ended one closes its live connections at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from center.live import EVERYONE
from desk.live import CloseCode
from desk.settings import DeskSettings
from tests.desk.conftest import RunningDesk, StartDesk
from tests.fakes.center import ADMINISTRATOR, AGENT, SUPERVISOR

pytestmark = pytest.mark.loopback

PATIENCE_S = 30


async def close_code(screen: ClientConnection) -> int | None:
    """Why a screen was closed, once it is."""
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionClosed):
            async for _ in screen:
                pass
        await screen.wait_closed()
    return screen.close_code


async def test_a_person_sees_his_own_log_ins_and_which_one_asks(desk: RunningDesk) -> None:
    first = await desk.log_in(AGENT)
    desk.clock.advance(600)
    second = await desk.log_in(AGENT)
    await desk.log_in(SUPERVISOR)
    desk.clock.advance(600)
    shown = (await second.get("/api/me/sessions")).json()
    assert [each["current"] for each in shown] == [False, True]
    assert [each["since"] for each in shown] == ["2026-11-21T08:00:00.000Z", "2026-11-21T08:10:00.000Z"]
    assert shown[1]["last_used"] == "2026-11-21T08:20:00.000Z"
    assert shown[0]["user_agent"].startswith("python-httpx2")
    assert shown[0]["address"] == "127.0.0.1"
    assert not any(each["id"] in first.cookies.values() for each in shown)


async def test_ending_one_closes_its_screens_at_once_and_no_others(desk: RunningDesk) -> None:
    lost, kept = await desk.log_in(AGENT), await desk.log_in(AGENT)
    lost_screen, kept_screen = await desk.screen(lost), await desk.screen(kept)
    await lost_screen.recv()
    await kept_screen.recv()
    ids = [each["id"] for each in (await kept.get("/api/me/sessions")).json() if not each["current"]]
    assert (await kept.post(f"/api/me/sessions/{ids[0]}/end", json={})).status_code == 204
    assert await close_code(lost_screen) == CloseCode.NOT_LOGGED_IN
    assert (await lost.get("/api/me")).status_code == 401
    assert (await kept.get("/api/me")).status_code == 200
    desk.center.live.put("queue/claims", {"id": "claims", "waiting": 3}, EVERYONE)
    async with asyncio.timeout(PATIENCE_S):
        assert "queue/claims" in await kept_screen.recv()
    again = await kept.post(f"/api/me/sessions/{ids[0]}/end", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (404, "unknown_session")


async def test_all_others_are_ended_by_one_command(desk: RunningDesk) -> None:
    others = [await desk.log_in(AGENT) for _ in range(3)]
    screens = [await desk.screen(each) for each in others]
    kept = await desk.log_in(AGENT)
    assert (await kept.post("/api/me/sessions/end-others", json={})).status_code == 204
    assert [await close_code(screen) for screen in screens] == [CloseCode.NOT_LOGGED_IN] * 3
    assert [each["current"] for each in (await kept.get("/api/me/sessions")).json()] == [True]


async def test_nobody_ends_a_colleagues_log_in_but_an_administrator(desk: RunningDesk) -> None:
    victim, colleague = await desk.log_in(AGENT), await desk.log_in(SUPERVISOR)
    screen = await desk.screen(victim)
    (session,) = (await victim.get("/api/me/sessions")).json()
    assert (await colleague.post(f"/api/me/sessions/{session['id']}/end", json={})).status_code == 404
    for method, path in (("GET", f"/api/people/{AGENT}/sessions"), ("POST", f"/api/people/{AGENT}/sessions/end")):
        answer = await colleague.request(method, path, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_an_administrator")
    admin = await desk.log_in(ADMINISTRATOR)
    assert [each["id"] for each in (await admin.get(f"/api/people/{AGENT}/sessions")).json()] == [session["id"]]
    assert (await admin.post("/api/people/nobody/sessions/end", json={})).status_code == 404
    assert (await admin.post(f"/api/people/{AGENT}/sessions/end", json={})).status_code == 204
    assert await close_code(screen) == CloseCode.NOT_LOGGED_IN
    assert (await victim.get("/api/me")).status_code == 401


async def test_a_program_that_asks_too_often_is_told_to_wait_and_others_are_not(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(requests_per_minute=20))
    busy, other = await desk.log_in(AGENT), await desk.log_in(SUPERVISOR)
    statuses = [(await busy.get("/api/queues")).status_code for _ in range(25)]
    assert statuses == [200] * 20 + [429] * 5
    refused = await busy.get("/api/queues")
    assert refused.json()["error"]["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert await close_code(await desk.screen(busy)) == CloseCode.TRY_LATER
    assert (await other.get("/api/queues")).status_code == 200
