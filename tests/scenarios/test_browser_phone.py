"""A specialist whose telephone is a page, on a real node: rung with the case, answered by a click, heard by all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from siplab.browser_peer import BrowserPage, browser_phone
from siplab.desk import DeskClient
from siplab.tones import tone_of

from tests.scenarios.company import SPECIALIST, Company, TalkingCall

pytestmark = [pytest.mark.loopback, pytest.mark.native]

STEP_S = 20.0
EVA_HZ = tone_of("E1")
OTHERS_HZ = (tone_of("C"), tone_of("A"))


@asynccontextmanager
async def eva_at_her_page(company: Company, desk: DeskClient) -> AsyncIterator[BrowserPage]:
    """Eva's page with its phone on; she is available, and has no other phone."""
    cookie = desk.live_address()[1]["Cookie"]
    async with browser_phone(company.access.web, cookie, tone_hz=EVA_HZ) as page:
        client = await company.uc_client(SPECIALIST, desk.docs["me"])
        await client.say("available")
        await desk.wait_for(
            lambda docs: docs[f"person/{SPECIALIST}"]["availability"]["state"] == "free", STEP_S, "Eva free"
        )
        assert desk.docs[f"person/{SPECIALIST}"]["registered"]
        yield page


async def escalated(call: TalkingCall, page: BrowserPage) -> tuple[str, str]:
    """The agent asks Eva in and her page rings; gives escalation and leg."""
    path = f"interactions/{call.interaction}/escalations"
    escalation = str((await call.desk.command(path, {"specialist": SPECIALIST, "reason": "flood"}))["id"])
    ring = await page.message("ring", lambda message: message["escalation"] == escalation)
    assert ring["interaction"] == call.interaction
    assert ring["caller"]["display"] == "Ana Kovač"
    page.ringing(str(ring["leg"]))
    return escalation, str(ring["leg"])


async def joined(desk: DeskClient, escalation: str) -> None:
    key = f"escalation/{escalation}"
    await desk.wait_for(lambda docs: docs.get(key, {}).get("state") == "joined", STEP_S, "the specialist joined")


async def test_answering_in_the_page_accepts_the_case_and_accepting_the_case_answers(company: Company) -> None:
    """N1, N8, S01: one act, whichever is clicked; nobody is asked for key 1; all three hear each other."""
    call, desk = await company.talking(), await company.desk(SPECIALIST)
    async with eva_at_her_page(company, desk) as page:
        escalation, leg = await escalated(call, page)
        await page.answer(leg)
        await joined(call.desk, escalation)
        for tone_hz in OTHERS_HZ:
            await page.until_hears(tone_hz, deaf_to=(EVA_HZ,))
        page.measured(leg, 12.0, 2.5, 0.0)
        shown = await desk.wait_for(lambda docs: docs.get(f"quality/{leg}"), STEP_S, "the quality of Eva's line")
        assert (shown.value["interaction"], shown.value["rtt_ms"]) == (call.interaction, 12.0)
        page.hang_up(leg)
        await call.still_heard()
        await call.desk.wait_for(lambda docs: f"quality/{leg}" not in docs, STEP_S, "no quality of a leg that is over")

        await call.desk.wait_for(
            lambda docs: docs[f"person/{SPECIALIST}"]["availability"]["state"] == "free", STEP_S, "Eva free again"
        )
        again, second = await escalated(call, page)
        await desk.command(f"escalations/{again}/accept")
        await page.answer(second)
        await joined(call.desk, again)
        await page.until_hears(OTHERS_HZ[0], deaf_to=(EVA_HZ,))

        await desk.command("logout")
        assert await page.until_closed() == 4401
        await call.still_heard()
        await call.desk.wait_for(
            lambda docs: not docs[f"person/{SPECIALIST}"]["registered"], STEP_S, "Eva without a phone"
        )
        await call.close()
