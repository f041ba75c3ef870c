"""A specialist's own limits on interruptions: read strictly, kept, and overridden only with a reason (N14)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from center.errors import BadRequest, WrongMoment
from center.limits import own_zone, parse_limits
from presence.budget import MAX_FOCUS, MAX_PER_HOUR, MAX_QUIET_WINDOWS, InterruptionRules, QuietWindow
from presence.model import AvailabilityState
from tests.center.stage import ANNA, EVA, MARCUS, Document, Stage
from tests.fakes.switch import Manner
from vocabulary import EscalationId, InteractionId

NOON = {"weekday": 0, "from": "12:00", "to": "13:00"}

# -- reading ------------------------------------------------------------------------------------------------------


def test_every_limit_is_read() -> None:
    rules = parse_limits(
        {"per_hour": 4, "quiet": [NOON], "focus_until": "2026-11-21T14:00:00+01:00", "zone": "Europe/Prague"}
    )
    assert rules == InterruptionRules(
        per_hour=4,
        quiet=(QuietWindow(frozenset({0}), time(12), time(13)),),
        focus_until=datetime(2026, 11, 21, 13, tzinfo=UTC),
        zone="Europe/Prague",
    )


def test_a_focus_lasts_a_month_at_most_and_the_refusal_names_its_field() -> None:
    """N14: a mistyped year must not take somebody off the list until then."""
    now = datetime(2026, 11, 21, 13, tzinfo=UTC)
    parse_limits({"focus_until": (now + MAX_FOCUS).isoformat()}, now)
    with pytest.raises(BadRequest, match="focus may last 31 days at most") as refused:
        parse_limits({"focus_until": (now + MAX_FOCUS + timedelta(minutes=1)).isoformat()}, now)
    assert refused.value.field == "focus_until"


async def test_a_focus_that_is_too_long_is_not_kept(stage: Stage) -> None:
    with pytest.raises(BadRequest):
        await stage.center.commands.set_limits(EVA, {"focus_until": "2099-01-01T00:00:00+00:00"})
    assert EVA not in stage.directory.limits


def test_no_limits_allow_everything_and_the_zone_is_the_nodes_own() -> None:
    assert parse_limits({}) == InterruptionRules(zone=own_zone())
    assert parse_limits({"per_hour": None, "quiet": [], "focus_until": None, "zone": None}) == parse_limits({})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("per_hour", 0),
        ("per_hour", MAX_PER_HOUR + 1),
        ("per_hour", "4"),
        ("per_hour", 1.5),
        ("per_hour", True),
        ("quiet", [NOON | {"weekday": 7}]),
        ("quiet", [NOON | {"weekday": -1}]),
        ("quiet", [NOON | {"weekday": "Monday"}]),
        ("quiet", [NOON | {"from": "25:00"}]),
        ("quiet", [NOON | {"to": "noon"}]),
        ("quiet", [NOON | {"from": "12:00+01:00"}]),
        ("quiet", [NOON | {"from": 12}]),
        ("quiet", [{"weekday": 0, "from": "12:00"}]),
        ("quiet", [NOON] * (MAX_QUIET_WINDOWS + 1)),
        ("quiet", 7),
        ("quiet", ["12:00-13:00"]),
        ("focus_until", "tomorrow"),
        ("focus_until", "2026-11-21T14:00:00"),
        ("focus_until", 1_800_000_000),
        ("zone", "Europe/Atlantis"),
        ("zone", "../../etc/passwd"),
        ("zone", 1),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_limits({"per_hour": 4, "zone": "UTC"} | {field: value})
    assert (refused.value.code, refused.value.field) == ("bad_limits", field)
    assert refused.value.message.endswith(".")


# -- in the centre ------------------------------------------------------------------------------------------------


async def asked_and_taken_back(stage: Stage, interaction: InteractionId) -> None:
    """One interruption of Eva."""
    asked = await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    escalation = EscalationId(asked["id"])
    await stage.until(lambda: stage.escalation(escalation)["state"] == "ringing")
    await stage.center.commands.cancel(ANNA, escalation)
    await stage.until(lambda: stage.phase(interaction) == "talking")
    await stage.until(lambda: stage.dialled_to(EVA) and stage.switch.dialled(EVA) is None)
    await stage.until(lambda: stage.availability(EVA) is not AvailabilityState.UNKNOWN and not_reserved(stage))


def not_reserved(stage: Stage) -> bool:
    return str(shown(stage)["kind"]) != "reserved"


def shown(stage: Stage) -> Document:
    """Eva's availability on the agent's list."""
    availability: Document = stage.docs(ANNA)[f"person/{EVA}"]["availability"]
    return availability


async def worn_out(stage: Stage, per_hour: int = 4) -> InteractionId:
    """Eva allows so many interruptions an hour, and has had them."""
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    await stage.center.commands.set_limits(EVA, {"per_hour": per_hour})
    for _ in range(per_hour):
        assert shown(stage)["state"] == "free"
        await asked_and_taken_back(stage, interaction)
    return interaction


async def test_a_fifth_request_within_the_hour_is_not_offered_and_the_list_says_until_when(stage: Stage) -> None:
    """N14: per hour 4; the fifth is refused, and she is not rung."""
    before = datetime.now(UTC)
    interaction = await worn_out(stage)
    assert (shown(stage)["state"], shown(stage)["kind"], shown(stage)["reachable"]) == ("busy", "resting", False)
    assert shown(stage)["because"].startswith("resting until ")
    until = datetime.fromisoformat(shown(stage)["resting_until"])
    assert timedelta(minutes=59) < until - before < timedelta(minutes=61)
    with pytest.raises(WrongMoment, match="resting until") as refused:
        await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    assert refused.value.code == "resting"
    assert len(stage.dialled_to(EVA)) == 4
    assert stage.phase(interaction) == "talking"


async def test_who_rests_is_not_found_for_a_skill_either(stage: Stage) -> None:
    """The next best is asked, though less able."""
    interaction = await worn_out(stage)
    await stage.at_work(MARCUS, manner=Manner.RING)
    asked = await stage.center.commands.escalate(ANNA, interaction, None, "", "claims")
    await stage.until(lambda: stage.escalation(asked["id"])["state"] == "ringing")
    assert stage.escalation(asked["id"])["specialist"] == MARCUS
    assert len(stage.dialled_to(EVA)) == 4


async def test_who_rests_is_asked_with_a_reason_which_is_recorded(stage: Stage) -> None:
    interaction = await worn_out(stage)
    asked = await stage.center.commands.escalate(
        ANNA, interaction, EVA, "", override_reason="A fire, and only she knows."
    )
    await stage.until(lambda: stage.escalation(asked["id"])["state"] == "ringing")
    assert len(stage.dialled_to(EVA)) == 5
    await stage.store.events.flush()
    (override,) = [e for e in await stage.store.events.of(interaction) if e.name == "limits.overridden"]
    assert override.data["by"] == ANNA
    assert override.data["specialist"] == EVA
    assert override.data["pii_reason"] == "A fire, and only she knows."


async def test_a_reason_does_not_ring_who_rests_but_talks_to_somebody(stage: Stage) -> None:
    """Limits can be overridden, a conversation cannot."""
    interaction = await worn_out(stage)
    stage.presence.line_state(EVA, in_call=True)
    with pytest.raises(WrongMoment) as refused:
        await stage.center.commands.escalate(ANNA, interaction, EVA, "", override_reason="Urgent.")
    assert refused.value.code == "not_free"


async def test_a_reason_where_nothing_is_overridden_is_not_recorded_as_an_override(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    await stage.center.commands.escalate(ANNA, interaction, EVA, "", override_reason="To be sure.")
    assert "limits.overridden" not in await stage.event_names(interaction)


async def test_lifting_the_limits_makes_a_person_free_at_once(stage: Stage) -> None:
    await worn_out(stage)
    assert shown(stage)["kind"] == "resting"
    await stage.center.commands.set_limits(EVA, {})
    assert (shown(stage)["state"], shown(stage)["resting_until"]) == ("free", None)
    assert stage.docs(EVA)["me"]["limits"] == {}


async def test_focus_until_is_shown_at_once_and_kept_in_the_store(stage: Stage) -> None:
    await stage.at_work(EVA)
    until = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    limits = {"focus_until": until.isoformat(), "zone": "UTC"}
    await stage.center.commands.set_limits(EVA, limits)
    seen = stage.docs(ANNA)[f"person/{EVA}"]["availability"]
    assert (seen["kind"], datetime.fromisoformat(seen["resting_until"])) == ("resting", until)
    assert seen["because"].endswith("(focus)")
    assert (await stage.store.directory.limits())[EVA] == limits


async def test_limits_that_are_refused_leave_the_old_ones_in_force(stage: Stage) -> None:
    await worn_out(stage)
    with pytest.raises(BadRequest):
        await stage.center.commands.set_limits(EVA, {"zone": "Europe/Atlantis"})
    assert shown(stage)["kind"] == "resting"
    assert stage.docs(EVA)["me"]["limits"] == {"per_hour": 4}
