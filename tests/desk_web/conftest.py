"""A built desk, a mock centre behind it, and a real Chromium in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.desk_web.mock_desk import STATIC, MockDesk, Served

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)


@dataclass
class Opened:
    """One person's page on the served desk."""

    page: Page
    desk: MockDesk
    served: Served
    faults: list[str]
    """Script errors and refusals of the content security policy; must stay empty."""


Open = Callable[..., Awaitable[Opened]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "these tests need Debian's package chromium"
    assert (STATIC / "index.html").is_file(), "build the web desk first: npm ci && npm run build in desk/web"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        await browser.close()


@pytest.fixture
async def open_desk(browser: Browser) -> AsyncIterator[Open]:
    """`await open_desk("eva", "arriving")` logs Eva in to a fresh mock desk; a second call may share it."""
    async with AsyncExitStack() as stack:

        async def opened(
            person: str | None, scene: str = "idle", *, beside: Opened | None = None, **look: object
        ) -> Opened:
            served = beside.served if beside else await stack.enter_async_context(Served(MockDesk(scene)))
            context = await browser.new_context(**look)  # type: ignore[arg-type]
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(10_000)
            shown = Opened(page, served.desk, served, [])
            page.on("pageerror", lambda error: shown.faults.append(str(error)))
            page.on("console", lambda said: shown.faults.append(said.text) if "Security Policy" in said.text else None)
            await page.goto(served.url)
            if person:
                await page.get_by_label("Person id").fill(person)
                await page.get_by_label("Password").fill("secret")
                await page.get_by_role("button", name="Log in").click()
                await page.get_by_test_id("my-name").wait_for()
            return shown

        yield opened
