"""A running centre for the tests of its service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.center.stage import Stage, a_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A centre with the demo company's usual limits."""
    async with a_stage(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def _silent_people_are_soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers a probe on this stage; what takes 2.5 s in life is over at once."""
    monkeypatch.setattr("presence.probing.PROBE_TIMEOUT_S", 0.05)
