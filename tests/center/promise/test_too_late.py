"""What somebody hears who wanted to take a promise that is somebody else's already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from center.promise.kept import stored_task
from center.promise.model import TaskState
from center.promise.too_late import asked_now, kept_by, kept_elsewhere
from store.records import StoredTask
from tests.center.promise.situations import EVA, MARCUS, task

NAMES = {EVA: "Eva Horvat"}
ROW = stored_task(task())
BEGUN = replace(ROW, state=TaskState.CALLING_SPECIALIST.value, person=EVA)
DONE = replace(ROW, state=TaskState.DONE.value, closed_at=datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("row", "code", "words"),
    [
        (BEGUN, "too_late", "Eva Horvat already keeps this promise."),
        (replace(BEGUN, person=MARCUS), "too_late", "marcus already keeps this promise."),
        (replace(DONE, person=EVA), "too_late", "Eva Horvat already keeps this promise."),
        (DONE, "called_off", "This promise is not needed any more."),
        (replace(ROW, state=TaskState.OFFERED.value, person=EVA), "kept_elsewhere", "Somebody else already keeps"),
        (None, "kept_elsewhere", "Somebody else already keeps"),
    ],
)
def test_who_is_too_late_hears_who_was_faster_as_far_as_the_store_knows(
    row: StoredTask | None, code: str, words: str
) -> None:
    """N10: of several nodes one keeps a promise; who asked at another is told, and an offer is not yet a keeper."""
    refusal = kept_elsewhere(row, NAMES)
    assert refusal.code == code
    assert words in refusal.message


def test_a_colleague_is_named_for_pages_that_say_it_in_another_language() -> None:
    assert kept_by(EVA, NAMES).details == {"by": EVA, "by_name": "Eva Horvat"}
    assert asked_now(EVA, NAMES).details == {"by": EVA, "by_name": "Eva Horvat"}
    assert asked_now(EVA, NAMES).code == "taken"
