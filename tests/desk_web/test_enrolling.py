"""Enrolling a colleague with one short form, in a real browser."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Locator, Page, expect

from tests.desk_web.conftest import Open, fits

pytestmark = pytest.mark.browser


async def breaches(page: Page) -> list[object]:
    found = await Axe().run(page)
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]]


async def form_of(page: Page) -> Locator:
    """From the overview, where an administrator's work may begin, by the link to the form's one home."""
    await page.get_by_role("link", name="Enrol a colleague").press("Enter")
    form = page.get_by_role("region", name="Enrol a colleague")
    await expect(form.get_by_label("Name", exact=True)).to_be_focused()
    return form


async def test_a_colleague_is_enrolled_with_one_short_form(open_desk: Open) -> None:
    """CE-24, N14: one form by keyboard; the passwords are shown once; the people list has the newcomer by itself."""
    shown = await open_desk("ada", permissions=["clipboard-read", "clipboard-write"])
    page, desk = shown.page, shown.desk
    form = await form_of(page)
    await page.keyboard.type("Éva Horvát")
    await expect(form.get_by_label("Person id")).to_have_value("eva.horvat")
    await form.get_by_label("Title").fill("Roof expert")
    await form.get_by_label("Languages spoken").fill("hu, en")
    await expect(form.get_by_role("checkbox", name="specialist")).to_be_checked()
    await form.get_by_role("checkbox", name="agent").check()
    await form.get_by_label("Skill 1", exact=True).fill("claims")
    await form.get_by_label("Level of skill 1").select_option("4")
    await form.get_by_role("button", name="Add a skill").press("Enter")
    await expect(form.get_by_label("Skill 2", exact=True)).to_be_focused()
    await page.keyboard.type("roofs")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("heading", name="Éva Horvát can work now")).to_be_focused()
    await expect(form.get_by_label("Password for the desk", exact=True)).to_have_value("calm-river-1207-oak")
    await form.get_by_role("button", name="Copy: Password for the phone").click()
    await expect(form.get_by_text("Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "bright-stone-4410-elm"
    await expect(form).to_contain_text("UDP 5060 · TLS 5061")
    await form.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("button", name="Enrol a colleague")).to_be_focused()
    await expect(page.get_by_text("calm-river")).to_have_count(0)
    await page.get_by_role("button", name="Overview").click()
    await expect(page.locator("[data-person-id='eva.horvat']")).to_contain_text("Éva Horvát")
    await page.get_by_role("button", name="Administration").click()
    await expect(page.get_by_role("button", name="Enrol a colleague")).to_be_visible()
    (sent,) = desk.sent("people")
    assert sent == {
        "id": "eva.horvat",
        "name": "Éva Horvát",
        "title": "Roof expert",
        "roles": ["specialist", "agent"],
        "skills": {"claims": 4, "roofs": 3},
        "languages": ["hu", "en"],
        "off_hook_accepts": True,
    }


async def test_mistakes_are_said_at_their_field(open_desk: Open) -> None:
    """Own rules before sending, the centre's refusals after it: each at its field, which gets the focus."""
    shown = await open_desk("ada")
    page, desk = shown.page, shown.desk
    form = await form_of(page)
    send = form.get_by_role("button", name="Enrol", exact=True)
    await send.click()
    await expect(form.get_by_role("alert")).to_have_text("Type the name.")
    await expect(form.get_by_label("Name", exact=True)).to_be_focused()
    await form.get_by_label("Name", exact=True).fill("Eva")
    await send.click()
    await expect(form.get_by_role("alert")).to_have_text("There is somebody called eva already.")
    await expect(form.get_by_label("Person id")).to_be_focused()
    await expect(form.get_by_label("Person id")).to_have_attribute("aria-invalid", "true")
    await page.keyboard.press("End")
    await page.keyboard.type(".h")
    await expect(form.get_by_role("alert")).to_have_count(0)
    desk.refuse["people"] = (422, "bad_skill", "A skill has a short name.", "skills")
    await send.click()
    await expect(form.get_by_role("alert")).to_have_text("A skill has a short name.")
    await expect(form.get_by_label("Skill 1", exact=True)).to_be_focused()
    assert [body["id"] for body in desk.sent("people")] == ["eva", "eva.h"]


async def test_only_administrators_are_offered_the_form(open_desk: Open) -> None:
    """A supervisor's overview has no such link."""
    shown = await open_desk("sofia")
    await expect(shown.page.get_by_role("region", name="People")).to_be_visible()
    await expect(shown.page.get_by_role("link", name="Enrol a colleague")).to_have_count(0)


@pytest.mark.parametrize(("theme", "width", "language"), [("light", 1280, "en"), ("dark", 390, "pl")])
async def test_the_form_and_its_answer_are_accessible_and_fit(
    open_desk: Open, theme: str, width: int, language: str
) -> None:
    """No breach of the rules that a machine can see, in both themes; long words push nothing sideways."""
    shown = await open_desk("ada", color_scheme=theme, viewport={"width": width, "height": 800})
    page = shown.page
    await form_of(page)
    await page.get_by_label("Name", exact=True).fill("Éva Horvát")
    await page.get_by_label("Language", exact=True).select_option(language)
    await expect(page.locator("html")).to_have_attribute("lang", language)
    form = page.locator(".enrol")
    await form.locator("[data-field=id]").fill("!")
    await form.locator("button[type=submit]").click()
    await expect(form.get_by_role("alert")).to_be_visible()
    assert await breaches(page) == []
    assert await fits(page)
    await form.locator("[data-field=id]").fill("eva.horvat")
    await form.locator("button[type=submit]").click()
    await expect(form.get_by_test_id("new-web-password")).to_be_visible()
    assert await breaches(page) == []
    assert await fits(page)
    assert shown.faults == []
