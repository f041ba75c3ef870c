"""Agents, specialists, presence and foreign phones in a load plan, on a node of its own (issue 6; N1, N2, N3, N8)."""

from __future__ import annotations

import json
import shutil
import sys
from asyncio import create_subprocess_exec, wait_for
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.loopback, pytest.mark.native, pytest.mark.timeout(240)]

PLAN = """
name = "Everybody"
target = "self"
seed = 2
[run]
duration_s = 1.5
max_concurrent = 10
[arrivals]
kind = "constant"
rate_per_s = 1.5
[talk]
kind = "fixed"
mean_s = 1
[agents]
count = 3
sipp = 1
wrap_up_s = 0.5
[escalations]
together_s = 1.5
alone_s = 0.2
[specialists]
count = 3
dead = 1
answers_after = { kind = "fixed", mean_s = 0.8 }
[presence]
every_s = 1
away_percent = 0
people = 3
[expect]
answered_percent = 100
deaf_calls = 0
"""


@pytest.fixture(scope="module")
async def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of one run with everybody in it."""
    assert shutil.which("sipp"), "sipp is missing: install the package sip-tester"
    folder = tmp_path_factory.mktemp("load")
    plan = folder / "plan.toml"
    plan.write_text(PLAN)
    command = (str(Path(sys.executable).with_name("siplab")), "load", str(plan), "--out", str(folder))
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    said, _ = await wait_for(process.communicate(), 220)
    assert process.returncode == 0, said.decode()
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def test_every_customer_is_served_and_heard(report: dict[str, Any]) -> None:
    assert len(report["calls"]) == 3
    assert {call["cause"] for call in report["calls"]} == {""}
    assert [call["deaf"] for call in report["calls"]] == [[]] * 3  # who does not hear whom
    assert {call["agent"] for call in report["calls"]} == {f"agent.{n:02}" for n in range(1, 4)}
    assert all(call["waited_s"] > 0 for call in report["calls"])


def test_escalations_bring_a_specialist_with_nobody_unheard(report: dict[str, Any]) -> None:
    """Six directions in each conference: a deaf party would be in `deaf`."""
    escalations = [call["escalation"] for call in report["calls"] if call["agent"] != "agent.03"]
    assert [each["end"] for each in escalations] == ["joined"] * 2
    assert all(0.8 <= each["handover_s"] <= 30 for each in escalations)
    assert {each["specialist"] for each in escalations} <= {"expert.01", "expert.02"}
    assert report["specialists_did"]["answers"] >= 2


def test_agent_with_a_foreign_phone_serves_without_escalating(report: dict[str, Any]) -> None:
    foreign = next(call for call in report["calls"] if call["agent"] == "agent.03")
    assert foreign["escalation"] is None
    assert foreign["media"]["received"] > 20


def test_ladder_holds_the_messages_of_all_parties(report: dict[str, Any]) -> None:
    ladder = next(call["ladder"] for call in report["calls"] if call["ladder"] and call["escalation"])
    assert sum(step["what"] == "INVITE" for step in ladder) == 3
    assert len({step["who"] for step in ladder}) == 3


def test_news_over_mqtt_and_the_target_are_measured(report: dict[str, Any]) -> None:
    assert report["presence"]["said"] > 4
    assert report["presence"]["unseen"] == 0
    assert any(second["cpu_percent"] for second in report["history"])
