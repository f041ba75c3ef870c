"""The web desk as one ASGI app: routes, live screens, pages, and the gate around them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from center.administration.service import Administration
from center.api import CenterApi
from desk import (
    phone_socket,
    refusals,
    routes_administration,
    routes_lab,
    routes_login,
    routes_me,
    routes_node,
    routes_report,
    routes_sessions,
    routes_tasks,
    routes_work,
)
from desk.access import COOKIE, Desk
from desk.attempts import RequestRate
from desk.gate import Gate
from desk.live import LiveScreens
from desk.logins import Logins
from desk.metrics import DeskMetrics
from desk.oidc import OidcLogin
from desk.pages import Pages
from desk.phone_socket import Phones, PhoneSockets
from desk.ports import LabApi
from desk.settings import DeskSettings

STATIC_DIR = Path(__file__).parent / "static"
"""Where `make build` puts the built web desk."""

DESCRIPTION = f"""The contact centre at your desk. Log in with `POST /api/login`; the cookie `{COOKIE}` then identifies
you. Commands are `POST` with a JSON body. What screens show comes over the WebSocket `/api/live`: a snapshot of all
documents you may see, then numbered changes."""


def create_app(
    center: CenterApi,
    logins: Logins,
    settings: DeskSettings | None = None,
    static_dir: Path | None = STATIC_DIR,
    *,
    registry: CollectorRegistry | None = None,
    oidc: OidcLogin | None = None,
    phones: Phones | None = None,
    administration: Administration | None = None,
    lab: LabApi | None = None,
) -> FastAPI:
    """Build the app. `registry`: the node's own metrics registry, whose content `/metrics` then shows as a whole.
    `phones`: the browser phones, where they are switched on. `lab`: on lab nodes only.
    """
    settings = settings or DeskSettings()
    rate = RequestRate(settings.requests_per_minute)
    desk = Desk(center, logins, settings, DeskMetrics(registry), rate, oidc)
    app = FastAPI(
        title="Ringside",
        description=DESCRIPTION,
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.state.screens = LiveScreens(desk)
    app.state.phones = PhoneSockets(phones, settings)
    app.state.administration = administration
    if administration is not None:
        app.include_router(routes_administration.router)
    if lab is not None:
        app.state.lab = lab
        app.include_router(routes_lab.router)
    for router in (
        routes_login.router,
        routes_me.router,
        routes_sessions.router,
        routes_work.lists,
        routes_work.interactions,
        routes_work.escalations,
        routes_work.cases,
        routes_tasks.router,
        routes_report.router,
        routes_node.router,
        phone_socket.router,
    ):
        app.include_router(router)
    refusals.install(app)
    app.router.default = partial(_no_route, Pages(static_dir))
    app.add_middleware(Gate, settings=desk.settings, metrics=desk.metrics)
    return app


async def _no_route(pages: Pages, scope: Scope, receive: Receive, send: Send) -> None:
    """What no route takes is a page or a file; an unknown WebSocket is refused before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    await pages(scope, receive, send)
