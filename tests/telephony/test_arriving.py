"""Legs that arrive: who may call what, DTMF, giving up, hold; over real SIP."""

from __future__ import annotations

import asyncio

import pytest

from telephony.effects import AnswerLeg, EndLeg, RingLeg
from telephony.events import DtmfReceived, LegAnswered, LegArrived, LegEnded
from telephony.model import DtmfMethod, PersonOrigin
from tests.telephony.calls import arrived, ended, finish
from tests.telephony.conftest import PASSWORD, SERVICE_NUMBER, STRANGER, Exchange, Phones
from vocabulary import EndReason, PersonId

pytestmark = [pytest.mark.loopback, pytest.mark.native]


async def test_unknown_number_is_refused_with_404(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer()
    assert (await customer.call("999")).status == 404
    assert exchange.seen.events == []


async def test_stranger_reaches_nothing_without_a_password(exchange: Exchange, phones: Phones) -> None:
    """No call without an identity: service number or outside number, the answer is the same challenge."""
    stranger = await phones.unregistered("mallory", host=STRANGER)
    assert (await stranger.call(SERVICE_NUMBER)).status == 401
    assert (await stranger.call("+38598000000")).status == 401
    assert (await stranger.call("+38598000000", password="guess")).status == 401
    assert exchange.seen.events == []


async def test_trunk_is_not_relayed_to_an_outside_number(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer()
    assert (await customer.call("+38598000000")).status == 403


async def test_person_calls_with_his_password_over_each_transport(exchange: Exchange, phones: Phones) -> None:
    for transport in ("udp", "tcp", "tls"):
        exchange.seen.events.clear()
        phone = await phones.unregistered("ana", transport=transport)
        calling = asyncio.ensure_future(phone.call(SERVICE_NUMBER, password=PASSWORD))
        told = await exchange.seen.first(LegArrived)
        assert told.origin == PersonOrigin(PersonId("ana"))
        exchange.switch.perform(AnswerLeg(told.leg))
        assert (await calling).status == 200
        await exchange.seen.first(LegAnswered)
        await phone.hang_up()
        assert (await ended(exchange, told.leg)).end == EndReason.success("hung_up")


async def test_person_cannot_call_with_a_wrong_password(exchange: Exchange, phones: Phones) -> None:
    phone = await phones.unregistered("ana")
    assert (await phone.call(SERVICE_NUMBER, password="guess")).status == 401


async def test_caller_who_gives_up_is_cancelled(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer()
    giving_up = asyncio.ensure_future(customer.cancel_call(SERVICE_NUMBER))
    leg = (await exchange.seen.first(LegArrived)).leg
    exchange.switch.perform(RingLeg(leg))
    assert (await giving_up).status == 487
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.client_error("cancelled"), 487)


async def test_arrived_leg_can_be_refused_with_a_status_and_a_reason(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer()
    calling = asyncio.ensure_future(customer.call(SERVICE_NUMBER))
    leg = (await exchange.seen.first(LegArrived)).leg
    exchange.switch.perform(EndLeg(leg, EndReason.server_error("closed_now"), 480))
    refused = await calling
    assert (refused.status, refused.get("reason")) == (480, 'SIP;cause=480;text="closed now"')
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.server_error("closed_now"), 480)


async def test_keys_come_by_rtp_and_by_info(exchange: Exchange, phones: Phones) -> None:
    """RFC 4733 and SIP INFO (application/dtmf-relay): each press is one event."""
    customer = await phones.customer(440)
    leg = await arrived(exchange, customer)
    customer.press("7")
    by_rtp = await exchange.seen.first(DtmfReceived)
    assert by_rtp == DtmfReceived(leg, "7", DtmfMethod.RTP)
    relay = "Signal=#\r\nDuration=160\r\n"
    assert (await customer.request_in_dialog("INFO", relay, "application/dtmf-relay")).status == 200
    by_info = await exchange.seen.first(DtmfReceived, lambda event: event.method is DtmfMethod.INFO)
    assert by_info == DtmfReceived(leg, "#", DtmfMethod.INFO)
    await finish(exchange, leg)
    assert len([event for event in exchange.seen.of(leg) if isinstance(event, DtmfReceived)]) == 2


async def test_transfer_asked_by_a_leg_is_declined(exchange: Exchange, phones: Phones) -> None:
    """Whom a leg talks to is the centre's decision: REFER and Replaces get no way around it."""
    customer = await phones.customer(440)
    leg = await arrived(exchange, customer)
    assert customer.talk is not None
    answer = await customer.refer("sip:+38598000000@198.51.100.1")
    assert answer.status == 603
    await finish(exchange, leg)


async def test_effects_on_unknown_legs_change_nothing(exchange: Exchange, phones: Phones) -> None:
    customer = await phones.customer(440)
    leg = await arrived(exchange, customer)
    await finish(exchange, leg)
    for effect in (AnswerLeg(leg), RingLeg(leg), EndLeg(leg, EndReason.success("done"))):
        exchange.switch.perform(effect)
    again = await phones.customer(440)
    exchange.seen.events.clear()
    await finish(exchange, await arrived(exchange, again))
