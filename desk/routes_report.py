"""What is behind the figures: lists of calls for supervisors, and for everybody what his help changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from center.report.documents import BINS_S, Behind
from center.report.report import Window
from desk.access import SignedIn
from desk.bodies import InteractionPath, Rating
from desk.refusals import RESPONSES
from desk.wire import DocumentAnswer
from vocabulary import QueueId

router = APIRouter(prefix="/api", tags=["report"], responses=RESPONSES)

_Queue = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_.@+-]*$")]
_Bin = Annotated[int | None, Query(ge=0, lt=len(BINS_S))]


@router.get("/report/calls", summary="The calls behind a figure")
async def calls(
    caller: SignedIn,
    figure: Behind = Behind.ARRIVED,
    window: Window = Window.TODAY,
    queue: _Queue = "",
    bin: _Bin = None,
) -> DocumentAnswer:
    """For supervisors: the calls that make one figure of the live document `report`, newest first, 100 at most.

    `queue`: empty for all. `bin`: of the joined ones those in one bar of the histogram of hand-over times.
    """
    return DocumentAnswer(await caller.center.reports.calls(caller.person, figure, window, QueueId(queue), bin))


@router.post("/interactions/{interaction}/rating", status_code=204, summary="What the customer said afterwards")
async def rate(caller: SignedIn, interaction: InteractionPath, body: Rating) -> None:
    """For supervisors, and surveys in their name: agent and specialist of the call read it (`GET /api/me/help`)."""
    await caller.center.reports.rate(caller.person, interaction, body.rating, body.words)


@router.get("/me/help", summary="What my help changed")
async def my_help(caller: SignedIn) -> DocumentAnswer:
    """Conversations I joined or brought somebody into, newest first: outcome, solved or not, customer's words."""
    return DocumentAnswer(await caller.center.reports.help_given(caller.person))
