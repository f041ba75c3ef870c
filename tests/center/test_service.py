"""The centre as its people see it: S01 on scripted telephones, a real store and a broker in memory."""

from __future__ import annotations

from pathlib import Path

from center.escalation.model import Timing
from presence.model import AvailabilityState
from telephony.effects import AnswerLeg
from telephony.model import everyone_hears_everyone
from tests.center.stage import ANA_K, ANNA, BEN, EVA, MARCUS, SARA, STRANGER, Stage, a_stage
from tests.fakes.switch import Manner
from vocabulary import EscalationId


def field(case: dict[str, object], key: str) -> list[dict[str, object]]:
    return next(f["values"] for f in case["fields"] if f["key"] == key)  # type: ignore[attr-defined]


async def test_a_customer_is_greeted_queued_and_connected_to_an_agent(stage: Stage) -> None:
    """S01: the call before the escalation (CE-03)."""
    customer = await stage.customer_calls()
    await stage.until(lambda: AnswerLeg(customer) in stage.switch.effects)
    await stage.until(lambda: stage.docs(SARA)["queue/claims"]["waiting"] == 1)
    assert stage.doc(SARA, "interaction")["phase"] == "queued"
    assert not stage.sees(ANNA, "interaction")
    await stage.at_work(ANNA)
    await stage.until(lambda: stage.sees(ANNA, "interaction") and stage.doc(ANNA, "interaction")["phase"] == "talking")
    assert stage.switch.matrix == everyone_hears_everyone(frozenset({customer, stage.leg_of(ANNA)}))
    assert stage.docs(SARA)["queue/claims"]["waiting"] == 0
    assert stage.docs(ANNA)["me"]["agent"]["state"] == "busy"


async def test_the_agent_sees_who_calls_with_history_and_the_name_filled_in_by_the_crm(stage: Stage) -> None:
    """CE-05: nothing that is known is asked for again."""
    await stage.talking()
    interaction, case = stage.doc(ANNA, "interaction"), stage.doc(ANNA, "case")
    assert (interaction["customer"]["name"], len(interaction["history"])) == ("Ana Kovač", 4)
    assert [(value["text"], value["source"]) for value in field(case, "policy_holder")] == [("Ana Kovač", "crm")]


async def test_an_unknown_caller_is_shown_by_his_number(stage: Stage) -> None:
    await stage.talking(number=STRANGER)
    interaction = stage.doc(ANNA, "interaction")
    assert interaction["customer"] is None
    assert interaction["participants"][0]["name"] == STRANGER


async def test_the_list_of_specialists_has_the_free_and_able_first(stage: Stage) -> None:
    """S01 step 1 (CE-02)."""
    interaction = await stage.talking()
    await stage.at_work(EVA, MARCUS)
    listed = [person["id"] for person in stage.center.commands.specialists_in_order(ANNA, interaction)]
    assert listed[:2] == [EVA, MARCUS]
    stage.presence.says(EVA, "busy")
    listed = [person["id"] for person in stage.center.commands.specialists_in_order(ANNA, interaction)]
    assert listed[:2] == [MARCUS, EVA]
    eva = stage.docs(ANNA)[f"person/{EVA}"]["availability"]
    assert (eva["state"], eva["because"]) == ("busy", "UC status: busy")


async def test_the_case_is_on_the_screen_before_the_phone_rings(stage: Stage) -> None:
    """S01 step 3 (N1)."""
    stage.screen(EVA)
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    escalation = EscalationId((await stage.center.commands.escalate(ANNA, interaction, EVA, "Flood clause"))["id"])
    await stage.until(lambda: stage.escalation(escalation)["state"] == "offered")
    shown = stage.doc(EVA, "escalation")
    assert (shown["reason"], shown["agent_name"], shown["customer"]["name"]) == (
        "Flood clause", "Anna Novak", "Ana Kovač",
    )  # fmt: skip
    assert "description" in stage.doc(EVA, "case")["open_required"]
    assert stage.dialled_to(EVA) == []
    await stage.center.commands.rendered(EVA, escalation, "not the digest")
    assert stage.dialled_to(EVA) == []
    await stage.center.commands.rendered(EVA, escalation, shown["digest"])
    assert len(stage.dialled_to(EVA)) == 1
    await stage.until(lambda: stage.doc(ANNA, "escalation")["state"] == "ringing")
    names = await stage.event_names(interaction)
    assert names.index("case.rendered") < names.index("leg.dialled", names.index("escalation.requested"))


async def test_the_invite_shows_the_customer_and_carries_the_case_key_only(stage: Stage) -> None:
    """S01 step 3 (DC-03; RFC 7433, RFC 3261 §20.9)."""
    interaction = await stage.talking()
    await stage.escalating(interaction)
    (dialled,) = stage.dialled_to(EVA)
    headers = dict(dialled.headers)
    assert (dialled.shown.display, dialled.shown.number) == ("Ana Kovač", ANA_K)
    assert bytes.fromhex(headers["User-to-User"].removesuffix(";encoding=hex")).decode() == stage.case_of(interaction)
    assert headers["Call-Info"].startswith("<https://desk.example/#/escalation/esc_")


async def test_a_screen_that_stays_silent_does_not_hold_the_ring_up_beyond_the_cap(tmp_path: Path) -> None:
    """N1: the INVITE waits for the screen, but not for ever."""
    async with a_stage(tmp_path, timing=Timing(screen_cap_s=0.05)) as stage:
        stage.screen(EVA)
        escalation = await stage.escalating(await stage.talking())
        assert stage.escalation(escalation)["rendered_at"] is None
        await stage.center.commands.rendered(EVA, escalation, stage.doc(EVA, "escalation")["digest"])
        assert stage.escalation(escalation)["rendered_at"] is not None
        assert len(stage.dialled_to(EVA)) == 1


async def test_the_case_is_pushed_over_mqtt_too(stage: Stage) -> None:
    """DC-02: screens that live on MQTT."""
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    (pushed,) = stage.presence.cases_of(EVA)
    assert (pushed["escalation"], pushed["digest"]) == (escalation, stage.escalation(escalation)["digest"])


async def test_customer_and_agent_go_on_talking_while_the_specialist_is_rung(stage: Stage) -> None:
    """N3: no hold."""
    interaction = await stage.talking()
    before = stage.switch.matrix
    await stage.escalating(interaction)
    assert stage.switch.matrix == before
    assert stage.doc(ANNA, "interaction")["phase"] == "escalating"
    assert stage.availability(EVA) is AvailabilityState.BUSY


async def test_a_specialist_who_clicked_is_joined_when_he_lifts_the_handset(stage: Stage) -> None:
    """S01 step 4 (CE-06, CE-11)."""
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    await stage.center.commands.accept(EVA, escalation)
    assert stage.escalation(escalation)["accepted_by_click"] is True
    await stage.lifts(EVA)
    await stage.until(lambda: stage.escalation(escalation)["state"] == "joined")
    assert stage.phase(interaction) == "conference"
    assert len(stage.switch.legs) == 3
    assert stage.switch.matrix == everyone_hears_everyone(stage.switch.legs)


async def test_what_the_specialist_types_is_on_the_agents_screen_with_its_source(stage: Stage) -> None:
    """S01 step 5 (CE-09, N9)."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    case = stage.doc(EVA, "case")
    await stage.center.commands.edit_case(EVA, stage.case_of(interaction), "police_report", "PU-17", case["version"])
    (value,) = field(stage.doc(ANNA, "case"), "police_report")
    assert (value["text"], value["source"], value["author_name"]) == ("PU-17", "specialist", "Eva Horvat")
    await stage.center.commands.edit_case(ANNA, stage.case_of(interaction), "third_party", "Adria", case["version"])
    assert field(stage.doc(EVA, "case"), "third_party")[0]["source"] == "agent"


async def test_edits_of_one_field_that_did_not_see_each_other_are_both_kept(stage: Stage) -> None:
    """N9: no edit is lost."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    case, version = stage.case_of(interaction), stage.doc(EVA, "case")["version"]
    assert (await stage.center.commands.edit_case(ANNA, case, "third_party", "Adria", version))["conflict"] is False
    answer = await stage.center.commands.edit_case(EVA, case, "third_party", "Jadran", version)
    assert answer["conflict"] is True
    assert [value["text"] for value in field(stage.doc(ANNA, "case"), "third_party")] == ["Adria", "Jadran"]
    settled = await stage.center.commands.edit_case(ANNA, case, "third_party", "Jadran", answer["version"])
    assert settled["conflict"] is False


async def test_the_agent_leaves_and_the_other_two_talk_on(stage: Stage) -> None:
    """S01 step 6 (CE-22, CE-21)."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.leave(ANNA, interaction)
    await stage.until(lambda: len(stage.switch.legs) == 2)
    assert stage.switch.matrix == everyone_hears_everyone(stage.switch.legs)
    assert stage.agent_state(ANNA) == "wrap_up"
    assert stage.doc(EVA, "interaction")["phase"] == "talking"
    assert stage.sees(ANNA, "case")


async def test_the_specialist_closes_with_an_outcome_and_everything_is_stored(stage: Stage) -> None:
    """S01 step 7 (CE-07, CE-08, CE-10, CE-21)."""
    interaction = await stage.talking()
    case = stage.case_of(interaction)
    await stage.conference(interaction)
    await stage.center.commands.leave(ANNA, interaction)
    await stage.center.commands.close(EVA, interaction, "solved", True, "Covered by the flood clause.")
    await stage.until(lambda: not stage.switch.legs)
    await stage.center.commands.finish_wrap_up(ANNA, "claim", "All said.")
    assert stage.phase(interaction) == "closed"
    result = (await stage.center.commands.interaction(EVA, interaction))["result"]
    assert (result["outcome"], result["fcr"], result["disposition"]) == ("solved", True, "claim")
    assert min(result["budgets"]["agent_s"], result["budgets"]["specialist_s"]) > 0
    assert await _stored(stage, interaction, case) == ("closed", True, "solved")


async def _stored(stage: Stage, interaction: str, case: str) -> tuple[str, bool | None, str]:
    await stage.center.stop()
    kept = await stage.store.interactions.get(interaction)  # type: ignore[arg-type]
    matter = await stage.store.cases.get(case)  # type: ignore[arg-type]
    assert kept is not None
    assert matter is not None
    return kept.phase, kept.fcr, matter.outcome


async def test_the_time_line_tells_the_whole_story_in_order(stage: Stage) -> None:
    """CE-16, N15: one correlation id over SIP, MQTT, routing and case."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.edit_case(EVA, stage.case_of(interaction), "police_report", "PU-17", 1)
    await stage.center.commands.leave(ANNA, interaction)
    await stage.center.commands.close(EVA, interaction, "solved", True, "")
    await stage.center.commands.finish_wrap_up(ANNA, "", "")
    await stage.until(lambda: not stage.switch.legs)
    line = await stage.center.commands.timeline(ANNA, interaction)
    names = [event["name"] for event in line]
    story = [
        "leg.arrived", "interaction.queued", "interaction.offered", "escalation.requested", "escalation.reserved",
        "case.pushed", "escalation.offered", "escalation.accepted", "escalation.joined", "case.edited",
        "participant.left", "interaction.outcome", "interaction.closed",
    ]  # fmt: skip
    assert [name for name in names if name in story] == story
    assert [event["seq"] for event in line] == sorted(event["seq"] for event in line)


async def test_cases_of_two_conversations_do_not_leak_into_each_other(stage: Stage) -> None:
    """N12: who has no part in it sees nothing of it."""
    first = await stage.talking()
    await stage.conference(first)
    second = await stage.talking(BEN, STRANGER)
    await stage.at_work(MARCUS, manner=Manner.RING)
    await stage.center.commands.escalate(BEN, second, MARCUS, "Fraud?")
    await stage.until(lambda: stage.sees(MARCUS, "escalation"))
    for person, own in ((ANNA, first), (EVA, first), (BEN, second), (MARCUS, second)):
        assert stage.doc(person, "interaction")["id"] == own
        assert stage.doc(person, "escalation")["interaction"] == own
        assert stage.doc(person, "case")["id"] == stage.case_of(own)
    both = [key for key in stage.docs(SARA) if key.startswith(("interaction/", "case/", "escalation/"))]
    assert len(both) == 6


async def test_a_specialist_in_the_conversation_is_busy_in_everyones_list_and_free_again_after_it(
    stage: Stage,
) -> None:
    """CE-02: own line state."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    shown = stage.docs(BEN)[f"person/{EVA}"]["availability"]
    assert (shown["state"], shown["because"].startswith("in a call")) == ("busy", True)
    await stage.center.commands.leave(EVA, interaction)
    await stage.until(lambda: stage.docs(BEN)[f"person/{EVA}"]["availability"]["state"] == "free")
    assert stage.phase(interaction) == "talking"


async def test_after_a_specialist_left_the_agent_can_ask_for_the_next(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.leave(EVA, interaction)
    await stage.until(lambda: stage.phase(interaction) == "talking")
    await stage.conference(interaction, MARCUS)
    assert stage.phase(interaction) == "conference"
