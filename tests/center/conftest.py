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
