"""The desk client against a small desk on loopback: documents, stamps, waiting, and what it says when things break."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from siplab.desk import DeskClient
from siplab.errors import DeskLost, DeskRefused, WaitTimeout
from siplab.patience import WAIT_S
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

pytestmark = pytest.mark.loopback


class SmallDesk:
    """Speaks the desk API as far as the client uses it; `push` sends a frame to the open live connection."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {"me": {"id": "ana"}}
        self.commands: list[tuple[str, Any]] = []
        self.url = ""
        self._frames: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        routes = [
            Route("/api/login", self._login, methods=["POST"]),
            Route("/api/{path:path}", self._command, methods=["POST"]),
            Route("/api/people", self._people),
            WebSocketRoute("/api/live", self._live),
        ]
        self.app = Starlette(routes=routes)

    def push(self, frame: dict[str, Any] | None) -> None:
        self._frames.put_nowait(frame)

    async def _login(self, request: Request) -> Response:
        body = await request.json()
        if body["password"] != "right":
            return JSONResponse({"error": {"code": "wrong_login", "message": "Wrong."}}, 401)
        answer = JSONResponse({"person": body["person"]})
        answer.set_cookie("ringside_session", "s1", httponly=True, samesite="strict")
        return answer

    async def _command(self, request: Request) -> Response:
        self.commands.append((request.path_params["path"], await request.json()))
        return Response(status_code=204)

    async def _people(self, request: Request) -> Response:
        known = request.cookies.get("ringside_session") == "s1"
        return JSONResponse([{"id": "ana"}] if known else {"oops": 1}, 200 if known else 401)

    async def _live(self, socket: WebSocket) -> None:
        if socket.cookies.get("ringside_session") != "s1":
            await socket.close(4401)
            return
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await socket.send_json({"type": "snapshot", "seq": 0, "docs": self.documents})
            while (frame := await self._frames.get()) is not None:
                await socket.send_json(frame)
            await socket.close(1001)


@pytest.fixture
async def small_desk() -> AsyncIterator[SmallDesk]:
    """A desk on a free port of loopback."""
    desk = SmallDesk()
    config = uvicorn.Config(desk.app, port=0, log_config=None, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing else to wait for
        await asyncio.sleep(0.005)
    desk.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield desk
    desk.push(None)
    server.should_exit = True
    await serving


def change(seq: int, **documents: Any) -> dict[str, Any]:
    return {"type": "change", "seq": seq, "set": documents, "remove": []}


async def test_documents_follow_the_live_connection(small_desk: SmallDesk) -> None:
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        assert desk.docs == {"me": {"id": "ana"}}
        small_desk.push(change(1, a={"x": 1}, b={"x": 2}))
        small_desk.push({"type": "change", "seq": 2, "set": {}, "remove": ["b"]})
        await desk.wait_for(lambda docs: "a" in docs and "b" not in docs, WAIT_S, "a without b")
        assert [(key, doc) for _, key, doc in desk.history][-3:] == [("a", {"x": 1}), ("b", {"x": 2}), ("b", None)]


async def test_waiting_sees_a_state_that_lasts_only_one_frame(small_desk: SmallDesk) -> None:
    """`rendered` may be replaced by `ringing` in the next frame; who waits for it must still see it, with its time."""
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        before = time.monotonic()
        waiting = asyncio.create_task(
            desk.wait_for(lambda docs: docs.get("e", {}).get("state") == "x", WAIT_S, "state x")
        )
        await asyncio.sleep(0)
        small_desk.push(change(1, e={"state": "x"}))
        small_desk.push(change(2, e={"state": "y"}))
        seen = await waiting
        assert before < seen.at <= time.monotonic()
        assert desk.first_arrival("e", lambda doc: doc["state"] == "x") == seen.at


async def test_waiting_in_vain_says_what_was_awaited(small_desk: SmallDesk) -> None:
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        with pytest.raises(WaitTimeout, match=r"waited 0\.05 s for the moon at ana's desk"):
            await desk.wait_for(lambda docs: "moon" in docs, 0.05, "the moon")


async def test_waiter_learns_that_the_connection_broke(small_desk: SmallDesk) -> None:
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        waiting = asyncio.create_task(desk.wait_for(lambda docs: "moon" in docs, WAIT_S, "the moon"))
        await asyncio.sleep(0)
        small_desk.push(None)
        with pytest.raises(DeskLost, match="1001"):
            await waiting


async def test_missing_change_is_noticed(small_desk: SmallDesk) -> None:
    """Desk API: a gap in the numbers means that the documents cannot be trusted."""
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        small_desk.push(change(1))
        small_desk.push(change(3, a={}))
        with pytest.raises(DeskLost, match="change 3 came where 2 was due"):
            await desk.wait_for(lambda docs: "a" in docs, WAIT_S, "a")


async def test_wrong_password_is_a_refusal_with_its_code(small_desk: SmallDesk) -> None:
    with pytest.raises(DeskRefused, match="wrong_login") as refused:
        async with DeskClient(small_desk.url, "ana", "wrong"):
            pytest.fail("it must not log in")
    assert refused.value.status == 401


async def test_desk_that_is_not_there_is_lost_not_a_stack_trace() -> None:
    with pytest.raises(DeskLost, match="POST /api/login"):
        async with DeskClient("http://127.0.0.1:9", "ana", "right"):
            pytest.fail("nobody is there")


async def test_commands_and_reads_carry_the_login(small_desk: SmallDesk) -> None:
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        assert await desk.command("me/agent-status", {"status": "ready"}) is None
        assert await desk.read("people") == [{"id": "ana"}]
    assert small_desk.commands == [("me/agent-status", {"status": "ready"})]


async def test_screen_that_is_opened_again_measures_its_own_snapshot(small_desk: SmallDesk) -> None:
    """S01 step 1: the list is shown within a second of opening."""
    async with DeskClient(small_desk.url, "ana", "right") as desk:
        first = desk.snapshot_at
        small_desk.push(None)
        await desk.open_live()
        assert first < desk.opened_at <= desk.snapshot_at
