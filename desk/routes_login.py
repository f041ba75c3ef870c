"""Logging in and out: by password, or by the identity provider where one is set up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from desk.access import COOKIE, Desk, SignedIn, desk_of, who_asks
from desk.bodies import Empty, Login
from desk.errors import ProviderRefused, Refused, TooManyAttempts, WrongLogin
from desk.oidc import Failure, OidcLogin
from desk.refusals import RESPONSES, ErrorAnswer
from desk.wire import DocumentAnswer
from vocabulary import DeskRole, PersonId

router = APIRouter(prefix="/api", tags=["log-in"], responses={k: RESPONSES[k] for k in (400, 401, 403, 413, 415, 422)})


class LoggedIn(BaseModel):
    """Who has logged in."""

    person: PersonId
    name: str
    roles: list[DeskRole]


BROWSER_COOKIE = "ringside_login"
"""Binds an answer of the identity provider to the browser that was sent there."""
CALLBACK = "/api/login/oidc/callback"
TO_THE_PAGE: dict[int | str, dict[str, Any]] = {
    303: {"description": "To the identity provider, to the desk, or to the log-in page with what is wrong."}
}


class ProviderOnPage(BaseModel):
    """An identity provider as the log-in page shows it."""

    name: str


class Ways(BaseModel):
    """How people may log in here."""

    password: Literal[True] = True
    oidc: ProviderOnPage | None


@router.get("/login/ways", summary="How people may log in here")
async def ways(request: Request) -> Ways:
    """Needs no log-in: the log-in page asks."""
    oidc = desk_of(request).oidc
    return Ways(oidc=ProviderOnPage(name=oidc.settings.name) if oidc else None)


@router.get(
    "/login/oidc",
    summary="Log in by the identity provider",
    status_code=303,
    response_class=RedirectResponse,
    responses=TO_THE_PAGE | {503: RESPONSES[503]},
)
async def begin_oidc(request: Request) -> Response:
    """For the browser: to the identity provider, which sends it back to `/api/login/oidc/callback`."""
    return await _told_on_page(_begin, request)


async def _begin(oidc: OidcLogin, desk: Desk, request: Request) -> Response:
    begun = await oidc.begin(_redirect_uri(oidc, request))
    response = RedirectResponse(begun.url, status_code=303)
    # Lax, since the way back starts on the provider's page.
    response.set_cookie(
        BROWSER_COOKIE,
        begun.browser,
        max_age=int(oidc.settings.pending_s),
        path="/api/login/oidc",
        httponly=True,
        samesite="lax",
        secure=_is_secure(desk, request),
    )
    return response


@router.get(
    "/login/oidc/callback",
    summary="The way back from the identity provider",
    status_code=303,
    response_class=RedirectResponse,
    responses=TO_THE_PAGE | {503: RESPONSES[503]},
)
async def finish_oidc(request: Request) -> Response:
    """Checks the answer, sets the session cookie and shows the desk."""
    return await _told_on_page(_finish, request)


async def _finish(oidc: OidcLogin, desk: Desk, request: Request) -> Response:
    browser = request.cookies.get(BROWSER_COOKIE, "")
    proved = await oidc.finish(request.query_params, browser, _redirect_uri(oidc, request))
    person = desk.center.person(proved.person)
    if person is None:
        raise ProviderRefused(Failure.UNKNOWN_PERSON, "Nobody here has that name.")
    agent = request.headers.get("user-agent", "")
    cookie, _ = await desk.logins.open(person.id, address=_address(request), user_agent=agent, id_token=proved.id_token)
    response = RedirectResponse("/", status_code=303)
    _set_cookie(response, cookie, desk, request)
    response.delete_cookie(BROWSER_COOKIE, path="/api/login/oidc", httponly=True, samesite="lax")
    return response


OidcStep = Callable[[OidcLogin, Desk, Request], Awaitable[Response]]


async def _told_on_page(step: OidcStep, request: Request) -> Response:
    """One step of a log-in at the provider; what does not come off is told on the log-in page."""
    desk = desk_of(request)
    try:
        desk.logins.count_address(_address(request))
        if desk.oidc is None:
            raise Refused(404, "unknown_path", "There is nothing under this path.")
        return await step(desk.oidc, desk, request)
    except (ProviderRefused, TooManyAttempts) as refusal:
        # People get the page with the reason in their language, programs the code in the address.
        _count(desk, refusal)
        return RedirectResponse(f"/#login/{refusal.code}", status_code=303)


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
            address=_address(request),
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
    _set_cookie(response, cookie, desk, request)
    return LoggedIn(person=person.id, name=person.name, roles=sorted(person.roles))


class LoggedOut(BaseModel):
    """The log-out goes on at the identity provider."""

    continue_at: str
    """Where the browser goes next; it comes back to the desk from there."""


@router.post(
    "/logout",
    summary="Log out",
    status_code=204,
    response_model=None,
    responses={
        200: {"model": LoggedOut, "description": "Logged out here; the provider's log-in ends at that address."},
        503: RESPONSES[503],
    },
)
async def log_out(caller: SignedIn, request: Request, _body: Empty | None = None) -> Response:
    """End this session; its open screens close. Who logged in by the identity provider may have to go on there."""
    desk = caller.desk
    await desk.logins.log_out(caller.session)
    oidc = desk.oidc
    there = await oidc.log_out_url(caller.session.id_token, _redirect_uri(oidc, request)) if oidc else None
    response = DocumentAnswer({"continue_at": there}) if there else Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_is_secure(desk, request))
    return response


def _set_cookie(response: Response, cookie: str, desk: Desk, request: Request) -> None:
    secure = _is_secure(desk, request)
    response.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="strict", secure=secure)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _redirect_uri(oidc: OidcLogin, request: Request) -> str:
    """Where the provider sends people back. A foreign Host header gains nothing: the provider knows our addresses."""
    return oidc.settings.redirect_uri or f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"


def _is_secure(desk: Desk, request: Request) -> bool:
    return desk.settings.secure_cookie or request.url.scheme == "https"


def _count(desk: Desk, refusal: Refused) -> None:
    desk.metrics.refused_logins.labels(refusal.code).inc()
