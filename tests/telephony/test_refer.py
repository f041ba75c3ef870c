"""REFER from within a call, and the speed-dial key: any phone can ask for a specialist (N5, S04)."""

from __future__ import annotations

import asyncio

import pytest

from telephony.effects import AnswerLeg, ReportRefer, SetMix
from telephony.events import LegAnswered, LegArrived, LegEnded, ReferReceived
from telephony.model import PersonOrigin, ReferId, everyone_hears_everyone
from tests.telephony.calls import answered, arrived, finish
from tests.telephony.conftest import PASSWORD, STRANGER, Exchange, Phones
from tests.telephony.phone import Message, Phone
from vocabulary import LegId, PersonId

pytestmark = [pytest.mark.loopback, pytest.mark.native]

TARGET = "sip:bring-in+claims@ringside.invalid"
HERE = "sip:bring-in+claims@127.0.0.1"


def notifies(phone: Phone) -> list[Message]:
    return [request for request in phone.requests if request.method == "NOTIFY"]


async def asked(exchange: Exchange, phone: Phone) -> ReferReceived:
    """Have a phone in a call ask for a specialist of the skill `claims`."""
    assert (await phone.refer(HERE)).status == 202
    return await exchange.seen.first(ReferReceived)


@pytest.mark.parametrize("final", [200, 480, 603])
async def test_agent_hears_by_notify_how_his_refer_goes_and_keeps_his_call(
    exchange: Exchange, phones: Phones, final: int
) -> None:
    """N5, S04 step 3: NOTIFY 100, 180, 200 or the failure code; the call survives every outcome."""
    customer, agent = await phones.customer(440), await phones.registered("ana", tone_hz=620)
    c, a = await arrived(exchange, customer), await answered(exchange, "ana")
    both = frozenset({c, a})
    exchange.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    event = await asked(exchange, agent)
    assert event == ReferReceived(a, event.refer, "bring-in+claims")
    await agent.until(lambda: len(notifies(agent)) == 1)
    exchange.switch.perform(ReportRefer(a, event.refer, 180, final=False))
    exchange.switch.perform(ReportRefer(a, event.refer, final, final=True))
    exchange.switch.perform(ReportRefer(a, event.refer, 200, final=True))
    await agent.until(lambda: len(notifies(agent)) == 3)
    told = notifies(agent)
    assert [notify.body.split(" ")[1] for notify in told] == ["100", "180", str(final)]
    states = [notify.get("subscription-state") for notify in told]
    assert states == ["active;expires=60", "active;expires=60", "terminated;reason=noresource"]
    assert {notify.get("event") for notify in told} == {"refer"}
    assert {notify.get("content-type") for notify in told} == {"message/sipfrag;version=2.0"}
    assert all(notify.get("contact") for notify in told)
    cseqs = [int(notify.get("cseq").split(" ")[0]) for notify in told]
    assert cseqs == sorted(set(cseqs))
    await customer.until_hears(620)
    await agent.until_hears(440)
    await finish(exchange, c, a)
    await agent.until(lambda: agent.talk is None)


async def test_phone_that_knows_no_notify_keeps_its_call(exchange: Exchange, phones: Phones) -> None:
    """RFC 5057: 481 to the NOTIFY ends the subscription, not the call."""
    agent = await phones.registered("ana", tone_hz=620)
    agent.notify_status = 481
    leg = await answered(exchange, "ana")
    event = await asked(exchange, agent)
    exchange.switch.perform(ReportRefer(leg, event.refer, 200, final=True))
    await agent.until(lambda: len(notifies(agent)) == 2)
    assert (await agent.request_in_dialog("INFO", "Signal=1\r\n", "application/dtmf-relay")).status == 200
    assert not [event for event in exchange.seen.of(leg) if isinstance(event, LegEnded)]
    await finish(exchange, leg)


async def test_refer_to_anybody_else_is_declined_and_harms_nothing(exchange: Exchange, phones: Phones) -> None:
    agent = await phones.registered("ana", tone_hz=620)
    leg = await answered(exchange, "ana")
    targets = (
        "sip:+38598000000@198.51.100.1",
        "sip:ben@127.0.0.1",
        "sip:bring-in+claims@elsewhere.example",
        HERE[:-19],
    )
    for target in (*targets, "sip:bring-in+@127.0.0.1"):
        assert (await agent.refer(target)).status in (400, 603)
    assert not [event for event in exchange.seen.events if isinstance(event, ReferReceived)]
    assert notifies(agent) == []
    assert (await agent.request_in_dialog("INFO", "Signal=1\r\n", "application/dtmf-relay")).status == 200
    await finish(exchange, leg)


async def test_refer_into_a_dialog_one_is_not_part_of_is_refused(exchange: Exchange, phones: Phones) -> None:
    agent, stranger = await phones.registered("ana", tone_hz=620), await phones.unregistered("mallory", host=STRANGER)
    leg = await answered(exchange, "ana")
    assert agent.talk is not None
    extra = [("Refer-To", f"<{HERE}>")]
    forged = type(agent.talk)(agent.talk.call_id, "<sip:x@y>;tag=guess", agent.talk.remote, agent.talk.target)
    answer, _ = await stranger.ask("REFER", "ringside", extra=extra, talk=forged)
    assert answer.status == 481
    assert not [event for event in exchange.seen.events if isinstance(event, ReferReceived)]
    await finish(exchange, leg)


async def test_refer_of_an_ended_leg_is_forgotten(exchange: Exchange, phones: Phones) -> None:
    agent = await phones.registered("ana", tone_hz=620)
    leg = await answered(exchange, "ana")
    event = await asked(exchange, agent)
    await agent.until(lambda: len(notifies(agent)) == 1)
    await finish(exchange, leg)
    exchange.switch.perform(ReportRefer(leg, event.refer, 200, final=True))
    exchange.switch.perform(ReportRefer(LegId("leg_unknown"), ReferId("ref_unknown"), 200, final=True))
    assert (await agent.options()).status == 200
    assert len(notifies(agent)) == 1


async def test_speed_dial_key_reaches_the_service_address_from_people_only(exchange: Exchange, phones: Phones) -> None:
    """N5: a call of an authenticated person to `bring-in+skill` arrives; trunks and strangers get nowhere."""
    customer, stranger = await phones.customer(), await phones.unregistered("mallory", host=STRANGER)
    assert (await customer.call("bring-in+claims")).status == 404
    assert (await stranger.call("bring-in+claims")).status == 401
    agent = await phones.unregistered("ana", tone_hz=620)
    assert (await agent.call("bring-in+", password=PASSWORD)).status == 404
    calling = asyncio.ensure_future(agent.call("bring-in+claims", password=PASSWORD))
    told = await exchange.seen.first(LegArrived)
    assert (told.called, told.origin) == ("bring-in+claims", PersonOrigin(PersonId("ana")))
    exchange.switch.perform(AnswerLeg(told.leg))
    assert (await calling).status == 200
    await exchange.seen.first(LegAnswered)
    await finish(exchange, told.leg)
