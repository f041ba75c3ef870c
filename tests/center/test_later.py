"""A specialist who has no time now but soon: the search goes on, the agent sees when, the promise becomes his."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from center.errors import CenterError
from center.escalation.model import Choice
from presence.model import AvailabilityState, Kind
from tests.center.stage import ANNA, EVA, MARCUS, Stage


async def test_later_asks_the_next_at_once_and_shows_the_agent_when_he_has_time(stage: Stage) -> None:
    """CE-16, N2: as a refusal, with a time; until then nobody asks him again (N14)."""
    interaction = await stage.talking()
    await stage.at_work(MARCUS)
    escalation = await stage.escalating(interaction, EVA)
    await stage.center.commands.postpone(EVA, escalation, 15)
    await stage.until(lambda: [one["state"] for one in stage.escalation(escalation)["invitations"]][:1] == ["ended"])
    eva, *others = stage.escalation(escalation)["invitations"]
    assert (eva["specialist"], eva["cause"]) == (EVA, "later")
    again = datetime.fromisoformat(eva["again_at"])
    assert timedelta(minutes=14) < again - datetime.now(UTC) <= timedelta(minutes=15)
    assert [one["specialist"] for one in others] == [MARCUS]
    assert stage.availability(EVA) is AvailabilityState.BUSY
    assert stage.presence.availability(EVA).kind is Kind.RESTING
    with pytest.raises(CenterError):
        await stage.center.commands.postpone(EVA, escalation, 15)


async def test_when_nobody_else_came_the_callback_is_promised_in_his_name(stage: Stage) -> None:
    """N10: the customer gets the one who said he has time."""
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction, EVA)
    await stage.center.commands.postpone(EVA, escalation, 5)
    await stage.until(lambda: stage.escalation(escalation)["state"] == "choosing")
    await stage.center.commands.choose(ANNA, escalation, Choice.CALLBACK)
    await stage.until(lambda: stage.escalation(escalation)["promise"])
    assert stage.escalation(escalation)["promise"]["owner"] == EVA
