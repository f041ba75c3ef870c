"""The life of a task (N10, S03): offered by the system, called back, tried again, reminded, done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from center.promise.effects import (
    AcquireLease,
    BeginConversation,
    CallCustomer,
    ClaimTask,
    HoldPerson,
    ReleaseLease,
    RingSpecialist,
    Seek,
    StartTimer,
    TaskEffect,
    TellCustomer,
)
from center.promise.events import (
    Accepted,
    BecameFree,
    Claimed,
    ConversationOver,
    Declined,
    Done,
    LeaseGranted,
    LeaseRefused,
    Made,
    Restarted,
    TakenAway,
    TaskEvent,
    TimerFired,
)
from center.promise.machine import step
from center.promise.model import Task, TaskKind, TaskState
from center.promise.order import is_left_alone, next_task_for
from center.record import Record
from routing.model import Lease
from telephony.effects import EndLeg
from telephony.events import LegAnswered, LegEnded
from tests.center.promise.situations import ANNA, EVA, MARCUS, MONDAY_NINE, PEOPLE, RULES, promise, task
from vocabulary import EndReason, InteractionId, LegId, PersonId, TaskId

HERE, THERE = LegId("leg_s"), LegId("leg_c")
LEASE = Lease(EVA, "n/task_1", 3, 1e12)
ACCEPTED = Accepted(EVA, HERE, THERE, InteractionId("int_2"))
BUSY = EndReason.upstream_error("busy")
OVER = EndReason.success("completed")
NOW = MONDAY_NINE


def play(task: Task, *events: tuple[float, TaskEvent]) -> tuple[Task, list[TaskEffect]]:
    """Apply events, each at its seconds after the promise; the effects of all."""
    effects: list[TaskEffect] = []
    for after_s, event in events:
        task, more = step(task, event, RULES, NOW + after_s)
        effects += more
    return task, effects


def kinds(effects: Sequence[TaskEffect], kind: type[TaskEffect]) -> list[TaskEffect]:
    return [effect for effect in effects if isinstance(effect, kind)]


def names(effects: Sequence[TaskEffect]) -> list[str]:
    return [effect.name for effect in effects if isinstance(effect, Record)]


OFFERED = ((0, Made()), (10, BecameFree(EVA)))
CALLING = (*OFFERED, (15, ACCEPTED), (15, Claimed()), (15, LeaseGranted(LEASE)))
TALKING = (*CALLING, (20, LegAnswered(HERE)), (30, LegAnswered(THERE)))


def test_a_promise_is_recorded_told_to_the_customer_and_looked_after_at_once() -> None:
    """S03 step 2."""
    _, effects = play(task(), (0, Made()))
    created = next(effect for effect in effects if isinstance(effect, Record))
    assert names(effects) == ["task.created", "promise.made"]
    assert created.data["owner"] == EVA
    assert created.data["digest"] == "d1"
    assert kinds(effects, TellCustomer) == [TellCustomer("promise_made", promise().sentence)]
    assert kinds(effects, Seek)
    assert kinds(effects, StartTimer) == [StartTimer(promise().half_at)]


def test_a_callback_rings_the_specialist_then_the_customer_then_they_talk() -> None:
    """S03 step 3: accepting calls the customer back."""
    talking, effects = play(task(), *TALKING)
    assert talking.state is TaskState.TALKING
    order = [
        type(e) for e in effects if isinstance(e, AcquireLease | RingSpecialist | CallCustomer | BeginConversation)
    ]
    assert order == [AcquireLease, RingSpecialist, CallCustomer, BeginConversation]
    assert RingSpecialist(HERE, EVA, LEASE) in effects


def test_nobody_is_rung_before_the_store_says_that_the_task_is_this_nodes() -> None:
    """N4: two nodes may know a task; one works on it."""
    asked, effects = play(task(), *OFFERED, (15, ACCEPTED))
    assert kinds(effects, ClaimTask)
    assert not kinds(effects, AcquireLease)
    _, effects = step(asked, Claimed(), RULES, NOW + 16)
    assert kinds(effects, AcquireLease) == [AcquireLease(EVA)]
    refused, effects = step(asked, LeaseRefused(), RULES, NOW + 16)  # the store could not be asked
    assert refused.state is TaskState.OPEN
    assert not kinds(effects, AcquireLease)


@pytest.mark.parametrize("so_far", [OFFERED[:1], OFFERED, CALLING, (*CALLING, (20, LegAnswered(HERE)))])
def test_a_task_that_is_another_nodes_by_now_is_let_go_with_legs_and_person(
    so_far: Sequence[tuple[float, TaskEvent]],
) -> None:
    before, _ = play(task(), *so_far)
    gone, effects = step(before, TakenAway(), RULES, NOW + 25)
    assert gone.state is TaskState.GONE
    assert not gone.is_open
    assert {effect.leg for effect in effects if isinstance(effect, EndLeg)} == set(before.legs)
    assert kinds(effects, ReleaseLease) == ([ReleaseLease(LEASE)] if before.lease else [])
    assert step(gone, BecameFree(EVA), RULES, NOW + 30) == (gone, [])


def test_who_talks_with_the_customer_talks_on_when_the_task_is_another_nodes() -> None:
    talking, _ = play(task(), *TALKING)
    assert step(talking, TakenAway(), RULES, NOW + 40)[0].state is TaskState.TALKING


def test_a_task_without_a_call_is_only_accepted_and_done() -> None:
    done, effects = play(task(TaskKind.TASK), *OFFERED, (20, ACCEPTED), (900, Done(EVA, "Paid", True)))
    assert done.state is TaskState.DONE
    assert done.resolved
    assert not kinds(effects, AcquireLease)
    assert names(effects)[-2:] == ["task.accepted", "task.done"]


def test_the_outcome_of_the_conversation_settles_the_task() -> None:
    done, effects = play(task(), *TALKING, (300, ConversationOver(OVER, "Paid 640 euro", True)))
    assert done.state is TaskState.DONE
    assert done.outcome == "Paid 640 euro"
    assert kinds(effects, ReleaseLease) == [ReleaseLease(LEASE)]


def test_after_a_conversation_without_an_outcome_the_specialist_still_says_it() -> None:
    talked, effects = play(task(), *TALKING, (300, ConversationOver(OVER)))
    assert talked.state is TaskState.ACCEPTED
    assert talked.person == EVA
    assert kinds(effects, ReleaseLease) == [ReleaseLease(LEASE)]
    done, _ = play(talked, (400, Done(EVA, "Called", True)))
    assert done.state is TaskState.DONE


def test_who_lets_an_offer_pass_is_left_alone_for_a_while() -> None:
    passed, effects = play(task(), *OFFERED, (70, TimerFired()))
    assert passed.state is TaskState.OPEN
    assert "task.let_pass" in names(effects)
    assert not passed.may_be_offered_to(EVA, NOW + 71)
    assert passed.may_be_offered_to(MARCUS, NOW + 71)
    again, effects = play(passed, (71 + RULES.offer_again_s, TimerFired()))
    assert again.may_be_offered_to(EVA, NOW + 71 + RULES.offer_again_s)
    assert kinds(effects, Seek)


def test_a_declined_offer_goes_to_the_next() -> None:
    declined, effects = play(task(), *OFFERED, (12, Declined(EVA)), (13, BecameFree(EVA)), (14, BecameFree(MARCUS)))
    assert declined.state is TaskState.OFFERED
    assert declined.person == MARCUS
    assert HoldPerson(EVA, held=False) in effects


@pytest.mark.parametrize("event", [LeaseRefused(), LegEnded(HERE, BUSY)])
def test_a_specialist_who_is_not_reached_gives_the_task_back(event: TaskEvent) -> None:
    began = CALLING[:-1] if isinstance(event, LeaseRefused) else CALLING
    back, effects = play(task(), *began, (16, event))
    assert back.state is TaskState.OPEN
    assert back.attempts == 0
    assert back.legs == ()
    assert kinds(effects, Seek)
    assert len(kinds(effects, ReleaseLease)) == (0 if isinstance(event, LeaseRefused) else 1)


def test_a_specialist_who_does_not_lift_is_not_rung_for_ever() -> None:
    back, effects = play(task(), *CALLING, (16 + RULES.ring_specialist_s, TimerFired()))
    assert back.state is TaskState.OPEN
    assert EndLeg(HERE, EndReason.upstream_error("no_answer")) in effects


def test_a_specialist_who_hangs_up_before_the_customer_answers_ends_that_ring_too() -> None:
    back, effects = play(task(), *CALLING, (20, LegAnswered(HERE)), (22, LegEnded(HERE, OVER)))
    assert back.state is TaskState.OPEN
    assert back.attempts == 0
    assert THERE in [effect.leg for effect in effects if isinstance(effect, EndLeg)]


def test_a_customer_who_does_not_answer_is_tried_again_a_bounded_number_of_times() -> None:
    """N10: nothing rings for ever, and supervisors hear of it."""
    now, tried = 0.0, task()
    effects: list[TaskEffect] = []
    for attempt in range(RULES.attempts):
        assert tried.may_be_offered_to(EVA, NOW + now)
        round_ = (
            (now, BecameFree(EVA)),
            (now, ACCEPTED),
            (now, LeaseGranted(LEASE)),
            (now + 5, LegAnswered(HERE)),
            (now + 5 + RULES.ring_customer_s, TimerFired()),
        )
        tried, effects = play(tried, *round_)
        assert tried.attempts == attempt + 1
        assert not tried.may_be_offered_to(EVA, NOW + now + 60)
        now += 60 + RULES.attempt_again_s
        tried, _ = play(tried, (now, TimerFired()))
    assert "task.attempts_exhausted" in names(effects)
    assert tried.level == 1
    assert not tried.may_be_offered_to(EVA, NOW + 1e9)
    by_hand, _ = play(tried, (now, ACCEPTED))
    assert by_hand.state is TaskState.CALLING_SPECIALIST


def test_customer_owner_and_supervisors_hear_of_the_task_as_time_goes_by() -> None:
    """S03 step 4: half time, half an hour before, due; each once."""
    made = promise()
    at = [each - NOW for each in (made.half_at, made.remind_at, made.due_at)]
    current, effects = play(task(), (0, Made()), *((each, TimerFired()) for each in (*at, *at, at[2] + 60)))
    assert names(effects)[2:] == ["task.half_time", "task.due_soon", "task.overdue"]
    assert [effect.about for effect in effects if isinstance(effect, TellCustomer)] == ["promise_made", "half_time"]
    assert current.overdue
    assert current.level == 1


def test_a_kept_promise_is_not_reminded_of() -> None:
    made = promise()
    _, effects = play(task(), *TALKING, (300, ConversationOver(OVER)), (made.due_at - NOW + 1, TimerFired()))
    assert "task.overdue" not in names(effects)
    assert "task.half_time" not in names(effects)


@pytest.mark.parametrize("events", [OFFERED, CALLING, TALKING])
def test_after_a_restart_what_was_under_way_is_open_again(events: Sequence[tuple[float, TaskEvent]]) -> None:
    before, _ = play(task(), *events)
    after, effects = play(before, (60, Restarted()))
    assert after.state is TaskState.OPEN
    assert after.legs == ()
    assert kinds(effects, Seek)


def test_an_accepted_task_stays_with_its_person_over_a_restart() -> None:
    before, _ = play(task(TaskKind.TASK), *OFFERED, (20, ACCEPTED))
    after, _ = play(before, (60, Restarted()))
    assert after == before


def test_a_lease_that_comes_too_late_is_given_back() -> None:
    late = play(task(), *OFFERED, (20, Done(EVA, "x", True)), (21, LeaseGranted(LEASE)))[1]
    assert ReleaseLease(LEASE) in late
    twice = play(task(), *CALLING, (16, LeaseGranted(replace(LEASE, token=4))))[1]
    assert ReleaseLease(replace(LEASE, token=4)) in twice


def test_the_earlier_customer_comes_first_whether_called_back_or_waiting() -> None:
    """S03 step 3: the original arrival time decides."""
    early, late = (task(id=TaskId(f"task_{n}"), arrived_at=NOW - n) for n in (90, 30))
    eva = PEOPLE[1]
    free = frozenset({EVA})
    assert next_task_for(eva, [late, early], free, NOW) == early
    assert next_task_for(eva, [late, early], free, NOW, waiting_since=NOW - 100) is None
    assert next_task_for(eva, [late, early], free, NOW, waiting_since=NOW - 60) == early


def test_who_let_an_offer_pass_is_offered_nothing_for_a_while() -> None:
    """Twenty promises that nobody takes must not keep every specialist from being asked in (N2)."""
    passed = replace(task(), passed={EVA: NOW + RULES.offer_again_s})
    assert is_left_alone(EVA, [task(), passed], RULES, NOW + RULES.rest_s - 1)
    assert not is_left_alone(EVA, [task(), passed], RULES, NOW + RULES.rest_s)
    assert not is_left_alone(MARCUS, [task(), passed], RULES, NOW)


def test_a_colleague_gets_the_task_only_while_its_owner_is_not_free() -> None:
    marcus, anna = PEOPLE[2], PEOPLE[0]
    assert next_task_for(marcus, [task()], frozenset({EVA, MARCUS}), NOW) is None
    assert next_task_for(marcus, [task()], frozenset({MARCUS}), NOW) is not None
    assert next_task_for(anna, [task(skill="fraud")], frozenset({ANNA}), NOW) is None


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, TaskEvent]]:
    people: st.SearchStrategy[PersonId] = st.sampled_from([EVA, MARCUS])
    event: st.SearchStrategy[TaskEvent] = st.one_of(
        st.builds(BecameFree, people),
        st.builds(Declined, people),
        st.builds(lambda p: replace(ACCEPTED, person=p), people),
        st.builds(lambda p, t: LeaseGranted(Lease(p, "n/task_1", t, 1e12)), people, st.integers(1, 9)),
        st.just(LeaseRefused()),
        st.builds(LegAnswered, st.sampled_from([HERE, THERE])),
        st.builds(LegEnded, st.sampled_from([HERE, THERE]), st.just(BUSY)),
        st.builds(ConversationOver, st.just(OVER), st.sampled_from(["", "Paid"])),
        st.builds(Done, people, st.just("Paid"), st.booleans()),
        st.sampled_from([TimerFired(), Restarted()]),
    )
    steps = draw(st.lists(st.tuples(st.floats(0, 600), event), max_size=40))
    at = 0.0
    story: list[tuple[float, TaskEvent]] = [(0.0, Made())]
    for gap, each in steps:
        at += gap
        story.append((at, each))
    return story


@given(histories())
def test_whatever_happens_leases_and_people_are_given_back_and_it_is_done_once(
    story: list[tuple[float, TaskEvent]],
) -> None:
    """N10: property test over random stories."""
    current, granted, released, done = task(), list[Lease](), list[Lease](), 0
    for at, event in story:
        if isinstance(event, LeaseGranted):
            granted.append(event.lease)
        if isinstance(event, Restarted):
            granted, released = [], []  # leases die with the node
            current = replace(current, lease=None)
        current, effects = step(current, event, RULES, NOW + at)
        released += [effect.lease for effect in effects if isinstance(effect, ReleaseLease)]
        done += names(effects).count("task.done")
        needs_wake = current.is_open and not current.has_talked and NOW + at < current.promise.due_at
        assert not needs_wake or kinds(effects, StartTimer)
    held = [current.lease] if current.lease is not None else []
    assert sorted(map(repr, [*released, *held])) == sorted(map(repr, granted))
    assert done == (0 if current.is_open else 1)
    assert current.is_open or current.lease is None
