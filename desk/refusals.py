"""One shape for every error: `{"error": {"code", "message", "field"?}}`, whoever refused."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from center.errors import BadRequest, CenterError, NotAllowed, UnknownThing, WrongMoment
from desk.errors import Refused
from desk.wire import DocumentAnswer
from store.errors import StoreError

FIELD_NAME_CHARS = 64

log = structlog.get_logger()


class ErrorDetail(BaseModel):
    """Why a request was refused."""

    code: str
    """A slug that stays the same over versions."""
    message: str
    """One English sentence for a person."""
    field: str | None = None
    """The field of the request that is wrong, where it is one."""
    details: dict[str, Any] | None = None
    """More, for programs: all problems of a form, or who changed the thing meanwhile."""


class ErrorAnswer(BaseModel):
    """The body of every answer with a status of 400 or more."""

    error: ErrorDetail


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The body is not JSON."},
    401: {"model": ErrorAnswer, "description": "No session, or it has ended."},
    403: {"model": ErrorAnswer, "description": "The caller may not do this, or the page is a foreign one."},
    404: {"model": ErrorAnswer, "description": "The id names nothing the caller may see."},
    409: {"model": ErrorAnswer, "description": "Not in its present state."},
    413: {"model": ErrorAnswer, "description": "The body is too large."},
    415: {"model": ErrorAnswer, "description": "The body is not declared as JSON."},
    422: {"model": ErrorAnswer, "description": "A field is missing or wrong."},
    429: {"model": ErrorAnswer, "description": "Too many requests; the header Retry-After says for how long."},
    503: {"model": ErrorAnswer, "description": "The store is down."},
}
"""What any command may answer, for the API description."""


def answer(refusal: Refused) -> Response:
    """The HTTP answer of a refusal."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.field is not None:
        error["field"] = refusal.field
    if refusal.details is not None:
        error["details"] = dict(refusal.details)
    response = DocumentAnswer({"error": error}, status_code=refusal.status)
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def of_center(error: CenterError) -> Refused:
    """A refusal of the centre with its HTTP status."""
    match error:
        case UnknownThing():
            status = 404
        case NotAllowed():
            status = 403
        case WrongMoment():
            status = 409
        case BadRequest() | _:
            status = 422
    return Refused(status, error.code, error.message, field=error.field, details=error.details)


def of_validation(error: RequestValidationError) -> Refused:
    """A refusal that names the first wrong field. What was typed is not repeated."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Refused(400, "malformed_json", "The body is not valid JSON.")
    names = [part for part in first["loc"][1:] if isinstance(part, str)]
    what = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    if not names:
        return Refused(422, "invalid_body", f"{what}.")
    field = ".".join(names)[:FIELD_NAME_CHARS]
    return Refused(422, "invalid_field", f"{field}: {what}.", field=field)


def of_http(error: HTTPException) -> Refused:
    """A refusal of the web framework: unknown path, wrong method, unreadable body."""
    match error.status_code:
        case 404:
            return Refused(404, "unknown_path", "There is nothing under this path.")
        case 405:
            return Refused(405, "wrong_method", "This path does not take this method.")
        case status:
            return Refused(status, "unreadable_request", "The request cannot be read.")


def of_store(error: StoreError) -> Refused:
    """The store is down: calls go on, this request does not."""
    return Refused(503, error.end_reason.reason, "The database does not answer; calls go on. Try again soon.")


def install(app: FastAPI) -> None:
    """Make the app answer all expected errors in the one shape."""

    async def handle(request: Request, error: Exception) -> Response:
        refusal = _refusal(error)
        response = answer(refusal)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    for kind in (Refused, CenterError, StoreError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def _refusal(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case CenterError():
            return of_center(error)
        case StoreError():
            log.warning("desk_request_without_store", reason=error.end_reason.reason)
            return of_store(error)
        case RequestValidationError():
            return of_validation(error)
        case HTTPException():
            return of_http(error)
        case _:
            raise error
