"""Hang-ups at every moment: each leg ends exactly once and none is left over (N7)."""

from __future__ import annotations

import asyncio
import random

import pytest

from telephony.effects import EndLeg, PlayPrompt, SetMix
from telephony.events import LegEnded
from telephony.model import PromptName, everyone_hears_everyone
from tests.telephony.calls import DONE, dial, ended
from tests.telephony.conftest import Exchange, Phones
from tests.telephony.phone import Manner
from vocabulary import LegId

pytestmark = [pytest.mark.loopback, pytest.mark.native]

ROUNDS = 60


async def test_legs_ended_at_random_moments_end_once_and_leave_nothing(exchange: Exchange, phones: Phones) -> None:
    chance = random.Random(7)
    legs: list[LegId] = []
    targets = [await phones.registered(person) for person in ("ana", "ben", "eva") for _ in range(2)]
    for phone in targets:
        phone.manner = chance.choice([Manner.ANSWER, Manner.RING, Manner.BUSY])
    for _ in range(ROUNDS):
        leg = dial(exchange, chance.choice(["ana", "ben", "eva"]))
        legs.append(leg)
        exchange.switch.perform(PlayPrompt(leg, PromptName("greeting")))
        mixed = frozenset(chance.sample(legs, min(3, len(legs))))
        exchange.switch.perform(SetMix(mixed, everyone_hears_everyone(mixed)))
        await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
        exchange.switch.perform(EndLeg(chance.choice(legs), DONE))
    for leg in legs:
        exchange.switch.perform(EndLeg(leg, DONE))
        await ended(exchange, leg)
    for leg in legs:
        told = exchange.seen.of(leg)
        assert isinstance(told[-1], LegEnded)
        assert len([event for event in told if isinstance(event, LegEnded)]) == 1
    await targets[0].until(lambda: exchange.switch.stats().legs == 0)
