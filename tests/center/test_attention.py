"""Interruptions and missed rings outlive the node (N14, S02 step 6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from center.attention import Attention
from center.persistence import Persistence
from presence.model import AvailabilityState, Kind, Status
from tests.center.stage import EVA, MARCUS, Document, Stage, a_stage
from vocabulary import PersonId

HOUR = timedelta(hours=1)


def shown(stage: Stage, person: PersonId = EVA) -> Document:
    availability: Document = stage.docs(person)["me"]["availability"]
    return availability


async def test_the_hourly_limit_holds_over_a_restart(tmp_path: Path) -> None:
    """N14: what was counted before counts after; the fifth request would be one too many."""
    async with a_stage(tmp_path) as before:
        await before.at_work(EVA, MARCUS)
        await before.center.commands.set_limits(EVA, {"per_hour": 2})
        for _ in range(2):
            before.center.attention.asked(EVA)
        assert shown(before)["kind"] == Kind.RESTING
        until = shown(before)["resting_until"]
    async with a_stage(tmp_path) as after:
        await after.at_work(EVA, MARCUS)
        assert (shown(after)["kind"], shown(after)["resting_until"]) == (Kind.RESTING, until)
        assert after.center.attention.count(EVA) == 2
        assert after.availability(MARCUS) is AvailabilityState.FREE


async def test_interruptions_of_long_ago_are_forgotten_in_the_store_too(stage: Stage) -> None:
    """Kept for a day, so the table stays small however long the node runs."""
    now = datetime.now(UTC)
    times = iter((now - 25 * HOUR, now - 23 * HOUR, now))
    persistence = Persistence(stage.store, "node")
    attention = Attention(stage.presence, stage.store.interruptions, persistence, utc=lambda: next(times))
    for _ in range(3):
        attention.asked(EVA)
    await persistence.stop()
    kept = await stage.store.interruptions.since(now - 48 * HOUR)
    assert kept == [(EVA, now - 23 * HOUR), (EVA, now)]


async def test_who_did_not_answer_is_unconfirmed_after_a_restart_too(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as before:
        await before.at_work(EVA)
        for _ in range(2):
            before.center.attention.missed(EVA)
        since = shown(before)["unconfirmed_since"]
    async with a_stage(tmp_path) as after:
        await after.at_work(EVA)
        assert (shown(after)["state"], shown(after)["kind"]) == ("unknown", Kind.UNCONFIRMED)
        assert shown(after)["unconfirmed_since"] == since is not None
        await after.center.commands.is_here(EVA)
        assert shown(after)["state"] == "free"
    async with a_stage(tmp_path) as later:
        await later.at_work(EVA)
        assert shown(later)["state"] == "free"


async def test_the_own_choice_stays_when_somebody_only_says_that_he_is_here(stage: Stage) -> None:
    await stage.at_work(EVA)
    await stage.center.commands.choose_availability(EVA, Status.BUSY, "audit", None)
    for _ in range(2):
        stage.center.attention.missed(EVA)
    assert shown(stage)["unconfirmed_since"] is not None
    assert shown(stage)["because"] == "own choice: audit"
    await stage.center.commands.is_here(EVA)
    assert shown(stage)["unconfirmed_since"] is None
    assert shown(stage)["because"] == "own choice: audit"


async def test_a_choice_taken_back_lets_the_sources_decide(stage: Stage) -> None:
    await stage.at_work(EVA)
    await stage.center.commands.choose_availability(EVA, Status.AWAY, "lunch", None)
    assert shown(stage)["state"] == "away"
    await stage.center.commands.choose_availability(EVA, None, "", None)
    assert (shown(stage)["state"], shown(stage)["because"]) == ("free", "UC status: available")
    assert [one["source"] for one in shown(stage)["sources"]] == ["phone", "uc"]


async def test_how_many_misses_are_too_many_is_a_setting(stage: Stage) -> None:
    await stage.at_work(EVA)
    attention = Attention(stage.presence, stage.store.interruptions, Persistence(stage.store, "node"), misses=3)
    for _ in range(2):
        attention.missed(EVA)
    assert shown(stage)["state"] == "free"
    attention.missed(EVA)
    assert shown(stage)["because"] == "did not answer 3 times"


async def test_people_who_left_are_passed_over(stage: Stage) -> None:
    ghost, now = PersonId("left.long.ago"), datetime.now(UTC)
    await stage.store.interruptions.add(ghost, now, now - HOUR)
    await stage.store.interruptions.set_unconfirmed(ghost, now, 2)
    await stage.center.attention.read_back()
    assert stage.center.attention.count(ghost) == 0
