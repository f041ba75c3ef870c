"""S01, steps 1 to 7, against a private node over real SIP, RTP, MQTT and WebSocket: every check is a test.

The play runs once per test run; each check of it is asserted by name, so a failure says which promise broke.
"""

from __future__ import annotations

import pytest
from siplab.node import PrivateNode
from siplab.patience import patient
from siplab.report import Report
from siplab.scenarios.s01 import S01Options, run_s01
from siplab.scenarios.s01_checks import PLANNED

from tests.scenarios.company import PATIENT_SCREENS

pytestmark = [pytest.mark.loopback, pytest.mark.native, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
async def s01() -> Report:
    """S01 as it went, on a node of its own."""
    with patient() as patience:
        async with PrivateNode(extra_env=PATIENT_SCREENS) as access:
            options = S01Options(talk_s=1.5, accept_after_s=1.5, together_s=1.0, alone_s=1.0, patience=patience)
            return await run_s01(access, options)


async def test_s01_is_played_to_its_end(s01: Report) -> None:
    """S01: CE-01..12, CE-14, CE-21, CE-22, CE-27, DC-01..05, N1, N3, N9."""
    assert s01.broken_off == ""


@pytest.mark.parametrize("name", [plan.name for plan in PLANNED])
async def test_s01_keeps_its_promise(s01: Report, name: str) -> None:
    """S01, one promise each; s01_checks.py names the mission rows."""
    check = next(check for check in s01.checks if check.name == name)
    assert check.passed, f"{check.says}: {check.measured} (bound {check.bound}; proves {', '.join(check.proves)})"
