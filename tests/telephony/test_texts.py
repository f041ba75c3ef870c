"""Texts to customers leave through the trunk as SIP MESSAGE (RFC 3428), on the real softswitch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.admission import Trunk
from telephony.model import CallerIdentity, Destination, TextMessage
from tests.telephony.conftest import CARRIER, DIRECTORY, Exchange, Phones

pytestmark = [pytest.mark.loopback, pytest.mark.native]

SENTENCE = "Eva Horvat će vas nazvati do 14:30."


def message(trunk: str = "carrier") -> TextMessage:
    return TextMessage(Destination(number="+38598", trunk=trunk), CallerIdentity("Osiguranje Luka", "5001"), SENTENCE)


async def test_a_text_reaches_the_carrier_with_the_number_the_customer_called(
    exchange: Exchange, phones: Phones
) -> None:
    far = await phones.customer()
    trunk = Trunk("carrier", (CARRIER,), f"sip:{CARRIER}:{far.local_port}")
    exchange.switch.update_directory(replace(DIRECTORY, trunks=(trunk,)))
    assert await exchange.switch.send_text(message()) == 200
    (request,) = far.requests
    assert request.start == f"MESSAGE sip:+38598@{CARRIER}:{far.local_port} SIP/2.0"
    assert '"Osiguranje Luka" <sip:5001@' in request.get("from")
    assert request.get("content-type").replace(" ", "") == "text/plain;charset=utf-8"
    assert request.body == SENTENCE


async def test_a_text_that_cannot_be_sent_is_answered_too(exchange: Exchange) -> None:
    assert await exchange.switch.send_text(message(trunk="other")) == 503
