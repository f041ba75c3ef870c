"""Promises in a whole centre: made when nobody can be had, offered, called back, kept over a restart (N10, S03)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from center.errors import NotAllowed, UnknownThing, WrongMoment
from center.escalation.model import Choice, Timing
from telephony.admission import Trunk
from telephony.effects import DialLeg, PlayPrompt
from tests.center.stage import ANA_K, ANNA, BEN, EVA, MARCUS, SARA, Document, Stage, a_stage
from tests.fakes.switch import Manner
from vocabulary import EscalationId, InteractionId, PersonId, TaskId

CARRIER = Trunk("carrier", ("127.0.0.1",), "sip:carrier.example")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path) as stage:
        stage.directory.trunks = (CARRIER,)
        yield stage


async def promised(stage: Stage, choice: Choice = Choice.CALLBACK) -> tuple[InteractionId, Document]:
    """Nobody is free; the agent chose. The interaction and the task as a supervisor sees it."""
    interaction = await stage.talking()
    asked = await stage.center.commands.escalate(ANNA, interaction, None, "Beyond me.", "claims")
    escalation = EscalationId(asked["id"])
    await stage.until(lambda: stage.escalation(escalation).get("phase") == "choosing")
    await stage.center.commands.choose(ANNA, escalation, choice)
    await stage.until(lambda: stage.sees(SARA, "task"))
    return interaction, stage.doc(SARA, "task")


async def eva_is_offered(stage: Stage) -> TaskId:
    await stage.at_work(EVA, manner=Manner.RING)
    await stage.until(lambda: stage.sees(EVA, "task") and stage.doc(EVA, "task")["state"] == "offered")
    return TaskId(stage.doc(EVA, "task")["id"])


def customer_dialled(stage: Stage) -> list[DialLeg]:
    return [effect for effect in stage.switch.effects if isinstance(effect, DialLeg) and effect.to.number]


async def test_the_agent_sees_honest_choices_and_the_customer_hears_the_promise(stage: Stage) -> None:
    """S03 steps 1 and 2."""
    interaction, task = await promised(stage)
    escalation = stage.escalation(EscalationId(task["escalation"]))
    assert escalation["promise"]["sentence"] == task["sentence"]
    assert task["owner"] == EVA
    assert task["sentence"].startswith("Eva Horvat will call you back by ")
    assert task["slot"] is not None
    customer = stage.center.engine.works[interaction].call.customer_leg
    await stage.until(
        lambda: any(
            isinstance(effect, PlayPrompt) and effect.leg == customer and effect.prompt.startswith("said-")
            for effect in stage.switch.effects
        )
    )
    names = await stage.event_names(interaction)
    assert names.index("task.created") < names.index("promise.made") < names.index("message.written")


async def test_the_task_holds_the_digest_of_the_live_case_and_is_in_the_store(stage: Stage) -> None:
    """S03 step 2: context hash equal to the live case."""
    interaction, task = await promised(stage, Choice.TASK)
    work = stage.center.engine.works[interaction]
    esc = stage.center.engine.escalations[EscalationId(task["escalation"])]
    assert task["digest"] == stage.center.inviting.bundle(esc.state, work).digest
    assert task["case"] == work.case.id

    async def stored() -> bool:
        return await stage.store.tasks.get(TaskId(task["id"])) is not None

    while not await stored():
        await stage.settled()
    assert await stage.store.texts.counts() == (0, 0), "texts are sent only where that is set up"


async def test_the_system_offers_the_callback_and_accepting_calls_the_customer_back(stage: Stage) -> None:
    """S03 step 3: the specialist's phone first, then the customer's, with the case on the screen."""
    interaction, _ = await promised(stage)
    await stage.center.commands.leave(ANNA, interaction)
    task = await eva_is_offered(stage)
    assert stage.doc(EVA, "task")["case_document"]["id"] == stage.doc(EVA, "task")["case"]
    await stage.center.commands.accept_task(EVA, task)
    await stage.until(lambda: stage.dialled_to(EVA))
    assert customer_dialled(stage) == []
    assert stage.dialled_to(EVA)[-1].fencing_token > 0
    stage.switch.numbers[ANA_K] = Manner.ANSWER
    await stage.lifts(EVA)
    await stage.until(lambda: stage.sees(EVA, "interaction"))
    assert customer_dialled(stage)[0].shown.number == "5001"
    shown = stage.doc(EVA, "interaction")
    assert shown["phase"] == "talking"
    assert {p["role"] for p in shown["participants"]} == {"customer", "specialist"}
    case = stage.doc(EVA, "case")
    await stage.center.commands.edit_case(EVA, case["id"], "description", "Water in the cellar.", case["version"])
    await stage.center.commands.close(EVA, InteractionId(shown["id"]), "Adjuster sent", True, "")
    await stage.until(lambda: stage.doc(SARA, "task")["state"] == "done")
    assert stage.doc(SARA, "task")["outcome"] == "Adjuster sent"
    await stage.until(lambda: not stage.center._leases.held)
    assert stage.switch.legs == frozenset()


async def test_a_customer_who_does_not_answer_leaves_the_task_open_and_everybody_free(stage: Stage) -> None:
    interaction, _ = await promised(stage)
    await stage.center.commands.leave(ANNA, interaction)
    task = await eva_is_offered(stage)
    stage.switch.numbers[ANA_K] = Manner.BUSY
    await stage.center.commands.accept_task(EVA, task)
    await stage.until(lambda: stage.dialled_to(EVA))
    await stage.lifts(EVA)
    await stage.until(lambda: stage.doc(SARA, "task")["attempts"] == 1)
    assert stage.doc(SARA, "task")["state"] == "open"
    assert stage.doc(SARA, "task")["last_cause"] == "busy"
    await stage.until(lambda: not stage.switch.legs and not stage.center._leases.held)


async def test_a_promise_survives_a_restart(tmp_path: Path) -> None:
    """N10: persisted, and open again."""
    async with a_stage(tmp_path) as stage:
        _, before = await promised(stage)
    async with a_stage(tmp_path) as stage:
        await stage.until(lambda: stage.sees(SARA, "task"))
        after = stage.doc(SARA, "task")
        for key in ("id", "owner", "due_at", "slot", "digest", "arrived_at", "sentence", "case"):
            assert after[key] == before[key], key
        assert after["case_document"] is not None
        assert after["customer"]["name"] == "Ana Kovač"


async def test_only_who_may_do_it_sees_accepts_and_settles_a_task(stage: Stage) -> None:
    _, shown = await promised(stage, Choice.TASK)
    task = TaskId(shown["id"])
    assert not stage.sees(PersonId("tom.fischer"), "task")
    assert list(stage.center.commands.tasks(EVA)) == [stage.doc(EVA, "task")]
    assert list(stage.center.commands.tasks(PersonId("tom.fischer"))) == []
    with pytest.raises(UnknownThing):
        await stage.center.commands.accept_task(PersonId("tom.fischer"), task)
    with pytest.raises(NotAllowed):
        await stage.center.commands.finish_task(MARCUS, task, "Mine", True)
    with pytest.raises(WrongMoment):
        await stage.center.commands.decline_task(EVA, task)
    with pytest.raises(UnknownThing):
        await stage.center.commands.accept_task(EVA, TaskId("task_0"))
    await stage.center.commands.accept_task(MARCUS, task)
    await stage.center.commands.finish_task(MARCUS, task, "Settled", True)
    with pytest.raises(WrongMoment):
        await stage.center.commands.finish_task(SARA, task, "Again", True)


async def test_a_callback_that_cannot_be_made_is_refused_with_the_reason(stage: Stage) -> None:
    """Bad input: the caller hears why, nothing changes."""
    interaction, shown = await promised(stage)
    task = TaskId(shown["id"])
    with pytest.raises(WrongMoment, match="phone is not connected"):
        await stage.center.commands.accept_task(EVA, task)
    stage.directory.trunks = (replace(CARRIER, outbound_uri=""),)
    await stage.center.commands.leave(ANNA, interaction)
    await eva_is_offered(stage)
    with pytest.raises(WrongMoment, match="No line"):
        await stage.center.commands.accept_task(EVA, task)
    assert stage.doc(EVA, "task")["state"] == "offered"


async def test_nobody_chooses_and_the_ceiling_makes_the_promise(tmp_path: Path) -> None:
    """N2: at the latest at the ceiling the customer has a definite next step."""
    quick = Timing(target_s=0.4, ceiling_s=0.6, promise_s=0.1, ring_s=0.3, least_ring_s=0.1)
    async with a_stage(tmp_path, timing=quick) as stage:
        interaction = await stage.talking(BEN)
        await stage.center.commands.escalate(BEN, interaction, None, "", "claims")
        await stage.until(lambda: stage.sees(SARA, "task"))
        assert stage.doc(SARA, "task")["kind"] == "callback"
        assert stage.phase(interaction) == "talking"
