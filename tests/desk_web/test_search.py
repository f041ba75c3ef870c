"""The agent's search for a specialist in a real browser: by skill, with its clock, choices, promise, and keys."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.desk_web.conftest import Open
from tests.desk_web.scenes import CALL, ESCALATION, invited, promise, search

pytestmark = pytest.mark.browser


async def test_one_key_asks_for_a_skill_and_the_clock_runs_against_both_marks(open_desk: Open) -> None:
    """CE-13, N2: any specialist of a skill by one key; target and ceiling stand beside the seconds."""
    shown = await open_desk("petra", "call")
    page, desk = shown.page, shown.desk
    await expect(page.get_by_role("button", name="Ask for claims")).to_contain_text("1 free")
    await page.keyboard.press("1")
    progress = page.get_by_role("region", name="Escalation")
    await expect(progress).to_contain_text("Looking for a specialist: claims")
    assert desk.sent(f"{CALL}/escalations") == [{"skill": "claims"}]
    await expect(progress).to_contain_text("target 20 s")
    await expect(progress).to_contain_text("at the latest 30 s")
    await expect(progress.get_by_role("img", name="Clock of the search")).to_be_visible()
    await desk.put(**{f"escalation__{ESCALATION}": search("ringing", 21, invited("tomas", "Tomáš Beran", "ringing"))})
    await expect(progress).to_contain_text("past the target")
    await expect(progress.get_by_role("heading")).to_contain_text("Bringing in Tomáš Beran")


async def test_everybody_asked_stands_there_with_the_result_in_words(open_desk: Open) -> None:
    """CE-18: the agent reads who was asked and what came of it, the moment it is known."""
    shown = await open_desk("petra", "searching")
    asked = shown.page.get_by_role("region", name="Who was asked").get_by_role("listitem")
    await expect(asked).to_have_text(["Eva Novakno answer", "Lukas Weberdeclined", "Tomáš Beranringing"])
    late = search(
        "ringing", 14, invited("tomas", "Tomáš Beran", "ended", "busy", "is busy"), invited("x", "Jo", "ringing")
    )
    await shown.desk.put(**{f"escalation__{ESCALATION}": late})
    await expect(asked.first).to_have_text("Tomáš Beranbusy on the phone")
    await expect(shown.page.get_by_role("status").filter(has_text="Tomáš Beran: busy on the phone")).to_have_count(1)


async def test_nobody_is_free_and_a_key_chooses_what_the_customer_gets(open_desk: Open) -> None:
    """S03: the choices carry honest estimates; the promise is there to be read, and stays when the search is gone."""
    shown = await open_desk("petra", "choosing")
    page, desk = shown.page, shown.desk
    await expect(page.get_by_role("alert")).to_contain_text("Nobody is free now")
    choices = page.get_by_role("group", name="Nobody is free now")
    await expect(choices.get_by_role("button")).to_have_count(3)
    await expect(choices.get_by_role("button").nth(0)).to_contain_text("in about 7 min")
    await expect(choices.get_by_role("button").nth(1)).to_contain_text("will call you back")
    await page.get_by_label("What do you need?").press("2")
    assert desk.sent("/choose") == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("2")
    assert await desk.wait_sent("/choose") == [{"choice": "callback"}]
    await expect(page.get_by_test_id("promise")).to_have_text(promise()["sentence"])
    await desk.drop(f"escalation/{ESCALATION}")
    await expect(page.get_by_role("region", name="Escalation")).to_have_count(0)
    await expect(page.get_by_test_id("promise")).to_have_text(promise()["sentence"])


async def test_waiting_is_the_systems_work_and_can_be_stopped(open_desk: Open) -> None:
    """CE-13: after the choice to wait no clock presses the agent; one key stops waiting."""
    shown = await open_desk("petra", "choosing")
    page = shown.page
    await page.get_by_role("button", name="Wait for the first").click()
    await expect(page.get_by_role("heading", name="Waiting for the first")).to_be_visible()
    await expect(page.get_by_role("img", name="Clock of the search")).to_have_count(0)
    await page.keyboard.press("x")
    await shown.desk.wait_sent("/cancel")


async def test_a_resting_specialist_is_asked_only_with_a_reason(open_desk: Open) -> None:
    """N14: a person over budget is not offered; an override says why, and an empty reason is refused at the field."""
    shown = await open_desk("petra", "call")
    page, desk = shown.page, shown.desk
    row = page.locator("[data-person-id=nina]")
    await expect(row).to_contain_text("resting until")
    await expect(page.locator("[data-person-id=lukas]")).to_contain_text("free in about 7 min")
    await page.get_by_role("button", name="Ask Nina Kraus anyway").click()
    dialog = page.get_by_role("dialog", name="Nina Kraus does not want to be asked now")
    await dialog.get_by_role("button", name="Ask now").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("why it cannot wait")
    await dialog.get_by_label("Why it cannot wait").fill("The house is flooding")
    await dialog.get_by_role("button", name="Ask now").click()
    await expect(dialog).to_have_count(0)
    assert desk.sent("/escalations") == [{"specialist": "nina", "override_reason": "The house is flooding"}]


async def test_agent_and_specialist_talk_privately_and_come_back(open_desk: Open) -> None:
    """Consult on request: one key each way, and what the customer hears is said."""
    shown = await open_desk("petra", "conference")
    page = shown.page
    await page.keyboard.press("p")
    await expect(page.get_by_test_id("consulting")).to_have_text("The customer hears music and cannot hear you.")
    await page.get_by_role("button", name="Back to the customer").click()
    await expect(page.get_by_role("button", name="Talk privately")).to_be_visible()
    assert shown.desk.sent("/consult") == [{"on": True}, {"on": False}]


async def test_the_keys_are_shown_and_can_be_switched_off(open_desk: Open) -> None:
    """WCAG 2.1.4: single keys can be turned off; they do nothing in fields; `?` lists those that work now."""
    shown = await open_desk("petra", "conference")
    page = shown.page
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    await expect(dialog).to_contain_text("Talk privately")
    await expect(dialog).to_contain_text("To the first empty required field")
    await dialog.get_by_role("button", name="Single keys are on").click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await page.keyboard.press("c")
    await expect(page.get_by_label("Estimated damage")).not_to_be_focused()
    await page.get_by_role("button", name="Keys").click()
    await page.get_by_role("button", name="Single keys are off").click()
    await page.get_by_role("button", name="Close").click()
    await page.keyboard.press("c")
    await expect(page.get_by_label("Estimated damage")).to_be_focused()
    await page.keyboard.type("pl")
    await expect(page.get_by_label("Estimated damage")).to_have_value("pl")
    assert shown.desk.sent("/consult") == shown.desk.sent("/leave") == []
