"""What the centre refuses, and with which answer: nothing changes, and nothing is told to who may not know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from center.errors import BadRequest, CenterError, NotAllowed, UnknownThing, WrongMoment
from context.model import MAX_VALUE_CHARS
from presence.model import Status
from routing.model import AgentStatus
from tests.center.stage import ANNA, BEN, EVA, MARCUS, OLGA, SARA, STRANGER, Stage
from tests.fakes.switch import Manner
from vocabulary import CaseId, EscalationId, InteractionId, PersonId

Refusal = tuple[type[CenterError], str]
NOBODY = PersonId("nobody")


async def refused(request: Awaitable[Any]) -> Refusal:
    """How a request is refused: its kind (404, 403, 409, 422) and its slug."""
    with pytest.raises(CenterError) as error:
        await request
    assert error.value.message.endswith(".")
    return type(error.value), error.value.code


async def test_a_specialist_nobody_knows_cannot_be_asked(stage: Stage) -> None:
    interaction = await stage.talking()
    for person in (NOBODY, BEN):  # an agent is no specialist
        asked = await refused(stage.center.commands.escalate(ANNA, interaction, person, ""))
        assert asked == (UnknownThing, "unknown_specialist")


async def test_a_specialist_without_a_phone_cannot_be_asked(stage: Stage) -> None:
    interaction = await stage.talking()
    asked = await refused(stage.center.commands.escalate(ANNA, interaction, EVA, ""))
    assert asked == (WrongMoment, "not_reachable")


@pytest.mark.parametrize("status", ["busy", "away", "dnd", "unknown"])
async def test_a_specialist_who_is_not_free_cannot_be_asked(stage: Stage, status: str) -> None:
    """CE-02: old, contradictory or silent is unknown, never free."""
    interaction = await stage.talking()
    await stage.at_work(EVA)
    stage.presence.says(EVA, status)
    assert await refused(stage.center.commands.escalate(ANNA, interaction, EVA, "")) == (WrongMoment, "not_free")


async def test_nobody_is_asked_while_the_broker_is_lost(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.at_work(EVA)
    stage.presence.lose_broker()
    assert await refused(stage.center.commands.escalate(ANNA, interaction, EVA, "")) == (WrongMoment, "not_free")


async def test_a_second_specialist_cannot_be_asked_while_the_first_is_rung(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.escalating(interaction)
    await stage.at_work(MARCUS)
    asked = await refused(stage.center.commands.escalate(ANNA, interaction, MARCUS, ""))
    assert asked == (WrongMoment, "already_escalating")


async def test_two_clicks_at_once_ask_once(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.at_work(EVA, MARCUS, manner=Manner.RING)
    await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    asked = await refused(stage.center.commands.escalate(ANNA, interaction, EVA, ""))
    assert asked == (WrongMoment, "already_escalating")


async def test_a_specialist_two_agents_want_is_rung_for_one_of_them(stage: Stage) -> None:
    """N4: the other is told that he was just taken."""
    first, second = await stage.talking(), await stage.talking(BEN, STRANGER)
    await stage.at_work(EVA, manner=Manner.RING)
    asked = await stage.center.commands.escalate(ANNA, first, EVA, "")
    also = await stage.center.commands.escalate(BEN, second, EVA, "")  # neither has the lease yet
    await stage.until(lambda: stage.doc(BEN, "escalation")["state"] == "choosing")
    (tried,) = stage.doc(BEN, "escalation")["invitations"]
    assert (stage.doc(BEN, "escalation")["id"], tried["cause"]) == (also["id"], "taken")
    await stage.until(lambda: stage.escalation(asked["id"])["state"] == "ringing")
    assert len(stage.dialled_to(EVA)) == 1


async def test_while_a_specialist_is_asked_others_see_him_as_not_free(stage: Stage) -> None:
    first, second = await stage.talking(), await stage.talking(BEN, STRANGER)
    await stage.escalating(first)
    assert await refused(stage.center.commands.escalate(BEN, second, EVA, "")) == (WrongMoment, "not_free")


async def test_who_has_no_part_in_a_conversation_cannot_act_on_it_nor_learn_that_it_exists(stage: Stage) -> None:
    interaction = await stage.talking()
    case = stage.case_of(interaction)
    await stage.at_work(EVA)
    center = stage.center.commands
    for person in (BEN, EVA, OLGA, NOBODY):
        assert (await refused(center.escalate(person, interaction, EVA, "")))[0] in (UnknownThing, NotAllowed)
        assert (await refused(center.leave(person, interaction)))[0] in (UnknownThing, NotAllowed)
        assert (await refused(center.close(person, interaction, "solved", True, "")))[0] in (UnknownThing, NotAllowed)
    for person in (BEN, EVA, OLGA):
        assert await refused(center.edit_case(person, case, "description", "x", 1)) == (UnknownThing, "unknown_case")
        assert await refused(center.case(person, case)) == (UnknownThing, "unknown_case")
    assert stage.phase(interaction) == "talking"


async def test_a_supervisor_sees_a_conversation_but_does_not_end_it(stage: Stage) -> None:
    interaction = await stage.talking()
    assert (await stage.center.commands.interaction(SARA, interaction))["id"] == interaction
    assert await refused(stage.center.commands.leave(SARA, interaction)) == (NotAllowed, "not_in_the_call")


async def test_an_agent_whose_phone_still_rings_is_not_in_the_call(stage: Stage) -> None:
    await stage.at_work(ANNA, manner=Manner.RING)
    await stage.customer_calls()
    await stage.until(lambda: stage.switch.dialled(ANNA) and stage.sees(ANNA, "interaction"))
    (interaction,) = stage.center.engine.works
    assert await refused(stage.center.commands.leave(ANNA, interaction)) == (NotAllowed, "not_in_the_call")


async def test_ids_that_name_nothing_are_unknown(stage: Stage) -> None:
    center = stage.center.commands
    absent_call, absent_case, absent = InteractionId("int_0"), CaseId("case_0"), EscalationId("esc_0")
    requests: list[tuple[Callable[[], Awaitable[Any]], str]] = [
        (lambda: center.interaction(ANNA, absent_call), "unknown_interaction"),
        (lambda: center.timeline(ANNA, absent_call), "unknown_interaction"),
        (lambda: center.leave(ANNA, absent_call), "unknown_interaction"),
        (lambda: center.escalate(ANNA, absent_call, EVA, ""), "unknown_interaction"),
        (lambda: center.case(ANNA, absent_case), "unknown_case"),
        (lambda: center.edit_case(ANNA, absent_case, "description", "x", 0), "unknown_case"),
        (lambda: center.accept(EVA, absent), "unknown_escalation"),
        (lambda: center.decline(EVA, absent, ""), "unknown_escalation"),
        (lambda: center.rendered(EVA, absent, ""), "unknown_escalation"),
        (lambda: center.cancel(ANNA, absent), "unknown_escalation"),
    ]
    for request, slug in requests:
        assert await refused(request()) == (UnknownThing, slug)


async def test_who_has_declined_cannot_accept_any_more(stage: Stage) -> None:
    escalation = await stage.escalating(await stage.talking())
    await stage.center.commands.decline(EVA, escalation, "")
    assert await refused(stage.center.commands.accept(EVA, escalation)) == (WrongMoment, "too_late")


@pytest.mark.parametrize("ending", ["cancelled", "customer left"])
async def test_an_answer_to_an_escalation_that_is_over_comes_too_late(stage: Stage, ending: str) -> None:
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    match ending:
        case "cancelled":
            await stage.center.commands.cancel(ANNA, escalation)
        case _:
            stage.switch.hang_up(stage.center.engine.works[interaction].call.customer_leg)
            await stage.until(lambda: stage.escalation(escalation)["state"] == "closed")
    for request in (
        stage.center.commands.accept(EVA, escalation),
        stage.center.commands.decline(EVA, escalation, ""),
        stage.center.commands.cancel(ANNA, escalation),
    ):
        assert await refused(request) == (WrongMoment, "too_late")


async def test_a_specialist_who_has_joined_cannot_decline_any_more(stage: Stage) -> None:
    interaction = await stage.talking()
    escalation = await stage.conference(interaction)
    assert await refused(stage.center.commands.decline(EVA, escalation, "")) == (WrongMoment, "too_late")
    assert await refused(stage.center.commands.cancel(ANNA, escalation)) == (WrongMoment, "too_late")
    assert stage.phase(interaction) == "conference"


async def test_only_the_specialist_accepts_and_only_the_agent_cancels(stage: Stage) -> None:
    escalation = await stage.escalating(await stage.talking())
    for person in (ANNA, MARCUS, SARA):
        assert await refused(stage.center.commands.accept(person, escalation)) == (UnknownThing, "unknown_escalation")
    assert (await refused(stage.center.commands.cancel(EVA, escalation)))[0] is NotAllowed
    assert stage.escalation(escalation)["state"] == "ringing"


async def test_who_may_not_see_an_escalation_does_not_learn_that_it_exists(stage: Stage) -> None:
    escalation = await stage.escalating(await stage.talking())
    assert await refused(stage.center.commands.cancel(MARCUS, escalation)) == (UnknownThing, "unknown_escalation")


@pytest.mark.parametrize(
    ("field", "text", "base_version", "slug"),
    [
        ("shoe_size", "44", 1, "unknown_field"),
        ("description", "x" * (MAX_VALUE_CHARS + 1), 1, "too_long"),
        ("incident_kind", "Alien landing", 1, "not_a_choice"),
        ("description", "x", 999, "version_ahead"),
    ],
)
async def test_an_edit_that_cannot_be_is_refused_and_changes_nothing(
    stage: Stage, field: str, text: str, base_version: int, slug: str
) -> None:
    case = stage.case_of(await stage.talking())
    before = stage.doc(ANNA, "case")
    assert await refused(stage.center.commands.edit_case(ANNA, case, field, text, base_version)) == (BadRequest, slug)
    assert stage.doc(ANNA, "case") == before


async def test_only_agents_have_an_agent_status_and_after_call_work(stage: Stage) -> None:
    chosen = await refused(stage.center.commands.choose_agent_status(EVA, AgentStatus.READY, ""))
    assert chosen == (NotAllowed, "not_an_agent")
    assert await refused(stage.center.commands.finish_wrap_up(EVA, "", "")) == (NotAllowed, "not_an_agent")
    assert await refused(stage.center.commands.finish_wrap_up(ANNA, "", "")) == (WrongMoment, "no_wrap_up")


async def test_an_overlong_reason_for_an_own_status_is_refused(stage: Stage) -> None:
    asked = await refused(stage.center.commands.choose_availability(EVA, Status.AWAY, "x" * 500, None))
    assert asked == (BadRequest, "bad_availability")


async def test_a_person_who_left_the_company_is_told_so(stage: Stage) -> None:
    interaction = await stage.talking()
    assert await refused(stage.center.commands.interaction(NOBODY, interaction)) == (NotAllowed, "unknown_person")


async def test_a_command_over_mqtt_obeys_the_same_rules(stage: Stage) -> None:
    """DC-02: a person's own client asks, and is told what came of it."""
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    stage.center.mqtt_command(BEN, {"specialist": EVA})
    stage.center.mqtt_command(ANNA, {"specialist": "nobody"})
    await stage.until(lambda: stage.presence.answers_to(BEN) and stage.presence.answers_to(ANNA))
    assert not stage.sees(ANNA, "escalation")
    assert [answer["error"]["code"] for answer in stage.presence.answers_to(BEN)] == ["not_in_a_call"]
    assert [answer["error"]["code"] for answer in stage.presence.answers_to(ANNA)] == ["unknown_specialist"]
    stage.center.mqtt_command(ANNA, {"specialist": EVA, "reason": "Flood clause"})
    await stage.until(lambda: stage.sees(ANNA, "escalation"))
    shown = stage.doc(ANNA, "escalation")
    assert stage.presence.answers_to(ANNA)[-1] == {"escalation": shown["id"]}
    assert (shown["interaction"], shown["reason"]) == (interaction, "Flood clause")


async def test_a_screen_on_mqtt_acknowledges_for_its_own_person_only(stage: Stage) -> None:
    stage.screen(EVA)
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    escalation = EscalationId((await stage.center.commands.escalate(ANNA, interaction, EVA, ""))["id"])
    await stage.until(lambda: stage.escalation(escalation)["state"] == "offered")
    digest = stage.escalation(escalation)["digest"]
    stage.center.mqtt_rendered(MARCUS, {"escalation": escalation, "digest": digest})
    stage.center.mqtt_rendered(EVA, {"escalation": "esc_0", "digest": digest})
    stage.center.mqtt_rendered(EVA, {})
    assert stage.escalation(escalation)["rendered_at"] is None
    stage.center.mqtt_rendered(EVA, {"escalation": escalation, "digest": digest})
    assert stage.escalation(escalation)["rendered_at"] is not None
