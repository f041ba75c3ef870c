"""The company's set-up for administrators: people, skills, queues, numbers, case templates, trunks, prompts, settings.

Every change is checked, written down with who, when, before and after, and can be undone.
"""

# No `from __future__ import annotations` here: the routes of each kind are made with that kind's own body.

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from center.administration.model import Kind, Wish
from center.administration.service import Administration
from desk.access import SignedIn
from desk.bodies import Body
from desk.bodies_administration import (
    CONTENTS,
    Before,
    Changed,
    ChangeNumber,
    Filter,
    Made,
    NoteQuery,
    PageSize,
    Recording,
    SeenVersion,
    Subject,
    Undone,
    as_content,
)
from desk.refusals import RESPONSES
from desk.wire import DocumentAnswer

router = APIRouter(
    prefix="/api/admin", tags=["administration"], responses=RESPONSES, default_response_class=DocumentAnswer
)

_SINGULAR = {
    Kind.PEOPLE: "person",
    Kind.SKILLS: "skill",
    Kind.QUEUES: "queue",
    Kind.NUMBERS: "number",
    Kind.TEMPLATES: "case template",
    Kind.TRUNKS: "trunk",
    Kind.PROMPTS: "prompt",
    Kind.SETTINGS: "setting",
}
_WAV: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}
}


def _administration(request: Request) -> Administration:
    return cast("Administration", request.app.state.administration)


Office = Annotated[Administration, Depends(_administration)]


@router.get("/changes", summary="The log of changes")
async def changes(
    caller: SignedIn,
    office: Office,
    kind: Filter = "",
    subject: Filter = "",
    by: Filter = "",
    before: Before = None,
    limit: PageSize = 50,
) -> DocumentAnswer:
    """Newest first: who changed what, when, from what to what, and why. `before` pages on by the change's number."""
    found = await office.changes(caller.person, kind=kind, subject=subject, by=by, before=before, limit=limit)
    return DocumentAnswer(list(found))


@router.post("/changes/{change}/undo", summary="Undo a change")
async def undo(caller: SignedIn, office: Office, change: ChangeNumber, body: Undone) -> DocumentAnswer:
    """Put back what it changed, as a new change; 409 when something newer stands against it."""
    return DocumentAnswer(await office.undo(caller.person, change, body.note))


@router.get("/prompts/{subject}/audio", summary="Hear a prompt", response_class=Response)
async def hear(caller: SignedIn, office: Office, subject: Subject, recording: Recording = None) -> Response:
    """The recording in use, or one by its digest, or the `shipped` one; WAV."""
    audio = await office.audio(caller.person, subject, recording)
    return Response(audio, media_type="audio/wav")


@router.put("/prompts/{subject}/audio", summary="Upload a recording for a prompt", openapi_extra=_WAV)
async def upload(
    caller: SignedIn,
    office: Office,
    request: Request,
    subject: Subject,
    version: SeenVersion = 0,
    note: NoteQuery = "",
) -> DocumentAnswer:
    """WAV (PCM), at most two minutes and 5 MB, as the body; it is played from the next call on."""
    return DocumentAnswer(await office.upload(caller.person, subject, await request.body(), version, note))


def _add_routes(kind: Kind) -> None:
    """The routes that all kinds have: look and remove."""
    one = _SINGULAR[kind]

    @router.get(f"/{kind}", summary=f"All {kind}", operation_id=f"admin_{kind}")
    async def look(caller: SignedIn, office: Office) -> DocumentAnswer:
        return DocumentAnswer(office.things(caller.person, kind))

    @router.get(f"/{kind}/{{subject}}", summary=f"One {one}", operation_id=f"admin_one_of_{kind}")
    async def look_at(caller: SignedIn, office: Office, subject: Subject) -> DocumentAnswer:
        return DocumentAnswer(office.thing(caller.person, kind, subject))

    @router.delete(
        f"/{kind}/{{subject}}", summary=_REMOVING.get(kind, f"Remove a {one}"), operation_id=f"remove_{kind}"
    )
    async def remove(
        caller: SignedIn, office: Office, subject: Subject, version: SeenVersion = 0, note: NoteQuery = ""
    ) -> DocumentAnswer:
        return DocumentAnswer(await office.change(caller.person, Wish(kind, subject, None, version, note)))


_REMOVING = {
    Kind.PEOPLE: "Remove a person: his log-ins, phone and MQTT account end at once",
    Kind.PROMPTS: "Back to the shipped recording",
    Kind.SETTINGS: "Back to the value of the configuration file",
}


def _add_changing(kind: Kind, content: type[Body]) -> None:
    """The routes that make and change a thing of this kind."""
    made, changed, one = Made[content], Changed[content], _SINGULAR[kind]  # type: ignore[valid-type]

    async def make(caller: SignedIn, office: Office, body: Any) -> DocumentAnswer:
        wish = Wish(kind, body.id.strip(), as_content(body.content), note=body.note, make=True)
        return DocumentAnswer(await office.change(caller.person, wish), status_code=201)

    async def change(caller: SignedIn, office: Office, subject: Subject, body: Any) -> DocumentAnswer:
        wish = Wish(kind, subject, as_content(body.content), body.version, body.note)
        return DocumentAnswer(await office.change(caller.person, wish))

    make.__annotations__["body"], change.__annotations__["body"] = made, changed
    if kind is not Kind.SETTINGS:
        router.post(f"/{kind}", status_code=201, summary=f"Add a {one}", operation_id=f"add_{kind}")(make)
    router.put(f"/{kind}/{{subject}}", summary=f"Change a {one}", operation_id=f"change_{kind}")(change)


for _kind in Kind:
    _add_routes(_kind)
for _kind, _content in CONTENTS.items():
    _add_changing(_kind, _content)
