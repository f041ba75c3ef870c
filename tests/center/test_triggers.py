"""Escalating from the telephone (N5, S04)."""

from __future__ import annotations

import pytest

from center.access import Access
from center.asking import Asking
from center.errors import WrongMoment
from center.escalation.model import Timing
from center.triggers import KeySequences, skill_of
from tests.center.stage import ANNA, Stage
from vocabulary import LegId

LEG, OTHER = LegId("leg_a"), LegId("leg_b")


def typed(keys: KeySequences, digits: str, leg: LegId = LEG, at: float = 0.0, pace_s: float = 0.2) -> list[int]:
    found = (keys.typed(leg, digit, at + number * pace_s) for number, digit in enumerate(digits))
    return [number for number in found if number is not None]


@pytest.mark.parametrize(
    ("digits", "found"),
    [("*71", [1]), ("*79", [9]), ("12*73", [3]), ("**72", [2]), ("*7*71", [1]), ("*71*72", [1, 2]), ("*81", []),
     ("71", []), ("*7#", []), ("*7#1", []), ("#*74", [4])],
)  # fmt: skip
def test_star_seven_and_a_digit_is_found_among_other_keys(digits: str, found: list[int]) -> None:
    assert typed(KeySequences(), digits) == found


def test_keys_pressed_too_slowly_are_no_sequence() -> None:
    assert typed(KeySequences(), "*71", pace_s=5.0) == []


def test_two_phones_do_not_complete_each_others_sequence() -> None:
    keys = KeySequences()
    typed(keys, "*7", LEG)
    assert typed(keys, "1", OTHER) == []
    assert typed(keys, "1", LEG, at=0.6) == [1]


def test_a_leg_that_ended_leaves_nothing_behind() -> None:
    keys = KeySequences()
    typed(keys, "*7")
    keys.forget(LEG)
    assert typed(keys, "1") == []


def test_the_skill_is_read_from_the_service_address() -> None:
    assert skill_of("bring-in+claims") == "claims"


@pytest.mark.parametrize("target", ["", "bring-in+", "5001", "eva.horvat"])
def test_another_address_is_no_trigger(target: str) -> None:
    with pytest.raises(WrongMoment):
        skill_of(target)


@pytest.mark.parametrize("alone", [True, False])
async def test_of_several_nodes_only_the_one_with_the_conversation_answers_a_command(stage: Stage, alone: bool) -> None:
    """N5: every node hears an MQTT command; who has no part in it says nothing, unless there is no other node."""
    asking = Asking(
        access=Access(stage.directory, stage.center.engine),
        engine=stage.center.engine,
        directory=stage.directory,
        presence=stage.presence,
        events=stage.store.events,
        timing=lambda queue: Timing(),
        alone=alone,
    )
    asking.by_mqtt(ANNA, {"skill": "claims"})
    assert [answer["error"]["code"] for answer in stage.presence.answers_to(ANNA)] == ["not_in_a_call"] * alone
