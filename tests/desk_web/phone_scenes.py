"""The phone of a page in the states that it can show, for tests and for pictures."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.desk_web.mock_phone import MockPhones

MICROPHONE = {"permissions": ["microphone"]}
"""What the browser context needs, so that the page may have its (made-up) microphone."""


async def in_state(page: Page, phase: str) -> None:
    await expect(page.get_by_role("region", name="Browser phone")).to_have_attribute("data-phase", phase)


async def show_phone(page: Page, phones: MockPhones, state: str, **ring: str) -> None:
    """Bring a logged-in page's phone from off to `idle`, `ringing`, `talking`, `held`, `settings` or `worker_lost`."""
    await page.get_by_test_id("phone-switch").click()
    await in_state(page, "idle")
    if state == "idle":
        return
    if state == "settings":
        await page.get_by_role("button", name="Sound settings").click()
        await expect(page.get_by_label("Microphone")).to_be_visible()
        return
    await phones.ring(**ring)
    await in_state(page, "ringing")
    if state == "ringing":
        return
    await page.get_by_role("region", name="Browser phone").get_by_role("button", name="Answer").click()
    await in_state(page, "talking")
    if state == "held":
        await page.get_by_role("button", name="Hold").click()
        await in_state(page, "held")
    if state == "worker_lost":
        await phones.end("media_worker_lost", "The media worker for this call stopped; call again.")
        await expect(page.get_by_test_id("phone-ended")).to_be_visible()
