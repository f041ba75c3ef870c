"""Malformed SIP: a clear refusal or silence, and the node lives (issue 2, design "The door")."""

from __future__ import annotations

import asyncio

import pytest

from telephony.events import LegArrived, PhoneRegistered
from tests.telephony.calls import arrived, finish
from tests.telephony.conftest import Exchange, Phones
from tests.telephony.malformed import MALFORMED

pytestmark = [pytest.mark.loopback, pytest.mark.native]


async def test_node_serves_calls_after_every_malformed_message(exchange: Exchange, phones: Phones) -> None:
    sender = await phones.customer(440)
    for at, text in enumerate(MALFORMED.values()):
        port = str(sender.local_port).encode()
        sender.send_raw(text.replace(b"{port}", port).replace(b"{n}", str(at).encode()))
        assert (await sender.options()).status == 200
    for event in [event for event in exchange.seen.events if isinstance(event, LegArrived)]:
        await finish(exchange, event.leg)
    assert not [event for event in exchange.seen.events if isinstance(event, PhoneRegistered)]
    exchange.seen.events.clear()
    await finish(exchange, await arrived(exchange, await phones.customer(440)))


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("two froms", 400),
        ("cseq of another method", 400),
        ("content length too long", 413),
        ("500 headers", 400),
        ("sdp payload type 300", 488),
        ("sdp without connection", 400),
        ("multipart without boundary", 415),
        ("unknown method", 501),
        ("unknown require", 420),
        ("replaces nothing", 481),
        ("register with a foreign digest", 401),
        ("bye for nothing", 481),
    ],
)
async def test_malformed_message_gets_a_clear_refusal(
    exchange: Exchange, phones: Phones, name: str, status: int
) -> None:
    sender = await phones.customer()
    text = MALFORMED[name].replace(b"{port}", str(sender.local_port).encode()).replace(b"{n}", name[:3].encode())
    sender.send_raw(text)
    await sender.until(lambda: status in [answer.status for answer in sender.strays])


async def test_stream_with_garbage_is_cut_off_and_others_stay(exchange: Exchange, phones: Phones) -> None:
    bystander = await phones.registered("ana", transport="tcp")
    _, writer = await asyncio.open_connection(*exchange.address("tcp"))
    writer.write(b"\0\xff" * 5_000 + b"\r\n\r\n")
    await writer.drain()
    assert (await bystander.options()).status == 200
    writer.close()
