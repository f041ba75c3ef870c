"""What is written down equals what runs."""

from __future__ import annotations

from pathlib import Path

from presence import fusion
from presence.adapters.mosquitto_files import access_text

ROOT = Path(__file__).parents[2]


def test_the_documented_truth_table_is_the_one_in_the_code() -> None:
    assert fusion.__doc__ is not None
    rows = [line for line in fusion.__doc__.splitlines() if line.startswith("|")]
    assert len(rows) > 12
    page = (ROOT / "docs" / "presence.md").read_text()
    assert [row for row in rows if row not in page] == []


def test_the_deployed_access_rules_are_those_of_the_private_broker() -> None:
    deployed = (ROOT / "deploy" / "mosquitto" / "ringside.acl").read_text()
    rules = [line for line in deployed.splitlines() if line and not line.startswith("#")]
    assert rules == [line for line in access_text("ringside/v1", "node").splitlines() if line]
