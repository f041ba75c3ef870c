"""The routes of docs/api.md: who may, what reaches the centre, what comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx2 import AsyncClient

from desk.app import create_app
from desk.bodies import REASON_CHARS
from presence.model import Status
from routing.model import AgentStatus
from tests.desk.conftest import RunningDesk
from tests.fakes.center import ADMINISTRATOR, AGENT, CALL, CASE, DIGEST, OTHER_AGENT, SPECIALIST, SUPERVISOR

pytestmark = pytest.mark.loopback

JSON = {"Content-Type": "application/json"}
OPEN = {
    ("POST", "/api/login"),
    ("GET", "/api/login/ways"),
    ("GET", "/api/login/oidc"),
    ("GET", "/api/login/oidc/callback"),
    ("GET", "/api/health"),
}

COMMANDS: list[tuple[str, str, Any]] = [
    ("POST", "/api/me/phone-password", {}),
    ("POST", "/api/me/agent-status", {"status": "ready"}),
    ("POST", "/api/me/availability", {"status": "dnd"}),
    ("POST", "/api/me/here", {}),
    ("POST", "/api/me/limits", {"per_hour": 4, "quiet": [{"weekday": 0, "from": "12:00", "to": "13:00"}]}),
    ("POST", "/api/me/wrap-up/finish", {"disposition": "solved", "note": "n"}),
    ("POST", f"/api/interactions/{CALL}/escalations", {"specialist": SPECIALIST}),
    ("POST", f"/api/interactions/{CALL}/consult", {"on": True}),
    ("POST", f"/api/interactions/{CALL}/supervise", {"mode": "listen"}),
    ("POST", f"/api/interactions/{CALL}/supervise/leave", {}),
    ("POST", f"/api/interactions/{CALL}/leave", {}),
    ("POST", f"/api/interactions/{CALL}/close", {"outcome": "solved", "resolved": True}),
    ("POST", "/api/escalations/esc_1/rendered", {"digest": DIGEST}),
    ("POST", "/api/escalations/esc_1/accept", {}),
    ("POST", "/api/escalations/esc_1/decline", {"reason": "busy"}),
    ("POST", "/api/escalations/esc_1/later", {"minutes": 5}),
    ("POST", "/api/escalations/esc_1/choose", {"choice": "wait"}),
    ("POST", "/api/escalations/esc_1/cancel", {}),
    ("POST", f"/api/cases/{CASE}/edits", {"field": "policy", "text": "A1", "base_version": 0}),
    ("GET", "/api/tasks", None),
    ("POST", "/api/people", {"id": "nora.new", "name": "Nora New", "roles": ["specialist"], "skills": {"claims": 3}}),
    ("POST", "/api/tasks/task_1/accept", {}),
    ("POST", "/api/tasks/task_1/decline", {}),
    ("POST", "/api/tasks/task_1/done", {"outcome": "solved", "resolved": True}),
    ("POST", "/api/tasks/task_1/accept", {}),
    ("POST", "/api/tasks/task_1/decline", {}),
    ("POST", "/api/tasks/task_1/done", {"outcome": "paid", "resolved": True}),
    ("POST", "/api/logout", {}),
    ("GET", "/api/tasks", None),
    ("GET", "/api/me", None),
    ("GET", "/api/me/help", None),
    ("POST", f"/api/interactions/{CALL}/rating", {"rating": 5, "words": "Nobody put me on hold."}),
    ("GET", "/api/report/calls", None),
    ("GET", "/api/me/sessions", None),
    ("POST", "/api/me/sessions/end-others", {}),
    ("POST", "/api/me/sessions/0123456789abcdef/end", {}),
    ("GET", f"/api/people/{AGENT}/sessions", None),
    ("POST", f"/api/people/{AGENT}/sessions/end", {}),
    ("GET", f"/api/interactions/{CALL}/vcon", None),
    ("GET", "/api/people", None),
    ("GET", "/api/queues", None),
    ("GET", "/api/interactions", None),
    ("GET", f"/api/interactions/{CALL}", None),
    ("GET", f"/api/interactions/{CALL}/events", None),
    ("GET", f"/api/cases/{CASE}", None),
]


def documented(desk: RunningDesk) -> set[tuple[str, str]]:
    """All (method, path) of the API description."""
    paths = create_app(desk.center, desk.logins).openapi()["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


async def test_every_route_but_login_and_health_needs_a_session(shared_desk: RunningDesk) -> None:
    client = await shared_desk.stranger()
    for method, path, body in [*COMMANDS, ("GET", "/api/openapi.json", None)]:
        answer = await client.request(method, path, json=body)
        assert answer.status_code == 401, path
        assert answer.json()["error"]["code"] == "not_logged_in"
    assert shared_desk.center.calls == []


async def test_the_table_of_commands_covers_the_whole_description(shared_desk: RunningDesk) -> None:
    tried = {(method, len(path.split("/")), path.split("/")[-1]) for method, path, _ in COMMANDS}
    for method, path in documented(shared_desk) - OPEN:
        last = path.split("/")[-1]
        names = {CALL, CASE} if last.startswith("{") else {last}
        assert any((method, len(path.split("/")), name) in tried for name in names), path


async def test_a_wrong_role_or_no_part_is_forbidden_where_the_centre_says_so(desk: RunningDesk) -> None:
    agent = await desk.log_in(AGENT)
    await agent.post(f"/api/interactions/{CALL}/escalations", json={"specialist": SPECIALIST})
    outsider, administrator = await desk.log_in(OTHER_AGENT), await desk.log_in(ADMINISTRATOR)
    of_a_call = [each for each in COMMANDS if each[1].split("/")[2] in {"interactions", "escalations", "cases"}]
    of_agents = [each for each in COMMANDS if each[1] in {"/api/me/agent-status", "/api/me/wrap-up/finish"}]
    not_shown = {"/api/interactions", f"/api/cases/{CASE}"}  # read from what this person sees: empty, unknown
    for client, commands in ((outsider, of_a_call), (administrator, of_a_call), (administrator, of_agents)):
        for method, path, body in commands:
            if method == "POST" or path not in not_shown:
                answer = await client.request(method, path, json=body)
                assert answer.status_code == 403, path
                assert answer.json()["error"]["message"]


async def test_an_escalation_goes_through_from_two_desks(desk: RunningDesk) -> None:
    """CE-01, CE-03, CE-05: one action pulls the specialist in; his answer joins him."""
    agent, specialist = await desk.log_in(AGENT), await desk.log_in(SPECIALIST)
    started = await agent.post(
        f"/api/interactions/{CALL}/escalations", json={"specialist": SPECIALIST, "reason": "law"}
    )
    assert started.status_code == 201
    escalation = started.json()
    assert (escalation["state"], escalation["reason"]) == ("offered", "law")
    path = f"/api/escalations/{escalation['id']}"
    await _done(specialist, f"{path}/rendered", {"digest": escalation["digest"]})
    await _done(specialist, f"{path}/accept", {})
    await _done(agent, f"/api/interactions/{CALL}/leave", {})
    await _done(specialist, f"/api/interactions/{CALL}/close", {"outcome": "solved", "resolved": True, "note": "ok"})
    assert (await specialist.get("/api/interactions")).json() == []
    assert [call[:2] for call in desk.center.calls] == [
        ("escalate", AGENT),
        ("rendered", SPECIALIST),
        ("accept", SPECIALIST),
        ("leave", AGENT),
        ("close", SPECIALIST),
    ]
    assert desk.center.calls[-1] == ("close", SPECIALIST, CALL, "solved", True, "ok")


async def test_refusals_of_the_centre_keep_their_slug_and_field(desk: RunningDesk) -> None:
    agent = await desk.log_in(AGENT)
    path = f"/api/interactions/{CALL}/escalations"
    unknown = await agent.post(path, json={"specialist": "nobody"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_specialist")
    wrong = await agent.post(path, json={"specialist": OTHER_AGENT})
    assert wrong.status_code == 422
    assert wrong.json() == {
        "error": {"code": "not_a_specialist", "message": "This person is not a specialist.", "field": "specialist"}
    }
    await agent.post(path, json={"specialist": SPECIALIST})
    twice = await agent.post(path, json={"specialist": SPECIALIST})
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "already_escalating")
    assert (await agent.get("/api/interactions/int_9")).json()["error"]["code"] == "unknown_interaction"


async def test_what_people_choose_reaches_the_centre_in_its_own_words(desk: RunningDesk) -> None:
    agent = await desk.log_in(AGENT)
    await _done(agent, "/api/me/agent-status", {"status": "not_ready", "reason": "lunch"})
    until = "2026-11-21T13:00:00+02:00"
    await _done(agent, "/api/me/availability", {"status": "away", "until": until})
    await _done(agent, "/api/me/availability", {"status": "automatic", "reason": "lunch"})
    await _done(agent, "/api/me/here", {})
    await _done(agent, "/api/me/wrap-up/finish", {})
    assert desk.center.calls == [
        ("choose_agent_status", AGENT, AgentStatus.NOT_READY, "lunch"),
        ("choose_availability", AGENT, Status.AWAY, "", datetime(2026, 11, 21, 11, tzinfo=UTC)),
        ("choose_availability", AGENT, None, "", None),
        ("is_here", AGENT),
        ("finish_wrap_up", AGENT, "", ""),
    ]


async def test_an_edit_tells_its_version_and_whether_it_met_another(desk: RunningDesk) -> None:
    agent = await desk.log_in(AGENT)
    path = f"/api/cases/{CASE}/edits"
    first = await agent.post(path, json={"field": "policy", "text": "A 1", "base_version": 0})
    assert first.json() == {"version": 1, "conflict": False}
    blind = await agent.post(path, json={"field": "policy", "text": "B 2", "base_version": 0})
    assert blind.json() == {"version": 2, "conflict": True}
    assert (await agent.get(f"/api/cases/{CASE}")).json()["values"] == {"policy": "B 2"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (f"/api/cases/{CASE}/edits", {"field": "policy", "text": "x" * 4001, "base_version": 0}, "text"),
        (f"/api/cases/{CASE}/edits", {"field": "policy", "text": "nul \x00", "base_version": 0}, "text"),
        (f"/api/cases/{CASE}/edits", {"field": "policy", "text": "\ud800", "base_version": 0}, "text"),
        (f"/api/cases/{CASE}/edits", {"field": "policy", "text": "x", "base_version": 2**40}, "base_version"),
        (f"/api/cases/{CASE}/edits", {"field": "policy", "text": "x", "base_version": True}, "base_version"),
        (f"/api/cases/{CASE}/edits", {"field": "policy", "text": "x"}, "base_version"),
        (f"/api/interactions/{CALL}/escalations", {"specialist": "sam", "reason": "r" * 201}, "reason"),
        (f"/api/interactions/{CALL}/close", {"outcome": "o", "resolved": "yes"}, "resolved"),
        (f"/api/interactions/{CALL}/close", {"outcome": "o", "resolved": True, "note": "n" * 2001}, "note"),
        ("/api/me/availability", {"status": "offline"}, "status"),
        ("/api/me/availability", {"status": "dnd", "until": 1e300}, "until"),
        ("/api/me/availability", {"status": "dnd", "until": "2026-11-21T13:00:00"}, "until"),
        ("/api/me/availability", {"status": "dnd", "until": "9999-12-31T23:59:59-14:00"}, "until"),
        ("/api/me/agent-status", {"status": "ready", "typo": 1}, "typo"),
        ("/api/me/agent-status", {"status": "ready", "x" * 1000: 1}, "x" * 64),
        (f"/api/interactions/{'i' * 65}/leave", {}, "interaction"),
        ("/api/interactions/a%00b/leave", {}, "interaction"),
        ("/api/login", {"person": "petra", "password": "p" * 201}, "password"),
    ],
)
async def test_a_wrong_field_is_named(shared_desk: RunningDesk, path: str, body: dict[str, Any], field: str) -> None:
    client = await shared_desk.log_in(AGENT)
    answer = await client.post(path, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["field"] == field
    assert error["code"] == "invalid_field"
    assert len(error["message"]) < 300
    assert shared_desk.center.calls == []


async def test_the_longest_reason_fits(desk: RunningDesk) -> None:
    agent = await desk.log_in(AGENT)
    await _done(agent, "/api/me/agent-status", {"status": "not_ready", "reason": "ř" * REASON_CHARS})


async def test_a_body_that_is_no_object_is_refused(shared_desk: RunningDesk) -> None:
    agent = await shared_desk.log_in(AGENT)
    for body in ("[]", '"ready"', "1", "null"):
        answer = await agent.post("/api/me/agent-status", content=body, headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "invalid_body"


async def test_people_see_only_what_is_theirs(shared_desk: RunningDesk) -> None:
    expected = {AGENT: 1, SUPERVISOR: 1, OTHER_AGENT: 0, SPECIALIST: 0, ADMINISTRATOR: 0}
    for person, calls in expected.items():
        client = await shared_desk.log_in(person)
        assert len((await client.get("/api/interactions")).json()) == calls, person
        assert len((await client.get("/api/people")).json()) == 5
        assert [queue["id"] for queue in (await client.get("/api/queues")).json()] == ["claims"]
        assert (await client.get(f"/api/cases/{CASE}")).status_code == (200 if calls else 404)
        assert (await client.get("/api/me")).json()["id"] == person


async def test_health_needs_no_login_and_tells_no_details(desk: RunningDesk) -> None:
    client = await desk.stranger()
    assert (await client.get("/api/health")).json() == {"ok": True, "degraded": []}
    desk.center.degraded = ["The message broker does not answer."]
    assert (await client.get("/api/health")).json() == {
        "ok": False,
        "degraded": ["The message broker does not answer."],
    }


async def test_unknown_paths_and_methods_get_the_error_envelope(shared_desk: RunningDesk) -> None:
    client = await shared_desk.log_in(AGENT)
    for method, path, status in (
        ("GET", "/api/nothing", 404),
        ("POST", "/api/nothing/at/all", 404),
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/people/", 404),
        ("GET", "/api/login", 405),
        ("DELETE", "/api/people", 405),
    ):
        answer = await client.request(method, path, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, path
        assert set(answer.json()) == {"error"}


async def test_the_description_names_the_product_and_its_errors(shared_desk: RunningDesk) -> None:
    client = await shared_desk.log_in(AGENT)
    description = (await client.get("/api/openapi.json")).json()
    assert description["info"]["title"] == "Ringside"
    escalate = description["paths"]["/api/interactions/{interaction}/escalations"]["post"]
    reference = escalate["responses"]["409"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.endswith("/ErrorAnswer")
    assert escalate["tags"] == ["interactions"]


async def _done(client: AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
