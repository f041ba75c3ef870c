"""The browser phones' WebSocket: who gets one, how much may be said, what ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import AsyncClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from desk.access import COOKIE
from desk.phone_socket import BURST, MESSAGES_PER_S, MOST_FAULTS, QUEUE_MESSAGES, Pace
from desk.settings import DeskSettings
from tests.desk.conftest import RunningDesk, serving
from tests.fakes.browser_phones import FakeBrowserPhones
from tests.fakes.center import SPECIALIST

pytestmark = pytest.mark.loopback

PATIENCE_S = 30


class Rig:
    def __init__(self, desk: RunningDesk, phones: FakeBrowserPhones) -> None:
        self.desk = desk
        self.phones = phones

    async def page(self, client: AsyncClient | None, **options: Any) -> ClientConnection:
        headers = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"} if client else {}
        address = self.desk.url.replace("http:", "ws:") + "/api/phone"
        connection = connect(address, additional_headers=headers, proxy=None, **options)
        return await self.desk.exits.enter_async_context(connection)

    async def until_ended(self, *how: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.phones.ended != list(how):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    phones = FakeBrowserPhones()
    async with serving(DeskSettings(), None, phones=phones) as desk:
        yield Rig(desk, phones)


async def read(page: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        message: dict[str, Any] = json.loads(await page.recv())
    return message


async def closing_code(page: ClientConnection) -> int | None:
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await page.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


async def test_a_logged_in_page_is_known_by_name_and_talks_both_ways(rig: Rig) -> None:
    page = await rig.page(await rig.desk.log_in(SPECIALIST))
    await page.send('{"type":"register"}')
    assert await read(page) == {"type": "heard", "what": "register"}
    assert [person for person, _name in rig.phones.people] == [SPECIALIST]
    await page.close()
    await rig.until_ended("lost")


async def test_without_a_session_or_from_a_foreign_page_there_is_no_phone(rig: Rig) -> None:
    assert await closing_code(await rig.page(None)) == 4401
    client = await rig.desk.log_in(SPECIALIST)
    with pytest.raises(InvalidStatus) as refused:
        await rig.page(client, origin="http://evil.example")
    assert refused.value.response.status_code == 403
    await rig.page(client, origin=rig.desk.url)
    assert len(rig.phones.people) == 1


async def test_logging_out_switches_the_phone_off_at_once(rig: Rig) -> None:
    client = await rig.desk.log_in(SPECIALIST)
    page = await rig.page(client)
    await page.send('{"type":"register"}')
    await read(page)
    await client.post("/api/logout", json={})
    assert await closing_code(page) == 4401
    await rig.until_ended("logged_out")


async def test_where_phones_are_off_the_page_is_told_so() -> None:
    async with serving(DeskSettings(), None) as desk:
        page = await Rig(desk, FakeBrowserPhones()).page(await desk.log_in(SPECIALIST))
        assert (await read(page))["code"] == "not_enabled"
        assert await closing_code(page) == 4404


async def test_bad_messages_are_answered_and_a_page_that_sends_nothing_else_is_hung_up_on(rig: Rig) -> None:
    page = await rig.page(await rig.desk.log_in(SPECIALIST))
    for text, code in (("{", "bad_message"), ('{"type":"sing"}', "unknown_type")):
        await page.send(text)
        assert (await read(page))["code"] == code
    await page.send(b"\x00\xff")
    assert (await read(page))["code"] == "bad_message"
    for _ in range(MOST_FAULTS):
        await page.send("{")
    assert await closing_code(page) == 1008
    assert rig.phones.heard == []
    await rig.until_ended("lost")


async def test_an_offer_of_a_browser_fits_and_what_is_larger_ends_the_connection(rig: Rig) -> None:
    page = await rig.page(await rig.desk.log_in(SPECIALIST))
    await page.send(json.dumps({"type": "call", "called": "5001", "sdp": "v" * 32_000}))
    assert (await read(page))["what"] == "call"
    await page.send("x" * 70_000)
    assert await closing_code(page) == 1009


async def test_a_page_that_takes_nothing_is_hung_up_on_and_holds_nobody_up(rig: Rig) -> None:
    page = await rig.page(await rig.desk.log_in(SPECIALIST))
    await page.send('{"type":"register"}')
    await read(page)
    (socket,) = rig.phones.sockets.values()
    for number in range(QUEUE_MESSAGES + 1):
        socket.send({"type": "news", "number": number})
    assert await closing_code(page) == 4408


def test_twenty_messages_a_second_are_let_through_after_a_burst() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert sum(pace.allows() for _ in range(100)) == BURST
    now = 1.0
    assert sum(pace.allows() for _ in range(100)) == MESSAGES_PER_S
    now = 100.0
    assert sum(pace.allows() for _ in range(100)) == BURST
