"""The specialist's and the supervisor's page in a real browser, and what every page owes to all people."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.desk_web.conftest import Open
from tests.desk_web.scenes import CALL, ESCALATION

pytestmark = pytest.mark.browser


async def test_the_case_arrives_and_its_painting_is_acknowledged_once(open_desk: Open) -> None:
    """N1: the case is on the screen before the ring; the screen says so once per digest, whatever changes later."""
    shown = await open_desk("eva", "arriving")
    page, desk = shown.page, shown.desk
    arriving = page.get_by_role("region", name="Arriving case")
    await expect(arriving).to_contain_text("Petra Malá asks you in")
    await expect(arriving.get_by_test_id("customer-name")).to_have_text("Ana Kovač")
    await expect(arriving.get_by_test_id("escalation-reason")).to_contain_text("neighbour's flat")
    await expect(arriving.locator("[data-value-source]")).to_have_count(9)
    await expect(arriving.locator("[data-required-empty]")).to_have_text(
        [text + ", still empty" for text in ("Estimated damage (EUR)", "Cause found by", "Plumber's report number")]
    )
    await expect(arriving).to_have_attribute("data-state", "rendered")
    await desk.advance(state="ringing")
    await shown.served.hang_up()
    await desk.until(lambda: bool(desk.screens))
    await expect(arriving).to_have_attribute("data-state", "ringing")
    await expect(page.get_by_test_id("connection-lost")).to_have_count(0)
    assert desk.sent("/rendered") == [{"digest": "d" * 64}]
    await desk.advance(state="ringing", digest="e" * 64, rendered_at=None)
    assert (await desk.wait_sent("/rendered", 2))[1] == {"digest": "e" * 64}


async def test_an_arriving_case_is_announced_in_title_and_to_screen_readers(open_desk: Open) -> None:
    """Somebody who works in another window notices."""
    shown = await open_desk("eva", "arriving")
    await expect(shown.page).to_have_title("● Case: Ana Kovač")
    await expect(shown.page.get_by_role("alert").first).to_contain_text("asks you into a call with Ana Kovač")
    await shown.desk.drop(f"escalation/{ESCALATION}")
    await expect(shown.page).to_have_title("Ringside")


async def test_accepting_then_working_on_the_live_case(open_desk: Open) -> None:
    """CE-05, CE-06: accept joins; the same case becomes a live form and can be closed with an outcome."""
    shown = await open_desk("eva", "arriving")
    page, desk = shown.page, shown.desk
    await page.get_by_role("button", name="Accept").click()
    await expect(page.get_by_text("Lift your handset")).to_be_visible()
    desk.play("conference")
    await desk.send(desk.documents, [])
    await expect(page.get_by_role("region", name="Arriving case")).to_have_count(0)
    await expect(page.get_by_role("region", name="Case").get_by_label("Policy number")).to_have_value("HH-2031-774")
    await page.get_by_role("radio", name="Not resolved").check()
    await page.get_by_label("Outcome", exact=True).fill("Report needed")
    await page.get_by_role("button", name="End call").click()
    assert await desk.wait_sent(f"{CALL}/close") == [{"outcome": "Report needed", "resolved": False}]


async def test_declining_and_own_availability_carry_their_reasons(open_desk: Open) -> None:
    """Declining says why; a specialist sets his availability with reason and end."""
    shown = await open_desk("eva", "arriving")
    page, desk = shown.page, shown.desk
    await page.get_by_label("Reason to decline").fill("With a visitor")
    await page.get_by_role("button", name="Decline").click()
    await page.get_by_label("Reason (optional)").fill("Visitor")
    await page.get_by_label("Until").select_option("h1")
    await page.get_by_role("button", name="Do not disturb").click()
    (chosen,) = await desk.wait_sent("me/availability")
    assert await desk.wait_sent("/decline") == [{"reason": "With a visitor"}]
    assert (chosen["status"], chosen["reason"], chosen["until"][-1]) == ("dnd", "Visitor", "Z")


async def test_a_supervisor_sees_calls_people_and_the_time_line(open_desk: Open) -> None:
    """The live overview, and every event of one interaction in order."""
    shown = await open_desk("sofia", "conference")
    page = shown.page
    row = page.locator(f"tr[data-interaction-id={CALL}]")
    await expect(row).to_contain_text("three-way call")
    await expect(row).to_contain_text("Petra Malá, Eva Novak")
    await page.get_by_role("button", name="Show the time line of Ana Kovač").click()
    events = page.get_by_role("region", name="Time line").get_by_role("listitem")
    await expect(events).to_have_count(5)
    await expect(events.nth(4)).to_contain_text("case rendered")
    await shown.desk.drop(f"interaction/{CALL}")
    await expect(page.get_by_text("No call at the moment.")).to_be_visible()
    await expect(events).to_have_count(5)


async def test_an_ended_log_in_leads_back_and_keeps_nothing_of_the_other_person(open_desk: Open) -> None:
    """Logging out closes the live connection and shows the log-in page."""
    shown = await open_desk("eva", "conference")
    await shown.page.get_by_role("button", name="Log out").click()
    await expect(shown.page.get_by_role("heading", name="Log in to your desk")).to_be_visible()
    await shown.desk.until(lambda: not shown.desk.screens)
