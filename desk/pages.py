"""The built web desk: its page and its hashed files."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

INDEX = "index.html"
NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ringside</title></head>
<body><h1>The web desk is not built: run make build</h1>
<p>The node itself is running; its HTTP interface is under <code>/api</code>.</p></body></html>
"""


class Pages(StaticFiles):
    """Serves the page for every address without a dot (the page does its own navigation), files for the others.

    Hashed files below `assets/` may be kept for ever; everything else is asked for again each time.
    """

    def __init__(self, directory: Path | None) -> None:
        super().__init__(directory=directory, check_dir=False)
        self.config_checked = True  # a missing folder is answered with a page that says what to do
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/api/", "/metrics/")) or scope["path"] == "/api":
            raise HTTPException(404)
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        if self._directory is None or not (self._directory / INDEX).is_file():
            return HTMLResponse(NOT_BUILT, status_code=503)
        is_page = path == "." or "." not in path.rpartition("/")[2]
        response = await super().get_response(INDEX if is_page else path, scope)
        for_ever = path.startswith("assets/") and response.status_code in (200, 304)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if for_ever else "no-cache"
        return response
