"""A built desk, a mock centre behind it, and a real Chromium in front of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

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

WAIT_MS = 20_000
"""A wait that succeeds costs nothing; this only ends a test that went wrong."""
expect.set_options(timeout=WAIT_MS)


@dataclass
class Opened:
    """One person's page on the served desk."""

    page: Page
    desk: MockDesk
    served: Served
    faults: list[str]
    """Script errors and refusals of the content security policy; must stay empty."""


async def fits(page: Page) -> bool:
    """Tell whether nothing is pushed out sideways, once the page has followed its size and its texts."""
    until = time.monotonic() + WAIT_MS / 1_000
    while not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True


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
            # Nothing moves: what is looked at must not be half way between two colours.
            still = {"reduced_motion": "reduce", **look}
            context = await browser.new_context(**still)  # type: ignore[arg-type]
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(WAIT_MS)
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
