"""Nodes that share a store: one dies, or is only cut off for a while, and no customer is lost or called twice (S05)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from center.errors import WrongMoment
from center.escalation.model import Choice
from center.nodes.model import NodeTiming
from store.records import Heartbeat
from telephony.admission import Trunk
from telephony.effects import DialLeg
from tests.center.stage import ANA_K, ANNA, EVA, PATIENCE_S, SARA, STRANGER, Stage, a_stage
from tests.fakes.switch import Manner
from vocabulary import TaskId

QUICK = NodeTiming(beat_s=0.03, silent_s=60.0, blind_s=30.0, check_s=0.05, answer_s=PATIENCE_S)
"""However long this machine stands still, who lives is not taken for dead: silence is a matter of the `Clock` alone."""
CARRIER = Trunk("carrier", ("127.0.0.1",), "sip:carrier.example")


class Clock:
    """The time; while it `flies` each look at the other nodes comes long after the one before."""

    def __init__(self) -> None:
        self.flies = False
        self._ahead_s = 0.0

    def __call__(self) -> float:
        self._ahead_s += QUICK.blind_s / 2 if self.flies else 0.0
        return time.monotonic() + self._ahead_s


@dataclass(frozen=True, slots=True)
class Nodes:
    a: Stage
    b: Stage
    clock_of_b: Clock

    async def cut_off_a(self) -> None:
        """As if A stood still: nobody sees it any more, but its calls live."""
        await self.a.center.nodes.stop()
        self.clock_of_b.flies = True

    async def a_is_back(self) -> None:
        self.clock_of_b.flies = False
        await self.a.center.nodes.start()


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    async with AsyncExitStack() as stack:
        a, b = [
            await stack.enter_async_context(a_stage(tmp_path, node=name, node_timing=QUICK)) for name in ("n-a", "n-b")
        ]
        for stage in (a, b):
            stage.directory.trunks = (CARRIER,)
        a.presence.meet(b.presence)
        b.presence.meet(a.presence)
        b.center.nodes._clock = clock = Clock()
        yield Nodes(a, b, clock)


def tasks_of(stage: Stage) -> dict[str, str]:
    """Every task a supervisor sees on this node: id and state, in the customers' order."""
    shown = [doc for key, doc in stage.docs(SARA).items() if key.startswith("task/")]
    return {doc["id"]: doc["state"] for doc in sorted(shown, key=lambda doc: str(doc["arrived_at"]))}


def is_offered(stage: Stage, task: TaskId) -> bool:
    return tasks_of(stage).get(task) == "offered"


def customers_dialled(stage: Stage) -> int:
    return sum(isinstance(effect, DialLeg) and effect.to.number is not None for effect in stage.switch.effects)


async def test_a_dead_nodes_customers_are_called_back_by_another_with_their_case_in_their_old_order(
    nodes: Nodes,
) -> None:
    """S05 step 2, design: a node fails."""
    first = await nodes.a.talking()
    await nodes.a.customer_calls(STRANGER)
    await nodes.a.until(lambda: len(nodes.a.center.engine.works) == 2)
    second = next(call for call in nodes.a.center.engine.works if call != first)
    case = nodes.a.case_of(first)
    await nodes.cut_off_a()
    await nodes.b.until(lambda: len(tasks_of(nodes.b)) == 2)
    assert list(tasks_of(nodes.b)) == [f"task_lost_{first}", f"task_lost_{second}"]
    shown = nodes.b.docs(SARA)[f"task/task_lost_{first}"]
    assert (shown["kind"], shown["case"], shown["case_document"]["id"]) == ("callback", case, case)
    assert shown["digest"]
    assert shown["customer"]["name"] == "Ana Kovač"
    assert shown["caller_number"] == ANA_K
    while [each.name for each in await nodes.b.store.nodes.all()] != ["n-b"]:  # the row goes when all is done
        await nodes.b.settled()
    stored = await nodes.b.store.interactions.get(first)
    assert stored is not None
    assert (stored.phase, stored.end_reason) == ("closed", "node_lost")


def eva_at(stage: Stage) -> tuple[str, str]:
    """Her state and its shade, as agents of this node see them."""
    availability = stage.docs(SARA)[f"person/{EVA}"]["availability"]
    return availability["state"], availability["kind"]


async def test_who_is_asked_and_talks_on_one_node_is_busy_on_the_other_until_it_is_over(nodes: Nodes) -> None:
    """N4, N6, S05: a specialist of both nodes."""
    call = await nodes.a.talking()
    for stage in (nodes.a, nodes.b):
        await stage.at_work(EVA)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("free", "plain"))
    asked = await nodes.a.escalating(call)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("busy", "reserved"))
    await nodes.a.joins(EVA, asked)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("busy", "in_call"))
    await nodes.a.center.commands.leave(EVA, call)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("free", "plain"))


async def test_who_talked_on_a_node_that_died_is_free_again_when_it_is_declared_dead(nodes: Nodes) -> None:
    """N4, N6, S05 step 2: unknown from the last will on, since the node may only be cut off."""
    call = await nodes.a.talking()
    await nodes.b.at_work(EVA)
    await nodes.a.conference(call)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("busy", "in_call"))
    nodes.a.presence.shows_itself(False)
    assert eva_at(nodes.b)[0] == "unknown"
    await nodes.cut_off_a()
    await nodes.b.until(lambda: eva_at(nodes.b) == ("free", "plain"))


async def test_a_node_that_was_only_cut_off_keeps_its_calls_and_their_callbacks_are_called_off(nodes: Nodes) -> None:
    """S05 step 3: on heal states agree."""
    call = await nodes.a.talking()
    await nodes.cut_off_a()
    await nodes.b.until(lambda: tasks_of(nodes.b))
    await nodes.a_is_back()
    await nodes.b.until(lambda: not tasks_of(nodes.b))
    assert nodes.a.phase(call) == "talking"
    while await nodes.a.store.interactions.not_of("n-a", [call]):
        await nodes.a.settled()
    assert tasks_of(nodes.a) == {}
    kept = await nodes.a.store.tasks.get(TaskId(f"task_lost_{call}"))
    assert kept is not None
    assert (kept.state, kept.outcome) == ("done", "The conversation went on.")
    await nodes.a.settled()
    assert nodes.a.phase(call) == "talking"


async def test_a_callback_that_was_begun_stays_with_who_began_it(nodes: Nodes) -> None:
    """Too late to call it off: the specialist's phone rings already. It is not begun twice either."""
    call = await nodes.a.talking()
    await nodes.cut_off_a()
    await nodes.b.until(lambda: tasks_of(nodes.b))
    await nodes.b.at_work(EVA, manner=Manner.RING)
    task = TaskId(f"task_lost_{call}")
    await nodes.b.until(lambda: tasks_of(nodes.b).get(task) == "offered")
    await nodes.b.center.commands.accept_task(EVA, task)
    await nodes.b.until(lambda: nodes.b.dialled_to(EVA))
    await nodes.a_is_back()
    await nodes.a.settled()
    nodes.b.switch.numbers[ANA_K] = Manner.ANSWER
    await nodes.b.lifts(EVA)
    await nodes.b.until(lambda: tasks_of(nodes.b)[task] == "talking")
    assert (customers_dialled(nodes.a), customers_dialled(nodes.b)) == (0, 1)


async def given_a_promise_at_a(nodes: Nodes) -> TaskId:
    call = await nodes.a.talking()
    asked = await nodes.a.center.commands.escalate(ANNA, call, None, "Beyond me.", "claims")
    await nodes.a.until(lambda: nodes.a.escalation(asked["id"]).get("phase") == "choosing")
    await nodes.a.center.commands.choose(ANNA, asked["id"], Choice.CALLBACK)
    await nodes.a.until(lambda: tasks_of(nodes.a))
    (task,) = tasks_of(nodes.a)
    while await nodes.a.store.tasks.get(TaskId(task)) is None:
        await nodes.a.settled()
    return TaskId(task)


async def test_promises_of_a_dead_node_are_kept_by_another_and_no_second_callback_is_made(nodes: Nodes) -> None:
    """N10: the customer was promised a callback, then the node died in the middle of the same call."""
    task = await given_a_promise_at_a(nodes)
    await nodes.cut_off_a()
    await nodes.b.until(lambda: tasks_of(nodes.b))
    await nodes.b.settled()
    assert list(tasks_of(nodes.b)) == [task]
    assert nodes.b.doc(SARA, "task")["case_document"] is not None


async def test_an_offered_callback_reserves_nobody_on_other_nodes_until_it_is_accepted(nodes: Nodes) -> None:
    """S05 step 3: no lease holds her yet, so a customer who waits on the other node may still have her."""
    task = await given_a_promise_at_a(nodes)
    (call,) = nodes.a.center.engine.works
    await nodes.b.at_work(EVA)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("free", "plain"))
    await nodes.a.center.commands.leave(ANNA, call)
    await nodes.a.at_work(EVA, manner=Manner.RING)
    await nodes.a.until(partial(is_offered, nodes.a, task))
    assert eva_at(nodes.a) == ("busy", "reserved")
    assert eva_at(nodes.b) == ("free", "plain")
    await nodes.a.center.commands.accept_task(EVA, task)
    await nodes.b.until(lambda: eva_at(nodes.b) == ("busy", "reserved"))


async def test_a_callback_that_died_with_its_node_is_made_anew_once(nodes: Nodes) -> None:
    """The conversation that was lost was a callback: its task is open again, there is no second one for it."""
    task = await given_a_promise_at_a(nodes)
    (call,) = nodes.a.center.engine.works
    await nodes.a.center.commands.leave(ANNA, call)
    await nodes.a.at_work(EVA, manner=Manner.RING)
    await nodes.a.until(partial(is_offered, nodes.a, task))
    nodes.a.switch.numbers[ANA_K] = Manner.ANSWER
    await nodes.a.center.commands.accept_task(EVA, task)
    await nodes.a.lifts(EVA)
    await nodes.a.until(lambda: tasks_of(nodes.a)[task] == "talking")
    while not (stored := await nodes.a.store.tasks.get(task)) or stored.details["call"] is None:
        await nodes.a.settled()
    await nodes.cut_off_a()
    await nodes.b.until(lambda: tasks_of(nodes.b))
    await nodes.b.settled()
    assert tasks_of(nodes.b) == {task: "open"}


async def test_two_nodes_that_both_know_a_task_never_both_begin_it(nodes: Nodes) -> None:
    """A was cut off and does not know that B keeps its promise by now; who accepts second hears who was first (N10)."""
    task = await given_a_promise_at_a(nodes)
    await nodes.cut_off_a()
    await nodes.b.until(lambda: tasks_of(nodes.b))
    for stage in (nodes.a, nodes.b):
        await stage.at_work(EVA, manner=Manner.RING)
        await stage.until(partial(is_offered, stage, task))
    await nodes.b.center.commands.accept_task(EVA, task)
    with pytest.raises(WrongMoment, match="Eva Horvat already keeps this promise") as refusal:
        await nodes.a.center.commands.accept_task(EVA, task)
    assert (refusal.value.code, refusal.value.details) == ("too_late", {"by": EVA, "by_name": "Eva Horvat"})
    await nodes.b.until(lambda: nodes.b.dialled_to(EVA))
    await nodes.a.until(lambda: tasks_of(nodes.a) == {})
    assert nodes.a.dialled_to(EVA) == []


async def test_a_node_that_is_back_takes_its_promises_back_unless_somebody_began(nodes: Nodes) -> None:
    task = await given_a_promise_at_a(nodes)
    await nodes.cut_off_a()
    await nodes.b.until(lambda: tasks_of(nodes.b))
    await nodes.a_is_back()
    await nodes.b.until(lambda: tasks_of(nodes.b) == {})
    assert list(tasks_of(nodes.a)) == [task]
    assert await nodes.a.store.tasks.kept_by("n-a") == {task}


async def seen(stage: Stage, name: str) -> Heartbeat:
    return next(each for each in await stage.store.nodes.all() if each.name == name)


async def test_a_survivor_that_dies_in_the_middle_is_continued_by_the_next(tmp_path: Path) -> None:
    """It had claimed and moved the call, and made no callback yet; a restart finds what it left."""
    async with a_stage(tmp_path, node="n-a", node_timing=QUICK) as a:
        call = await a.talking()
        while await a.store.interactions.get(call) is None:
            await a.settled()
        await a.center.nodes.stop()
        await a.store.nodes.register("n-x", "life_x")
        while not await a.store.nodes.claim(await seen(a, "n-a"), Heartbeat("n-x", "life_x", 0), "claim_x"):
            continue  # a beat that was on its way to the store is written all the same
        await a.store.interactions.take_over("n-a", "claim_x", "n-x")
        async with a_stage(tmp_path, node="n-b", node_timing=QUICK) as b:
            b.center.nodes._clock = clock = Clock()
            clock.flies = True
            await b.until(lambda: tasks_of(b))
            assert list(tasks_of(b)) == [f"task_lost_{call}"]
