"""Whom an escalation may invite, and what becomes of those who let it ring (N6, N14, S02)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from center.attention import DEFAULT_MISSES
from center.documents import Work
from center.errors import WrongMoment
from center.escalation.events import CandidatesFound
from center.escalation.model import Candidate, Choice, Escalation, Timing, Trigger
from presence.model import AvailabilityState, Source, Status
from telephony.model import CallerIdentity
from tests.center.stage import ANNA, BEN, EVA, MARCUS, Document, Stage, a_stage
from tests.fakes.switch import Manner
from vocabulary import EscalationId, InteractionId, PersonId

PRIYA, TOM = PersonId("priya.shah"), PersonId("tom.fischer")
IN_AN_HOUR = timedelta(hours=1)


@pytest.fixture
async def work(stage: Stage) -> Work:
    """A conversation in the queue that wants claims, else fraud."""
    return stage.center.engine.works[await stage.talking()]


def asking(
    work: Work, first: PersonId | None = None, skill: str = "", override: bool = False, agent: PersonId = ANNA
) -> Escalation:
    shown = CallerIdentity("", "")
    return Escalation(
        EscalationId("esc_1"), work.call.id, work.case.id, agent, shown, "", Trigger.DESK, 0.0,
        skill=skill, first=first, override=override,
    )  # fmt: skip


def found(stage: Stage, work: Work, asked: Escalation) -> CandidatesFound:
    return stage.center.inviting.find_candidates(asked, work)


def ranked(stage: Stage, work: Work, asked: Escalation | None = None) -> list[PersonId]:
    return [candidate.person for candidate in found(stage, work, asked or asking(work)).ranked]


def meets(stage: Stage, person: PersonId) -> None:
    """Somebody's calendar has an appointment for another hour."""
    until = datetime.now(UTC) + IN_AN_HOUR
    stage.presence.report(person, Source.CALENDAR, Status.BUSY, until=until, client="calendar")


async def rests(stage: Stage, person: PersonId) -> None:
    await stage.center.commands.set_limits(person, {"focus_until": (datetime.now(UTC) + IN_AN_HOUR).isoformat()})


# -- candidates ---------------------------------------------------------------------------------------------------


async def test_the_free_with_a_wanted_skill_are_ranked_the_picked_one_first(stage: Stage, work: Work) -> None:
    await stage.at_work(EVA, MARCUS, PRIYA, TOM)
    assert ranked(stage, work) == [EVA, MARCUS, PRIYA]  # Tom knows neither claims nor fraud
    assert ranked(stage, work, asking(work, skill="fraud")) == [MARCUS, EVA]
    assert ranked(stage, work, asking(work, skill="technical")) == [TOM]
    assert ranked(stage, work, asking(work, first=TOM)) == [TOM, EVA, MARCUS, PRIYA]


async def test_every_candidate_and_the_deputy_has_a_fresh_leg(stage: Stage, work: Work) -> None:
    await stage.at_work(EVA, MARCUS)
    legs = found(stage, work, asking(work)).legs
    assert len(set(legs)) == 3
    assert not set(legs) & set(found(stage, work, asking(work)).legs)


@pytest.mark.parametrize("status", ["busy", "away", "dnd", "unknown", "offline"])
async def test_who_is_not_surely_free_is_no_candidate_even_when_picked(stage: Stage, work: Work, status: str) -> None:
    """CE-02."""
    await stage.at_work(EVA, MARCUS)
    stage.presence.says(EVA, status)
    assert ranked(stage, work, asking(work, first=EVA)) == [MARCUS]


async def test_without_a_phone_or_a_broker_nobody_is_a_candidate(stage: Stage, work: Work) -> None:
    await stage.at_work(EVA, MARCUS)
    stage.switch.unregister(EVA)
    await stage.until(lambda: not stage.directory.registered[EVA])
    assert ranked(stage, work) == [MARCUS]
    stage.presence.lose_broker()
    assert ranked(stage, work) == []


async def test_who_is_in_the_conversation_already_is_no_candidate(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.at_work(MARCUS)
    await stage.conference(interaction)
    work = stage.center.engine.works[interaction]
    assert ranked(stage, work, asking(work, first=EVA)) == [MARCUS]


async def test_who_is_reserved_by_somebody_else_is_no_candidate(stage: Stage, work: Work) -> None:
    await stage.at_work(EVA, MARCUS)
    stage.center.inviting.reserved(EVA, "esc_of_another")
    assert ranked(stage, work) == [MARCUS]
    stage.center.inviting.reserved(EVA, None)
    assert ranked(stage, work) == [EVA, MARCUS]


async def test_who_rests_is_a_candidate_only_when_picked_with_an_override(stage: Stage, work: Work) -> None:
    """N14; the override is for the one who was picked, not for everybody."""
    await stage.at_work(EVA, MARCUS)
    await rests(stage, EVA)
    await rests(stage, MARCUS)
    assert ranked(stage, work) == []
    assert ranked(stage, work, asking(work, first=EVA)) == []
    assert ranked(stage, work, asking(work, first=EVA, override=True)) == [EVA]
    assert ranked(stage, work, asking(work, first=None, override=True)) == []


async def test_an_override_does_not_ring_who_is_not_free_for_other_reasons(stage: Stage, work: Work) -> None:
    await stage.at_work(EVA)
    await rests(stage, EVA)
    stage.presence.line_state(EVA, in_call=True)
    assert ranked(stage, work, asking(work, first=EVA, override=True)) == []


async def test_who_is_busy_by_calendar_alone_is_asked_when_picked_and_never_unpicked(stage: Stage, work: Work) -> None:
    """S06: "busy by calendar until 14:30, reachable"."""
    await stage.at_work(EVA, MARCUS)
    meets(stage, EVA)
    assert stage.availability(EVA) is AvailabilityState.BUSY
    assert ranked(stage, work) == [MARCUS]
    assert ranked(stage, work, asking(work, first=EVA)) == [EVA, MARCUS]


# -- the deputy ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def with_deputy(stage: Stage, work: Work) -> Work:
    """The queue's deputy is Ben, an agent."""
    work.call = replace(work.call, queue=replace(work.call.queue, deputy=BEN))
    return work


def deputy(stage: Stage, work: Work) -> Candidate | None:
    return found(stage, work, asking(work)).deputy


async def test_the_deputy_stands_in_when_his_phone_is_there_whatever_his_status(
    stage: Stage, with_deputy: Work
) -> None:
    assert deputy(stage, with_deputy) is None
    await stage.at_work(BEN)
    assert deputy(stage, with_deputy) == Candidate(BEN, trusted=stage.directory.people[BEN].off_hook_accepts)
    stage.presence.says(BEN, "unknown")
    assert deputy(stage, with_deputy) is not None


async def test_a_deputy_who_talks_is_left_alone(stage: Stage, with_deputy: Work) -> None:
    await stage.at_work(BEN)
    stage.presence.line_state(BEN, in_call=True)
    assert deputy(stage, with_deputy) is None


async def test_a_queue_without_a_deputy_has_none_and_one_who_is_nobody_counts_as_none(stage: Stage, work: Work) -> None:
    await stage.at_work(BEN)
    assert deputy(stage, work) is None
    work.call = replace(work.call, queue=replace(work.call.queue, deputy=PersonId("left.long.ago")))
    assert deputy(stage, work) is None


# -- missed rings -------------------------------------------------------------------------------------------------

IMPATIENT = Timing(ring_s=0.05, least_ring_s=0.01, screen_cap_s=0.01)


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Stage]:
    """A centre whose specialists' phones ring for a moment only."""
    async with a_stage(tmp_path, timing=IMPATIENT) as opened:
        yield opened


def shown(stage: Stage) -> Document:
    availability: Document = stage.docs(ANNA)[f"person/{EVA}"]["availability"]
    return availability


async def let_it_ring(stage: Stage, interaction: InteractionId) -> None:
    """Eva is asked and does not answer; the agent gives up."""
    asked = await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    escalation = EscalationId(asked["id"])
    await stage.until(lambda: stage.escalation(escalation)["state"] == "choosing")
    assert [each["cause"] for each in stage.escalation(escalation)["invitations"]] == ["no_answer"]
    await stage.center.commands.choose(ANNA, escalation, Choice.TASK)
    await stage.until(lambda: stage.phase(interaction) == "talking")
    await stage.until(lambda: shown(stage)["kind"] != "reserved")


async def test_who_lets_it_ring_twice_is_not_shown_free_and_is_told_why_until_he_says_he_is_there(
    impatient: Stage,
) -> None:
    """S02 step 6. His UC client goes on saying available, which alone must not make him free again."""
    why = ("unknown", "unconfirmed", "did not answer twice")
    stage = impatient
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    await let_it_ring(stage, interaction)
    assert shown(stage)["state"] == "free"  # once may happen to anybody
    await let_it_ring(stage, interaction)
    own = stage.docs(EVA)["me"]["availability"]
    for seen in (shown(stage), own):
        assert (seen["state"], seen["kind"], seen["because"]) == why
    assert own["unconfirmed_since"] == own["since"]
    stage.presence.says(EVA, "available")
    assert shown(stage)["state"] == "unknown"
    with pytest.raises(WrongMoment) as refused:
        await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    assert refused.value.code == "not_free"
    await stage.center.commands.choose_availability(EVA, Status.AVAILABLE, "", None)
    assert shown(stage)["state"] == "free"
    await let_it_ring(stage, interaction)
    assert shown(stage)["state"] == "free"  # counted anew


async def test_who_came_in_between_is_forgiven_the_earlier_miss(stage: Stage, work: Work) -> None:
    """Only misses in a row count."""
    await stage.at_work(EVA)
    inviting = stage.center.inviting
    for _ in range(DEFAULT_MISSES - 1):
        inviting.missed(EVA)
    inviting.accepted(asking(work), EVA)
    for _ in range(DEFAULT_MISSES - 1):
        inviting.missed(EVA)
    assert stage.availability(EVA) is AvailabilityState.FREE
    inviting.missed(EVA)
    assert stage.availability(EVA) is not AvailabilityState.FREE


async def test_another_persons_misses_do_not_count(stage: Stage) -> None:
    await stage.at_work(EVA, MARCUS)
    for person in (EVA, MARCUS):
        stage.center.inviting.missed(person)
    assert stage.availability(EVA) is stage.availability(MARCUS) is AvailabilityState.FREE
