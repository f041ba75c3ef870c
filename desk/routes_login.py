"""Logging in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from desk.access import COOKIE, Desk, SignedIn, desk_of, who_asks
from desk.bodies import Empty, Login
from desk.errors import Refused, TooManyAttempts, WrongLogin
from desk.refusals import RESPONSES, ErrorAnswer
from vocabulary import DeskRole, PersonId

router = APIRouter(prefix="/api", tags=["log-in"], responses={k: RESPONSES[k] for k in (400, 401, 403, 413, 415, 422)})


class LoggedIn(BaseModel):
    """Who has logged in."""

    person: PersonId
    name: str
    roles: list[DeskRole]


@router.post(
    "/login",
    summary="Log in",
    responses={
        401: {"model": ErrorAnswer, "description": "Unknown person or wrong password."},
        429: {"model": ErrorAnswer, "description": "Too many attempts; the header Retry-After says for how long."},
        503: RESPONSES[503],
    },
)
async def log_in(body: Login, request: Request, response: Response) -> LoggedIn:
    """Check a password and set the session cookie. A session that the browser already had ends."""
    desk = desk_of(request)
    before = await who_asks(request)
    try:
        cookie, session = await desk.logins.log_in(
            body.person,
            body.password,
            address=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", ""),
        )
        person = desk.center.person(session.person)
        if person is None:
            await desk.logins.log_out(session)
            raise WrongLogin
    except (WrongLogin, TooManyAttempts) as refusal:
        _count(desk, refusal)
        raise
    if before is not None:
        await desk.logins.log_out(before.session)
    response.set_cookie(
        COOKIE,
        cookie,
        path="/",
        httponly=True,
        samesite="strict",
        secure=_is_secure(desk, request),
    )
    return LoggedIn(person=person.id, name=person.name, roles=sorted(person.roles))


@router.post("/logout", status_code=204, summary="Log out", responses={503: RESPONSES[503]})
async def log_out(caller: SignedIn, request: Request, response: Response, _body: Empty | None = None) -> None:
    """End this session; its open screens close."""
    await caller.desk.logins.log_out(caller.session)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_is_secure(caller.desk, request))


def _is_secure(desk: Desk, request: Request) -> bool:
    return desk.settings.secure_cookie or request.url.scheme == "https"


def _count(desk: Desk, refusal: Refused) -> None:
    desk.metrics.refused_logins.labels(refusal.code).inc()
