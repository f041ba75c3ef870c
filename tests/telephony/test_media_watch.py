"""Legs that fall silent, on a switch that does not wait long for them (N7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from telephony.effects import SetMix
from telephony.events import LegEnded
from telephony.model import everyone_hears_everyone
from tests.telephony.calls import answered, arrived, ended, finish
from tests.telephony.conftest import Exchange, Phones, given_switch
from vocabulary import EndReason

pytestmark = [pytest.mark.loopback, pytest.mark.native]

C_HZ, A_HZ = 440, 620
RTP_TIMEOUT_S = 1.5


@pytest.fixture(scope="module")
async def running_switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    async with given_switch(tmp_path_factory.mktemp("switch"), rtp_timeout_s=RTP_TIMEOUT_S) as exchange:
        yield exchange


async def test_answered_leg_that_falls_silent_is_lost(exchange: Exchange, phones: Phones) -> None:
    """Design section 8: a phone that dies mid-call ends its leg by RTP time-out."""
    phone = await phones.registered("ana", tone_hz=440)
    leg = await answered(exchange, "ana")
    phone.audio.stop()
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.upstream_error("media_lost"))
    await phone.until(lambda: phone.talk is None)
    bye = next(request for request in phone.requests if request.method == "BYE")
    assert bye.get("reason") == 'SIP;cause=200;text="media lost"'


async def test_party_that_puts_us_on_hold_comes_back_to_the_same_mix(exchange: Exchange, phones: Phones) -> None:
    """RFC 3264 §8.4: hold by a phone is no lost media, and its links are there again afterwards."""
    customer, agent = await phones.customer(C_HZ), await phones.registered("ana", tone_hz=A_HZ)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    both = frozenset({c, a})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await customer.until_hears(A_HZ)
    assert (await customer.reinvite("inactive")).status == 200
    customer.audio.stop()
    await asyncio.sleep(2 * RTP_TIMEOUT_S)  # silence on hold must not end the leg
    assert (await customer.reinvite("sendrecv")).status == 200
    customer.audio.forget()
    customer.audio.start(customer.remote_rtp)
    await customer.until_hears(A_HZ)
    await agent.until_hears(C_HZ)
    assert not [event for event in exchange.seen.events if isinstance(event, LegEnded)]
    await finish(exchange, c, a)
