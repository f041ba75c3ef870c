"""Five languages in a real browser."""

from __future__ import annotations

import gzip
import re

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import expect

from tests.desk_web.conftest import Open, fits
from tests.desk_web.mock_desk import STATIC

pytestmark = pytest.mark.browser

SPILLED = """bar => {
  const { top, bottom, right } = bar.getBoundingClientRect();
  const middle = (top + bottom) / 2;
  return [...bar.querySelectorAll("button, select, p")]
    .map(part => [part.textContent.slice(0, 20), part.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && (box.top > middle || box.bottom < middle || box.right > right))
    .map(([words]) => words);
}"""
"""The parts of the header that are not on its one line, or stick out of it."""


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
    assert await fits(shown.page)
    found = await Axe().run(shown.page)
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]] == []


async def test_an_agents_header_is_one_line_from_1280_pixels_up(open_desk: Open) -> None:
    """CE-04: nothing wraps or is pushed out, even for who is a specialist, too, and must read a long reason."""
    shown = await open_desk("petra", "left", viewport={"width": 1280, "height": 800})
    page, desk = shown.page, shown.desk
    desk.registered, desk.agent = False, {**desk.agent, "status": "not_ready", "reason": "rona"}
    petra = {**desk.documents["person/petra"], "roles": ["agent", "specialist"]}
    await desk.put(person__petra=petra)
    await page.locator(".status-line[title]").wait_for()
    for language in ("en", "hr", "cs", "pl", "ru"):
        await page.locator("select.language").select_option(language)
        await page.locator(f"html[lang={language}]").wait_for()
        for width in (1280, 1440, 1920):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.locator(".bar").evaluate(SPILLED) == [], f"{language}, {width}"


def test_the_first_load_is_small_and_holds_one_language() -> None:
    """What a browser fetches before the first page: 150 kB compressed are allowed, 100 kB are kept; other languages and
    the administrator's page come when they are chosen."""
    page = (STATIC / "index.html").read_text()
    files = [STATIC / name for name in re.findall(r'(?:src|href)="/(assets/[^"]+)"', page)]
    assert len(files) >= 2
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= 100_000
    assert not any("Ukončit hovor" in file.read_text() for file in files)
