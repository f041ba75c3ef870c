"""Promises to keep: the callbacks and tasks that customers were promised."""

from __future__ import annotations

from fastapi import APIRouter

from desk.access import SignedIn
from desk.bodies import Empty, FinishedTask, TaskPath
from desk.refusals import RESPONSES
from desk.wire import DocumentAnswer

router = APIRouter(prefix="/api", tags=["tasks"], responses=RESPONSES)


@router.get("/tasks", summary="Promises to keep")
async def tasks(caller: SignedIn) -> DocumentAnswer:
    """Mine and those offered to me; supervisors see all. Whose customer came first stands first."""
    return DocumentAnswer(list(caller.center.tasks(caller.id)))


@router.post("/tasks/{task}/accept", status_code=204, summary="Take a task")
async def accept(caller: SignedIn, task: TaskPath, _body: Empty | None = None) -> None:
    """A callback rings my phone, then the customer's."""
    await caller.center.accept_task(caller.id, task)


@router.post("/tasks/{task}/decline", status_code=204, summary="Leave an offered task to somebody else")
async def decline(caller: SignedIn, task: TaskPath, _body: Empty | None = None) -> None:
    await caller.center.decline_task(caller.id, task)


@router.post("/tasks/{task}/done", status_code=204, summary="Say what came of a task")
async def done(caller: SignedIn, task: TaskPath, body: FinishedTask) -> None:
    await caller.center.finish_task(caller.id, task, body.outcome, body.resolved)
