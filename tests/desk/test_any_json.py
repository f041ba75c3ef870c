"""Whatever JSON comes to whatever route: a clear answer, never a crash."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest

from desk.app import create_app
from desk.settings import DeskSettings, LoginSettings
from tests.desk.conftest import StartDesk
from tests.fakes.center import AGENT, CALL, CASE, SPECIALIST, SUPERVISOR

pytestmark = pytest.mark.loopback

ROUNDS = 40
"""Random bodies per command and person."""
WORDS = [
    "ready",
    "not_ready",
    "dnd",
    "away",
    SPECIALIST,
    "policy",
    "",
    "x" * 5000,
    "\x00",
    "\ud800",
    "2026-11-21T10:00:00Z",
    "ř" * 300,
]
KNOWN_IDS = {"interaction": CALL, "case": CASE, "escalation": "esc_1"}
ODD_IDS = ["%00", "%2e%2e", "a b", "💥", "int_999", "x" * 500, "-1"]


def any_json(dice: random.Random, depth: int = 0) -> Any:
    """A random JSON value, with the odd numbers and texts that break programs."""
    kinds = 9 if depth < 4 else 7
    match dice.randrange(kinds):
        case 0:
            return None
        case 1:
            return dice.random() < 0.5
        case 2:
            return dice.choice([0, -1, 1, 2**31, 2**63, -(2**80), 10**400])
        case 3:
            return dice.choice([0.5, -0.0, 1e308, float("nan"), float("inf")])
        case 4 | 5:
            return dice.choice(WORDS)
        case 6:
            return "".join(dice.choices(string.printable + "řž漢", k=dice.randrange(60)))
        case 7:
            return [any_json(dice, depth + 1) for _ in range(dice.randrange(4))]
        case _:
            return {str(any_json(dice, 9))[:80]: any_json(dice, depth + 1) for _ in range(dice.randrange(4))}


def near_body(dice: random.Random, schema: dict[str, Any]) -> Any:
    """A body with the right field names and random values; sometimes anything."""
    if dice.random() < 0.2:
        return any_json(dice)
    names = list(schema.get("properties", {}))
    body = {name: any_json(dice) for name in names if dice.random() < 0.9}
    if dice.random() < 0.2:
        body["surprise"] = any_json(dice)
    return body


def path_for(dice: random.Random, template: str) -> str:
    """A path of this template with an id that exists, or an odd one."""
    for name, known in KNOWN_IDS.items():
        template = template.replace(f"{{{name}}}", known if dice.random() < 0.7 else dice.choice(ODD_IDS))
    return template


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_json_on_any_route_makes_the_desk_fail(start_desk: StartDesk, seed: int) -> None:
    """Malformed or hostile input: a clear refusal to its sender, the node lives (N9)."""
    many = LoginSettings(attempts_per_person=10_000, attempts_per_address=10_000)
    desk = await start_desk(DeskSettings(logins=many))
    description = create_app(desk.center, desk.logins).openapi()
    dice = random.Random(seed)
    statuses: set[int] = set()
    for person in (AGENT, SPECIALIST, SUPERVISOR):
        client = await desk.log_in(person)
        for template, methods in description["paths"].items():
            if template == "/api/logout":
                continue
            for method, operation in methods.items():
                schema = _body_schema(description, operation)
                for _ in range(ROUNDS if method == "post" else 2):
                    body = json.dumps(near_body(dice, schema))
                    path = path_for(dice, template)
                    headers = {"Content-Type": "application/json"}
                    answer = await client.request(method.upper(), path, content=body, headers=headers)
                    assert answer.status_code < 500, (method, path, body, answer.text)
                    if answer.status_code >= 400:
                        assert answer.json()["error"]["message"], (method, path, body)
                    statuses.add(answer.status_code)
    assert statuses >= {200, 204, 403, 404, 422}


def _body_schema(description: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of an operation's JSON body with references resolved; empty for none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    for option in schema.get("anyOf", [schema]):
        if "$ref" in option:
            resolved: dict[str, Any] = description["components"]["schemas"][option["$ref"].rpartition("/")[2]]
            return resolved
    return {}
