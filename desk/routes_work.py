"""The work itself: people, queues, interactions, escalations and cases."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from center.enrolment import NewPerson
from context.vcon import MEDIA_TYPE
from desk.access import SignedIn
from desk.bodies import (
    CaseFieldEdit,
    CasePath,
    Choosing,
    Closing,
    Consulting,
    Declining,
    Empty,
    Enrolled,
    EscalationPath,
    InteractionPath,
    InteractionQuery,
    NewEscalation,
    Postponing,
    Rendered,
    Supervising,
)
from desk.refusals import RESPONSES
from desk.wire import DocumentAnswer

lists = APIRouter(prefix="/api", tags=["people and queues"], responses=RESPONSES)
interactions = APIRouter(prefix="/api", tags=["interactions"], responses=RESPONSES)
escalations = APIRouter(prefix="/api", tags=["escalations"], responses=RESPONSES)
cases = APIRouter(prefix="/api", tags=["cases"], responses=RESPONSES)


class VconAnswer(DocumentAnswer):
    """A vCon document."""

    media_type = MEDIA_TYPE


class Edited(BaseModel):
    """What became of an edit."""

    version: int
    """The case's version with this edit in it."""
    conflict: bool
    """Whether the field now holds several values from which a person has to choose."""


@lists.get("/people", summary="Everybody and how available they are")
async def people(caller: SignedIn, interaction: InteractionQuery = None) -> DocumentAnswer:
    """With `interaction`: its specialists only, in the order of the agent's list (free and most wanted first)."""
    if interaction is not None:
        return DocumentAnswer(caller.center.specialists_in_order(caller.id, interaction))
    return DocumentAnswer(caller.visible("person/"))


@lists.post("/people", status_code=201, summary="Enrol a colleague")
async def enrol(caller: SignedIn, body: Enrolled) -> DocumentAnswer:
    """For administrators. The answer holds the new passwords, which are nowhere else in clear."""
    new = NewPerson(
        body.id,
        body.name,
        body.title,
        frozenset(body.roles),
        body.skills,
        tuple(body.languages),
        body.off_hook_accepts,
    )
    return DocumentAnswer(await caller.center.enrol(caller.id, new), status_code=201)


@lists.get("/queues", summary="Who waits where")
async def queues(caller: SignedIn) -> DocumentAnswer:
    return DocumentAnswer(caller.visible("queue/"))


@interactions.get("/interactions", summary="Open interactions that I may see")
async def open_interactions(caller: SignedIn) -> DocumentAnswer:
    return DocumentAnswer([each for each in caller.visible("interaction/") if each.get("phase") != "closed"])


@interactions.get("/interactions/{interaction}", summary="One interaction")
async def interaction(caller: SignedIn, interaction: InteractionPath) -> DocumentAnswer:
    return DocumentAnswer(await caller.center.interaction(caller.id, interaction))


@interactions.get("/interactions/{interaction}/events", summary="The time line of an interaction")
async def timeline(caller: SignedIn, interaction: InteractionPath) -> DocumentAnswer:
    """Everything that happened, in order, as `[{seq, at, name, data}]`."""
    return DocumentAnswer(await caller.center.timeline(caller.id, interaction))


@interactions.get(
    "/interactions/{interaction}/vcon",
    summary="An interaction as a vCon",
    responses={200: {"content": {MEDIA_TYPE: {}}}},
)
async def vcon(caller: SignedIn, interaction: InteractionPath) -> VconAnswer:
    """For other programs (IETF vCon): parties, times, and the context bundle with its digest. The export is logged."""
    name = f'attachment; filename="{interaction}.vcon.json"'
    document = await caller.center.exports.vcon(caller.id, interaction)
    return VconAnswer(document, headers={"Content-Disposition": name})


@interactions.post("/interactions/{interaction}/escalations", status_code=201, summary="Pull a specialist in")
async def escalate(caller: SignedIn, interaction: InteractionPath, body: NewEscalation) -> DocumentAnswer:
    """Push the case to a specialist and ring him into the call. The customer keeps talking; nobody is on hold.

    Within 30 seconds the customer has a person or a promise: if this specialist does not come, the next is asked.
    """
    document = await caller.center.escalate(
        caller.id, interaction, body.specialist, body.reason, body.skill, body.override_reason
    )
    return DocumentAnswer(document, status_code=201)


@interactions.post("/interactions/{interaction}/leave", status_code=204, summary="Leave the call")
async def leave(caller: SignedIn, interaction: InteractionPath, _body: Empty | None = None) -> None:
    """The agent leaves; customer and specialist talk on."""
    await caller.center.leave(caller.id, interaction)


@interactions.post("/interactions/{interaction}/close", status_code=204, summary="End the call with an outcome")
async def close(caller: SignedIn, interaction: InteractionPath, body: Closing) -> None:
    """End the call for everybody and keep the outcome in the case."""
    await caller.center.close(caller.id, interaction, body.outcome, body.resolved, body.note)


@interactions.post("/interactions/{interaction}/consult", status_code=204, summary="Talk privately, or come back")
async def consult(caller: SignedIn, interaction: InteractionPath, body: Consulting) -> None:
    """Agent and specialist talk alone while the customer hears music; `on: false` brings the three together again."""
    await caller.center.consult(caller.id, interaction, body.on)


@interactions.post("/interactions/{interaction}/supervise", status_code=204, summary="Listen, whisper or join")
async def supervise(caller: SignedIn, interaction: InteractionPath, body: Supervising) -> None:
    """Rings the supervisor's own phone and puts it into the call. Each change of the mode is logged."""
    await caller.center.supervise(caller.id, interaction, body.mode)


@interactions.post("/interactions/{interaction}/supervise/leave", status_code=204, summary="Stop supervising")
async def stop_supervising(caller: SignedIn, interaction: InteractionPath, _body: Empty | None = None) -> None:
    await caller.center.stop_supervising(caller.id, interaction)


@escalations.post("/escalations/{escalation}/rendered", status_code=204, summary="The case is on my screen")
async def rendered(caller: SignedIn, escalation: EscalationPath, body: Rendered) -> None:
    """Acknowledge that the case of this digest has been painted; the phone rings after that."""
    await caller.center.rendered(caller.id, escalation, body.digest)


@escalations.post("/escalations/{escalation}/accept", status_code=204, summary="Join the call")
async def accept(caller: SignedIn, escalation: EscalationPath, _body: Empty | None = None) -> None:
    await caller.center.accept(caller.id, escalation)


@escalations.post("/escalations/{escalation}/decline", status_code=204, summary="Do not join the call")
async def decline(caller: SignedIn, escalation: EscalationPath, body: Declining) -> None:
    await caller.center.decline(caller.id, escalation, body.reason)


@escalations.post("/escalations/{escalation}/later", status_code=204, summary="Not now, but soon")
async def later(caller: SignedIn, escalation: EscalationPath, body: Postponing) -> None:
    """The next one is asked. If nobody comes, the promise to the customer is mine, from then on."""
    await caller.center.postpone(caller.id, escalation, body.minutes)


@escalations.post("/escalations/{escalation}/choose", status_code=204, summary="Nobody is free: what shall happen")
async def choose(caller: SignedIn, escalation: EscalationPath, body: Choosing) -> None:
    """Wait for the first who becomes free, promise a callback, or hand over a task."""
    await caller.center.choose(caller.id, escalation, body.choice)


@escalations.post("/escalations/{escalation}/cancel", status_code=204, summary="Take an escalation back")
async def cancel(caller: SignedIn, escalation: EscalationPath, _body: Empty | None = None) -> None:
    await caller.center.cancel(caller.id, escalation)


@cases.get("/cases/{case}", summary="One case")
async def case(caller: SignedIn, case: CasePath) -> DocumentAnswer:
    return DocumentAnswer(await caller.center.case(caller.id, case))


@cases.post("/cases/{case}/edits", summary="Write a value into a case")
async def edit_case(caller: SignedIn, case: CasePath, body: CaseFieldEdit) -> Edited:
    """Set one field. Two people's edits of one field that did not know of each other both stay until one chooses."""
    made = await caller.center.edit_case(caller.id, case, body.field, body.text, body.base_version)
    return Edited(version=made["version"], conflict=made["conflict"])
