"""The figures of a running centre: on supervisors' screens, as the log says, and there again after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from center.errors import NotAllowed, UnknownThing
from center.live import LiveDocuments
from center.report.documents import Behind
from center.report.live import KEY, Reports
from center.report.report import Window
from routing.model import AgentStatus
from tests.center.stage import ANNA, BEN, EVA, OLGA, PATIENCE_S, POLL_S, Document, Stage
from vocabulary import InteractionId, PersonId, QueueId

T = TypeVar("T")

TODAY = Window.TODAY


def shown(stage: Stage) -> Document:
    """The figures as they are now, without waiting for the next second."""
    stage.center.commands.reports.show()
    document = stage.center.live.get(KEY)
    assert document is not None
    return dict(document)


async def refilled(stage: Stage) -> Document:
    """What another run of the node would show: read back from the log alone."""
    await stage.store.events.flush()
    await stage.until(lambda: not stage.center._persistence._waiting)
    live = LiveDocuments()
    again = Reports(stage.store, live, lambda: stage.directory.queues, lambda: stage.directory.names)
    await again._refill()
    again.show()
    document = live.get(KEY)
    assert document is not None
    return dict(document)


async def eventually(look: Callable[[], Awaitable[T | None]]) -> T:
    """What is there once the store has written everything that was decided."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(POLL_S)


async def help_of(stage: Stage, person: PersonId, resolved: bool) -> Document:
    """The one row of a person's help once its end is stored."""

    async def look() -> Document | None:
        helped = await stage.center.commands.reports.help_given(stage.directory.people[person])
        return dict(helped) if [row["resolved"] for row in helped["rows"]] == [resolved] else None

    await stage.store.events.flush()
    return await eventually(look)


async def test_a_whole_call_is_in_the_figures_and_a_restart_counts_the_same(stage: Stage) -> None:
    """RR-03, RR-05, N9: service level, hand-over, budgets, first-contact resolution, fields empty at join and close."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    running = shown(stage)["windows"]["today"][""]
    assert (running["in_time"], running["service_level"], running["hand_over"]["joined"]) == (1, 1.0, 1)
    await stage.center.commands.close(EVA, interaction, "Covered", True, "")
    await stage.center.commands.finish_wrap_up(ANNA, "resolved", "")
    await stage.until(lambda: stage.phase(interaction) == "closed")
    whole = shown(stage)["windows"]["today"][""]
    assert (whole["closed"], whole["resolved"], whole["resolved_share"]) == (1, 1, 1.0)
    assert whole["required"]["at_join"]["required"] > 0
    assert whole["required"]["at_close"]["empty"] == whole["required"]["at_join"]["empty"] > 0
    assert await refilled(stage) == shown(stage)


async def test_the_calls_behind_a_figure_are_listed_for_supervisors_only(stage: Stage) -> None:
    """Drill down: number, list, then the time line of each call."""
    interaction = await stage.talking()
    people = stage.directory.people
    supervisor = next(person for person in people.values() if "supervisor" in person.roles)

    async def look() -> Document | None:
        found = await stage.center.commands.reports.calls(supervisor, Behind.IN_TIME, TODAY, QueueId(""))
        return dict(found) if found["rows"] and found["rows"][0]["customer_name"] else None

    found = await eventually(look)
    assert [row["interaction"] for row in found["rows"]] == [interaction]
    assert found["rows"][0]["customer_name"] == "Ana Kovač"
    assert found["rows"][0]["agent_name"] == people[ANNA].name
    assert await stage.center.commands.timeline(supervisor.id, interaction)
    with pytest.raises(NotAllowed):
        await stage.center.commands.reports.calls(people[ANNA], Behind.IN_TIME, TODAY, QueueId(""))
    assert stage.sees(supervisor.id, KEY) == stage.sees(ANNA, KEY) is False
    assert KEY in stage.docs(supervisor.id)
    assert KEY not in stage.docs(ANNA)


async def test_a_specialist_sees_what_his_help_changed(stage: Stage) -> None:
    """CE-27, N14: outcome and first-contact resolution of what he joined, with what was empty then; nobody else's."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.close(EVA, interaction, "Covered by the flood clause", True, "")
    helped = await help_of(stage, EVA, resolved=True)
    (row,) = helped["rows"]
    assert (helped["joined"], helped["resolved"], helped["known"]) == (1, 1, 1)
    assert (row["interaction"], row["outcome"], row["resolved"]) == (interaction, "Covered by the flood clause", True)
    assert (row["customer_name"], row["asked_by"]) == ("Ana Kovač", stage.directory.people[ANNA].name)
    assert row["empty_at_join"] == row["empty_at_close"] > 0
    assert (await stage.center.commands.reports.help_given(stage.directory.people[OLGA]))["rows"] == []


async def test_agent_and_specialist_read_the_customers_rating_afterwards(stage: Stage) -> None:
    """S01 step 8: both are told the outcome and what the customer said; only supervisors write it down."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.close(EVA, interaction, "Covered", True, "")
    people, reports = stage.directory.people, stage.center.commands.reports
    await help_of(stage, EVA, resolved=True)
    supervisor = next(person for person in people.values() if "supervisor" in person.roles)
    await reports.rate(supervisor, interaction, 5, "She knew what it was about.")
    for person in (ANNA, EVA):
        (row,) = (await help_of(stage, person, resolved=True))["rows"]
        assert (row["rating"], row["words"], row["resolved"]) == (5, "She knew what it was about.", True)
        assert row["helped"] == (person == EVA)
    with pytest.raises(NotAllowed):
        await reports.rate(people[EVA], interaction, 5, "")
    with pytest.raises(UnknownThing):
        await reports.rate(supervisor, InteractionId("int_none"), 5, "")


async def test_a_broken_watcher_costs_no_call(stage: Stage) -> None:
    """Whoever looks on must not end a conversation."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug in the figures")

    stage.store.events.watch(broken)
    interaction = await stage.talking()
    assert stage.phase(interaction) == "talking"


async def test_who_serves_a_customer_may_open_his_earlier_call_and_nobody_else(stage: Stage) -> None:
    """KB-01: the history is usable: an earlier contact of ours can be opened while its customer is on the line."""
    earlier = await stage.talking(ANNA)
    await stage.center.commands.close(ANNA, earlier, "Sent a form", False, "")
    await stage.center.commands.finish_wrap_up(ANNA, "", "")
    await stage.until(lambda: stage.phase(earlier) == "closed" and not stage.center._persistence._waiting)
    with pytest.raises(UnknownThing):
        await stage.center.commands.timeline(BEN, earlier)
    await stage.center.commands.choose_agent_status(ANNA, AgentStatus.NOT_READY, "break")
    later = await stage.talking(BEN)
    await stage.until(lambda: stage.doc(BEN, "interaction")["history"][0].get("interaction") == earlier)
    assert later != earlier
    assert "interaction.closed" in {event["name"] for event in await stage.center.commands.timeline(BEN, earlier)}
    with pytest.raises(UnknownThing):
        await stage.center.commands.timeline(EVA, earlier)
