"""Five languages in a real browser."""

from __future__ import annotations

import gzip
import re

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import expect

from tests.desk_web.conftest import Open
from tests.desk_web.mock_desk import STATIC

pytestmark = pytest.mark.browser


async def test_switching_the_language_needs_no_reload_and_loses_nothing(open_desk: Open) -> None:
    """The whole page changes at once; what was typed stays; the choice is remembered."""
    shown = await open_desk("petra", "failed")
    page = shown.page
    await page.get_by_label("What do you need?").fill("Is this covered?")
    await page.get_by_label("Language", exact=True).select_option("cs")
    await expect(page.get_by_role("button", name="Ukončit hovor")).to_be_visible()
    await expect(page.get_by_test_id("escalation-cause")).to_have_text("Eva Novak: nezvedá telefon.")
    await expect(page.get_by_test_id("open-required")).to_have_text("3 povinná pole jsou prázdná")
    await expect(page.get_by_label("Co potřebujete?")).to_have_value("Is this covered?")
    await expect(page.locator("html")).to_have_attribute("lang", "cs")
    await page.reload()
    await expect(page.get_by_role("button", name="Ukončit hovor")).to_be_visible()
    assert shown.faults == []


async def test_the_first_language_is_the_browsers(open_desk: Open) -> None:
    """Nobody has to look for the chooser in a language he cannot read."""
    shown = await open_desk(None, locale="ru-RU")
    await expect(shown.page.get_by_role("heading", name="Вход на рабочее место")).to_be_visible()


@pytest.mark.parametrize(
    ("person", "scene", "language"),
    [("petra", "choosing", "hr"), ("eva", "tasks", "cs"), ("petra", "choosing", "pl"), ("eva", "tasks", "ru")],
)
async def test_every_language_fits_a_narrow_screen(open_desk: Open, person: str, scene: str, language: str) -> None:
    """Longer words neither push the page sideways nor leave a control without a name."""
    shown = await open_desk(person, scene, viewport={"width": 390, "height": 800})
    await shown.page.get_by_label("Language", exact=True).select_option(language)
    await expect(shown.page.locator("html")).to_have_attribute("lang", language)
    assert await shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = await Axe().run(shown.page)
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]] == []


def test_the_first_load_is_small_and_holds_one_language() -> None:
    """What a browser fetches before the first page: 150 kB compressed are allowed, 100 kB are kept; other languages and
    the administrator's page come when they are chosen."""
    page = (STATIC / "index.html").read_text()
    files = [STATIC / name for name in re.findall(r'(?:src|href)="/(assets/[^"]+)"', page)]
    assert len(files) >= 2
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= 100_000
    assert not any("Ukončit hovor" in file.read_text() for file in files)
