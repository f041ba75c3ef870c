"""Logging in by an identity provider, and the list of log-ins, in a real browser."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page, expect

from tests.desk_web.conftest import Open, fits

pytestmark = pytest.mark.browser


async def breaches(page: Page) -> list[object]:
    found = await Axe().run(page)
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]]


async def test_the_log_in_page_offers_the_provider_and_says_what_went_wrong(open_desk: Open) -> None:
    """In the page's own language; the address forgets it, so a reload does not say it again."""
    shown = await open_desk(None)
    page = shown.page
    await expect(page.get_by_role("link", name="Log in with")).to_have_count(0)
    shown.desk.provider = "Harbour ID"
    await page.goto(f"{shown.served.url}/#login/expired")
    await page.reload()
    button = page.get_by_role("link", name="Log in with Harbour ID")
    await expect(button).to_have_attribute("href", "/api/login/oidc")
    await expect(page.get_by_role("alert")).to_contain_text("begun in another browser")
    await expect(page).to_have_url(f"{shown.served.url}/")
    await page.get_by_label("Language").select_option("cs")
    await expect(page.get_by_role("alert")).to_contain_text("v jiném prohlížeči")
    await expect(page.get_by_role("link", name="Přihlásit se přes Harbour ID")).to_be_visible()
    assert await breaches(page) == []
    await page.reload()
    await expect(page.get_by_role("link", name="Harbour ID")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert shown.faults == []


async def test_a_person_sees_his_log_ins_and_ends_them(open_desk: Open) -> None:
    shown = await open_desk("petra", viewport={"width": 390, "height": 844})
    page, desk = shown.page, shown.desk
    await page.get_by_role("button", name="My phone").first.click()
    mine = page.get_by_role("region", name="My log-ins")
    await expect(mine.get_by_role("listitem")).to_have_count(3)
    await expect(mine.locator("[data-session-id='2222222222222222']")).to_contain_text("Firefox on Linux")
    await expect(mine.get_by_text("this one")).to_have_count(1)
    assert await breaches(page) == []
    assert await fits(page)
    await mine.get_by_role("button", name="End the log-in Safari on iOS").press("Enter")
    await expect(mine.get_by_role("listitem")).to_have_count(2)
    await expect(mine.get_by_role("status")).to_have_text("Ended.")
    await mine.get_by_role("button", name="End all others").click()
    await expect(mine.get_by_text("You are logged in here only.")).to_be_visible()
    assert desk.sent("end") == [{}]
    assert desk.sent("end-others") == [{}]
    assert shown.faults == []


async def test_an_administrator_ends_the_log_ins_of_a_colleague(open_desk: Open) -> None:
    shown = await open_desk("ada", color_scheme="dark")
    page, desk = shown.page, shown.desk
    await page.get_by_role("button", name="My phone").first.click()
    mine = page.get_by_role("region", name="My log-ins")
    await mine.get_by_label("Person").select_option("petra")
    await expect(mine.get_by_role("listitem")).to_have_count(6)
    assert await breaches(page) == []
    await mine.get_by_role("button", name="End all of them").click()
    await expect(mine.get_by_text("Not logged in anywhere.")).to_be_visible()
    assert [path for path, _ in desk.commands if path.endswith("sessions/end")] == ["people/petra/sessions/end"]


async def test_who_came_by_the_provider_goes_there_to_log_out(open_desk: Open) -> None:
    """CE-27: the desk's own log-in has ended; the browser goes where it is told, and comes back to the log-in page."""
    shown = await open_desk("petra")
    page = shown.page
    shown.desk.log_out_at = f"{shown.served.url}/?of=the-provider"
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/?of=the-provider")
    await expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    assert shown.faults == []
