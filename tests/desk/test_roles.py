"""docs/security.md is the contract of who may do what: every route, every document of the live connection and every
message of the browser phone has a row there, and is tried here with every role, over the real centre.

The people who try have no part in the call and the promise they try it on. "yes": the centre considers it (it may still
say that this is not the moment); "no": 403; "hidden": 404, as if it did not exist; "log in": 401.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from center.administration.model import Kind
from desk.live import CloseCode
from desk.settings import DeskSettings
from telephony.browser import words
from tests.center.administration.office import tone
from tests.desk.example import example
from tests.desk.whole_desk import PASSWORD, PERSON, ROLES, WholeDesk, a_whole_desk
from vocabulary import PersonId

pytestmark = pytest.mark.loopback

CONTRACT = Path(__file__).parents[2] / "docs" / "security.md"
COLUMNS = ("nobody", *ROLES)
PATIENCE_S = 30
UNSHAPED = {"invalid_field", "invalid_body", "malformed_json", "not_json"}
"""Answers that come before anybody asked who is asking: then nothing was tested."""
RIGHT_LOGIN = {"person": PERSON, "password": PASSWORD}
LAST = ("cancel", "logout")
"""What ends the situation for those who come after it."""


@dataclass(frozen=True)
class Row:
    """One row of a table: what it is about, and what each of COLUMNS may."""

    what: str
    cells: tuple[str, ...]


def contract(heading: str) -> list[Row]:
    """The rows of the table under a heading."""
    section = CONTRACT.read_text(encoding="utf-8").split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    parts = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
    return [Row(part[0].strip("`"), tuple(part[1 : 1 + len(COLUMNS)])) for part in parts]


def row_of(what: str, rows: list[Row]) -> Row:
    """The row of a route: its own, else one that ends in `*`."""
    own = [row for row in rows if row.what == what]
    wide = [row for row in rows if row.what.endswith("*") and what.startswith(row.what[:-1])]
    assert own or wide, f"{what} has no row in docs/security.md"
    return (own or wide)[0]


@pytest.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WholeDesk]:
    async with a_whole_desk(tmp_path_factory.mktemp("roles"), DeskSettings()) as running:
        yield running


def http_routes(desk: WholeDesk) -> list[str]:
    """Every method and path that the app serves, what ends the situation last."""
    routes = [each for each in iter_route_contexts(desk.app.routes) if isinstance(each.original_route, APIRoute)]
    assert len(routes) > 40
    found = {f"{method} {each.path}" for each in routes for method in each.methods or ()}
    return sorted(found, key=lambda what: (what.endswith(LAST), what.startswith("DELETE"), what))


def websocket_routes(desk: WholeDesk) -> list[str]:
    routes = iter_route_contexts(desk.app.routes)
    return [str(each.path) for each in routes if isinstance(each.original_route, APIWebSocketRoute)]


class Asking:
    """Makes a request to a route that has the right shape and is about something that exists."""

    def __init__(self, desk: WholeDesk) -> None:
        self._desk = desk
        self._description = desk.app.openapi()
        self._components = self._description["components"]["schemas"]

    async def ask(self, method: str, path: str, person: PersonId | None) -> httpx2.Response:
        client = self._desk.client
        client.cookies.clear()
        address = await self._address(path, person)
        headers = await self._desk.logged_in(person)
        if path.endswith("/audio") and method == "PUT":
            return await client.put(address, content=tone(), headers={**headers, "Content-Type": "audio/wav"})
        # As if a proxy had brought it: nobody is taken for a program on this machine.
        headers |= {"Content-Type": "application/json", "X-Forwarded-For": "192.0.2.7"}
        return await client.request(method, address, content=self._body(method, path), headers=headers)

    async def _address(self, path: str, person: PersonId | None) -> str:
        ids = dict(self._desk.ids)
        if "{session}" in path:
            ids["session"] = (await self._desk.session(person))[1].id_hash[:16] if person else "0" * 16
        kind = _kind(path)
        if kind is not None and "{subject}" in path:
            ids["subject"] = self._desk.thing(kind)["id"]
        return re.sub(r"\{(\w+)\}", lambda name: ids[name[1]], path)

    def _body(self, method: str, path: str) -> bytes | None:
        operation = self._description["paths"].get(path, {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        body: Any = RIGHT_LOGIN if path == "/api/login" else example(content["schema"], self._components)
        kind = _kind(path)
        if kind is not None and isinstance(body, dict) and "content" in body:
            thing = self._desk.thing(kind)
            body["content"] = thing["content"]
            if "version" in body:
                body["version"] = thing["version"]
        return json.dumps(body).encode()


def _kind(path: str) -> Kind | None:
    name = path.removeprefix("/api/admin/").partition("/")[0]
    return Kind(name) if path.startswith("/api/admin/") and name in {kind.value for kind in Kind} else None


def meaning(answer: httpx2.Response) -> str:
    """An answer in the words of the contract."""
    code = answer.json().get("error", {}).get("code", "") if answer.status_code >= 400 else ""
    assert code not in UNSHAPED, f"the request was not even understood: {answer.text}"
    assert answer.status_code < 500, answer.text
    return {401: "log in", 403: "no", 404: "hidden"}.get(answer.status_code, "yes")


async def test_the_contract_names_no_route_that_is_gone(desk: WholeDesk) -> None:
    served = {*http_routes(desk), *(f"WS {path}" for path in websocket_routes(desk))}
    for row in contract("Routes"):
        prefix = row.what.removesuffix("*")
        assert any(what == row.what or (prefix != row.what and what.startswith(prefix)) for what in served), row.what


async def opened(desk: WholeDesk, path: str, person: PersonId | None) -> ClientConnection:
    headers = await desk.logged_in(person)
    connection = connect(desk.url.replace("http:", "ws:") + path, additional_headers=headers, proxy=None)
    return await desk.exits.enter_async_context(connection)


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_every_websocket_needs_a_log_in_and_has_a_row(desk: WholeDesk) -> None:
    rows = contract("Routes")
    assert {"/api/live", "/api/phone"} <= set(websocket_routes(desk))
    for path in websocket_routes(desk):
        assert row_of(f"WS {path}", rows).cells == ("log in", "yes", "yes", "yes", "yes")
        assert await close_code(await opened(desk, path, None)) == CloseCode.NOT_LOGGED_IN
        for person in ROLES.values():
            socket = await opened(desk, path, person)
            assert (await socket.ping()) is not None
            await socket.close()


async def test_the_live_connection_shows_each_role_the_documents_of_the_contract(desk: WholeDesk) -> None:
    """What a person may not see never reaches his screen, whatever the page would do with it."""
    rows = {row.what: row.cells[1:] for row in contract("Documents of the live connection")}
    found: dict[str, list[str]] = {}
    for person in ROLES.values():
        socket = await opened(desk, "/api/live", person)
        async with asyncio.timeout(PATIENCE_S):
            keys = json.loads(await socket.recv())["docs"]
        seen = {key.partition("/")[0] for key in keys}
        for kind in rows:
            found.setdefault(kind, []).append("yes" if kind in seen else "hidden")
        assert seen <= set(rows), "a document of a kind without a row"
        await socket.close()
    assert {kind: tuple(cells) for kind, cells in found.items()} == rows


async def test_whoever_speaks_on_the_live_connection_is_hung_up_on(desk: WholeDesk) -> None:
    for person in ROLES.values():
        socket = await opened(desk, "/api/live", person)
        await socket.send(json.dumps({"type": "escalate", "interaction": desk.ids["interaction"]}))
        assert await close_code(socket) == CloseCode.CLIENT_SPOKE


async def test_every_message_of_the_browser_phone_is_of_the_persons_own_phone(desk: WholeDesk) -> None:
    """Which phone speaks is decided by the log-in; no message can name another person."""
    types = get_args(words.PageMessage)
    schema = TypeAdapter(words.PageMessage).json_schema()
    messages = {kind.model_fields["type"].annotation.__args__[0]: kind for kind in types}
    rows = contract("Messages of the browser phone")
    assert {row.what for row in rows} == set(messages)
    assert {row.cells for row in rows} == {("log in", "yes", "yes", "yes", "yes")}
    for person in ROLES.values():
        before = len(desk.phones.people)
        socket = await opened(desk, "/api/phone", person)
        for name, kind in messages.items():
            assert not {"person", "user", "aor"} & set(kind.model_fields)
            await socket.send(json.dumps(example(schema["$defs"][kind.__name__], schema["$defs"])))
            async with asyncio.timeout(PATIENCE_S):
                assert json.loads(await socket.recv()) == {"type": "heard", "what": name}
        assert [who for who, _ in desk.phones.people[before:]] == [person]
        await socket.close()


async def test_every_route_lets_in_whom_the_contract_names_and_nobody_else(desk: WholeDesk) -> None:
    """Issue 5.6: a new route without a row fails, and so does one that is more open, or less, than it says.

    The last test here: what it is allowed to do, it does.
    """
    rows, asking = contract("Routes"), Asking(desk)
    wrong: list[str] = []
    for what in http_routes(desk):
        wanted = row_of(what, rows).cells
        method, path = what.split(" ")
        found = tuple([meaning(await asking.ask(method, path, ROLES.get(role))) for role in COLUMNS])
        if found != wanted:
            wrong.append(f"{what}: written {' | '.join(wanted)}, found {' | '.join(found)}")
    assert wrong == []
