"""The administrator's page in a real browser, over a real company: changes count at once, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Locator, Page, expect

from center.administration.model import Kind
from tests.center.administration.office import tone
from tests.center.stage import ANA_K, BEN, OLGA
from tests.desk_web.conftest import WAIT_MS, fits
from tests.desk_web.mock_desk import STATIC
from tests.desk_web.office import PASSWORD, ServedOffice, serving_office

pytestmark = pytest.mark.browser

ZOOMED = 640
"""What 200 % zoom leaves of a screen of 1280."""
OpenOffice = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedOffice]:
    async with serving_office(tmp_path_factory.mktemp("office"), STATIC) as running:
        yield running


@pytest.fixture
async def open_office(browser: Browser, served: ServedOffice) -> AsyncIterator[OpenOffice]:
    """`await open_office()` logs Olga in and opens the administrator's page; faults on it fail the test."""
    faults: list[str] = []
    async with AsyncExitStack() as stack:

        async def opened(**look: object) -> Page:
            still = {"reduced_motion": "reduce", **look}  # nothing is looked at between two colours
            context = await browser.new_context(**still)  # type: ignore[arg-type]
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(WAIT_MS)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
            await page.goto(served.url)
            await page.get_by_label("Person id").fill(OLGA)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Log in").click()
            await page.get_by_role("button", name="Administration").click()
            await expect(page.get_by_role("heading", name="People")).to_be_visible()
            await expect(page.locator("tr[data-thing]").first).to_be_visible()
            return page

        yield opened
    assert faults == []


async def go_to(page: Page, section: str) -> None:
    await page.get_by_role("navigation", name="What to administer").get_by_role("button", name=section).click()


async def begun(page: Page, what: str) -> Locator:
    """Press the key that adds something, once the page offers it; gives the empty form."""
    await expect(page.get_by_role("button", name=what)).to_be_visible()
    await page.keyboard.press("n")
    return page.get_by_role("region", name=what)


async def save(form: Locator) -> None:
    await form.get_by_role("button", name="Save", exact=True).press("Enter")


async def breaches(page: Page) -> list[object]:
    found = await Axe().run(page)
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found.response["violations"]]


async def test_a_queue_made_on_the_page_takes_calls_at_once(open_office: OpenOffice, served: ServedOffice) -> None:
    """Template, queue and a second number, with a mistake said at its field; then a call to it waits in that queue."""
    page, office = await open_office(), served.office
    await go_to(page, "Case templates")
    form = await begun(page, "Add a template")
    await form.get_by_label("Id", exact=True).fill("marine")
    await form.get_by_label("Name", exact=True).fill("Marine")
    await form.get_by_label("Label").fill("Name of the boat")
    await expect(form.get_by_label("Key")).to_have_value("name_of_the_boat")
    await form.get_by_text("How agents see it").click()
    await expect(form.locator(".preview").get_by_label("Name of the boat")).to_be_visible()
    await save(form)
    await expect(page.get_by_text("Saved: Marine.")).to_be_visible()

    await go_to(page, "Queues")
    form = await begun(page, "Add a queue")
    await form.get_by_label("Id", exact=True).fill("marine")
    await form.get_by_label("Name", exact=True).fill("Marine")
    await form.get_by_label("Main number").fill("5001")
    await form.get_by_label("Case template").select_option("marine")
    await form.get_by_label("Skill that is needed").select_option("claims")
    await form.get_by_label("Skill to add").select_option("fraud")
    await form.get_by_label("Specialist joined within").fill("12")
    await save(form)
    await expect(form.get_by_role("alert")).to_have_text("This number leads to claims already.")
    await expect(form.get_by_label("Main number")).to_be_focused()
    await form.get_by_label("Main number").fill("5010")
    await expect(form.get_by_role("alert")).to_have_count(0)
    await save(form)
    await expect(page.locator("tr[data-thing=marine]")).to_contain_text("5010")

    await go_to(page, "Numbers")
    form = await begun(page, "Add a number")
    await form.get_by_label("Number").fill("5011")
    await form.get_by_label("Queue").select_option("marine")
    await save(form)
    await expect(page.locator("tr[data-thing='5011']")).to_contain_text("Marine")

    await office.stage.customer_calls(ANA_K, called="5011")
    works = office.stage.center.engine.works
    await office.stage.until(lambda: any(work.call.queue.id == "marine" for work in works.values()))
    await office.stage.until(lambda: office.stage.docs(OLGA)["queue/marine"]["waiting"] == 1)


async def test_a_queue_is_given_business_hours_of_its_own(open_office: OpenOffice, served: ServedOffice) -> None:
    """CE-04: they begin as the centre's, mistakes are said at their field, the log has them, one press undoes them."""
    page, office = await open_office(), served.office
    await go_to(page, "Queues")
    await page.get_by_role("button", name="Technical help").click()
    form = page.get_by_role("region", name="Edit Technical help")
    await expect(form).to_contain_text("Otherwise: Monday, Tuesday, Wednesday, Thursday, Friday; 08:00-18:00")
    await form.get_by_label("Hours of its own").check()
    await form.get_by_label("Saturday").check()
    spans = form.get_by_label("Business hours")
    await expect(spans).to_have_value("08:00-18:00")
    await spans.fill("13:00-17:00\n08:00-12:00")
    await save(form)
    await expect(form.get_by_role("alert")).to_have_text("Spans stand in their order and do not overlap.")
    await expect(spans).to_be_focused()
    assert await breaches(page) == []
    await spans.fill("08:00-12:00\n13:00-17:00")
    await save(form)
    await expect(page.get_by_text("Saved: Technical help.")).to_be_visible()
    own = {"weekdays": [1, 2, 3, 4, 5, 6], "open": ["08:00-12:00", "13:00-17:00"], "holidays": []}
    assert office.thing(Kind.QUEUES, "technical")["content"]["hours"] == own
    await go_to(page, "Changes")
    newest = page.locator(".changes > li").first
    await newest.locator("summary").click()
    await expect(newest).to_contain_text("Friday, Saturday; 08:00-12:00, 13:00-17:00")
    await newest.get_by_role("button", name="Undo change").click()
    await page.get_by_role("dialog").get_by_role("button", name="Undo", exact=True).click()
    await expect(page.locator(".changes > li").first).to_contain_text("undid number")
    assert office.thing(Kind.QUEUES, "technical")["content"]["hours"] is None


async def test_what_two_people_type_at_the_same_time_is_not_lost(open_office: OpenOffice, served: ServedOffice) -> None:
    """While Olga types, somebody else saves: she sees it at once, what she typed stays, and she decides."""
    page, office = await open_office(), served.office
    await page.get_by_role("button", name="Tom Fischer").click()
    form = page.get_by_role("region", name="Edit Tom Fischer")
    await form.get_by_label("Title").fill("Head of telematics")
    await office.change(Kind.PEOPLE, "tom.fischer", title="Engineer", languages=["en"])
    conflict = form.get_by_role("alert")
    await expect(conflict).to_contain_text("Olga Marin changed this at")
    await expect(conflict.get_by_role("row").nth(1)).to_have_text("TitleEngineerHead of telematics")
    await go_to(page, "Skills")
    await go_to(page, "People")
    await expect(page.locator("tr[data-thing='tom.fischer']")).to_contain_text("not saved")
    await page.get_by_role("button", name="Tom Fischer").click()
    await form.get_by_role("button", name="Keep mine and save").click()
    await expect(page.get_by_text("Saved: Tom Fischer.")).to_be_visible()
    content = office.thing(Kind.PEOPLE, "tom.fischer")["content"]
    assert (content["title"], content["languages"]) == ("Head of telematics", ["en"]), "theirs where only they changed"


async def test_a_removal_is_confirmed_logged_and_undone(open_office: OpenOffice, served: ServedOffice) -> None:
    page, office = await open_office(), served.office
    await page.get_by_role("button", name="Ben Carter").click()
    await page.get_by_role("region", name="Edit Ben Carter").get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Log-in, phone and MQTT account end at once")
    await dialog.get_by_label("Why").fill("Left us")
    await dialog.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_text("Removed: Ben Carter.")).to_be_visible()
    assert office.stage.center.commands.person(BEN) is None
    await go_to(page, "Changes")
    newest = page.locator(".changes > li").first
    await expect(newest).to_contain_text("Person: Ben Carter removed")
    await expect(newest).to_contain_text("Left us")
    await newest.get_by_role("button", name="Undo change").click()
    await dialog.get_by_role("button", name="Undo", exact=True).click()
    await expect(page.get_by_test_id("new-web-password")).to_be_visible()
    await expect(newest).to_contain_text("undid number")
    assert office.stage.center.commands.person(BEN) is not None


async def test_a_prompt_is_uploaded_heard_and_given_back(
    open_office: OpenOffice, served: ServedOffice, tmp_path: Path
) -> None:
    page, office = await open_office(), served.office
    (tmp_path / "letter.wav").write_bytes(b"this is no recording")
    (tmp_path / "hello.wav").write_bytes(tone(0.4))
    await go_to(page, "Prompts")
    await page.get_by_role("button", name="we-will-call-back").click()
    form = page.get_by_role("region", name="Edit we-will-call-back")
    await form.get_by_label("WAV file").set_input_files(tmp_path / "letter.wav")
    await form.get_by_role("button", name="Upload").click()
    await expect(form.get_by_role("alert")).to_contain_text("This is no WAV recording")
    await form.get_by_label("WAV file").set_input_files(tmp_path / "hello.wav")
    await form.get_by_role("button", name="Upload").click()
    row = page.locator("tr[data-thing='we-will-call-back']")
    await expect(row).to_contain_text("own recording")
    await row.get_by_role("button").click()
    seconds = await form.locator("audio").first.evaluate(
        "shown => new Promise(done => { shown.onloadedmetadata = () => done(shown.duration); shown.load() })"
    )
    assert seconds == pytest.approx(0.4, abs=0.05)
    await form.get_by_role("button", name="Back to the shipped recording").click()
    await page.get_by_role("dialog").get_by_role("button", name="Back to the shipped recording").click()
    await expect(row).to_contain_text("shipped")
    assert not (office.prompts / "we-will-call-back.wav").exists()


@pytest.mark.parametrize(
    ("theme", "width", "language"), [("light", 1400, "en"), ("dark", 390, "ru"), ("light", ZOOMED, "pl")]
)
async def test_every_list_and_form_is_accessible_and_fits(
    open_office: OpenOffice, theme: str, width: int, language: str
) -> None:
    """No breach that a machine can see, both themes, phone width, 200 % zoom, long words."""
    page = await open_office(color_scheme=theme, viewport={"width": width, "height": 800})
    await page.get_by_label("Language", exact=True).select_option(language)
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator("tr[data-thing]").first).to_be_visible()  # again, in that language
    sections = page.locator(".kinds button")
    for index in range(await sections.count()):
        await sections.nth(index).click()
        await expect(sections.nth(index)).to_have_attribute("aria-current", "page")
        first = page.locator(".list tbody tr button.link").first
        if await first.count():
            await first.click()
            await expect(page.locator(".form")).to_be_visible()
        if width != ZOOMED:  # which the two others have been looked at for
            assert await breaches(page) == [], index
        assert await fits(page), index
