"""Log-ins: a person sees and ends his own, an administrator those of anybody. Ending one closes its screens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from center.errors import NotAllowed, UnknownThing
from context.bundle import utc_text
from desk.access import Caller, SignedIn
from desk.bodies import ID_CHARS, ID_PATTERN, Empty
from desk.logins import session_name
from desk.refusals import RESPONSES
from vocabulary import DeskRole, PersonId

router = APIRouter(prefix="/api", tags=["log-ins"], responses=RESPONSES)

PersonPath = Annotated[PersonId, Path(max_length=ID_CHARS, pattern=ID_PATTERN)]
SessionPath = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class SessionShown(BaseModel):
    """One log-in."""

    model_config = ConfigDict(frozen=True)

    id: str
    since: str
    last_used: str
    """Exact to five minutes."""
    user_agent: str
    address: str
    current: bool
    """Whether it is the one that asks."""


@router.get("/me/sessions", summary="My log-ins")
async def my_sessions(caller: SignedIn) -> list[SessionShown]:
    """Where I am logged in, oldest first."""
    return await _shown(caller, caller.id)


@router.post("/me/sessions/{session}/end", status_code=204, summary="End one of my log-ins")
async def end_session(caller: SignedIn, session: SessionPath, _body: Empty | None = None) -> None:
    """Its open screens close at once, on another node within half a minute."""
    if not await caller.desk.logins.end(caller.id, session):
        raise UnknownThing("unknown_session", "There is no such log-in.")


@router.post("/me/sessions/end-others", status_code=204, summary="End all my log-ins but this one")
async def end_other_sessions(caller: SignedIn, _body: Empty | None = None) -> None:
    await caller.desk.logins.end_others(caller.session)


@router.get("/people/{person}/sessions", summary="A person's log-ins")
async def sessions_of(caller: SignedIn, person: PersonPath) -> list[SessionShown]:
    """For administrators."""
    return await _shown(caller, _known(caller, person))


@router.post("/people/{person}/sessions/end", status_code=204, summary="End all log-ins of a person")
async def end_sessions_of(caller: SignedIn, person: PersonPath, _body: Empty | None = None) -> None:
    """For administrators: a lost machine, or a colleague who has left."""
    await caller.desk.logins.revoke_all(_known(caller, person))


async def _shown(caller: Caller, person: PersonId) -> list[SessionShown]:
    logins = caller.desk.logins
    return [
        SessionShown(
            id=session_name(each),
            since=utc_text(each.created_at),
            last_used=utc_text(logins.last_used(each)),
            user_agent=each.user_agent,
            address=each.address,
            current=each.id_hash == caller.session.id_hash,
        )
        for each in await logins.sessions_of(person)
    ]


def _known(caller: Caller, person: PersonId) -> PersonId:
    """Somebody of the company, for an administrator."""
    if DeskRole.ADMINISTRATOR not in caller.person.roles:
        raise NotAllowed("not_an_administrator", "Only administrators can do that.")
    if caller.center.person(person) is None:
        raise UnknownThing("unknown_person", "There is no such person.")
    return person
