"""Who may see an interaction may take it out as a vCon; that is logged."""

from __future__ import annotations

import hashlib
import json

import pytest

from center.errors import UnknownThing
from center.vcon_export import stays_of
from tests.center.stage import ANNA, BEN, EVA, MARCUS, OLGA, SARA, STRANGER, Stage
from vocabulary import InteractionId


async def test_an_escalated_call_as_a_vcon(stage: Stage) -> None:
    """CE-09: running, closed and of long ago, with the bundle the specialist saw."""
    interaction = await stage.talking()
    escalation = await stage.conference(interaction)
    pushed = stage.presence.cases_of(EVA)[0]["digest"]
    running = await stage.center.commands.exports.vcon(EVA, interaction)
    (attachment,) = running["attachments"]
    assert hashlib.sha256(attachment["body"].encode()).hexdigest() == pushed
    assert [(party["name"], party["type"]) for party in running["parties"]] == [
        ("Ana Kovač", "customer"),
        ("Anna Novak", "agent"),
        ("Eva Horvat", "specialist"),
    ]
    assert "duration" not in running["dialog"][0]

    await stage.center.commands.leave(ANNA, interaction)
    await stage.center.commands.close(EVA, interaction, "Settled", True, "")
    await stage.until(lambda: stage.phase(interaction) != "talking")
    closed = await stage.center.commands.exports.vcon(ANNA, interaction)
    assert closed["uuid"] == running["uuid"]
    assert closed["dialog"][0]["duration"] >= 0
    drops = [(event["party"], event["event"]) for event in closed["dialog"][0]["party_history"]]
    assert drops.count((1, "drop")) == 1
    assert {(0, "drop"), (2, "drop")} <= set(drops)
    assert escalation
    assert "interaction.exported" in await stage.event_names(interaction)


async def test_an_interaction_of_long_ago_comes_from_the_store(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.center.commands.close(ANNA, interaction, "Settled", True, "")
    await stage.center.commands.finish_wrap_up(ANNA, "settled", "")
    await stage.until(lambda: interaction in stage.center.engine.closed)
    await stage.center._persistence._write_waiting()
    fresh = dict(await stage.center.commands.exports.vcon(ANNA, interaction))
    del stage.center.engine.closed[interaction]
    old = dict(await stage.center.commands.exports.vcon(SARA, interaction))
    assert (old["uuid"], old["parties"], old["dialog"]) == (fresh["uuid"], fresh["parties"], fresh["dialog"])
    assert json.loads(old["attachments"][0]["body"])["requested_by"] == ANNA
    with pytest.raises(UnknownThing):
        await stage.center.commands.exports.vcon(MARCUS, interaction)


async def test_whoever_may_not_see_it_gets_nothing_and_nothing_is_logged(stage: Stage) -> None:
    interaction = await stage.talking(number=STRANGER)
    for person in (BEN, EVA, OLGA):
        with pytest.raises(UnknownThing):
            await stage.center.commands.exports.vcon(person, interaction)
    with pytest.raises(UnknownThing):
        await stage.center.commands.exports.vcon(SARA, InteractionId("int_unknown"))
    assert "interaction.exported" not in await stage.event_names(interaction)


def test_nobody_is_in_a_conversation_of_which_nothing_is_known() -> None:
    assert stays_of([]) == ()
