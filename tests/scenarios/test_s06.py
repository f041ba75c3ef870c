"""S06 on a private node with a real Mosquitto, phones and desks: what every list shows of an expert; false free 0.

The play runs once; each check of it is asserted by name, so a failure says which promise broke.
"""

from __future__ import annotations

import pytest
from siplab.patience import patient
from siplab.report import Report
from siplab.scenarios.s06 import S06
from siplab.scenarios.scene import Pace, play_scene

pytestmark = [pytest.mark.loopback, pytest.mark.native, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
async def played() -> Report:
    """S06 as it went, on a node of its own, in its short form."""
    with patient() as patience:
        return await play_scene(S06, Pace(short=True, patience=patience))


async def test_s06_is_played_to_its_end(played: Report) -> None:
    assert played.broken_off == ""


@pytest.mark.parametrize("name", [plan.name for plan in S06.planned])
async def test_s06_keeps_its_promise(played: Report, name: str) -> None:
    """S06, one promise each; the scenario's plan names the mission rows."""
    check = next(check for check in played.checks if check.name == name)
    assert check.passed, f"{check.says}: {check.measured} (bound {check.bound}; proves {', '.join(check.proves)})"
