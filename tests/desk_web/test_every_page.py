"""What every page owes to all people: machine-checked accessibility in both themes, narrow screens, 200 % zoom."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]

from tests.desk_web.conftest import Open, Opened, fits

pytestmark = pytest.mark.browser

SCENES = {
    "petra": ["idle", "ringing", "escalating", "choosing", "promised", "failed", "left"],
    "eva": ["idle", "arriving", "conference", "tasks"],
    "sofia": ["idle", "searching", "tasks"],
    "ada": ["idle"],
}
PHONE, ZOOMED = {"width": 390, "height": 800}, {"width": 640, "height": 400}
"""200 % zoom on a screen of 1280 by 800 leaves a page 640 by 400 pixels of its own."""


async def check(shown: Opened, where: str, theme: str = "light") -> None:
    """No breach that a machine can see; nothing is pushed out sideways, on a phone or when zoomed."""
    page = shown.page
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    found = await Axe().run(page)
    breaches = [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]]
    assert breaches == [], f"{where}, {theme}"
    for size in (ZOOMED, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        assert await fits(page), f"{where}, {size['width']}"
    await page.set_viewport_size({"width": 1280, "height": 800})
    assert shown.faults == [], where


@pytest.mark.parametrize("person", [None, *SCENES])
async def test_every_page_is_accessible_in_both_themes_and_fits_a_phone_and_200_percent(
    open_desk: Open, person: str | None
) -> None:
    """WCAG 2.2 AA as far as a machine can see it: every situation of every role, the themes taking turns."""
    first, *others = SCENES[person] if person else ["idle"]
    shown = await open_desk(person, first, viewport={"width": 1280, "height": 800})
    await check(shown, f"{person}, {first}", "dark")
    await check(shown, f"{person}, {first}", "light")
    for index, scene in enumerate(others):
        await shown.desk.turn_to(scene)
        await check(shown, f"{person}, {scene}", ("dark", "light")[index % 2])


async def test_lists_behind_figures_warnings_and_later_are_accessible(open_desk: Open) -> None:
    """What only a press shows is held to the same rules."""
    sofia = await open_desk("sofia", "searching")
    await sofia.page.locator(".tile [data-figure=late]").click()
    await sofia.page.get_by_role("region", name="Calls behind the figure").get_by_role("row").nth(1).wait_for()
    await check(sofia, "list behind a figure", "dark")
    warnings = [{"code": "presence_broker", "text": "Presence broker unreachable."}]
    await sofia.desk.put(system={**sofia.desk.documents["system"], "presence_connected": False, "warnings": warnings})
    await sofia.page.get_by_role("list", name="System warnings").wait_for()
    await check(sofia, "a warning")
    eva = await open_desk("eva", "arriving")
    await eva.page.get_by_role("button", name="Later").click()
    await check(eva, "later")
