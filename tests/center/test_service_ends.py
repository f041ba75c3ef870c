"""Everything that goes otherwise than wished: it ends once, with its cause on the screen and in the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from center.errors import UnknownThing
from center.escalation import machine as escalation_machine
from center.escalation.events import Accepted, EscalationEvent
from center.escalation.model import Escalation, Timing
from center.interaction import machine as interaction_machine
from center.interaction.events import InteractionEvent, PersonLeft
from center.interaction.model import Interaction
from routing.model import AgentStatus
from store.records import StoredInteraction
from store.store import Store
from telephony.effects import EndLeg
from telephony.model import HoldMusic, everyone_hears_everyone
from tests.center.stage import ANA_K, ANNA, BEN, EVA, MARCUS, OLGA, SARA, Stage, a_stage
from tests.fakes.switch import Manner
from vocabulary import EndReason, InteractionId, QueueId

RINGS_SHORTLY = Timing(screen_cap_s=0.02, ring_s=0.1, least_ring_s=0.05)


def cause(stage: Stage) -> tuple[str, str, str]:
    """What the agent's screen says of how the escalation as a whole ended."""
    shown = stage.doc(ANNA, "escalation")
    return shown["state"], shown["cause"], shown["cause_text"]


def first_try(stage: Stage) -> tuple[str, str, str]:
    """What the agent's screen says of the first specialist who was asked."""
    tried = stage.doc(ANNA, "escalation")["invitations"][0]
    return tried["state"], tried["cause"], tried["cause_text"]


# -- escalations that come to nothing ---------------------------------------------------------------------------


async def test_who_declines_is_told_to_the_agent_at_once(stage: Stage) -> None:
    """CE-13: within the same drain, without waiting for the phone."""
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    leg = stage.leg_of(EVA)
    await stage.center.commands.decline(EVA, escalation, "in a meeting")
    assert first_try(stage) == ("ended", "declined", "declined")
    assert stage.doc(ANNA, "escalation")["state"] == "choosing"
    assert len(stage.ended(leg)) == 1
    assert not stage.sees(EVA, "case")
    await stage.center.commands.cancel(ANNA, escalation)
    assert stage.doc(ANNA, "interaction")["phase"] == "talking"
    assert stage.doc(ANNA, "interaction")["escalation"] is None


async def test_a_cancelled_escalation_stops_the_ringing_at_once(stage: Stage) -> None:
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    leg = stage.leg_of(EVA)
    await stage.center.commands.cancel(ANNA, escalation)
    assert cause(stage) == ("closed", "cancelled", "the request was taken back")
    await stage.until(lambda: leg not in stage.switch.legs)
    await stage.until(lambda: stage.docs(BEN)[f"person/{EVA}"]["availability"]["state"] == "free")


@pytest.mark.parametrize(
    ("manner", "timing", "slug", "text"),
    [
        (Manner.BUSY, Timing(), "busy", "is busy on the phone"),
        (Manner.DECLINE, Timing(), "declined", "declined"),
        (Manner.MOVED, Timing(), "moved", "has forwarded the phone"),
        (Manner.RING, RINGS_SHORTLY, "no_answer", "did not answer"),
        (Manner.DEAD, RINGS_SHORTLY, "no_answer", "did not answer"),
    ],
    ids=[Manner.BUSY, Manner.DECLINE, Manner.MOVED, Manner.RING, Manner.DEAD],
)
async def test_a_phone_that_is_not_answered_tells_why(
    tmp_path: Path, manner: Manner, timing: Timing, slug: str, text: str
) -> None:
    async with a_stage(tmp_path, timing=timing) as stage:
        interaction = await stage.talking()
        await stage.at_work(EVA, manner=manner)
        await stage.center.commands.escalate(ANNA, interaction, EVA, "")
        await stage.until(lambda: stage.doc(ANNA, "escalation")["state"] == "choosing")
        assert first_try(stage) == ("ended", slug, text)
        await stage.until(lambda: len(stage.switch.legs) == 2)
        assert stage.switch.matrix == everyone_hears_everyone(stage.switch.legs)


async def test_an_answered_phone_that_nobody_accepts_at_is_not_joined(tmp_path: Path) -> None:
    """CE-06: a mailbox cannot accept."""
    async with a_stage(tmp_path, timing=Timing(accept_s=0.1, announce_s=0.05)) as stage:
        stage.directory.people[EVA] = replace(stage.directory.people[EVA], off_hook_accepts=False)
        interaction = await stage.talking()
        await stage.at_work(EVA, manner=Manner.ANSWER)
        await stage.center.commands.escalate(ANNA, interaction, EVA, "")
        await stage.until(lambda: stage.doc(ANNA, "escalation")["state"] == "choosing")
        assert first_try(stage)[1] == "not_a_person"
        assert stage.doc(ANNA, "escalation")["joined_at"] is None


async def test_a_pressed_key_accepts(stage: Stage) -> None:
    stage.directory.people[EVA] = replace(stage.directory.people[EVA], off_hook_accepts=False)
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.ANSWER)
    await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    await stage.until(lambda: stage.switch.dialled(EVA))
    leg = stage.leg_of(EVA)
    await stage.until(lambda: any(getattr(e, "prompt", "") == "please-press-one" for e in stage.switch.effects))
    assert stage.phase(interaction) == "escalating"
    stage.switch.press(leg, "1")
    await stage.until(lambda: stage.phase(interaction) == "conference")


async def test_after_a_refusal_the_next_specialist_is_asked_at_once_by_itself(stage: Stage) -> None:
    """N2: the search goes on."""
    interaction = await stage.talking()
    await stage.at_work(MARCUS, manner=Manner.RING)
    escalation = await stage.escalating(interaction)
    await stage.center.commands.decline(EVA, escalation, "")
    await stage.until(lambda: stage.switch.dialled(MARCUS))
    await stage.joins(MARCUS, escalation)
    assert stage.phase(interaction) == "conference"


async def test_the_customer_who_leaves_ends_the_escalation_with_that_cause(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.escalating(interaction)
    stage.switch.hang_up(stage.center.engine.works[interaction].call.customer_leg)
    await stage.until(lambda: stage.doc(ANNA, "escalation")["state"] == "closed")
    assert cause(stage)[1:] == ("customer_left", "the customer left")
    await stage.until(lambda: not stage.switch.legs)
    assert stage.agent_state(ANNA) == "wrap_up"


async def test_an_agent_who_leaves_while_escalating_leaves_the_customer_with_music_until_the_specialist_joins(
    stage: Stage,
) -> None:
    """CE-11: any party may leave."""
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    customer = stage.center.engine.works[interaction].call.customer_leg
    await stage.center.commands.leave(ANNA, interaction)
    await stage.until(lambda: stage.switch.matrix == {(HoldMusic(), customer)})
    assert stage.phase(interaction) == "escalating"
    await stage.joins(EVA, escalation)
    assert stage.switch.matrix == everyone_hears_everyone(frozenset({customer, stage.leg_of(EVA)}))


# -- queue and phones -------------------------------------------------------------------------------------------


async def test_rona_sends_the_interaction_to_the_next_agent_and_makes_the_silent_one_not_ready(tmp_path: Path) -> None:
    """CE-13."""
    async with a_stage(tmp_path, ring_timeout_s=0.1) as stage:
        await stage.at_work(ANNA, manner=Manner.RING)
        await stage.customer_calls()
        await stage.until(lambda: stage.switch.dialled(ANNA))
        (interaction,) = stage.center.engine.works
        await stage.until(lambda: stage.docs(ANNA)["me"]["agent"]["status"] == "not_ready")
        assert stage.docs(ANNA)["me"]["agent"]["reason"] == "rona"
        assert stage.docs(SARA)["queue/claims"]["waiting"] == 1
        assert not stage.sees(ANNA, "interaction")
        await stage.at_work(BEN)
        await stage.until(lambda: stage.phase(interaction) == "talking")
        assert "reservation.timed_out" in await stage.event_names(interaction)


async def test_an_agent_who_declines_at_his_phone_is_not_ready_and_the_customer_waits_on(stage: Stage) -> None:
    await stage.at_work(ANNA, manner=Manner.DECLINE)
    await stage.customer_calls()
    await stage.until(lambda: stage.docs(ANNA)["me"]["agent"]["status"] == "not_ready")
    assert stage.docs(SARA)["queue/claims"]["waiting"] == 1


async def test_a_customer_who_gives_up_frees_the_ringing_agent(stage: Stage) -> None:
    """CE-13: abandoned."""
    await stage.at_work(ANNA, manner=Manner.RING)
    customer = await stage.customer_calls()
    await stage.until(lambda: stage.switch.dialled(ANNA))
    (interaction,) = stage.center.engine.works
    stage.switch.hang_up(customer)
    await stage.until(lambda: not stage.switch.legs)
    assert stage.phase(interaction) == "closed"
    assert (stage.agent_state(ANNA), stage.docs(ANNA)["me"]["agent"]["status"]) == ("idle", "ready")
    assert stage.docs(SARA)["queue/claims"]["waiting"] == 0
    shown = await stage.center.commands.interaction(SARA, interaction)
    assert shown["result"]["reason"] == "abandoned"


async def test_a_number_nobody_has_is_refused_with_404(stage: Stage) -> None:
    leg = await stage.customer_calls(called="9999")
    await stage.until(lambda: stage.ended(leg))
    assert stage.ended(leg) == [EndLeg(leg, EndReason.client_error("unknown_number"), 404)]
    assert stage.center.engine.works == {}


# -- after the call ---------------------------------------------------------------------------------------------


async def test_after_call_work_keeps_case_and_interaction_on_the_agents_screen_until_it_is_done(stage: Stage) -> None:
    interaction = await stage.talking()
    case = stage.case_of(interaction)
    await stage.center.commands.close(ANNA, interaction, "solved", True, "")
    assert stage.doc(ANNA, "interaction")["phase"] == "wrap_up"
    await stage.center.commands.edit_case(ANNA, case, "description", "Water in the cellar", 1)
    await stage.center.commands.finish_wrap_up(ANNA, "claim", "")
    assert (stage.sees(ANNA, "interaction"), stage.sees(ANNA, "case")) == (False, False)
    assert stage.agent_state(ANNA) == "idle"


async def test_after_call_work_ends_at_its_deadline(tmp_path: Path) -> None:
    async with a_stage(tmp_path, wrap_up_s=0.1) as stage:
        interaction = await stage.talking()
        await stage.center.commands.close(ANNA, interaction, "solved", True, "")
        assert stage.agent_state(ANNA) == "wrap_up"
        await stage.until(lambda: stage.agent_state(ANNA) == "idle")
        assert stage.phase(interaction) == "closed"


async def test_an_interaction_closes_although_its_agent_was_done_before_the_specialist(stage: Stage) -> None:
    """CE-21: the agent left, finished his after-call work and took the next call while the others talked on."""
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.leave(ANNA, interaction)
    await stage.center.commands.finish_wrap_up(ANNA, "", "")
    assert not stage.sees(ANNA, "case")
    await stage.talking(number="+442079460102")
    await stage.center.commands.close(EVA, interaction, "solved", True, "")
    assert stage.phase(interaction) == "closed"
    assert stage.agent_state(ANNA) == "busy"


async def test_a_closed_interaction_is_read_by_those_who_took_part_and_by_supervisors_only(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.conference(interaction)
    await stage.center.commands.close(EVA, interaction, "solved", True, "")
    await stage.center.commands.finish_wrap_up(ANNA, "", "")
    for person in (ANNA, EVA, SARA):
        assert (await stage.center.commands.interaction(person, interaction))["id"] == interaction
        assert await stage.center.commands.timeline(person, interaction)
    for person in (BEN, MARCUS, OLGA):
        with pytest.raises(UnknownThing):
            await stage.center.commands.interaction(person, interaction)
        with pytest.raises(UnknownThing):
            await stage.center.commands.timeline(person, interaction)


async def test_an_interaction_of_an_earlier_run_is_read_by_those_who_took_part_only(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        interaction = await stage.talking()
        await stage.conference(interaction)
        await stage.center.commands.close(EVA, interaction, "solved", True, "")
        await stage.center.commands.finish_wrap_up(ANNA, "", "")
    async with a_stage(tmp_path) as later:
        for person in (ANNA, EVA, SARA):
            assert (await later.center.commands.interaction(person, interaction))["result"]["fcr"] is True
        for person in (BEN, MARCUS):
            with pytest.raises(UnknownThing):
                await later.center.commands.interaction(person, interaction)


async def test_a_closed_escalation_leaves_the_screens_after_a_while(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("center.service.SHOWN_AFTER_CLOSING_S", 0.05)
    interaction = await stage.talking()
    await stage.center.commands.cancel(ANNA, await stage.escalating(interaction))
    assert stage.sees(ANNA, "escalation")
    await stage.until(lambda: not stage.sees(ANNA, "escalation"))


# -- a node that stops, and one that died -----------------------------------------------------------------------


async def test_a_node_that_stops_ends_calls_and_says_so_in_the_store(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        interaction = await stage.talking()
        await stage.escalating(interaction)
        await stage.center.stop()
        await stage.until(lambda: not stage.switch.legs)
        ends = {e.end.reason for e in stage.switch.effects if isinstance(e, EndLeg)}
        assert ends == {"node_stopping"}
        stored = await stage.store.interactions.get(interaction)
        assert stored is not None
        assert (stored.phase, stored.end_reason) == ("closed", "node_stopping")
        assert await stage.store.leases.live() == []


async def test_a_call_that_was_over_keeps_its_end_when_the_node_stops_during_after_call_work(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        interaction = await stage.talking()
        await stage.center.commands.close(ANNA, interaction, "solved", True, "")
    async with a_stage(tmp_path) as later:
        shown = await later.center.commands.interaction(SARA, interaction)
        assert (shown["phase"], shown["result"]["reason"], shown["result"]["fcr"]) == ("closed", "completed", True)


async def test_what_a_crashed_node_left_open_is_closed_at_the_next_start(tmp_path: Path) -> None:
    """Design: the node fails. Its interactions are over, and the store says why."""
    async with a_stage(tmp_path):
        pass
    store = await Store.open(f"sqlite:///{tmp_path}/ringside.db", journal_dir=tmp_path / "journal")
    left = StoredInteraction(
        InteractionId("int_left"), "talking", datetime.now(UTC), QueueId("claims"), agent=ANNA, node="node"
    )
    over = replace(left, id=InteractionId("int_over"), phase="wrap_up", fcr=True)
    over = replace(over, end_result=EndReason.success("completed").result, end_reason="completed")
    for interaction in (left, over):
        await store.interactions.save(interaction)
    await store.close()
    async with a_stage(tmp_path) as later:
        lost = await later.center.commands.interaction(ANNA, left.id)
        assert (lost["phase"], lost["result"]["reason"]) == ("closed", "node_lost")
        assert "interaction.closed" in await later.event_names(left.id)
        kept = await later.center.commands.interaction(ANNA, over.id)
        assert (kept["phase"], kept["result"]["reason"]) == ("closed", "completed")
        assert await later.store.interactions.open("node") == []


async def test_a_customer_whose_call_died_with_the_node_is_called_back(tmp_path: Path) -> None:
    """Design: the node fails. Its interactions become callbacks with their case, in the order they had come."""
    async with a_stage(tmp_path) as stage:
        interaction = await stage.talking()
        case = stage.doc(ANNA, "case")["id"]
    store = await Store.open(f"sqlite:///{tmp_path}/ringside.db", journal_dir=tmp_path / "journal")
    stored = await store.interactions.get(interaction)
    assert stored is not None
    crashed = replace(stored, phase="talking", closed_at=None, end_result=None, end_reason="")
    await store.interactions.save(crashed)
    await store.close()
    async with a_stage(tmp_path) as later:
        await later.until(lambda: later.sees(SARA, "task"))
        task = later.doc(SARA, "task")
        assert (task["kind"], task["interaction"], task["case"]) == ("callback", interaction, case)
        assert task["caller_number"] == stored.caller_number


async def test_an_agents_status_survives_a_restart(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        await stage.center.commands.choose_agent_status(ANNA, AgentStatus.NOT_READY, "lunch")
    async with a_stage(tmp_path) as later:
        shown = later.docs(ANNA)["me"]["agent"]
        assert (shown["status"], shown["reason"]) == ("not_ready", "lunch")


# -- bugs -------------------------------------------------------------------------------------------------------


async def test_a_bug_ends_the_one_conversation_it_is_in_and_the_others_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Style: a broken invariant ends that one call; keep serving."""
    broken, sound = await stage.talking(), await stage.talking(BEN, "+442079460102")
    real_step = interaction_machine.step

    def step(call: Interaction, event: InteractionEvent, now: float) -> interaction_machine.Step:
        if call.id == broken and isinstance(event, PersonLeft):
            raise AssertionError("an invariant is broken")
        return real_step(call, event, now)

    monkeypatch.setattr(interaction_machine, "step", step)
    await stage.center.commands.leave(ANNA, broken)
    assert stage.phase(broken) == "closed"
    assert (await stage.center.commands.interaction(ANNA, broken))["result"]["reason"] == "bug"
    await stage.until(lambda: len(stage.switch.legs) == 2)
    assert stage.phase(sound) == "talking"


async def test_a_bug_in_an_escalation_ends_the_escalation_and_the_conversation_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    interaction = await stage.talking()
    escalation = await stage.escalating(interaction)
    real_step = escalation_machine.step

    def step(esc: Escalation, event: EscalationEvent, now: float) -> escalation_machine.Step:
        if isinstance(event, Accepted):
            raise AssertionError("an invariant is broken")
        return real_step(esc, event, now)

    monkeypatch.setattr(escalation_machine, "step", step)
    await stage.center.commands.accept(EVA, escalation)
    assert cause(stage)[:2] == ("closed", "bug")
    await stage.until(lambda: len(stage.switch.legs) == 2)
    assert stage.phase(interaction) == "talking"


# -- broker and store -------------------------------------------------------------------------------------------


async def test_a_lost_broker_makes_everybody_unknown_and_is_told_while_the_call_goes_on(stage: Stage) -> None:
    """Design: the broker fails."""
    interaction = await stage.talking()
    await stage.at_work(EVA)
    stage.presence.lose_broker()
    stage.center.system_changed()
    shown = stage.docs(ANNA)
    assert shown[f"person/{EVA}"]["availability"]["state"] == "unknown"
    assert (shown["system"]["presence_connected"], len(shown["system"]["degraded"])) == (False, 1)
    assert (await stage.center.commands.health())["ok"] is False
    assert stage.phase(interaction) == "talking"
    stage.presence.find_broker()
    stage.presence.says(EVA, "available")  # what the broker remembers is no proof; her client says it again
    stage.center.system_changed()
    await stage.until(lambda: stage.docs(ANNA)[f"person/{EVA}"]["availability"]["state"] == "free")
    assert (await stage.center.commands.health())["ok"] is True


async def test_with_the_database_gone_a_whole_escalation_still_works(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design: calls and escalations go on; a number that cannot be looked up is shown as a number."""
    monkeypatch.setattr(type(stage.store.database), "writing", _down)
    monkeypatch.setattr(type(stage.store.database), "write_one", _down)
    monkeypatch.setattr(type(stage.store.database), "reading", _down)
    monkeypatch.setattr(type(stage.store.database), "read_one", _down, raising=False)
    await stage.at_work(ANNA)
    await stage.customer_calls(ANA_K)
    await stage.until(lambda: any(stage.phase(i) == "talking" for i in stage.center.engine.works))
    (interaction,) = stage.center.engine.works
    await stage.conference(interaction)
    monkeypatch.undo()
    await stage.center.commands.close(EVA, interaction, "solved", True, "")
    await stage.center.commands.finish_wrap_up(ANNA, "", "")
    names = await stage.event_names(interaction)
    assert {"leg.arrived", "escalation.joined", "interaction.closed"} <= set(names)


def _down(*_args: object, **_kwargs: object) -> object:
    raise OSError("no database")
