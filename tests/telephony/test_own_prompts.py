"""The company's own recordings, put beside the shipped ones while calls go on (issue 5 item 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from telephony.adapters.pjsip import PjsipSwitch
from telephony.effects import PlayPrompt, SetMix
from telephony.events import PromptEnded
from telephony.model import EMPTY_MATRIX, HoldMusic, PromptName
from tests.center.administration.office import tone
from tests.telephony.calls import arrived, finish
from tests.telephony.conftest import DIRECTORY, Exchange, Phones, Seen, settings

pytestmark = [pytest.mark.loopback, pytest.mark.native]

OWN_HZ = 440
"""What `tone` makes."""


@pytest.fixture(scope="module")
def own_prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture(scope="module")
async def running_switch(tmp_path_factory: pytest.TempPathFactory, own_prompts: Path) -> AsyncIterator[Exchange]:
    """A switch that has a folder of own recordings, empty at first."""
    seen = Seen()
    told = replace(settings(tmp_path_factory.mktemp("switch")), own_prompts_dir=own_prompts)
    switch = PjsipSwitch(told, DIRECTORY, seen.add)
    await switch.start()
    yield Exchange(switch, seen)
    await switch.stop()


async def test_own_music_begins_when_nobody_hears_the_old_and_ends_when_it_is_taken_away(
    exchange: Exchange, phones: Phones, own_prompts: Path
) -> None:
    customer = await phones.customer()
    leg = await arrived(exchange, customer)
    waits = SetMix(frozenset({leg}), frozenset({(HoldMusic(), leg)}))
    alone = SetMix(frozenset({leg}), EMPTY_MATRIX)
    exchange.switch.perform(waits)
    await customer.until(lambda: customer.audio.level() > 0.005)
    assert not customer.audio.hears(OWN_HZ)
    (own_prompts / "hold-music.wav").write_bytes(tone(1.0, 8_000))
    for effect in (alone, waits):
        exchange.switch.perform(effect)
    await customer.until_hears(OWN_HZ)
    (own_prompts / "hold-music.wav").unlink()
    for effect in (alone, waits):
        exchange.switch.perform(effect)
    await customer.until(lambda: customer.audio.level() > 0.005 and not customer.audio.hears(OWN_HZ))
    await finish(exchange, leg)


async def test_an_own_greeting_is_heard_instead_of_the_shipped_one(
    exchange: Exchange, phones: Phones, own_prompts: Path
) -> None:
    customer = await phones.customer()
    leg = await arrived(exchange, customer)
    (own_prompts / "greeting.wav").write_bytes(tone(1.0, 8_000))
    customer.audio.recording = bytearray()
    exchange.switch.perform(PlayPrompt(leg, PromptName("greeting")))
    await customer.until(lambda: customer.audio.recorded_ms(OWN_HZ) > 200)
    await exchange.seen.first(PromptEnded)
    await finish(exchange, leg)
