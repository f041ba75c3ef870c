"""Logging in and out over HTTP."""

from __future__ import annotations

import pytest

from desk.access import COOKIE
from desk.settings import DeskSettings, LoginSettings
from tests.desk.conftest import RunningDesk, StartDesk, password_of
from tests.fakes.center import ADMINISTRATOR, AGENT

pytestmark = pytest.mark.loopback


async def test_logging_in_gives_a_cookie_that_scripts_and_foreign_pages_do_not_get(desk: RunningDesk) -> None:
    client = await desk.stranger()
    answer = await client.post("/api/login", json={"person": AGENT, "password": password_of(AGENT)})
    assert answer.json() == {"person": AGENT, "name": "Petra", "roles": ["agent"]}
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert (await client.get("/api/me")).json()["id"] == AGENT


async def test_the_cookie_is_secure_where_people_come_over_tls(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(secure_cookie=True))
    client = await desk.stranger()
    answer = await client.post("/api/login", json={"person": AGENT, "password": password_of(AGENT)})
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(desk: RunningDesk) -> None:
    client = await desk.stranger()
    wrong = await client.post("/api/login", json={"person": AGENT, "password": "wrong"})
    unknown = await client.post("/api/login", json={"person": "nobody", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["error"]["code"] == "wrong_login"
    assert "set-cookie" not in wrong.headers


async def test_a_person_whom_the_centre_no_longer_knows_cannot_log_in_or_go_on(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    del desk.center.people[AGENT]
    assert (await client.get("/api/people")).status_code == 401
    again = await client.post("/api/login", json={"person": AGENT, "password": password_of(AGENT)})
    assert again.json()["error"]["code"] == "wrong_login"


async def test_too_many_attempts_say_when_to_try_again(start_desk: StartDesk) -> None:
    desk = await start_desk(DeskSettings(logins=LoginSettings(attempts_per_person=2)))
    client = await desk.stranger()
    for _ in range(2):
        assert (await client.post("/api/login", json={"person": AGENT, "password": "no"})).status_code == 401
    refused = await client.post("/api/login", json={"person": AGENT, "password": password_of(AGENT)})
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many_attempts"
    assert int(refused.headers["retry-after"]) > 0
    counted = (await client.get("/metrics")).text
    assert 'ringside_desk_logins_refused_total{cause="too_many_attempts"} 1.0' in counted


async def test_logging_out_ends_the_session_on_the_server(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    cookie = client.cookies[COOKIE]
    assert (await client.post("/api/logout", json={})).status_code == 204
    assert COOKIE not in client.cookies
    kept = await client.get("/api/me", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert kept.status_code == 401
    assert desk.sessions.rows == {}


async def test_logging_in_again_ends_the_session_the_browser_had(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    await client.post("/api/login", json={"person": ADMINISTRATOR, "password": password_of(ADMINISTRATOR)})
    assert [row.person for row in desk.sessions.rows.values()] == [ADMINISTRATOR]


async def test_odd_cookies_are_no_session(desk: RunningDesk) -> None:
    client = await desk.stranger()
    for value in ("", "x", "a" * 3000, '"; DROP', "\xff\xfe".encode("latin-1")):
        cookie = value if isinstance(value, bytes) else value.encode()
        answer = await client.get("/api/me", headers={b"Cookie": COOKIE.encode() + b"=" + cookie})
        assert answer.status_code == 401


async def test_without_the_store_a_login_is_refused_clearly_and_old_sessions_go_on(desk: RunningDesk) -> None:
    client = await desk.log_in(AGENT)
    desk.sessions.down = True
    assert (await client.get("/api/me")).status_code == 200
    refused = await (await desk.stranger()).post("/api/login", json={"person": AGENT, "password": password_of(AGENT)})
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "store_unavailable"
