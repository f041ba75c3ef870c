"""What is written down equals what runs."""

from __future__ import annotations

import re
from pathlib import Path

from presence import fusion
from presence.adapters.mosquitto_files import access_text
from tests.presence.truth_table import TABLE, document_lines

ROOT = Path(__file__).parents[2]


def test_the_documented_truth_table_is_the_one_in_the_code() -> None:
    assert fusion.__doc__ is not None
    rows = [line for line in fusion.__doc__.splitlines() if line.startswith("|")]
    assert len(rows) > 12
    page = (ROOT / "docs" / "presence.md").read_text()
    assert [row for row in rows if row not in page] == []


def test_the_documented_situations_are_the_tested_ones() -> None:
    """S06 step 1: the page shows exactly the rows that test_fusion.py runs, one test each."""
    page = (ROOT / "docs" / "presence.md").read_text()
    assert len(TABLE) >= 30
    assert [line for line in document_lines() if line not in page] == []


def test_the_documented_faults_are_tests() -> None:
    """Issue 4: at least 20 faults, each an automated test on a real Mosquitto."""
    page = (ROOT / "docs" / "presence.md").read_text()
    named = re.findall(r"`(test_\w+)` \|$", page.partition("## Faults")[2], re.M)
    files = ("test_faults.py", "test_service.py", "test_probing.py", "test_elsewhere.py")
    tests = "".join((Path(__file__).with_name(name)).read_text() for name in files)
    assert len(set(named)) >= 20
    assert [name for name in named if f"async def {name}(" not in tests] == []


def test_the_deployed_access_rules_are_those_of_the_private_broker() -> None:
    deployed = (ROOT / "deploy" / "mosquitto" / "ringside.acl").read_text()
    rules = [line for line in deployed.splitlines() if line and not line.startswith("#")]
    assert rules == [line for line in access_text("ringside/v1", "node").splitlines() if line]
