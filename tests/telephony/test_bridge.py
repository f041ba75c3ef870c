"""Who hears whom, over real SIP and RTP: each party sends its own tone (mission 3.0)."""

from __future__ import annotations

import asyncio

import pytest

from telephony.effects import AnswerLeg, EndLeg, PlayPrompt, SetMix
from telephony.events import LegAnswered, LegArrived, LegDialled, LegEnded, LegRinging, PromptEnded
from telephony.model import HoldMusic, PromptName, TrunkOrigin, everyone_hears_everyone
from tests.telephony.calls import answered, arrived, dial, ended, finish
from tests.telephony.conftest import SERVICE_NUMBER, Exchange, Phones
from tests.telephony.phone import Manner
from vocabulary import EndReason

pytestmark = [pytest.mark.loopback, pytest.mark.native]

C_HZ, A_HZ, E_HZ = 440, 620, 880


async def test_customer_and_agent_hear_each_other_and_the_specialist_joins_without_a_reinvite(
    exchange: Exchange, phones: Phones
) -> None:
    """N3, CE-03, CE-05: joining is a change of the matrix on the server; six directions, no re-INVITE, no hold."""
    customer = await phones.customer(C_HZ)
    agent, specialist = await phones.registered("ana", tone_hz=A_HZ), await phones.registered("eva", tone_hz=E_HZ)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    exchange.switch.perform(SetMix(frozenset({c, a}), everyone_hears_everyone(frozenset({c, a}))))
    await customer.until_hears(A_HZ, deaf_to=(C_HZ, E_HZ))
    await agent.until_hears(C_HZ, deaf_to=(A_HZ, E_HZ))

    e = await answered(exchange, "eva")
    three = frozenset({c, a, e})
    exchange.switch.perform(SetMix(three, everyone_hears_everyone(three)))
    await customer.until_hears(A_HZ, E_HZ, deaf_to=(C_HZ,))
    await agent.until_hears(C_HZ, E_HZ, deaf_to=(A_HZ,))
    await specialist.until_hears(C_HZ, A_HZ, deaf_to=(E_HZ,))

    exchange.switch.perform(SetMix(three, everyone_hears_everyone(frozenset({c, e}))))
    exchange.switch.perform(EndLeg(a, EndReason.success("left")))
    await agent.until(lambda: agent.talk is None)
    await customer.until_hears(E_HZ, deaf_to=(A_HZ,))
    await specialist.until_hears(C_HZ, deaf_to=(A_HZ,))
    assert [request.method for request in customer.requests] == []
    await customer.hang_up()
    assert await ended(exchange, c) == LegEnded(c, EndReason.success("hung_up"))
    await finish(exchange, e)


async def test_events_of_a_leg_come_in_order_and_end_once(exchange: Exchange, phones: Phones) -> None:
    """CE-05: LegDialled, LegRinging, LegAnswered, LegEnded, each once."""
    phone = await phones.registered("ana")
    leg = await answered(exchange, "ana")
    await phone.hang_up()
    await ended(exchange, leg)
    assert [type(event) for event in exchange.seen.of(leg)] == [LegDialled, LegRinging, LegAnswered, LegEnded]


async def test_arrived_leg_tells_caller_number_and_origin(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer()
    leg = await arrived(exchange, customer)
    told = exchange.seen.of(leg)[0]
    assert isinstance(told, LegArrived)
    assert (told.caller.number, told.called, told.origin) == ("+385911111", "100", TrunkOrigin("carrier"))
    await finish(exchange, leg)
    await customer.until(lambda: customer.talk is None)


async def test_mix_set_before_the_answer_waits_for_it(exchange: Exchange, phones: Phones) -> None:
    """CE-05: the specialist's answer joins him straight into the conversation."""
    customer, specialist = await phones.customer(C_HZ), await phones.registered("eva", tone_hz=E_HZ)
    specialist.manner = Manner.RING
    c = await arrived(exchange, customer)
    e = dial(exchange, "eva")
    both = frozenset({c, e})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await exchange.seen.first(LegRinging, lambda event: event.leg == e)
    specialist.answer()
    await customer.until_hears(E_HZ)
    await specialist.until_hears(C_HZ)
    await finish(exchange, c, e)


async def test_greeting_is_heard_and_its_end_is_told(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer(C_HZ)
    c = await arrived(exchange, customer)
    exchange.switch.perform(PlayPrompt(c, PromptName("greeting")))
    assert await exchange.seen.first(PromptEnded) == PromptEnded(c, PromptName("greeting"))
    exchange.switch.perform(PlayPrompt(c, PromptName("no-such-prompt")))
    await exchange.seen.first(PromptEnded, lambda event: event.prompt == "no-such-prompt")
    await finish(exchange, c)


async def test_hold_music_plays_to_those_who_wait_and_stops_when_they_talk(exchange: Exchange, phones: Phones) -> None:
    customer, agent = await phones.customer(C_HZ), await phones.registered("ana", tone_hz=A_HZ)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    exchange.switch.perform(SetMix(frozenset({c}), frozenset({(HoldMusic(), c)})))
    await customer.until(lambda: customer.audio.level() > 0.005)
    both = frozenset({c, a})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await customer.until_hears(A_HZ)
    exchange.switch.perform(SetMix(both, frozenset()))
    await customer.until(lambda: customer.audio.level() < 0.001)
    await finish(exchange, c, a)
    await agent.until(lambda: agent.talk is None)


async def test_phone_that_demands_srtp_gets_it(exchange: Exchange, phones: Phones) -> None:
    """RFC 4568: an SDES offer is answered with SDES."""
    customer = await phones.customer(C_HZ)
    customer.offers_srtp = True
    calling = asyncio.ensure_future(customer.call(SERVICE_NUMBER))
    leg = (await exchange.seen.first(LegArrived)).leg
    exchange.switch.perform(AnswerLeg(leg))
    answer = (await calling).body
    assert "RTP/SAVP " in answer
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in answer
    await finish(exchange, leg)
