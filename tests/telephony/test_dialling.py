"""Legs we dial: forking, refusals, redirects, identities, dead phones; over real SIP."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from telephony.admission import Trunk
from telephony.effects import DialLeg, EndLeg
from telephony.events import LegAnswered, LegDialled, LegEnded, LegRinging
from telephony.model import Destination
from tests.telephony.calls import DONE, SHOWN, answered, dial, ended, finish
from tests.telephony.conftest import CARRIER, DIRECTORY, PASSWORD, Exchange, Phones
from tests.telephony.phone import Manner, Phone
from vocabulary import EndReason, LegId, new_id

pytestmark = [pytest.mark.loopback, pytest.mark.native]


@pytest.mark.parametrize(
    ("manner", "slug", "status"),
    [
        (Manner.BUSY, "busy", 486),
        (Manner.DECLINE, "declined", 603),
        (Manner.MOVED, "moved", 302),
    ],
)
async def test_refusal_of_a_phone_is_the_end_reason(
    exchange: Exchange, phones: Phones, manner: Manner, slug: str, status: int
) -> None:
    phone = await phones.registered("ana")
    phone.manner, phone.redirect_to = manner, "sip:mailbox@127.0.0.1:9"
    leg = dial(exchange, "ana")
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.upstream_error(slug), status)


async def test_redirect_is_never_followed(exchange: Exchange, phones: Phones) -> None:
    """N8: the conversation is never exposed to a forward."""
    phone, elsewhere = await phones.registered("ana"), await phones.registered("eva")
    phone.manner, phone.redirect_to = Manner.MOVED, elsewhere.contact
    leg = dial(exchange, "ana")
    assert (await ended(exchange, leg)).end.reason == "moved"
    assert await answered(exchange, "eva")  # a later, wanted call does reach it ...
    assert len(elsewhere.invites) == 1  # ... and is the only one


async def test_person_without_a_phone_ends_at_once(exchange: Exchange) -> None:
    leg = dial(exchange, "ben")
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.upstream_error("not_registered"), 480)
    assert len(exchange.seen.of(leg)) == 1


async def test_all_phones_ring_and_the_first_answer_wins(exchange: Exchange, phones: Phones) -> None:
    """RFC 3326: the others are cancelled with the reason that the call was completed elsewhere."""
    desk, mobile = await phones.registered("ana"), await phones.registered("ana")
    desk.manner = mobile.manner = Manner.RING
    leg = dial(exchange, "ana")
    await desk.until(lambda: bool(desk.invites))
    await mobile.until(lambda: bool(mobile.invites))
    mobile.answer()
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    await desk.until(lambda: any(request.method == "CANCEL" for request in desk.requests))
    cancel = next(request for request in desk.requests if request.method == "CANCEL")
    assert cancel.get("reason") == 'SIP;cause=200;text="completed elsewhere"'
    assert mobile.talk is not None
    assert [type(event) for event in exchange.seen.of(leg)] == [LegDialled, LegRinging, LegAnswered]
    await finish(exchange, leg)


async def test_one_declining_phone_leaves_the_other_ringing(exchange: Exchange, phones: Phones) -> None:
    desk, mobile = await phones.registered("ana"), await phones.registered("ana")
    desk.manner, mobile.manner = Manner.BUSY, Manner.RING
    leg = dial(exchange, "ana")
    await mobile.until(lambda: bool(mobile.invites))
    await desk.until(lambda: any(request.method == "ACK" for request in desk.requests))
    mobile.answer()
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    await finish(exchange, leg)


async def test_ring_that_is_given_up_is_cancelled_with_its_reason(exchange: Exchange, phones: Phones) -> None:
    phone = await phones.registered("ana")
    phone.manner = Manner.RING
    leg = dial(exchange, "ana")
    await exchange.seen.first(LegRinging, lambda event: event.leg == leg)
    exchange.switch.perform(EndLeg(leg, EndReason.client_error("no_answer"), 480))
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.client_error("no_answer"), 480)
    await phone.until(lambda: any(request.method == "CANCEL" for request in phone.requests))
    cancel = next(request for request in phone.requests if request.method == "CANCEL")
    assert cancel.get("reason") == 'SIP;cause=480;text="no answer"'


async def test_phone_that_never_answers_anything_can_be_given_up(exchange: Exchange, phones: Phones) -> None:
    """A dead phone: no provisional response, so no CANCEL may be sent (RFC 3261 §9.1), yet the leg ends at once."""
    phone = await phones.registered("ana")
    phone.manner = Manner.SILENT
    leg = dial(exchange, "ana")
    await phone.until(lambda: bool(phone.invites))
    exchange.switch.perform(EndLeg(leg, EndReason.client_error("no_answer"), 480))
    assert (await ended(exchange, leg)).end.reason == "no_answer"
    assert not [event for event in exchange.seen.of(leg) if isinstance(event, LegRinging)]


async def test_answer_that_crosses_the_cancel_is_hung_up(exchange: Exchange, phones: Phones) -> None:
    """N8, a crossed answer: the late winner is in no conversation and gets a BYE."""
    phone = await phones.registered("ana")
    phone.manner, phone.answers_when_cancelled = Manner.RING, True
    leg = dial(exchange, "ana")
    await exchange.seen.first(LegRinging, lambda event: event.leg == leg)
    exchange.switch.perform(EndLeg(leg, DONE))
    await ended(exchange, leg)
    await phone.until(lambda: any(request.method == "BYE" for request in phone.requests))
    assert [request.method for request in phone.requests] == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert not [event for event in exchange.seen.of(leg) if isinstance(event, LegAnswered)]


async def test_invite_shows_the_customer_and_carries_the_case_key(exchange: Exchange, phones: Phones) -> None:
    """N1: the customer's identity, User-to-User (RFC 7433) and Call-Info (RFC 3261 §20.9) are in the INVITE."""
    phone = await phones.registered("ana")
    headers = (("User-to-User", "636173655f31;encoding=hex"), ("Call-Info", "<http://127.0.0.1/case/1>;purpose=info"))
    leg = dial(exchange, "ana", headers)
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    invite = phone.invites[0]
    assert invite.get("from").startswith('"Ana K." <sip:+385911111@ringside.invalid>')
    assert invite.get("p-asserted-identity") == '"Ana K." <sip:+385911111@ringside.invalid>'
    assert (invite.get("user-to-user"), invite.get("call-info")) == (headers[0][1], headers[1][1])
    assert invite.start == f"INVITE {phone.contact} SIP/2.0"
    assert "timer" in invite.get("supported")
    assert invite.get("session-expires") == "1800"  # RFC 4028
    assert len(re.findall(r"(?m)^m=", invite.body)) == 1
    dialled = exchange.seen.of(leg)[0]
    assert isinstance(dialled, LegDialled)
    assert dialled.sip_call_id == invite.get("call-id")
    await finish(exchange, leg)


async def test_phone_whose_port_is_closed_is_unreachable(exchange: Exchange, phones: Phones) -> None:
    phone = await phones.registered("ana", transport="tcp")
    await phone.close()
    leg = dial(exchange, "ana")
    assert (await ended(exchange, leg)).end == EndReason.upstream_error("unreachable")


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_phone_on_a_connection_is_reached_over_it(exchange: Exchange, phones: Phones, transport: str) -> None:
    """RFC 5626 §5.3: the INVITE comes over the connection the phone registered on; it listens nowhere."""
    phone: Phone = await phones.registered("ana", transport=transport)
    leg = await answered(exchange, "ana")
    assert len(phone.invites) == 1
    await finish(exchange, leg)
    await phone.until(lambda: phone.talk is None)


async def test_number_is_dialled_through_its_trunk(exchange: Exchange, phones: Phones) -> None:
    far = await phones.customer()
    trunk = Trunk("carrier", (CARRIER,), f"sip:{CARRIER}:{far.local_port}")
    exchange.switch.update_directory(replace(DIRECTORY, trunks=(trunk,)))
    leg = LegId(new_id("leg"))
    exchange.switch.perform(DialLeg(leg, Destination(number="+38598", trunk="carrier"), SHOWN))
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    assert far.invites[0].start == f"INVITE sip:+38598@{CARRIER}:{far.local_port} SIP/2.0"
    await finish(exchange, leg)
    unknown = LegId(new_id("leg"))
    exchange.switch.perform(DialLeg(unknown, Destination(number="+38598", trunk="other"), SHOWN))
    assert (await ended(exchange, unknown)).end.reason == "unknown_trunk"


async def _listening_beside(
    phones: Phones, on_connection: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
) -> tuple[Phone, asyncio.Server]:
    """A phone that is registered over UDP, and who listens for TCP on its port; another program may have that one."""
    for _ in range(20):
        phone = await phones.unregistered("ana")
        with contextlib.suppress(OSError):
            server = await asyncio.start_server(on_connection, phone.host, phone.local_port)
            assert (await phone.register(PASSWORD)).status == 200
            return phone, server
    raise AssertionError("no port is free for both UDP and TCP")


async def test_long_invite_stays_on_the_transport_the_phone_registered_on(exchange: Exchange, phones: Phones) -> None:
    """Above 1300 bytes PJSIP alone would try TCP first, which behind NAT stalls the ring (N1, N2)."""
    connections: list[object] = []
    phone, server = await _listening_beside(phones, lambda reader, writer: connections.append(writer))
    leg = dial(exchange, "ana", (("X-Long", "x" * 1_500),))
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    assert (len(phone.invites), connections) == (1, [])
    await finish(exchange, leg)
    server.close()
    await server.wait_closed()
