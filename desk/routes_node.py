"""About the node itself: health, metrics, the API's own description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.websockets import WebSocket

from desk.access import SignedIn, desk_of, is_local, who_asks
from desk.errors import NotLoggedIn, Refused
from desk.live import LiveScreens
from desk.wire import DocumentAnswer
from vocabulary import DeskRole

router = APIRouter(tags=["node"])


@router.get("/api/health", summary="Whether the centre is well")
async def health(request: Request) -> DocumentAnswer:
    """`{ok, degraded}`: needs no log-in, tells no more than that."""
    report = await desk_of(request).center.health()
    return DocumentAnswer({"ok": bool(report.get("ok")), "degraded": list(report.get("degraded", []))})


@router.get("/api/openapi.json", include_in_schema=False)
async def description(_caller: SignedIn, request: Request) -> DocumentAnswer:
    """This API as an OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    return DocumentAnswer(document)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Counters in Prometheus' format: for programs on this machine, and for administrators."""
    if not is_local(request):
        caller = await who_asks(request)
        if caller is None:
            raise NotLoggedIn
        if DeskRole.ADMINISTRATOR not in caller.person.roles:
            raise Refused(403, "not_allowed", "Metrics are for administrators.")
    return Response(desk_of(request).metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    """The documents a person may see: a snapshot, then numbered changes."""
    screens = socket.app.state.screens
    assert isinstance(screens, LiveScreens)
    await screens.serve(socket)
