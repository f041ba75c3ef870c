"""PUBLISH, SUBSCRIBE and OPTIONS with a real switch: phones tell, watch and are asked (RFC 3903, 3856, 4235; DC-02)."""

from __future__ import annotations

import pytest

from telephony.adapters import pjsip
from telephony.events import PresencePublished, PresenceWithdrawn
from tests.telephony.conftest import PASSWORD, STRANGER, TIMEOUT_S, Exchange, Phones
from tests.telephony.phone import Message, Phone
from vocabulary import PersonId

pytestmark = [pytest.mark.loopback, pytest.mark.native]

EVA = PersonId("eva")
PIDF = "<presence><tuple id='1'><status><basic>open</basic></status></tuple></presence>"


def publishing(expires: int, etag: str = "") -> list[tuple[str, str]]:
    kind = [("Event", "presence"), ("Expires", str(expires)), ("Content-Type", "application/pidf+xml")]
    return [*kind, ("SIP-If-Match", etag)] if etag else kind


def watching(package: str, expires: int = 600) -> list[tuple[str, str]]:
    return [("Event", package), ("Expires", str(expires)), ("Accept", "application/pidf+xml")]


def notifies(phone: Phone) -> list[Message]:
    return [request for request in phone.requests if request.method == "NOTIFY"]


async def test_phone_publishes_refreshes_and_withdraws_its_persons_presence(exchange: Exchange, phones: Phones) -> None:
    phone = await phones.unregistered("eva")
    answer, _ = await phone.ask("PUBLISH", "eva", PASSWORD, extra=publishing(600), body=PIDF)
    assert (answer.status, answer.get("expires")) == (200, "600")
    told = await exchange.seen.first(PresencePublished)
    assert told == PresencePublished(EVA, told.publication, PIDF.encode(), "application/pidf+xml", 600)
    again, _ = await phone.ask("PUBLISH", "eva", PASSWORD, extra=publishing(300, answer.get("sip-etag")))
    assert again.get("sip-etag") != answer.get("sip-etag")
    stale, _ = await phone.ask("PUBLISH", "eva", PASSWORD, extra=publishing(300, answer.get("sip-etag")))
    assert stale.status == 412
    over, _ = await phone.ask("PUBLISH", "eva", PASSWORD, extra=publishing(0, again.get("sip-etag")))
    assert over.status == 200
    assert await exchange.seen.first(PresenceWithdrawn) == PresenceWithdrawn(EVA, told.publication)


async def test_nobody_publishes_without_or_for_somebody_else(exchange: Exchange, phones: Phones) -> None:
    stranger, ana = await phones.unregistered("mallory", host=STRANGER), await phones.unregistered("ana")
    assert (await stranger.ask("PUBLISH", "eva", extra=publishing(600), body=PIDF))[0].status == 401
    assert (await ana.ask("PUBLISH", "eva", PASSWORD, extra=publishing(600), body=PIDF))[0].status == 403
    assert exchange.seen.events == []


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_watcher_is_told_at_once_at_changes_and_at_the_end(
    exchange: Exchange, phones: Phones, transport: str
) -> None:
    phone = await phones.unregistered("ana", transport=transport)
    answer, talk = await phone.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("presence"))
    assert (answer.status, answer.get("expires")) == (200, "600")
    assert answer.get("contact").startswith("<sip:")
    await phone.until(lambda: len(notifies(phone)) == 1)
    exchange.switch.presence_changed(EVA)
    exchange.switch.presence_changed(PersonId("ben"))
    await phone.until(lambda: len(notifies(phone)) == 2)
    first = notifies(phone)[0]
    assert first.body == "<presence>eva</presence>"
    assert first.get("content-type") == "application/pidf+xml"
    assert first.get("call-id") == talk.call_id
    assert first.get("from").partition(";tag=")[2] == answer.get("to").partition(";tag=")[2]
    assert first.get("to").partition(";tag=")[2] == talk.local.partition(";tag=")[2]
    ended, _ = await phone.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("presence", 0), talk=talk)
    assert ended.status == 200
    await phone.until(lambda: len(notifies(phone)) == 3)
    assert notifies(phone)[-1].get("subscription-state") == "terminated;reason=timeout"
    exchange.switch.presence_changed(EVA)
    gone, _ = await phone.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("presence"), talk=talk)
    assert gone.status == 481
    assert len(notifies(phone)) == 3


async def test_lamp_key_gets_counting_versions_and_few_messages(exchange: Exchange, phones: Phones) -> None:
    """RFC 4235 §4.1; many changes at once fold into one NOTIFY."""
    phone = await phones.unregistered("ana")
    await phone.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("dialog"))
    await phone.until(lambda: len(notifies(phone)) == 1)
    for _ in range(50):
        exchange.switch.presence_changed(EVA)
    await phone.until(lambda: len(notifies(phone)) >= 2)
    told = notifies(phone)
    assert [each.body for each in told] == [f"<dialog-info version='{n}'>eva</dialog-info>" for n in range(len(told))]
    assert len(told) < 10
    assert told[0].get("event") == "dialog"


async def test_watcher_who_refuses_is_left_alone(exchange: Exchange, phones: Phones) -> None:
    phone = await phones.unregistered("ana")
    phone.notify_status = 481
    _, talk = await phone.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("presence"))
    await phone.until(lambda: len(notifies(phone)) == 1)
    answer, _ = await phone.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("presence"), talk=talk)
    assert answer.status == 481


async def test_strangers_watch_nobody_and_nobody_is_watched_who_is_not_there(
    exchange: Exchange, phones: Phones
) -> None:
    stranger, ana = await phones.unregistered("mallory", host=STRANGER), await phones.unregistered("ana")
    assert (await stranger.ask("SUBSCRIBE", "eva", extra=watching("presence")))[0].status == 401
    assert (await ana.ask("SUBSCRIBE", "nobody", PASSWORD, extra=watching("presence")))[0].status == 404
    refused, _ = await ana.ask("SUBSCRIBE", "eva", PASSWORD, extra=watching("message-summary"))
    assert (refused.status, refused.get("allow-events")) == (489, "presence, dialog")


async def test_probe_tells_living_phones_from_dead_ones(
    exchange: Exchange, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 4 item 3: OPTIONS over the flow the phone registered on."""
    assert not await exchange.switch.probe(EVA)
    dead = await phones.registered("ben")
    await dead.close()
    assert not await exchange.switch.probe(PersonId("ben"))
    monkeypatch.setattr(pjsip, "PROBE_TIMEOUT_S", TIMEOUT_S)  # a slow machine is no dead phone
    for transport in ("udp", "tcp", "tls"):
        phone = await phones.registered("eva", transport=transport)
        assert await exchange.switch.probe(EVA)
        assert phone.requests[-1].method == "OPTIONS"
        assert (await phone.register(PASSWORD, expires=0)).status == 200
