"""A running centre for the tests of its service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.center.stage import PATIENCE_S, Stage, a_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A centre with the demo company's usual limits."""
    async with a_stage(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def _silent_people_are_soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers a probe on this stage; what takes 2.5 s in life is over at once."""
    monkeypatch.setattr("presence.probing.PROBE_TIMEOUT_S", 0.05)


@pytest.fixture(autouse=True)
def _sentences_are_spoken_however_busy_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """In life a customer is not kept waiting for a recording: after 2 s he hears the fixed one."""
    monkeypatch.setattr("center.speech.RENDER_TIMEOUT_S", PATIENCE_S)


@pytest.fixture(autouse=True)
def _a_database_that_answers_slowly_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.database.HEALTH_TIMEOUT_S", PATIENCE_S)
