"""The sending of webhooks as a function of time: order, patience, and an end to it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from center.delivery.effects import GiveUp, MarkSent, Post, TryAgain
from center.delivery.events import Answered, Claimed, NotAnswered
from center.delivery.machine import step
from center.delivery.model import Delivery, Rules, Sending
from tests.center.webhook.situations import World

RULES = Rules()
ONE = Delivery("m1", "case_1", "case.changed", "{}", made_at=0.0)


def in_flight(*deliveries: Delivery, failures: int = 0) -> Sending:
    return Sending({each.id: each for each in deliveries}, failures)


def test_ten_minutes_without_the_crm_lose_and_duplicate_nothing_and_keep_the_order() -> None:
    """Issue 5.4: 200 messages of 20 cases are made while the CRM is down from second 60 to second 660."""
    world = World(lambda _delivery, now: None if 60 <= now < 660 else 204)
    dice = random.Random(5)
    made: dict[str, list[str]] = {}
    for number in range(200):
        case = f"case_{dice.randrange(20)}"
        world.put(f"m{number}", case)
        made.setdefault(case, []).append(f"m{number}")
        world.pass_time(4)
    world.pass_time(RULES.last_retry_s + 1)
    assert sorted(world.arrived) == sorted(f"m{number}" for number in range(200))
    for keys in made.values():
        assert [key for key in world.arrived if key in keys] == keys
    during = [at for at, _ in world.tries if 60 <= at < 660]
    assert len(during) <= 12, "a system that is down is not hammered"
    pauses = [later - earlier for earlier, later in pairwise(during)]
    assert pauses == sorted(pauses)
    assert world.dead == []


def test_while_the_crm_is_down_one_message_at_a_time_feels_whether_it_is_back() -> None:
    world = World(lambda _delivery, now: 503 if now < 100 else 200)
    for number in range(50):
        world.put(f"m{number}", f"case_{number}")
    world.pass_time(100)
    assert world.most_at_once == RULES.at_once, "before anybody knew"
    assert world.sending.room(RULES, world.sending.paused_until) == 1
    world.pass_time(RULES.last_retry_s)
    assert len(world.arrived) == 50


def test_a_message_that_is_refused_holds_up_its_own_case_only_and_is_dead_in_the_end() -> None:
    rules = Rules(give_up_s=3_600.0)
    world = World(lambda delivery, _now: 422 if delivery.id == "bad" else 200, rules)
    world.put("bad", "case_1")
    world.put("next", "case_1")
    world.put("other", "case_2")
    world.pass_time(3_500)
    assert world.arrived == ["other"]
    world.pass_time(rules.last_retry_s + 200)
    assert world.dead == ["bad"]
    assert world.arrived == ["other", "next"]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.floats(0, 0.9))
def test_whatever_fails_each_case_keeps_its_order_and_all_arrive(seed: int, fails: float) -> None:
    dice = random.Random(seed)
    world = World(lambda _delivery, _now: dice.choice([None, 503, 429, 404]) if dice.random() < fails else 200)
    for number in range(12):
        world.put(f"m{number:02}", f"case_{number % 3}")
    world.pass_time(86_400, tick_s=60)
    assert sorted(world.arrived) == [f"m{number:02}" for number in range(12)]
    for case in range(3):
        of_case = [key for key in world.arrived if int(key[1:]) % 3 == case]
        assert of_case == sorted(of_case)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_taken_and_lets_all_flow_again(status: int) -> None:
    after, effects = step(in_flight(ONE, failures=4), Answered("m1", status), 50.0, RULES)
    assert (after, effects) == (Sending(), [MarkSent("m1")])


@pytest.mark.parametrize(
    ("status", "down"), [(500, True), (503, True), (429, True), (408, True), (404, False), (302, False)]
)
def test_other_answers_are_the_systems_fault_or_the_messages(status: int, down: bool) -> None:
    after, effects = step(in_flight(ONE), Answered("m1", status), 50.0, RULES)
    assert effects == [TryAgain("m1", 1, 51.0, f"answer {status}")]
    assert (after.failures, after.paused_until) == ((1, 51.0) if down else (0, 0.0))


def test_the_pause_doubles_up_to_its_bound_and_several_failures_together_count_as_one() -> None:
    sending, now, pauses = Sending(), 0.0, []
    for _ in range(12):
        two = (ONE, Delivery("m2", "case_2", "case.changed", "{}", 0.0))
        sending, _ = step(sending, Claimed(two), now, RULES)
        sending, _ = step(sending, NotAnswered("m1", "ReadTimeout"), now, RULES)
        sending, _ = step(sending, NotAnswered("m2", "ReadTimeout"), now, RULES)
        pauses.append(sending.paused_until - now)
        now = sending.paused_until
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_the_other_system_may_ask_for_time_within_our_bound() -> None:
    after, _ = step(in_flight(ONE), Answered("m1", 429, retry_after_s=120), 0.0, RULES)
    assert after.paused_until == 120
    after, _ = step(in_flight(ONE), Answered("m1", 503, retry_after_s=1e9), 0.0, RULES)
    assert after.paused_until == RULES.last_retry_s


def test_a_message_that_was_not_taken_for_days_is_given_up() -> None:
    _, effects = step(in_flight(ONE), NotAnswered("m1", "ConnectError"), RULES.give_up_s, RULES)
    assert effects == [GiveUp("m1", "ConnectError")]


def test_an_answer_to_nothing_changes_nothing() -> None:
    sending = in_flight(ONE)
    for event in (Answered("m9", 200), NotAnswered("m9", "late")):
        assert step(sending, event, 0.0, RULES) == (sending, [])


def test_claimed_messages_are_posted_at_once() -> None:
    after, effects = step(Sending(), Claimed((ONE,)), 0.0, RULES)
    assert (after.in_flight, effects) == ({"m1": ONE}, [Post(ONE)])
