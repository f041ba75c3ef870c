"""A person's own availability in a real browser: why he is not asked, and how he ends that."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import expect

from tests.desk_web.conftest import Open
from tests.desk_web.scenes import ago, availability

pytestmark = pytest.mark.browser


async def test_who_did_not_answer_is_told_why_and_says_that_he_is_here(open_desk: Open) -> None:
    """S02 step 6; and an own choice can be taken back."""
    shown = await open_desk("eva")
    page, desk = shown.page, shown.desk
    panel = page.get_by_role("region", name="My availability")
    await expect(panel.get_by_role("button", name="I am here")).to_have_count(0)
    missed = availability("unknown", "did not answer twice", 60, kind="unconfirmed", unconfirmed_since=ago(60))
    await desk.put(person__eva={**desk.documents["person/eva"], "availability": missed})
    await expect(panel.get_by_role("alert")).to_contain_text("You did not answer when you were asked")
    await expect(panel.get_by_test_id("my-availability")).to_contain_text("did not answer twice")
    violations = (await Axe().run(page)).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []
    await panel.get_by_role("button", name="I am here").click()
    assert await desk.wait_sent("me/here") == [{}]
    await expect(panel.get_by_role("button", name="Automatic")).to_have_attribute("aria-pressed", "true")
    await panel.get_by_role("button", name="Automatic").click()
    assert await desk.wait_sent("me/availability") == [{"status": "automatic"}]
