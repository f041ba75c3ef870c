"""Phones register with digest over real SIP."""

from __future__ import annotations

import pytest

from telephony.admission import Directory
from telephony.digest import Algorithm
from telephony.events import PhoneRegistered, PhoneUnregistered
from tests.telephony.conftest import PASSWORD, Exchange, Phones, credential
from tests.telephony.phone import Message
from vocabulary import PersonId

pytestmark = [pytest.mark.loopback, pytest.mark.native]

ANA = PersonId("ana")


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_phone_registers_with_each_algorithm_over_each_transport(
    exchange: Exchange, phones: Phones, algorithm: Algorithm, transport: str
) -> None:
    """RFC 8760 (SHA-256) and RFC 2617 (MD5)."""
    phone = await phones.unregistered("ana", transport=transport)
    answer = await phone.register(PASSWORD, algorithm=algorithm)
    assert answer.status == 200
    assert answer.get("contact") == f"<{phone.contact}>;expires=600"
    await exchange.seen.first(PhoneRegistered, lambda event: event.person == "ana")
    assert exchange.switch.registered(ANA)
    assert (await phone.register(PASSWORD, algorithm=algorithm, expires=0)).status == 200
    await exchange.seen.first(PhoneUnregistered, lambda event: event.person == "ana")
    assert not exchange.switch.registered(ANA)


def _without_nonce(answer: Message) -> tuple[int, list[tuple[str, str]]]:
    varying = ("via", "call-id", "cseq", "from", "to")
    return answer.status, [(name, value.split("nonce=")[0]) for name, value in answer.headers if name not in varying]


async def test_wrong_password_and_unknown_user_get_the_same_answer(exchange: Exchange, phones: Phones) -> None:
    known, unknown = await phones.unregistered("ana"), await phones.unregistered("nobody")
    wrong, missing = await known.register("guess"), await unknown.register("guess")
    assert wrong.status == 401
    assert _without_nonce(wrong) == _without_nonce(missing)
    assert exchange.seen.events == []


async def test_nobody_registers_under_another_name(exchange: Exchange, phones: Phones) -> None:
    phone = await phones.unregistered("eva")
    assert (await phone.register(PASSWORD, username="ana")).status == 403
    assert not exchange.switch.registered(PersonId("eva"))


async def test_too_short_registration_is_told_the_least_time(exchange: Exchange, phones: Phones) -> None:
    """RFC 3261 §10.3 step 6: 423 with Min-Expires."""
    phone = await phones.unregistered("ana")
    refused = await phone.register(PASSWORD, expires=5)
    assert (refused.status, refused.get("min-expires")) == (423, "60")


async def test_removed_account_loses_its_phones_at_once(exchange: Exchange, phones: Phones) -> None:
    await phones.registered("ana")
    exchange.switch.update_directory(Directory(credentials={"eva": credential("eva")}))
    await exchange.seen.first(PhoneUnregistered, lambda event: event.person == "ana")
    phone = await phones.unregistered("ana")
    assert (await phone.register(PASSWORD)).status == 401
