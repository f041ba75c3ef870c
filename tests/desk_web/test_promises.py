"""Promises, limits and supervision in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.desk_web.conftest import Open
from tests.desk_web.scenes import CALL, TASK, Doc

pytestmark = pytest.mark.browser


async def test_who_becomes_free_is_offered_the_promise_with_its_case(open_desk: Open) -> None:
    """S03: the promise finds its owner; the case is there before the call; one key takes it."""
    shown = await open_desk("eva", "tasks")
    page, desk = shown.page, shown.desk
    offer = page.get_by_role("region", name="Offered promise")
    await expect(offer).to_contain_text("Call back Ana Kovač?")
    await expect(offer.locator("[data-required-empty]")).to_have_count(3)
    await expect(page).to_have_title("● Call back Ana Kovač?")
    await page.keyboard.press("a")
    await desk.wait_sent(f"{TASK}/accept")
    await expect(offer).to_have_count(0)
    mine = page.get_by_role("region", name="My promises").get_by_role("listitem")
    await expect(mine).to_have_count(2)
    await expect(mine.first).to_contain_text("overdue by 13 min")


async def test_an_offered_promise_may_be_left_to_somebody_else(open_desk: Open) -> None:
    """An offer is a question; the reason why the last try failed stands beside it."""
    shown = await open_desk("eva", "tasks")
    offer = shown.page.get_by_role("region", name="Offered promise")
    await expect(offer).to_contain_text("Last try: no answer")
    await shown.page.keyboard.press("d")
    await shown.desk.wait_sent(f"{TASK}/decline")
    await expect(offer).to_have_count(0)


async def test_who_is_too_late_reads_who_keeps_the_promise(open_desk: Open) -> None:
    """N10: the promise vanishes from the screen, the sentence that says who took it stays until it is read."""
    shown = await open_desk("eva", "tasks")
    page, desk = shown.page, shown.desk
    by_ben: Doc = {"by": "ben", "by_name": "Ben Adler"}
    desk.refuse["accept"] = (409, "too_late", "Ben Adler already keeps this promise.", by_ben)
    await page.keyboard.press("a")
    said = page.get_by_role("alert").filter(has_text="Ben Adler already keeps this promise")
    await expect(said).to_contain_text("Ana Kovač")
    await desk.drop(f"task/{TASK}")
    await expect(page.get_by_role("region", name="Offered promise")).to_have_count(0)
    await expect(said).to_be_visible()
    await page.get_by_label("Language").select_option("hr")
    await expect(page.get_by_text("To obećanje već ispunjava Ben Adler.")).to_be_visible()
    await page.keyboard.press("j")
    await expect(page.get_by_text("To obećanje već ispunjava Ben Adler.")).to_have_count(0)


async def test_a_promise_is_done_with_an_outcome(open_desk: Open) -> None:
    """A promise ends with what came of it, never silently."""
    shown = await open_desk("eva", "tasks")
    page, desk = shown.page, shown.desk
    await page.get_by_role("button", name="Finish the promise to Ben Adler").click()
    form = page.get_by_role("form", name="Finish the promise to Ben Adler")
    await form.get_by_role("button", name="Mark as done").click()
    await expect(form.get_by_role("alert")).to_be_visible()
    await form.get_by_label("Outcome").fill("Explained, customer agrees")
    await form.get_by_role("radio", name="Resolved", exact=True).check()
    await form.get_by_role("button", name="Mark as done").click()
    assert await desk.wait_sent("tsk_2/done") == [{"outcome": "Explained, customer agrees", "resolved": True}]
    await expect(page.get_by_role("region", name="My promises")).to_have_count(0)


async def test_when_may_i_be_asked_is_one_short_form(open_desk: Open) -> None:
    """N14: interruptions per hour, quiet windows, focus; a wrong number is said at the field and not sent."""
    shown = await open_desk("eva", "idle")
    page, desk = shown.page, shown.desk
    form = page.get_by_role("form", name="When may I be asked?")
    await form.get_by_label("At most per hour").fill("many")
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_role("alert")).to_contain_text("whole number")
    assert desk.sent("me/limits") == []
    await form.get_by_label("At most per hour").fill("2")
    await form.get_by_role("button", name="Add a quiet time").click()
    await form.get_by_label("Day", exact=True).select_option("Friday")
    await form.get_by_label("From", exact=True).fill("13:30")
    await form.get_by_label("To", exact=True).fill("15:00")
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_text("It counts at once")).to_be_visible()
    quiet = [{"weekday": 4, "from": "13:30", "to": "15:00"}]
    assert desk.sent("me/limits") == [{"per_hour": 2, "quiet": quiet, "focus_until": None}]
    await expect(form.get_by_role("button", name="Remove Friday 13:30")).to_be_visible()


async def test_a_supervisor_listens_whispers_joins_and_leaves(open_desk: Open) -> None:
    """Three separate acts, each its own command; who looks on is shown."""
    shown = await open_desk("sofia", "searching")
    page, desk = shown.page, shown.desk
    await page.keyboard.press("1")
    panel = page.get_by_role("region", name="Supervise")
    await panel.get_by_role("button", name="Listen").click()
    await expect(panel.get_by_role("status")).to_contain_text("Sofia Lind listens")
    await expect(panel.get_by_role("button", name="Whisper")).to_be_enabled()
    await page.keyboard.press("w")
    await expect(panel.get_by_role("status")).to_contain_text("Sofia Lind whispers")
    await panel.get_by_role("button", name="Leave the call").click()
    await expect(panel.get_by_role("status")).to_be_empty()
    assert desk.sent("/supervise") == [{"mode": "listen"}, {"mode": "whisper"}]
    assert desk.sent(f"{CALL}/supervise/leave") == [{}]


async def test_a_supervisor_sees_every_search_with_its_clock_and_may_end_it(open_desk: Open) -> None:
    """Running escalations stand together, nearest deadline first."""
    shown = await open_desk("sofia", "searching")
    running = shown.page.get_by_role("region", name="Running escalations")
    await expect(running).to_contain_text("Bringing in Tomáš Beran")
    await expect(running).to_contain_text("asked by Petra Malá")
    await expect(running.get_by_role("img", name="Clock of the search")).to_be_visible()
    await running.get_by_role("button", name="End the escalation for Ana Kovač").click()
    await shown.desk.wait_sent("/cancel")
    await expect(running).to_contain_text("Nobody is being brought in")


async def test_all_promises_are_there_and_the_late_ones_stand_out(open_desk: Open) -> None:
    """Nothing promised to a customer is forgotten."""
    shown = await open_desk("sofia", "tasks")
    tasks = shown.page.get_by_role("region", name="Promises to customers")
    await expect(tasks).to_contain_text("3 open · 1 overdue")
    rows = tasks.locator("tbody tr")
    await expect(rows.first).to_contain_text("Ben Adler")
    await expect(rows.first.locator("[data-overdue=true]")).to_contain_text("overdue by")
    await expect(rows.nth(1)).to_contain_text("offered to Eva Novak")
    await expect(rows.nth(2)).to_contain_text("nobody yet")
