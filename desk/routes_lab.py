"""For load tools on this machine, on lab nodes only: bring a third phone into a bridged call."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from desk.access import is_local
from desk.errors import Refused
from desk.ports import LabApi
from desk.refusals import RESPONSES
from desk.wire import DocumentAnswer
from vocabulary import PersonId

router = APIRouter(prefix="/api/lab", tags=["lab"], responses=RESPONSES, default_response_class=DocumentAnswer)


class ThirdPhone(BaseModel):
    """Which call, and whose phone."""

    model_config = ConfigDict(extra="forbid")

    call: Annotated[str, Field(min_length=1, max_length=256)]
    """Call-ID of the INVITE to `call-<user>`."""
    to: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


@router.post("/escalations", status_code=202, summary="Bring a third phone into a bridged call")
async def escalate(request: Request, body: ThirdPhone) -> DocumentAnswer:
    """Without a log-in, but only from this machine: a lab node gives anybody on it the same by telephone."""
    if not is_local(request):
        raise Refused(403, "not_allowed", "The lab is for programs on this machine.")
    lab: LabApi = request.app.state.lab
    return DocumentAnswer({"escalation": lab.escalate(body.call, PersonId(body.to))}, status_code=202)
