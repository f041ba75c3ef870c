"""Wrong and hostile input on a real node: each gets a clear answer, the node lives, nothing stored is lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import aiomqtt
import httpx2
import pytest
from siplab.desk import DeskClient
from siplab.errors import DeskRefused, LabError
from siplab.patience import WAIT_S
from siplab.presence import Broker, UcClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.scenarios.company import (
    AGENT,
    CLAIMS_LINE,
    SPECIALIST,
    Company,
    a_normal_call_works,
    availability_of,
    until,
)
from tests.scenarios.conftest import RunningNode
from tests.scenarios.sip_text import SDP, Answer, Stranger

pytestmark = [pytest.mark.loopback, pytest.mark.native]

STRANGE_ADDRESS, OTHER_ADDRESS, TRUNK_ADDRESS = "127.0.0.3", "127.0.0.4", "127.0.0.1"
OUTSIDE_NUMBER = "+442079460999"


def sip_address(running: RunningNode) -> tuple[str, int]:
    facts = json.loads((running.node.state_dir / "node.json").read_text())
    return facts["sip"]["address"], facts["sip"]["udp"]


def broker_of(running: RunningNode) -> Broker:
    facts = json.loads((running.node.state_dir / "node.json").read_text())
    return Broker(facts["mqtt"]["host"], facts["mqtt"]["port"], facts["mqtt"]["prefix"])


@pytest.fixture
def stranger(running: RunningNode) -> Iterator[Stranger]:
    """Somebody at an address that no trunk and no phone has."""
    one = Stranger(STRANGE_ADDRESS, sip_address(running))
    yield one
    one.close()


@pytest.fixture
def trunk(running: RunningNode) -> Iterator[Stranger]:
    """Somebody at the trunk's address."""
    one = Stranger(TRUNK_ADDRESS, sip_address(running))
    yield one
    one.close()


@pytest.fixture
async def anna(company: Company) -> DeskClient:
    """Anna at her desk."""
    return await company.desk(AGENT)


# -- SIP --------------------------------------------------------------------------------------------------------


def challenged(answer: Answer | None) -> tuple[int, int]:
    """Status and number of challenges: everything a stranger learns."""
    assert answer is not None
    return answer.status, len(answer.header("WWW-Authenticate"))


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(stranger: Stranger) -> None:
    """N12: nobody learns which accounts there are."""
    wrong = challenged(stranger.register(AGENT, "not-her-password"))
    unknown = challenged(stranger.register("no.body", "not-her-password"))
    assert wrong == unknown
    assert wrong[0] == 401


def test_the_right_password_registers(running: RunningNode, stranger: Stranger) -> None:
    """So that the refusals above mean something."""
    password = running.access.logins["ben.carter"].phone_password
    answer = stranger.register("ben.carter", password)
    assert answer is not None
    assert answer.status == 200


def test_a_strangers_call_is_asked_for_an_identity_and_goes_nowhere(stranger: Stranger) -> None:
    """DC-01: no call without an identity."""
    for number in (OUTSIDE_NUMBER, CLAIMS_LINE, AGENT):
        assert challenged(stranger.invite(number))[0] == 401


@pytest.mark.parametrize(("number", "status"), [("9999", 404), (OUTSIDE_NUMBER, 403), (SPECIALIST, 404)])
def test_a_trunk_may_call_service_numbers_only(trunk: Stranger, number: str, status: int) -> None:
    answer = trunk.invite(number, sender=OUTSIDE_NUMBER)
    assert answer is not None
    assert answer.status == status


MALFORMED = {
    "nothing": b"",
    "line ends": b"\r\n\r\n",
    "zeros": bytes(1_200),
    "noise": bytes(range(256)) * 4,
    "no version": b"INVITE sip:5001@127.0.0.1\r\n\r\n",
    "no headers": b"INVITE sip:5001@127.0.0.1 SIP/2.0\r\n\r\n",
    "other protocol": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "answer to nothing": b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.3;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n",
    "endless header": b"OPTIONS sip:x SIP/2.0\r\nSubject: " + b"a" * 60_000 + b"\r\n\r\n",
    "thousand headers": b"OPTIONS sip:x SIP/2.0\r\n" + b"X-A: 1\r\n" * 1_000 + b"\r\n",
    "length beyond the datagram": b"Content-Length: 9999",
    "negative length": b"Content-Length: -1",
    "method unlike CSeq": b"CSeq: 1 BYE",
    "CSeq too large": b"CSeq: 99999999999999999999 INVITE",
    "doubled Call-ID": b"Call-ID: one\r\nCall-ID: two",
    "unclosed quotes": b'From: "Ana <sip:ana@127.0.0.1>;tag=1',
    "broken utf-8": b"Subject: \xff\xfe\xc3\x28",
    "unknown Require": b"Require: time-travel",
}


def spoilt(stranger: Stranger, spoil: bytes) -> bytes:
    """Whole datagrams as they are; a header line takes the place of its namesake in a good INVITE."""
    name = spoil.split(b":", 1)[0]
    if b"\r\n\r\n" in spoil or b": " not in spoil or b" " in name:
        return spoil
    good = stranger.request("INVITE", CLAIMS_LINE, "ana", body=SDP.format(host=stranger.host))
    lines = [line for line in good.split(b"\r\n") if not line.startswith(name + b":")]
    return b"\r\n".join([lines[0], spoil, *lines[1:]])


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_datagram_is_refused_or_dropped_and_the_next_request_is_served(
    running: RunningNode, stranger: Stranger, spoil: bytes
) -> None:
    """Design: the door."""
    stranger.send(spoilt(stranger, spoil))
    after = Stranger(OTHER_ADDRESS, stranger.node)
    answer = after.ask("OPTIONS")
    after.close()
    assert answer is not None
    assert answer.status == 200


# -- MQTT -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def eva_uc(running: RunningNode) -> AsyncIterator[aiomqtt.Client]:
    """A bare MQTT client with Eva's account."""
    broker, login = broker_of(running), running.access.logins[SPECIALIST]
    async with aiomqtt.Client(
        broker.host, broker.port, username=login.person, password=login.phone_password, identifier="eva-bare"
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("topic", "payload", "cause"),
    [
        ("uc", b"{not json", "malformed_json"),
        ("uc", b"\xff\xfe", "malformed_json"),
        ("uc", b'["available"]', "malformed_json"),
        ("uc", b"[" * 2_000, "malformed_json"),
        ("uc", b'{"status": "asleep", "since": "2026-11-21T08:00:00Z"}', "unknown_status"),
        ("uc", b"x" * 5_000, "too_large"),
        ("shoe-size", b'{"status": "available"}', "unknown_source"),
    ],
    ids=["no json", "no text", "no object", "deep nesting", "unknown status", "too large", "unknown topic"],
)
async def test_a_malformed_message_changes_nothing_and_is_told_in_the_log(
    running: RunningNode, anna: DeskClient, eva_uc: aiomqtt.Client, topic: str, payload: bytes, cause: str
) -> None:
    """DC-02: foreign data is parsed once, at the door."""
    shown = anna.docs[f"person/{SPECIALIST}"]["availability"]["state"]
    await eva_uc.publish(f"{broker_of(running).prefix}/presence/{SPECIALIST}/{topic}", payload, qos=1)

    async def is_logged() -> bool:
        whole = running.node.log_text().rpartition("\n")[0]  # the last line may be half written
        lines = [json.loads(line) for line in whole.splitlines()]
        refused = [line for line in lines if line["event"] == "presence_message_refused"]
        return any(line["cause"] == cause and line["person"] == SPECIALIST for line in refused)

    await until(is_logged, f"the refusal {cause} in the log")
    assert availability_of(anna.docs, SPECIALIST) == shown


async def test_nobody_can_speak_for_somebody_else_over_mqtt(running: RunningNode, anna: DeskClient) -> None:
    """N12: the broker's access rules."""
    broker, login = broker_of(running), running.access.logins[SPECIALIST]
    async with UcClient(broker, SPECIALIST, login.phone_password) as own:
        await own._client.publish(f"{broker.prefix}/presence/tom.fischer/uc", b'{"status": "busy"}', qos=1)
        await own.say("busy")
        await anna.wait_for(lambda docs: availability_of(docs, SPECIALIST) == "busy", WAIT_S, "Eva busy")
    assert availability_of(anna.docs, "tom.fischer") == "unknown"


async def test_a_wrong_password_at_the_broker_is_refused(running: RunningNode) -> None:
    with pytest.raises(LabError, match="broker"):
        async with UcClient(broker_of(running), SPECIALIST, "not-her-password"):
            pass


# -- HTTP and WebSocket -----------------------------------------------------------------------------------------


async def test_without_a_session_there_is_no_api_no_page_content_and_no_live_view(running: RunningNode) -> None:
    """DC-04."""
    async with httpx2.AsyncClient(base_url=running.access.web, timeout=30) as client:
        for path in ("me", "people", "queues", "interactions", "interactions/int_1", "cases/case_1"):
            answer = await client.get(f"/api/{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_logged_in"), path
        for path in ("me/agent-status", "interactions/int_1/close", "escalations/esc_1/accept"):
            assert (await client.post(f"/api/{path}", json={})).status_code == 401, path
        page = await client.get("/")
        assert page.status_code == 200
        assert "Ana" not in page.text
    async with connect(f"ws://{urlsplit(running.access.web).netloc}/api/live", proxy=None) as live:
        with pytest.raises(ConnectionClosed) as closed:
            await live.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_wrong_login_at_the_desk_is_one_answer_for_all(running: RunningNode) -> None:
    async with httpx2.AsyncClient(base_url=running.access.web, timeout=30) as client:
        bodies = ({"person": AGENT, "password": "wrong"}, {"person": "no.body", "password": "wrong"})
        answers = [await client.post("/api/login", json=body) for body in bodies]
    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].json() == answers[1].json()


WRONG_REQUESTS: tuple[tuple[str, dict[str, object], int], ...] = (
    ("cases/{case}/edits", {"field": "description", "text": "x" * 5_000, "base_version": 1}, 422),
    ("cases/{case}/edits", {"field": "shoe_size", "text": "44", "base_version": 1}, 422),
    ("cases/case_0/edits", {"field": "description", "text": "x", "base_version": 1}, 404),
    ("interactions/{interaction}/escalations", {"specialist": "no.body"}, 404),
    ("interactions/{interaction}/escalations", {"specialist": SPECIALIST, "reason": "x" * 500}, 422),
    ("interactions/{interaction}/close", {"outcome": "solved"}, 422),
    ("escalations/esc_0/accept", {}, 404),
)


async def test_wrong_requests_are_refused_and_the_case_stays_as_it_was(company: Company) -> None:
    call = await company.talking()
    before = next(doc for key, doc in call.desk.docs.items() if key.startswith("case/"))
    for path, body, status in WRONG_REQUESTS:
        with pytest.raises(DeskRefused) as refused:
            await call.desk.command(path.format(case=before["id"], interaction=call.interaction), body)
        assert refused.value.status == status, path
        assert refused.value.code != "unexplained", path
    assert await call.desk.read(f"cases/{before['id']}") == before
    await call.still_heard()
    await call.close()


# -- and then ---------------------------------------------------------------------------------------------------


async def test_after_all_this_a_normal_call_works_on_the_same_node(running: RunningNode) -> None:
    await a_normal_call_works(running.access)
    assert running.node.log_text().count('"level": "error"') == 0, running.node.log_text()[-3_000:]
