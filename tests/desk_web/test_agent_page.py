"""The agent's page in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from context.model import ValueSource
from tests.desk_web.conftest import Open
from tests.desk_web.scenes import AGENT, CALL, CASE, ESCALATION, availability, interaction

pytestmark = pytest.mark.browser


async def test_wrong_password_is_said_at_the_field_and_nothing_is_lost(open_desk: Open) -> None:
    """A clear refusal for a wrong log-in; the person id stays."""
    shown = await open_desk(None)
    page = shown.page
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_text("Type your person id")).to_be_visible()
    await page.get_by_label("Person id").fill("petra")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("do not belong together")).to_be_visible()
    await expect(page.get_by_label("Person id")).to_have_value("petra")
    assert shown.faults == []


async def test_free_specialists_stand_first_and_change_live(open_desk: Open) -> None:
    """One glance shows who is free, with since and because (CE-02, CE-12); a change of presence reorders at once."""
    shown = await open_desk("petra", "call")
    rows = shown.page.get_by_role("region", name="Specialists").get_by_role("listitem")
    await expect(rows.first).to_contain_text("Eva Novak")
    await expect(rows.first).to_contain_text("Teams status: available")
    await expect(rows.first.get_by_role("img", name="free")).to_be_visible()
    eva = {**shown.desk.documents["person/eva"], "availability": availability("busy", "In a Teams call", 1)}
    await shown.desk.put(person__eva=eva)
    await expect(rows.first).to_contain_text("Jan Dvořák")
    await expect(shown.page.get_by_role("button", name="Escalate to Eva Novak")).to_be_disabled()
    await shown.page.get_by_role("searchbox").fill("beran")
    await expect(rows).to_have_count(1)


async def test_ages_are_counted_from_absolute_times(open_desk: Open) -> None:
    """CE-12: how fresh a state is, counted from when it was checked; without any proof no age is claimed."""
    shown = await open_desk("petra", "call")
    page, desk = shown.page, shown.desk
    eva = {**desk.documents["person/eva"], "availability": availability("free", "Teams status: available", 900, 125)}
    await desk.put(person__eva=eva)
    await expect(page.locator("[data-person-id=eva] .age")).to_have_text(" · 2 min ago")
    await expect(page.locator("[data-person-id=olaf]")).to_be_visible()
    await expect(page.locator("[data-person-id=olaf] .age")).to_have_count(0)


async def test_one_press_escalates_with_the_reason_and_shows_each_step(open_desk: Open) -> None:
    """CE-01: one action; the agent sees each step up to joined, or the cause in words."""
    shown = await open_desk("petra", "call")
    page, desk = shown.page, shown.desk
    await page.get_by_label("What do you need?").fill("Is this covered?")
    await page.get_by_role("button", name="Escalate to Eva Novak").click()
    progress = page.get_by_role("region", name="Escalation")
    await expect(progress).to_contain_text("Bringing in Eva Novak")
    assert desk.sent(f"{CALL}/escalations") == [{"specialist": "eva", "reason": "Is this covered?"}]
    await expect(page.get_by_role("button", name="Escalate to Jan Dvořák")).to_be_disabled()
    for state, step in (
        ("rendered", "rendered"),
        ("ringing", "ringing"),
        ("accepted", "accepted"),
        ("joined", "joined"),
    ):
        await desk.advance(state=state)
        await expect(progress.locator(f"[data-step={step}]")).to_have_attribute("data-mark", "done")
    await desk.put(
        **{
            f"escalation__{ESCALATION}": {
                **desk.documents[f"escalation/{ESCALATION}"],
                "state": "closed",
                "joined_at": None,
                "cause": "declined",
                "cause_text": "declined",
            }
        }
    )
    await expect(page.get_by_test_id("escalation-cause")).to_have_text("Eva Novak declined.")


async def test_a_refused_escalation_says_why(open_desk: Open) -> None:
    """Two agents, one specialist: the second one gets a sentence, not silence."""
    shown = await open_desk("petra", "call")
    shown.desk.refuse["/escalations"] = (409, "not_free", "Eva Novak is not free: asked in by Jan.")
    await shown.page.get_by_role("button", name="Escalate to Eva Novak").click()
    await expect(shown.page.get_by_role("alert")).to_contain_text("asked in by Jan")


async def test_a_typed_value_saves_itself_and_names_its_author(open_desk: Open) -> None:
    """N9: fields save without a button; each value carries source, author and time on every screen."""
    agent = await open_desk("petra", "conference")
    specialist = await open_desk("eva", beside=agent)
    await specialist.page.get_by_label("Cause found by").fill("Plumber, burst pipe")
    theirs = agent.page.locator("[data-field-key=cause]")
    await expect(theirs.locator("input")).to_have_value("Plumber, burst pipe")
    await expect(theirs.locator("[data-value-source=specialist]")).to_contain_text("Eva Novak")
    await expect(specialist.page.locator("[data-field-key=cause]").get_by_test_id("save-mark")).to_have_text("Saved")
    await expect(agent.page.get_by_test_id("open-required")).to_have_text("2 required fields are empty")


async def test_both_typed_the_same_field_and_one_value_is_chosen(open_desk: Open) -> None:
    """N9: concurrent edits of one field keep both values until a person chooses; nothing typed is lost."""
    shown = await open_desk("petra", "conference")
    field = shown.page.locator("[data-field-key=estimate]")
    await field.locator("input").focus()
    await shown.desk.edit("eva", ValueSource.SPECIALIST, {"field": "estimate", "text": "5200", "base_version": 9})
    await expect(field).to_contain_text("Eva Novak just wrote")
    await expect(field.locator("input")).to_have_value("")
    await field.locator("input").press_sequentially("4800")
    await expect(field.get_by_role("button", name="Keep “5200”")).to_be_visible()
    await expect(field.locator("input")).to_have_value("4800")
    await field.get_by_role("button", name="Keep “5200”").click()
    await expect(field.get_by_role("group")).to_have_count(0)
    assert [value.text for value in shown.desk.case.values["estimate"]] == ["5200"]


async def test_text_typed_while_the_line_is_down_is_saved_when_it_is_back(open_desk: Open) -> None:
    """Nothing typed is lost: a lost connection is said, the text stays and is saved afterwards."""
    shown = await open_desk("petra", "call")
    page = shown.page
    await page.context.set_offline(True)
    await shown.served.hang_up()
    await expect(page.get_by_test_id("connection-lost")).to_be_visible()
    await page.get_by_label("Plumber's report number").fill("P-77")
    await expect(page.locator("[data-field-key=plumber]")).to_contain_text("Not saved yet")
    await page.context.set_offline(False)
    await expect(page.get_by_test_id("connection-lost")).to_have_count(0)
    await expect(page.locator("[data-field-key=plumber] [data-value-source=agent]")).to_be_visible()
    await expect(page.get_by_label("Plumber's report number")).to_have_value("P-77")
    assert shown.desk.case.values["plumber"][0].text == "P-77"


async def test_ending_needs_an_outcome_and_leaving_is_one_press(open_desk: Open) -> None:
    """CE-07, CE-08: the outcome is kept with the case; the agent may leave while the others talk on."""
    shown = await open_desk("petra", "conference")
    page = shown.page
    await page.get_by_role("button", name="End call").click()
    await expect(page.get_by_text("Choose whether it is resolved.")).to_be_visible()
    assert shown.desk.sent("/close") == []
    await page.get_by_role("radio", name="Resolved", exact=True).check()
    await page.get_by_label("Outcome", exact=True).fill("Covered, expert visits on Monday")
    await page.get_by_role("button", name="End call").click()
    await page.get_by_role("button", name="Leave").click()
    await shown.desk.wait_sent("/leave")
    assert await shown.desk.wait_sent("/close") == [{"outcome": "Covered, expert visits on Monday", "resolved": True}]


async def test_status_wrap_up_and_phone_password(open_desk: Open) -> None:
    """Ready and not ready with a reason; wrap-up finishes by hand; a new phone password is shown once."""
    shown = await open_desk("petra", "left")
    page, desk = shown.page, shown.desk
    await page.get_by_label("How did it end?").select_option("follow_up")
    await page.get_by_label("Note").fill("Call back on Monday")
    await page.get_by_role("button", name="Finish wrap-up").click()
    await page.get_by_label("Reason for not ready").select_option("lunch")
    await page.get_by_role("button", name="Not ready", exact=True).click()
    await expect(page.get_by_role("button", name="Not ready", exact=True)).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_test_id("agent-state")).to_contain_text("Lunch")
    assert await desk.wait_sent("wrap-up/finish") == [{"disposition": "follow_up", "note": "Call back on Monday"}]
    assert desk.sent("agent-status") == [{"status": "not_ready", "reason": "lunch"}]
    await page.get_by_role("button", name="My phone").click()
    await page.get_by_role("button", name="Make a new phone password").click()
    await expect(page.get_by_test_id("phone-password")).to_have_value("quiet-harbour-8841-lamp")


async def test_a_call_that_rings_becomes_my_call(open_desk: Open) -> None:
    """The page follows the phone: idle, ringing with the customer's name and history, then the case."""
    shown = await open_desk("petra", "idle")
    page, desk = shown.page, shown.desk
    await expect(page.get_by_text("You are next for")).to_be_visible()
    desk.play("ringing")
    await desk.send(desk.documents, [])
    await expect(page.get_by_text("Pick up your phone")).to_be_visible()
    await expect(page.get_by_text("Cover confirmed in writing")).to_be_visible()
    await desk.put(**{f"interaction__{CALL}": interaction("talking", AGENT)})
    await expect(page.get_by_role("region", name="Case")).to_have_attribute("data-case-id", CASE)
    assert shown.faults == []
