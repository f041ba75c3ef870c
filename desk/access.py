"""Who is asking: the desk's parts in the app, and the dependency every route but log-in and health has."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from center.api import CenterApi
from center.live import Document
from desk.attempts import RequestRate
from desk.errors import NotLoggedIn
from desk.logins import Logins
from desk.metrics import DeskMetrics
from desk.oidc import OidcLogin
from desk.settings import DeskSettings
from routing.model import Person
from store.records import WebSession
from vocabulary import PersonId

COOKIE = "ringside_session"
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Desk:
    """What routes work with; put together in `desk.app.create_app`."""

    center: CenterApi
    logins: Logins
    settings: DeskSettings
    metrics: DeskMetrics
    rate: RequestRate
    oidc: OidcLogin | None = None
    """Log-in by an identity provider, where one is set up."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A logged-in person with the session he came by."""

    person: Person
    session: WebSession
    desk: Desk

    @property
    def id(self) -> PersonId:
        return self.person.id

    @property
    def center(self) -> CenterApi:
        return self.desk.center

    def visible(self, prefix: str) -> list[Document]:
        """The live documents of one kind that this person may see, in the order of their keys."""
        documents = self.center.live.visible_to(self.person.id, self.person.roles)
        return [documents[key] for key in sorted(documents) if key.startswith(prefix)]

    def seen(self, key: str) -> Document | None:
        """One live document, if this person may see it."""
        return self.center.live.visible_to(self.person.id, self.person.roles).get(key)


def desk_of(connection: HTTPConnection) -> Desk:
    """The desk that this request reached."""
    desk = connection.app.state.desk
    assert isinstance(desk, Desk)
    return desk


async def who_asks(connection: HTTPConnection) -> Caller | None:
    """The person behind the session cookie; None without a living session, or when the person is gone."""
    desk = desk_of(connection)
    cookie = connection.cookies.get(COOKIE, "")
    session = await desk.logins.session_of(cookie) if cookie else None
    person = desk.center.person(session.person) if session else None
    return Caller(person, session, desk) if person and session else None


async def _signed_in(request: Request) -> Caller:
    caller = await who_asks(request)
    if caller is None:
        raise NotLoggedIn
    caller.desk.rate.count(caller.id)
    return caller


SignedIn = Annotated[Caller, Depends(_signed_in)]
"""A route parameter of this type makes the route answer 401 without a session."""


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks, and not a proxy on this machine for somebody else."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
