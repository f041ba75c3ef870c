"""What a person does about himself: status, availability, wrap-up, phone password."""

from __future__ import annotations

from fastapi import APIRouter

from center.errors import UnknownThing
from desk.access import SignedIn
from desk.bodies import ChosenAgentStatus, ChosenAvailability, Empty, FinishedWrapUp, Limits
from desk.refusals import RESPONSES
from desk.wire import DocumentAnswer

router = APIRouter(prefix="/api", tags=["me"], responses=RESPONSES, default_response_class=DocumentAnswer)


@router.get("/me", summary="My own document")
async def me(caller: SignedIn) -> DocumentAnswer:
    """Who I am, my status as an agent, my phone settings and my availability."""
    document = caller.seen("me")
    if document is None:
        raise UnknownThing("unknown_person", "The centre has no desk for this person.")
    return DocumentAnswer(document)


@router.post("/me/phone-password", summary="Make a new phone password")
async def new_phone_password(caller: SignedIn, _body: Empty | None = None) -> DocumentAnswer:
    """Make a new password for my phone and my MQTT account and show it this once; the old one stops working."""
    return DocumentAnswer(await caller.center.new_phone_password(caller.id))


@router.post("/me/agent-status", status_code=204, summary="Say whether I take calls")
async def choose_agent_status(caller: SignedIn, body: ChosenAgentStatus) -> None:
    await caller.center.choose_agent_status(caller.id, body.status, body.reason)


@router.post("/me/availability", status_code=204, summary="Say whether I may be asked in")
async def choose_availability(caller: SignedIn, body: ChosenAvailability) -> None:
    """My own word on my availability; it counts beside what my phone and my other programs report."""
    if body.status == "automatic":
        await caller.center.choose_availability(caller.id, None, "", None)
    else:
        await caller.center.choose_availability(caller.id, body.status, body.reason, body.until)


@router.post("/me/here", status_code=204, summary="Say that I am here")
async def is_here(caller: SignedIn, _body: Empty | None = None) -> None:
    """After rings that I did not answer I am shown unknown; this ends it. My own choice stays as it is."""
    await caller.center.is_here(caller.id)


@router.post("/me/limits", status_code=204, summary="Say how often and when I may be asked")
async def set_limits(caller: SignedIn, body: Limits) -> None:
    """Interruptions per hour, quiet hours of the week, and focus until: beyond them my help is not offered."""
    await caller.center.set_limits(caller.id, body.model_dump(by_alias=True, mode="json", exclude_none=True))


@router.post("/me/wrap-up/finish", status_code=204, summary="Finish my wrap-up")
async def finish_wrap_up(caller: SignedIn, body: FinishedWrapUp) -> None:
    """End the after-call work, with its outcome code and a note."""
    await caller.center.finish_wrap_up(caller.id, body.disposition, body.note)
