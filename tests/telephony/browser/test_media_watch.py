"""A page whose sound stops, on a switch that does not wait long for it (N7)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from telephony.events import LegAnswered, LegEnded
from tests.telephony.browser.pages import Pages
from tests.telephony.calls import dial, ended
from tests.telephony.conftest import Exchange, given_switch
from vocabulary import EndReason

pytestmark = [pytest.mark.loopback, pytest.mark.native]


@pytest.fixture(scope="module")
async def running_switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    async with given_switch(tmp_path_factory.mktemp("switch"), rtp_timeout_s=1.5) as exchange:
        yield exchange


async def test_a_browser_that_falls_silent_is_lost_by_the_media_watch(exchange: Exchange, pages: Pages) -> None:
    """N7: no frame for rtp_timeout_s, socket open or not."""
    page = await pages.on("eva")
    leg = dial(exchange, "eva")
    await page.message("ring", lambda message: message["leg"] == leg)
    await page.answer(leg)
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    await page.leave()
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.upstream_error("media_lost"))
    assert (await page.message("ended"))["reason"] == "media_lost"
