"""The supervisor's figures, the specialist's Later and what his help changed, in a real browser."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from center.report.facts import LogEvent
from tests.desk_web.conftest import Open
from tests.desk_web.figures import report_now
from tests.desk_web.scenes import CALL, CASE, ESCALATION, HISTORY, REFUSED, ago, search
from vocabulary import InteractionId

pytestmark = pytest.mark.browser


async def test_figures_change_live_and_a_service_level_under_target_is_announced(open_desk: Open) -> None:
    """RR-01, RR-05: every figure comes over the live connection; what goes wrong is said aloud."""
    shown = await open_desk("sofia", "idle")
    page, desk = shown.page, shown.desk
    level = page.get_by_role("region", name="Answered in time", exact=True)
    before = int(await level.locator("[data-figure=arrived] b").inner_text())
    await expect(level.get_by_role("img")).to_contain_text("hour by hour")
    desk.figures.take(LogEvent(InteractionId("new"), "interaction.arrived", time.time() - 60, {"queue": "billing"}))
    await desk.put(report=report_now(desk.figures))
    await expect(level.locator("[data-figure=arrived] b")).to_have_text(str(before + 1))
    await expect(level).to_contain_text("1 customer waits too long now")
    await expect(page.get_by_role("alert").locator("[data-below=billing]")).to_contain_text("The target is 95%")
    assert shown.faults == []


async def test_a_number_and_a_bar_lead_to_their_calls_and_a_call_to_its_time_line(open_desk: Open) -> None:
    """Drill down: number, list of exactly so many calls, time line."""
    shown = await open_desk("sofia", "idle")
    page = shown.page
    queue = page.locator("tr[data-queue-id=technical]")
    many = await queue.locator("[data-figure=abandoned] b").inner_text()
    await queue.locator("[data-figure=abandoned]").click()
    behind = page.get_by_role("region", name="Calls behind the figure")
    await expect(behind.get_by_role("heading")).to_have_text("Gave up · Technical help · Today")
    await expect(behind.get_by_role("heading")).to_be_focused()
    await expect(behind.locator("tbody tr")).to_have_count(int(many))
    await expect(behind.locator("tbody tr").first).to_contain_text("gave up")
    bar = page.get_by_role("group", name="Hand-over times in seconds").get_by_role("button").nth(1)
    await bar.click()
    await expect(behind.get_by_role("heading")).to_have_text("Joined · 5–10 s · Today")
    await behind.get_by_role("button", name="Show the time line of Ana Kovač").first.click()
    await expect(page.get_by_role("region", name="Time line")).to_contain_text("Ana Kovač")
    await expect(page.get_by_role("region", name="Time line").get_by_role("listitem")).to_have_count(5)


async def test_people_are_counted_by_state_and_a_state_shows_only_its_people(open_desk: Open) -> None:
    shown = await open_desk("sofia", "idle")
    people = shown.page.get_by_role("region", name="People", exact=True)
    await people.locator("[data-state=away]").click()
    await expect(people.locator("li")).to_have_count(2)
    await expect(people).to_contain_text("Maria Rossi")
    await expect(people).not_to_contain_text("Eva Novak")


async def test_later_says_when_and_is_one_press_of_a_key(open_desk: Open) -> None:
    """Neither yes nor no: the search goes on, and the agent reads when there is time."""
    shown = await open_desk("eva", "arriving")
    await expect(shown.page.get_by_role("button", name="Later")).to_be_enabled()
    await shown.page.keyboard.press("l")
    await expect(shown.page.get_by_role("group", name="When do you have time?")).to_be_visible()
    await shown.page.keyboard.press("2")
    assert await shown.desk.wait_sent(f"{ESCALATION}/later") == [{"minutes": 15}]
    await expect(shown.page.get_by_text("You said when you have time.")).to_be_visible()
    agent = await open_desk("petra", "escalating", beside=shown)
    asked = search("ringing", 9, *REFUSED)
    eva = {**REFUSED[0], "cause": "later", "again_at": ago(-900)}
    await shown.desk.put(**{f"escalation__{ESCALATION}": {**asked, "invitations": [eva, *REFUSED[1:]]}})
    await expect(agent.page.get_by_role("region", name="Who was asked")).to_contain_text("has time at")


async def test_a_specialist_reads_what_his_help_changed(open_desk: Open) -> None:
    """CE-27, N14: outcome, first-contact resolution, the customer's words, what was empty at join and at the end."""
    shown = await open_desk("eva", "idle")
    help_ = shown.page.get_by_role("region", name="What my help changed")
    await expect(help_).to_contain_text("1 of 2 solved at first contact")
    first = help_.get_by_role("listitem").first
    for words in ("Ben Adler", "solved", "plumber's report", "Nobody put me on hold", "3 required fields empty"):
        await expect(first).to_contain_text(words)


async def test_an_earlier_contact_of_ours_opens_its_time_line(open_desk: Open) -> None:
    """KB-01: who, how, when, with what outcome; and one can be opened."""
    shown = await open_desk("petra", "call")
    past = [{**HISTORY[0], "interaction": "int_0"}, *HISTORY[1:]]
    await shown.desk.put(**{f"interaction__{CALL}": {**shown.desk.documents[f"interaction/{CALL}"], "history": past}})
    history = shown.page.get_by_role("region", name="History of the customer")
    await history.get_by_role("button", name="Show the time line").click()
    await expect(history.get_by_role("region", name="Time line").get_by_role("listitem")).to_have_count(5)
    await history.get_by_role("button", name="Hide the time line").click()
    await expect(history.get_by_role("region", name="Time line")).to_have_count(0)


async def test_wrap_up_shows_its_timer_and_who_waits_next(open_desk: Open) -> None:
    shown = await open_desk("petra", "left")
    wrap_up = shown.page.get_by_role("region", name="Wrap-up")
    await expect(wrap_up.get_by_role("timer").first).to_have_text(re.compile(r"0:\d\d"))
    await expect(wrap_up.get_by_role("group", name="Next call")).to_contain_text("Technical help (2 wait)")


async def test_nothing_older_than_two_seconds_is_lost_when_the_tab_dies(open_desk: Open) -> None:
    """The case form saves itself, also while somebody types without a pause; time stands still but for two seconds."""
    shown = await open_desk("petra", "call")
    page, desk = shown.page, shown.desk
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    field = page.get_by_label("Cause found by")
    await field.press_sequentially("plum")
    for letter in "ber Joseph":  # a key every 200 ms: never quiet for long enough to save at leisure
        await field.press(letter)
        await page.clock.run_for(200)
    await desk.wait_sent(f"{CASE}/edits")
    await page.close(run_before_unload=False)
    assert desk.sent(f"{CASE}/edits")[0]["text"].startswith("plum")
