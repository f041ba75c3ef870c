"""Desk phones as a source and as a screen of availability, on a real node: PUBLISH, SUBSCRIBE, NOTIFY (DC-02, CE-12).

The phones here are written from the RFCs by hand, so nothing of the product's SIP code judges itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from siplab.desk import DeskClient

from tests.scenarios.company import AGENT, SPECIALIST, Company, TalkingCall, availability_of
from tests.scenarios.conftest import RunningNode
from tests.telephony.phone import Message, Phone

pytestmark = [pytest.mark.loopback, pytest.mark.native]

WATCHER, PUBLISHER, STRANGER = "ben.carter", "marcus.lind", "mallory"
PHONE_ADDRESS = "127.0.0.5"
"""Not the trunk's, so that a phone is known by its password alone."""
SHOWN_TIMEOUT_S = 20.0
DIALOG, PRESENCE = "dialog", "presence"


def pidf(basic: str, activity: str = "") -> str:
    """A presence document as a phone writes it (RFC 3863, RFC 4480)."""
    activities = f"<rpid:activities><rpid:{activity}/></rpid:activities>" if activity else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
        f'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:{PUBLISHER}@ringside">'
        f'<tuple id="t1"><status><basic>{basic}</basic></status></tuple>'
        f'<dm:person id="p1">{activities}</dm:person></presence>'
    )


@dataclass
class Phones:
    """Hand-written phones of the company's people; closed with the test."""

    running: RunningNode
    opened: list[Phone] = field(default_factory=list)

    def password(self, person: str) -> str:
        return self.running.access.logins[person].phone_password

    async def of(self, person: str) -> Phone:
        """A phone that is not registered."""
        sip = json.loads((self.running.node.state_dir / "node.json").read_text())["sip"]
        phone = await Phone(person, (sip["address"], sip["udp"]), host=PHONE_ADDRESS).start()
        self.opened.append(phone)
        return phone

    async def registered(self, person: str) -> Phone:
        phone = await self.of(person)
        assert (await phone.register(self.password(person))).status == 200
        return phone

    async def publish(self, phone: Phone, body: str, expires: int = 600, etag: str = "") -> Message:
        """PUBLISH a document of the phone's own person (RFC 3903)."""
        extra = [("Event", PRESENCE), ("Expires", str(expires)), ("Content-Type", "application/pidf+xml")]
        extra += [("SIP-If-Match", etag)] if etag else []
        answer, _ = await phone.ask("PUBLISH", phone.user, self.password(phone.user), extra=extra, body=body)
        return answer

    async def watch(self, phone: Phone, person: str, package: str) -> None:
        """SUBSCRIBE and wait for the first NOTIFY."""
        answer, _ = await phone.ask("SUBSCRIBE", person, self.password(phone.user), extra=watching(package))
        assert answer.status == 200
        await phone.until(lambda: bool(notifies(phone, package)))


@pytest.fixture
async def phones(running: RunningNode) -> AsyncIterator[Phones]:
    opened = Phones(running)
    yield opened
    for phone in opened.opened:
        if phone.user in running.access.logins:
            await phone.register(opened.password(phone.user), expires=0)
        await phone.close()


def watching(package: str) -> list[tuple[str, str]]:
    return [("Event", package), ("Expires", "600")]


def notifies(phone: Phone, package: str) -> list[Message]:
    told = [request for request in phone.requests if request.method == "NOTIFY"]
    return [request for request in told if request.get("event").startswith(package)]


def lamp(phone: Phone) -> tuple[str, ...]:
    """The states of the calls that the newest dialog-info names: dark without one, blinking early, lit confirmed."""
    return tuple(re.findall(r"<(?:\w+:)?state>(\w+)</", notifies(phone, DIALOG)[-1].body))


def shown_basic(phone: Phone) -> tuple[str, str]:
    """Basic status and activity of the newest PIDF."""
    body = notifies(phone, PRESENCE)[-1].body
    basic, activity = re.search(r"<(?:\w+:)?basic>(\w+)<", body), re.search(r"activities><rpid:([\w-]+)", body)
    return (basic[1] if basic else "", activity[1] if activity else "")


async def shown(desk: DeskClient, person: str, state: str) -> None:
    await desk.wait_for(
        lambda docs: availability_of(docs, person) == state,
        SHOWN_TIMEOUT_S,
        f"{person} shown as {state}, not {desk.docs[f'person/{person}']['availability']}",
    )


async def until_lamp(phone: Phone, fits: Callable[[tuple[str, ...]], bool]) -> None:
    await phone.until(lambda: fits(lamp(phone)))


# -- publishing ---------------------------------------------------------------------------------------------------


async def test_what_a_phone_publishes_changes_the_list_at_once(company: Company, phones: Phones) -> None:
    """RFC 3903: available, on the phone, available again, and at last nothing: unknown, never free."""
    anna, phone = await company.desk(AGENT), await phones.registered(PUBLISHER)
    first = await phones.publish(phone, pidf("open"))
    assert first.status == 200
    await shown(anna, PUBLISHER, "free")
    busy = await phones.publish(phone, pidf("open", "on-the-phone"), etag=first.get("sip-etag"))
    await shown(anna, PUBLISHER, "busy")
    (source,) = [s for s in anna.docs[f"person/{PUBLISHER}"]["availability"]["sources"] if s["source"] == "uc"]
    assert source["status"] == "busy"
    free = await phones.publish(phone, pidf("open"), etag=busy.get("sip-etag"))
    await shown(anna, PUBLISHER, "free")
    withdrawn = await phones.publish(phone, "", expires=0, etag=free.get("sip-etag"))
    assert withdrawn.status == 200
    await shown(anna, PUBLISHER, "unknown")


async def test_a_closed_phone_is_not_free_and_a_document_that_is_none_changes_nothing(
    company: Company, phones: Phones
) -> None:
    anna, phone = await company.desk(AGENT), await phones.registered(PUBLISHER)
    first = await phones.publish(phone, pidf("open", "busy"))
    await shown(anna, PUBLISHER, "busy")
    garbage = await phones.publish(phone, "<presence", etag=first.get("sip-etag"))
    last = await phones.publish(phone, pidf("closed"), etag=garbage.get("sip-etag"))
    await shown(anna, PUBLISHER, "unknown")
    states = [doc["availability"]["state"] for _at, key, doc in anna.history if key == f"person/{PUBLISHER}" and doc]
    assert "free" not in states[states.index("busy") :]
    await phones.publish(phone, "", expires=0, etag=last.get("sip-etag"))


# -- watching -----------------------------------------------------------------------------------------------------


async def test_a_lamp_key_blinks_while_a_person_is_rung_and_lights_while_he_talks(
    company: Company, phones: Phones
) -> None:
    """RFC 4235: the agent's own line and the specialist's; full states, with versions that count up."""
    watcher = await phones.of(WATCHER)
    call = await company.talking()
    eva, client = await company.free_specialist(call.desk.docs["me"])
    await shown(call.desk, SPECIALIST, "free")
    await phones.watch(watcher, SPECIALIST, DIALOG)
    assert lamp(watcher) == ()
    await escalated(call)
    await eva.wait_for("rang")
    await until_lamp(watcher, lambda states: states == ("early",))
    eva.send("answer")
    await eva.wait_for("confirmed")
    eva.send("dtmf", digits="1")
    await until_lamp(watcher, lambda states: states == ("confirmed",))
    eva.send("hang_up")
    await until_lamp(watcher, lambda states: states == ())
    told = [int(re.findall(r'version="(\d+)"', each.body)[-1]) for each in notifies(watcher, DIALOG)]
    versions = list(dict.fromkeys(told))  # what is not answered soon is sent again
    assert versions == list(range(len(versions)))
    assert all('state="full"' in told.body for told in notifies(watcher, DIALOG))
    assert not any("+385" in told.body for told in notifies(watcher, DIALOG))  # who calls is nobody else's business
    await client.say("away")
    await call.close()


async def test_a_lamp_key_of_an_agent_follows_his_calls(company: Company, phones: Phones) -> None:
    watcher = await phones.of(WATCHER)
    await phones.watch(watcher, AGENT, DIALOG)
    call = await company.talking()
    await until_lamp(watcher, lambda states: states == ("confirmed",))
    await call.close()
    await until_lamp(watcher, lambda states: states == ())


async def test_a_watching_phone_sees_the_availability_that_the_list_shows(company: Company, phones: Phones) -> None:
    """RFC 3856: open for the free only; a phone that reads nothing but basic lights no green lamp for anybody else."""
    watcher = await phones.of(WATCHER)
    call = await company.talking()
    await phones.watch(watcher, SPECIALIST, PRESENCE)
    assert shown_basic(watcher)[0] == "closed"
    eva, client = await company.free_specialist(call.desk.docs["me"])
    await watcher.until(lambda: shown_basic(watcher) == ("open", ""))
    await escalated(call)
    await eva.wait_for("rang")
    await watcher.until(lambda: shown_basic(watcher) == ("closed", "busy"))
    eva.send("answer")
    await eva.wait_for("confirmed")
    eva.send("dtmf", digits="1")
    await watcher.until(lambda: shown_basic(watcher) == ("closed", "on-the-phone"))
    eva.send("hang_up")
    await watcher.until(lambda: shown_basic(watcher) == ("open", ""))
    await client.say("away")
    await watcher.until(lambda: shown_basic(watcher) == ("closed", "away"))
    await call.close()


async def escalated(call: TalkingCall) -> None:
    await call.desk.command(f"interactions/{call.interaction}/escalations", {"specialist": SPECIALIST})


# -- strangers ----------------------------------------------------------------------------------------------------


async def test_strangers_neither_publish_nor_watch(company: Company, phones: Phones) -> None:
    """N12: who proves no identity is asked for one; nobody publishes for somebody else."""
    anna, stranger, ben = await company.desk(AGENT), await phones.of(STRANGER), await phones.of(WATCHER)
    before = anna.docs[f"person/{PUBLISHER}"]["availability"]["state"]
    kind = [("Event", PRESENCE), ("Content-Type", "application/pidf+xml")]
    for package in (PRESENCE, DIALOG):
        assert (await stranger.ask("SUBSCRIBE", PUBLISHER, extra=watching(package)))[0].status == 401
        assert (await stranger.ask("SUBSCRIBE", PUBLISHER, "a-guess", extra=watching(package)))[0].status in (401, 403)
    assert (await stranger.ask("PUBLISH", PUBLISHER, extra=kind, body=pidf("open")))[0].status == 401
    for_another = await ben.ask("PUBLISH", PUBLISHER, phones.password(WATCHER), extra=kind, body=pidf("open"))
    assert for_another[0].status == 403
    assert notifies(stranger, PRESENCE) == notifies(stranger, DIALOG) == []
    assert anna.docs[f"person/{PUBLISHER}"]["availability"]["state"] == before
