"""A small stand-in for the centre behind the web desk: real HTTP and WebSocket, scripted documents, recorded commands.

By hand: `python -m tests.desk_web.mock_desk --scene call`; log in as any person of scenes.py with password `secret`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from center.report.report import Report
from context.bundle import case_json
from context.errors import ContextError
from context.model import CaseEdit, ValueSource
from context.record import apply_edit
from tests.desk_web.figures import behind, busy_day, help_given, report_now
from tests.desk_web.mock_phone import MockPhones
from tests.desk_web.scenes import (
    CALL,
    CASE,
    ESCALATION,
    NAMES,
    TIMES,
    Doc,
    ago,
    availability,
    make_case,
    person,
    promise,
    scene_documents,
)
from tests.desk_web.scenes_sessions import three_sessions

STATIC = Path(__file__).parents[2] / "desk" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(eq=False)
class Screen:
    socket: WebSocket
    person: str
    seq: int = 0


@dataclass
class MockDesk:
    """The centre's outside: documents by key, and the commands that came."""

    scene: str = "idle"
    documents: dict[str, Doc] = field(default_factory=dict)
    commands: list[tuple[str, Doc]] = field(default_factory=list)
    screens: set[Screen] = field(default_factory=set)
    agent: Doc = field(default_factory=dict)
    refuse: dict[str, tuple[int, str, str] | tuple[int, str, str, str | Doc]] = field(default_factory=dict)
    """Path suffix -> (status, code, message[, field or details]): the next such commands are refused."""
    registered: bool = True
    limits: Doc = field(default_factory=lambda: {"per_hour": 4, "quiet": [], "focus_until": None})
    phones: MockPhones = field(default_factory=MockPhones)
    provider: str = ""
    """What the identity provider is called; empty: there is none."""
    log_out_at: str = ""
    """Where logging out goes on at the provider."""
    sessions: list[Doc] = field(default_factory=lambda: three_sessions(ago))
    news: asyncio.Event = field(default_factory=asyncio.Event)
    figures: Report = field(default_factory=busy_day)

    def __post_init__(self) -> None:
        self.play(self.scene)

    def play(self, scene: str) -> None:
        self.case = make_case()
        self.documents = scene_documents(scene)
        busy = CALL if f"interaction/{CALL}" in self.documents and scene != "left" else None
        self.agent = {
            "status": "ready",
            "reason": "",
            "state": "wrap_up" if scene == "left" else "busy" if busy else "idle",
            "since": ago(65),
            "wrap_up_ends_at": ago(-24) if scene == "left" else None,
            "interaction": CALL if scene == "left" else busy,
        }
        if f"interaction/{CALL}" in self.documents or scene == "tasks":
            self.documents[f"case/{CASE}"] = self.case_document()

    async def turn_to(self, scene: str) -> None:
        """Play another scene on the screens that are open."""
        before = set(self.documents)
        self.play(scene)
        await self.send(self.documents, sorted(before - set(self.documents)))

    def case_document(self) -> Doc:
        document: Doc = case_json(self.case)
        for one in document["fields"]:
            for value in one["values"]:
                value["author_name"] = NAMES.get(value["author"], value["author"])
        return document

    def me(self, person: str) -> Doc:
        known = self.documents[f"person/{person}"]
        ports = {"udp": 5060, "tcp": 5060, "tls": 5061}
        return {
            **{key: known[key] for key in ("id", "name", "title", "roles", "availability")},
            "agent": self.agent if "agent" in known["roles"] else None,
            "phone": {"server": "127.0.0.1", "ports": ports, "user": person, "registered": self.registered},
            "mqtt": {"host": "127.0.0.1", "port": 1883, "user": person},
            "limits": self.limits,
        }

    def visible_to(self, person: str) -> dict[str, Doc]:
        mine = {"report": report_now(self.figures)} if "supervisor" in self.me(person)["roles"] else {}
        return {**self.documents, **mine, "me": self.me(person)}

    async def put(self, **documents: Doc) -> None:
        """Replace documents (keys with `__` for `/`) on all screens."""
        changed = {key.replace("__", "/"): doc for key, doc in documents.items()}
        self.documents.update(changed)
        await self.send(changed, [])

    async def drop(self, *keys: str) -> None:
        for key in keys:
            self.documents.pop(key, None)
        await self.send({}, list(keys))

    async def send(self, changed: dict[str, Doc], gone: list[str]) -> None:
        for screen in list(self.screens):
            screen.seq += 1
            content = {"type": "change", "seq": screen.seq, "set": {**changed, "me": self.me(screen.person)}}
            await screen.socket.send_json({**content, "remove": gone})

    async def edit(self, author: str, source: ValueSource, body: Doc) -> Doc:
        edit = CaseEdit(body["field"], body["text"], source, author, datetime.now(UTC), body["base_version"])
        self.case = apply_edit(self.case, edit)
        await self.put(**{f"case__{CASE}": self.case_document()})
        return {"version": self.case.version, "conflict": len(self.case.values[edit.field]) > 1}

    async def advance(self, **changes: Any) -> None:
        """Move the running escalation on: its state, and the time of that step."""
        document = {**self.documents[f"escalation/{ESCALATION}"], **changes}
        stamp = f"{changes.get('state')}_at"
        if stamp in TIMES:
            document[stamp] = ago(0)
        await self.put(**{f"escalation__{ESCALATION}": document})

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that commands or connections change."""
        async with asyncio.timeout(20):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def wait_sent(self, ending: str, count: int = 1) -> list[Doc]:
        """Wait for the first `count` commands whose path ends so; returns their bodies."""
        await self.until(lambda: len(self.sent(ending)) >= count)
        return self.sent(ending)

    def sent(self, ending: str) -> list[Doc]:
        return [body for path, body in self.commands if path.endswith(ending)]


def error(status: int, code: str, message: str, more: str | Doc | None = None) -> JSONResponse:
    at = {"field": more} if isinstance(more, str) else {"details": more} if more else {}
    return JSONResponse({"error": {"code": code, "message": message, **at}}, status)


def make_app(desk: MockDesk) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def strict_policy(request: Request, call_next: Any) -> Response:
        answer: Response = await call_next(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    @app.post("/api/login")
    async def login(body: Doc) -> Response:
        if f"person/{body['person']}" not in desk.documents or body["password"] != "secret":
            return error(401, "wrong_login", "wrong")
        known = desk.documents[f"person/{body['person']}"]
        answer = JSONResponse({"person": known["id"], "name": known["name"], "roles": known["roles"]})
        answer.set_cookie("ringside_session", known["id"], httponly=True, samesite="strict")
        return answer

    @app.get("/api/me")
    async def me(request: Request) -> Response:
        who = request.cookies.get("ringside_session")
        return JSONResponse(desk.me(who)) if who else error(401, "not_logged_in", "Log in first.")

    @app.get("/api/interactions/{interaction}/events")
    async def events(interaction: str) -> list[Doc]:
        names = ("call_arrived", "agent_offered", "agent_answered", "escalation_requested", "case_rendered")
        return [
            {"seq": n, "at": ago(90 - 17.3 * n), "name": name, "data": {"interaction": interaction}}
            for n, name in enumerate(names, 1)
        ]

    @app.get("/api/report/calls")
    async def calls(figure: str, window: str, queue: str = "", bin: int | None = None) -> Doc:
        return behind(desk.figures, figure, window, queue, bin)

    @app.get("/api/login/ways")
    async def ways() -> Doc:
        return {"password": True, "oidc": {"name": desk.provider} if desk.provider else None}

    @app.get("/api/me/sessions")
    async def my_sessions() -> list[Doc]:
        return desk.sessions

    @app.get("/api/people/{person}/sessions")
    async def sessions_of(person: str) -> list[Doc]:
        return [{**each, "current": False} for each in desk.sessions]

    @app.get("/api/admin/{kind}")
    async def administered(kind: str) -> list[Doc]:
        return []

    @app.get("/api/me/help")
    async def my_help() -> Doc:
        return help_given(ago)

    @app.post("/api/{path:path}")
    async def command(path: str, request: Request) -> Response:
        who = request.cookies.get("ringside_session", "")
        body = await request.json()
        desk.commands.append((path, body))
        desk.news.set()
        for ending, refusal in desk.refuse.items():
            if path.endswith(ending):
                return error(*refusal)
        if path == "logout":
            there = desk.log_out_at
            answer = JSONResponse({"continue_at": there}) if there else Response(status_code=204)
            answer.delete_cookie("ringside_session")
            return answer
        return await perform(desk, who, path, body)

    @app.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        who = socket.cookies.get("ringside_session")
        if not who:
            return await socket.close(4401)
        screen = Screen(socket, who)
        await socket.send_json({"type": "snapshot", "seq": 0, "docs": desk.visible_to(who)})
        desk.screens.add(screen)
        desk.news.set()
        try:
            await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            desk.screens.discard(screen)
            desk.news.set()

    @app.websocket("/api/phone")
    async def phone(socket: WebSocket) -> None:
        await desk.phones.serve(socket)

    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


async def perform(desk: MockDesk, who: str, path: str, body: Doc) -> Response:
    """What the few commands with an immediate effect do; all others are only recorded."""
    match path.split("/"):
        case ["cases", _, "edits"]:
            source = ValueSource.SPECIALIST if who == "eva" else ValueSource.AGENT
            try:
                return JSONResponse(await desk.edit(who, source, body))
            except ContextError as refused:
                return error(422, "refused", str(refused))
        case ["interactions", _, "escalations"]:
            documents = scene_documents("arriving")
            asked = {**documents[f"escalation/{ESCALATION}"], "reason": body.get("reason", "")}
            if "specialist" not in body:
                asked |= {"specialist": None, "specialist_name": None, "state": "requested", "invitations": []}
                asked |= {"skill": body.get("skill", ""), "pushed_at": None}
            await desk.put(**{f"escalation__{ESCALATION}": asked})
            return JSONResponse(asked, 201)
        case ["me", "agent-status"]:
            desk.agent = {**desk.agent, "status": body["status"], "reason": body.get("reason", "")}
            await desk.send({}, [])
        case ["me", "limits"]:
            desk.limits = body
            await desk.send({}, [])
        case ["interactions", call, "consult"]:
            await desk.put(
                **{f"interaction__{call}": {**desk.documents[f"interaction/{call}"], "consulting": body["on"]}}
            )
        case ["interactions", call, "supervise"]:
            one = {"person": who, "name": "Sofia Lind", "mode": body["mode"], "state": "in_call"}
            await desk.put(**{f"supervision__{call}": {"interaction": call, "supervisors": [one]}})
        case ["interactions", call, "supervise", "leave"]:
            await desk.drop(f"supervision/{call}")
        case ["escalations", _, "choose"]:
            if body["choice"] == "wait":
                await desk.advance(state="waiting", phase="waiting", choices=[])
            else:
                await desk.advance(state="closed", phase="closed", choices=[], cause="promised", promise=promise())
        case ["tasks", id_, "accept"]:
            mine = {"state": "accepted", "person": who, "person_name": NAMES.get(who, who)}
            await desk.put(**{f"task__{id_}": {**desk.documents[f"task/{id_}"], **mine}})
        case ["tasks", id_, "decline"]:
            left = {"state": "open", "person": None, "person_name": None}
            await desk.put(**{f"task__{id_}": {**desk.documents[f"task/{id_}"], **left}})
        case ["tasks", id_, "done"]:
            await desk.drop(f"task/{id_}")
        case ["me", "phone-password"]:
            return JSONResponse({**desk.me(who)["phone"], "password": "quiet-harbour-8841-lamp"})
        case ["me", "sessions", "end-others"]:
            desk.sessions = [each for each in desk.sessions if each["current"]]
        case ["me", "sessions", id_, "end"]:
            desk.sessions = [each for each in desk.sessions if each["id"] != id_]
        case ["people"]:
            return await enrol(desk, body)
        case ["escalations", _, "rendered"]:
            await desk.advance(state="rendered")
        case ["escalations", _, "accept"]:
            await desk.advance(state="accepted", accepted_by_click=True)
        case ["escalations", _, "later"]:
            await desk.advance(state="closed", cause="later", cause_text="has time later")
        case ["escalations", _, "cancel"]:
            await desk.advance(state="closed", cause="cancelled", cause_text="Petra Malá cancelled it.")
    return Response(status_code=204)


async def enrol(desk: MockDesk, body: Doc) -> Response:
    """Take a colleague in: on all screens at once, with made-up passwords."""
    if f"person/{body['id']}" in desk.documents:
        return error(409, "person_exists", f"There is somebody called {body['id']} already.", "id")
    newcomer = person(
        **{key: body[key] for key in ("id", "name", "title", "roles", "skills")},
        seen={**availability("unknown", "nothing known yet", checked_s=None), "since": None, "sources": []},
        registered=False,
    )
    await desk.put(**{f"person__{body['id']}": {**newcomer, "languages": body["languages"]}})
    phone = {"server": "127.0.0.1", "ports": {"udp": 5060, "tls": 5061}, "user": body["id"]}
    secrets = {"web_password": "calm-river-1207-oak", "phone_password": "bright-stone-4410-elm"}
    return JSONResponse({"person": body["id"], "name": body["name"], **secrets, **phone}, 201)


class Served:
    """A mock desk on a free port of the loopback address."""

    def __init__(self, desk: MockDesk, port: int = 0) -> None:
        self.desk = desk
        config = uvicorn.Config(make_app(desk), "127.0.0.1", port, log_level="warning", ws="websockets-sansio")
        config.timeout_graceful_shutdown = 1
        self.server = uvicorn.Server(config)

    async def __aenter__(self) -> Served:
        self.task = asyncio.create_task(self.server.serve())
        while not self.server.started:  # noqa: ASYNC110 - the server offers no event to wait for
            await asyncio.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.should_exit = True
        await self.task

    async def hang_up(self) -> None:
        """Cut all live connections, as a restart or a bad line does."""
        lost = list(self.desk.screens)
        self.desk.screens.clear()  # nothing more is sent to those
        for screen in lost:
            await screen.socket.close(1012)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", default="call")
    parser.add_argument("--port", type=int, default=8080)
    chosen = parser.parse_args()
    async with Served(replace(MockDesk(), scene=chosen.scene), chosen.port) as served:
        await served.task


if __name__ == "__main__":
    asyncio.run(main())
