"""A first escalation in a real Chromium: two people's pages, robots as phones (S01, CE-01 to CE-09, N1, DC-04)."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.scenarios.company import (
    AGENT,
    CLAIMS_LINE,
    CONNECTED_TIMEOUT_S,
    PATIENT_SCREENS,
    SPECIALIST,
    Company,
    NodeUnderTest,
    until_heard,
)
from tests.scenarios.conftest import RunningNode

pytestmark = [pytest.mark.loopback, pytest.mark.native, pytest.mark.browser]

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)
EVA = "Eva Horvat"
OpenDesk = Callable[[str], Awaitable[Page]]
EVERYONE = (("C", "A"), ("A", "C"), ("C", "E1"), ("E1", "C"), ("A", "E1"), ("E1", "A"))


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """A node that waits longer for a page to paint the case than a busy machine's browser takes."""
    node = NodeUnderTest(tmp_path_factory.mktemp("node") / "state", PATIENT_SCREENS)
    async with node as access:
        yield RunningNode(node, access)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium of this machine."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "Chromium is missing: install the package chromium"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def open_desk(browser: Browser, company: Company) -> AsyncIterator[OpenDesk]:
    """Opens a person's page in a browser profile of its own; a script error in it fails the test."""
    contexts, faults = [], []

    async def log_in(person: str) -> Page:
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{person}: {error}"))
        await page.goto(company.access.web)
        await page.get_by_label("Person id").fill(person)
        await page.get_by_label("Password").fill(company.login(person).web_password)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_test_id("my-name")).to_be_visible(timeout=WAIT_MS)
        return page

    yield log_in
    for context in contexts:
        await context.close()
    assert faults == []


async def serious_violations(page: Page) -> list[str]:
    """What axe-core finds wrong for people with disabilities, from serious upwards."""
    results = await Axe().run(page)
    found = results.response["violations"]
    return [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]


async def test_an_agent_pulls_a_specialist_in_and_both_work_on_the_case_in_their_browsers(
    company: Company, open_desk: OpenDesk
) -> None:
    agent, specialist = await open_desk(AGENT), await open_desk(SPECIALIST)
    me = await (await company.desk(AGENT)).read("me")
    eva_phone, _client = await company.free_specialist(me)
    anna_phone, customer = await company.phone("A", AGENT, me), await company.customer(me)

    await agent.get_by_role("button", name="Ready", exact=True).click()
    customer.send("call", to=CLAIMS_LINE)
    await expect(agent.get_by_test_id("phase")).to_have_text("talking", timeout=CONNECTED_TIMEOUT_S * 1_000)
    await expect(agent.get_by_test_id("customer-name")).to_have_text("Ana Kovač")

    # The list shows her free, and because of what.
    eva = agent.locator(f"[data-person-id='{SPECIALIST}']")
    await expect(eva).to_have_attribute("data-state", "free", timeout=WAIT_MS)
    await expect(eva).to_contain_text("UC status: available")
    assert await serious_violations(agent) == []
    await agent.get_by_role("button", name=f"Escalate to {EVA}").click()

    # The case is on her screen, with what to ask for, before her phone is rung.
    arriving = specialist.get_by_role("region", name="Arriving case")
    await expect(arriving).to_be_visible(timeout=WAIT_MS)
    missing = arriving.locator("[data-required-empty='true']")
    await expect(missing.first).to_be_visible()
    assert "Date of the incident" in " ".join(await missing.all_inner_texts())
    await eva_phone.wait_for("incoming")
    escalation = await rendered_and_dialled(company)
    assert escalation.index("case.rendered") < escalation.index("leg.dialled")
    assert await serious_violations(specialist) == []

    await arriving.get_by_role("button", name="Accept", exact=True).click()
    eva_phone.send("answer")
    await expect(agent.get_by_test_id("phase")).to_have_text("three-way call", timeout=WAIT_MS)
    await until_heard((customer, anna_phone, eva_phone), EVERYONE)

    # What she types is on his page, with her as its source.
    await specialist.get_by_label("Police report number").fill("PU-17")
    await specialist.get_by_label("Police report number").blur()
    report = agent.locator("[data-field-key='police_report']")
    await expect(report.get_by_role("textbox")).to_have_value("PU-17", timeout=WAIT_MS)
    await expect(report).to_contain_text(EVA)

    await agent.get_by_role("button", name="Leave", exact=True).click()
    await expect(agent.get_by_role("region", name="Wrap-up")).to_be_visible(timeout=WAIT_MS)
    await anna_phone.wait_for("ended")
    await until_heard((customer, eva_phone), (("C", "E1"), ("E1", "C")))

    await specialist.get_by_label("Outcome", exact=True).fill("Covered by the flood clause")
    await specialist.get_by_label("Resolved", exact=True).check()
    await specialist.get_by_role("button", name="End call").click()
    await customer.wait_for("ended")
    await agent.get_by_role("button", name="Finish wrap-up").click()
    await expect(agent.get_by_test_id("agent-state")).to_have_attribute("data-state", "idle", timeout=WAIT_MS)


async def rendered_and_dialled(company: Company) -> list[str]:
    """Names of the running interaction's events from the request on."""
    desk = await company.desk(AGENT)
    (interaction,) = [key.partition("/")[2] for key in desk.docs if key.startswith("interaction/")]
    names = [str(event["name"]) for event in await desk.read(f"interactions/{interaction}/events")]
    return names[names.index("escalation.requested") :]


async def test_the_log_in_page_refuses_a_wrong_password_in_words(company: Company, browser: Browser) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(company.access.web)
    await page.get_by_label("Person id").fill(AGENT)
    await page.get_by_label("Password").fill("not-her-password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_text("do not belong together")).to_be_visible(timeout=WAIT_MS)
    assert await serious_violations(page) == []
    await context.close()
