"""The door of the web desk: what every request must be, and what every answer carries.

A pure ASGI layer around the whole app. It refuses commands from foreign pages (403), bodies that are not declared as
JSON (415), too large (413) or too slow (408); it adds the security headers, counts, and turns a bug into one plain 500.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.errors import Refused
from desk.metrics import DeskMetrics
from desk.refusals import answer
from desk.settings import DeskSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
COUNTED_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")

_RECORDING = re.compile(r"/api/admin/prompts/[^/]{1,64}/audio")
"""The one place that takes something else than JSON. A browser asks before it sends such a body to another site."""

log = structlog.get_logger()


def is_our_origin(headers: Headers, scheme: str, allowed: frozenset[str]) -> bool:
    """Whether a request comes from our own page, or from no page at all (no Origin header)."""
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    parts = urlsplit(origin) if _HOST.fullmatch(origin.partition("://")[2]) else None
    secure = scheme in ("https", "wss")
    return (
        parts is not None
        and parts.scheme == ("https" if secure else "http")
        and parts.netloc.lower() == headers.get("host", "").lower()
    )


class Gate:
    """Wraps the app; WebSockets pass (they have their own checks in `desk.live`)."""

    def __init__(self, app: ASGIApp, settings: DeskSettings, metrics: DeskMetrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._secure(MutableHeaders(scope=message), scope)
            await send(message)

        try:
            await self._app(scope, await self._admit(scope, receive), send_secured)
        except Refused as refusal:
            await answer(refusal)(scope, receive, send_secured)
        except _ClientLeft:
            return
        except Exception:
            log.exception("desk_request_failed", route=_route(scope))
            if status:
                raise
            bug = Refused(500, "internal_error", "Something went wrong on our side; it has been logged.")
            await answer(bug)(scope, receive, send_secured)
        finally:
            method = scope["method"] if scope["method"] in COUNTED_METHODS else "other"
            self._metrics.requests.labels(method, _route(scope), str(status)).inc()

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Check an unsafe request and read its body; returns a `receive` that plays the body back."""
        if scope["method"] in SAFE_METHODS:
            return receive
        headers = Headers(scope=scope)
        if not is_our_origin(headers, scope["scheme"], self._settings.allowed_origins):
            raise Refused(403, "foreign_origin", "Commands from pages of other sites are refused.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_recording = kind == "audio/wav" and _RECORDING.fullmatch(scope["path"]) is not None
        if kind != "application/json" and not is_recording:
            raise Refused(415, "not_json", "Send the body as application/json.")
        limit = self._settings.recording_limit if is_recording else self._settings.body_limit
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:12]) > limit:
            raise _too_large(limit)
        try:
            async with asyncio.timeout(self._settings.body_timeout_s):
                body = await _read(receive, limit)
        except TimeoutError:
            raise Refused(408, "too_slow", "The body did not arrive in time.") from None
        return _replay(body, receive)

    def _secure(self, headers: MutableHeaders, scope: Scope) -> None:
        """Add the security headers; answers of the API are never kept by caches."""
        host = Headers(scope=scope).get("host", "")
        # Older Safari does not count a WebSocket of the same host as 'self', so it is named where the name is clean.
        sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
        headers["Content-Security-Policy"] = (
            f"default-src 'self'; connect-src 'self'{sockets}; img-src 'self' data:; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(self)"
        headers.setdefault("Cache-Control", "no-store")
        if self._settings.secure_cookie:
            headers["Strict-Transport-Security"] = "max-age=31536000"


class _ClientLeft(Exception):
    """The connection ended before the body was complete."""


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    played = False

    async def replayed() -> Message:
        nonlocal played
        if played:
            return await receive()
        played = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _too_large(limit: int) -> Refused:
    return Refused(413, "body_too_large", f"The body is larger than {limit // 1024} kB.")


def _route(scope: Scope) -> str:
    """The route's template for counting, so that ids do not become labels."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "other"
