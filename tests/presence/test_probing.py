"""Somebody unknown who is about to be picked is asked first: OPTIONS and MQTT ping (N6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from presence import probing
from presence.adapters.tasks import end_tasks
from presence.errors import UnknownPerson
from presence.model import AvailabilityState, Source
from tests.presence.conftest import EVA, IVAN, PREFIX, TOPICS, WAIT_S, Company, reconnecting_client
from vocabulary import PersonId

pytestmark = pytest.mark.loopback

FREE, UNKNOWN = AvailabilityState.FREE, AvailabilityState.UNKNOWN


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers at all is waited for, however busy the machine is."""
    monkeypatch.setattr(probing, "PROBE_TIMEOUT_S", WAIT_S)


@pytest.fixture
def quick(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shorter patience, so that silence is tested quickly."""
    monkeypatch.setattr(probing, "PROBE_TIMEOUT_S", 0.3)


async def answering(person: PersonId) -> bool:
    return True


async def refusing(person: PersonId) -> bool:
    return False


async def silent(person: PersonId) -> bool:
    await asyncio.Event().wait()
    return True


@asynccontextmanager
async def client_that_says_its_status_when_pinged(company: Company, person: PersonId) -> AsyncIterator[asyncio.Event]:
    """Connected and silent until somebody asks."""
    asked = asyncio.Event()

    async def run() -> None:
        async with company.client(person) as client:
            await client.subscribe(TOPICS.ping(person), qos=1)
            ready.set()
            async for message in client.messages:
                asked.set()
                assert isinstance(message.payload, bytes)
                await client.publish(TOPICS.source(person, Source.UC), b'{"status":"available"}', qos=1)
                await client.publish(TOPICS.pong(person), message.payload, qos=1)

    ready = asyncio.Event()
    task = asyncio.create_task(run())
    await ready.wait()
    try:
        yield asked
    finally:
        await end_tasks(task)


async def test_a_client_that_answers_is_known_again(company: Company) -> None:
    """N6: unknown, probed, resolved."""
    async with client_that_says_its_status_when_pinged(company, EVA) as asked:
        assert company.service.availability(EVA).state is UNKNOWN
        assert (await company.service.probe(EVA)).state is FREE
        assert asked.is_set()


async def test_who_answers_nothing_stays_unknown(company: Company, quick: None) -> None:
    """N6: silence is no yes."""
    assert (await company.service.probe(IVAN)).because == "nothing known"


async def test_a_silent_phone_is_not_reachable_although_registered(
    company: Company, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N6: connected, registered, and yet nobody there."""
    company.service.set_options_probe(silent)
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        assert (await company.service.probe(EVA)).because == "phone does not answer"
        company.service.set_options_probe(answering)
        monkeypatch.setattr(probing, "PROBE_TIMEOUT_S", WAIT_S)
        assert (await company.service.probe(EVA)).state is FREE


async def test_a_phone_that_refuses_is_asked_again_by_itself(
    company: Company, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lost packet must not keep somebody unknown for hours."""
    monkeypatch.setattr(probing, "ASK_AGAIN_S", 0.05)
    company.service.set_options_probe(refusing)
    async with reconnecting_client(company, EVA):
        await company.until_shown(EVA, FREE)
        await company.service.probe(EVA)
        await company.until_shown(EVA, UNKNOWN, "phone does not answer")
        company.service.set_options_probe(answering)
        await company.until_shown(EVA, FREE)


async def test_those_who_ask_at_once_share_one_probe(company: Company, quick: None) -> None:
    """Ten agents open the list: the phone is asked once."""
    asked: list[PersonId] = []

    async def count(person: PersonId) -> bool:
        asked.append(person)
        return True

    company.service.set_options_probe(count)
    await asyncio.gather(*(company.service.probe(EVA) for _ in range(10)))
    assert asked == [EVA]


async def test_a_bug_in_the_probe_of_phones_hurts_nobody(company: Company) -> None:
    async def broken(person: PersonId) -> bool:
        raise RuntimeError("a bug")

    company.service.set_options_probe(broken)
    async with client_that_says_its_status_when_pinged(company, EVA):
        assert (await company.service.probe(EVA)).state is FREE


async def test_a_forged_pong_proves_nothing(company: Company, quick: None) -> None:
    """Only the answer to the nonce of this probe ends it, and even that makes nobody free without a status."""
    async with company.client(EVA) as eva:
        await eva.publish(TOPICS.pong(EVA), b'{"nonce":"guess"}', qos=1)
        await eva.subscribe(f"{PREFIX}/ping/{IVAN}", qos=1)
        assert (await company.service.probe(EVA)).state is UNKNOWN


async def test_a_stranger_cannot_be_probed(company: Company) -> None:
    with pytest.raises(UnknownPerson):
        await company.service.probe(PersonId("nobody"))
