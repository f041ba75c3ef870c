"""Takes the pictures of docs/img: every page in both themes, of a real node with the demo company and robots on phones.

`python -m tests.desk_web.screenshots [--into FOLDER]`, after `make build` (two minutes). Situations that a
real node is in for a moment only, or by mischance, come from the mock desk.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from siplab.desk import DeskClient, Document, Documents
from siplab.node import Login, NodeAccess, PrivateNode
from siplab.remote import Line, RemoteRobot
from siplab.scenarios.stage import Stage, phone_line, sip_server

from tests.desk_web.conftest import QUIET
from tests.desk_web.mock_desk import MockDesk, Served
from tests.desk_web.phone_scenes import MICROPHONE, show_phone

INTO = Path(__file__).parents[2] / "docs" / "img"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LARGEST = 150_000
"""Bytes of one picture: a page of pictures must load over a phone's line, too."""
ENVIRONMENT = {"RINGSIDE_ESCALATION__RING_S": "18"}
"""Phones ring longer than in service: the pictures of that moment need some time."""
LATE_S = 21.0
PATIENCE_MS = 60_000
TALK_S = 3.0
REQUIRED = {
    "policy_number": "HH-2031-774",
    "policy_holder": "Known to us",
    "incident_date": "2026-11-18",
    "incident_place": "At home",
    "incident_kind": "Water damage",
    "description": "Water came through the ceiling.",
    "insured_object": "Home",
    "injuries": "No",
}
ANA, JAMES, LUCIA, HENRIK = "+385915550101", "+442079460102", "+34910555103", "+46855501004"


class Studio:
    """Takes pictures: each situation in both themes, named `<what>-<theme>.png`."""

    def __init__(self, browser: Browser, into: Path) -> None:
        self._browser = browser
        self._into = into
        self._stack = AsyncExitStack()

    async def page(self, url: str, person: str, password: str, size: dict[str, int] = WIDE) -> Page:
        """Log a person in on a page of his own."""
        page = await self.blank(url, size)
        await page.get_by_label("Person id").fill(person)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_test_id("my-name").wait_for()
        return page

    async def blank(self, url: str, size: dict[str, int] = WIDE) -> Page:
        context = await self._browser.new_context(viewport=size, locale="en-GB", reduced_motion="reduce", **MICROPHONE)  # type: ignore[arg-type]
        self._stack.push_async_callback(context.close)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(url)
        return page

    async def take(self, page: Page, name: str) -> None:
        """Both themes of what the page shows now."""
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            png = smaller(await page.screenshot())
            if len(png) > LARGEST:
                raise SystemExit(f"{name}-{theme}.png has {len(png)} bytes, more than {LARGEST}")
            (self._into / f"{name}-{theme}.png").write_bytes(png)
        sys.stdout.write(f"{name}\n")

    async def close(self) -> None:
        await self._stack.aclose()


def smaller(png: bytes) -> bytes:
    """The same picture with 256 colours, which a desk hardly exceeds."""
    picture, small = Image.open(BytesIO(png)), BytesIO()
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


class Day:
    """The demo company at work: robots on the phones, one agent, one specialist."""

    def __init__(self, access: NodeAccess, stage: Stage, studio: Studio) -> None:
        self._access = access
        self._stage = stage
        self.studio = studio
        self.anna: DeskClient
        self.eva: DeskClient
        self._eva_phone: RemoteRobot
        self._customers: RemoteRobot

    def login(self, person: str) -> Login:
        return self._access.logins[person]

    async def page(self, person: str, size: dict[str, int] = WIDE) -> Page:
        return await self.studio.page(self._access.web, person, self.login(person).web_password, size)

    async def begin(self) -> None:
        """Desks and phones; nobody is ready yet."""
        self.anna = await self._stage.desk(self.login("anna.novak"))
        self.eva = await self._stage.desk(self.login("eva.horvat"))
        me = self.anna.docs["me"]
        await self._stage.robot("anna", phone_line("A", self.login("anna.novak"), me, "auto"))
        self._eva_phone = await self._stage.robot(
            "eva", phone_line("E1", self.login("eva.horvat"), me, "auto", after_ms=900)
        )
        for name, status in (("marcus.lind", "available"), ("priya.shah", "busy"), ("tom.fischer", "away")):
            await self._stage.robot(name, phone_line(name, self.login(name), me, "never"))
            await (await self._stage.desk(self.login(name))).command("me/availability", {"status": status})
        numbers = (ANA, JAMES, LUCIA, HENRIK)
        lines = [Line(number, number, sip_server(me)) for number in numbers]
        self._customers = await self._stage.robot("customers", *lines)
        await self.eva.command("me/availability", {"status": "available"})

    async def ready(self) -> None:
        await self.anna.command("me/agent-status", {"status": "ready"})

    def calls(self, number: str, service: str = "5001") -> None:
        self._customers.send("call", number, to=service)

    async def talking(self) -> Document:
        found = (await self.anna.wait_for(in_phase("talking"), 40.0, "a customer on the line")).value
        assert found is not None
        return found

    async def whole_call(self, number: str, outcome: str, *, resolved: bool, helped: bool) -> None:
        """A call from the first ring to the end of the after-call work."""
        self.calls(number)
        call = await self.talking()
        await self.fill(call["case"], **REQUIRED)
        desk = self.anna
        if helped:
            await self.joins(call)
            await asyncio.sleep(TALK_S)
            desk = self.eva
        await desk.command(f"interactions/{call['id']}/close", {"outcome": outcome, "resolved": resolved})
        await self.wrapped_up()

    async def wrapped_up(self) -> None:
        wrapping = lambda docs: docs["me"]["agent"]["state"] == "wrap_up"  # noqa: E731
        await self.anna.wait_for(wrapping, 10.0, "the after-call work")
        await self.anna.command("me/wrap-up/finish", {"disposition": "resolved"})
        await self.anna.wait_for(lambda docs: docs["me"]["agent"]["state"] == "idle", 10.0, "the end of it")

    async def asks(self, call: Document, reason: str = "") -> None:
        free = lambda docs: docs["person/eva.horvat"]["availability"]["state"] == "free"  # noqa: E731
        await self.anna.wait_for(free, 15.0, "Eva free")
        body = {"specialist": "eva.horvat", "reason": reason}
        await self.anna.command(f"interactions/{call['id']}/escalations", body)

    async def joins(self, call: Document) -> None:
        await self.asks(call, "Is this covered by the flood clause?")
        asked = (await self.eva.wait_for(arriving, 5.0, "the case at Eva's desk")).value
        assert asked is not None
        await self.eva.command(f"escalations/{asked['id']}/rendered", {"digest": asked["digest"]})
        await self.eva.command(f"escalations/{asked['id']}/accept")
        await self.anna.wait_for(in_phase("conference"), 20.0, "three people talking")

    async def fill(self, case: str, **values: str) -> None:
        for field, text in values.items():
            version = self.anna.docs[f"case/{case}"]["version"]
            await self.anna.command(f"cases/{case}/edits", {"field": field, "text": text, "base_version": version})

    def eva_answers(self, how: str) -> None:
        self._eva_phone.send("policy", answer=how, answer_after_ms=900)

    def eva_lifts(self) -> None:
        self._eva_phone.send("answer")


def in_phase(phase: str) -> Callable[[Documents], Document | None]:
    def found(docs: Documents) -> Document | None:
        return next((d for key, d in docs.items() if key.startswith("interaction/") and d["phase"] == phase), None)

    return found


def arriving(docs: Documents) -> Document | None:
    escalations = (document for key, document in docs.items() if key.startswith("escalation/"))
    return next((each for each in escalations if each["digest"] and each["state"] != "closed"), None)


async def real_desks(studio: Studio) -> None:
    """One day of the demo company, with a picture of every page."""
    async with PrivateNode(extra_env=ENVIRONMENT) as access, Stage(access) as stage:
        day = Day(access, stage, studio)
        await studio.take(await studio.blank(access.web), "log-in")
        await day.begin()
        day.calls(JAMES, "5001")  # nobody is ready: he waits too long, and the figures show it
        agent, specialist = await day.page("anna.novak"), await day.page("eva.horvat")
        await studio.take(agent, "agent-idle")
        await asyncio.sleep(LATE_S)
        await day.ready()
        await day.anna.command(f"interactions/{(await day.talking())['id']}/close", {"outcome": "x", "resolved": False})
        await day.wrapped_up()
        for number, outcome in ((LUCIA, "The excess does not apply"), (HENRIK, "Paid 1,900 euro")):
            await day.whole_call(number, outcome, resolved=True, helped=True)
        await day.whole_call(JAMES, "Form sent", resolved=True, helped=False)
        await the_call(day, agent, specialist)
        await supervision(day)
        await administration(day)


async def the_call(day: Day, agent: Page, specialist: Page) -> None:
    """Ana calls, Eva is asked in, three talk, Anna leaves."""
    studio = day.studio
    day.calls(ANA)
    call = await day.talking()
    await day.fill(
        call["case"],
        policy_holder="Ana Kovač",
        policy_number="HH-2031-774",
        incident_kind="Water damage",
        incident_place="Split, Harbour Street 12",
        description="Water came through the bathroom ceiling on Wednesday night.",
    )
    await agent.get_by_role("region", name="My call").wait_for()
    await studio.take(agent, "agent-talking")
    day.eva_answers("never")
    on_the_phone = await day.page("eva.horvat", PHONE)
    await day.asks(call, "Is damage from the neighbour's flat covered?")
    await specialist.get_by_role("region", name="Arriving case").wait_for()
    await studio.take(specialist, "specialist-case-arrives")
    await studio.take(agent, "agent-escalating")
    await studio.take(on_the_phone, "specialist-on-a-phone")
    await specialist.get_by_role("button", name="Accept", exact=True).click()
    day.eva_lifts()
    await day.anna.wait_for(in_phase("conference"), 20.0, "three people talking")
    await agent.get_by_test_id("phase").get_by_text("three-way call").wait_for()
    await studio.take(agent, "agent-in-conference")
    await studio.take(specialist, "specialist-in-conference")
    supervisor = await day.page("sara.quinn")
    await supervisor.get_by_role("region", name="Interactions").get_by_role("button").first.click()
    await supervisor.get_by_role("region", name="Time line").scroll_into_view_if_needed()
    await supervisor.get_by_role("region", name="Time line").get_by_role("listitem").nth(5).wait_for()
    await studio.take(supervisor, "supervisor-live-call")
    await agent.get_by_role("button", name="Leave", exact=True).click()
    await agent.get_by_role("region", name="Wrap-up").wait_for()
    await studio.take(agent, "agent-wrap-up")
    await day.eva.command(
        f"interactions/{call['id']}/close", {"outcome": "Covered: the neighbour's insurer pays", "resolved": True}
    )
    await day.wrapped_up()
    specialist = await day.page("eva.horvat")
    help_ = specialist.get_by_role("region", name="What my help changed")
    await help_.get_by_text("Covered: the neighbour's insurer pays").wait_for()
    await studio.take(specialist, "specialist-my-help")


async def supervision(day: Day) -> None:
    """The figures, the calls behind one of them, and the time line of one of these."""
    supervisor = await day.page("sara.quinn")
    await supervisor.get_by_role("region", name="Figures").wait_for()
    await day.studio.take(supervisor, "supervisor-overview")
    await supervisor.locator(".tile [data-figure=joined]").click()
    behind = supervisor.get_by_role("region", name="Calls behind the figure")
    await behind.get_by_role("row").nth(3).wait_for()
    await behind.scroll_into_view_if_needed()
    await day.studio.take(supervisor, "supervisor-drill-down")
    await behind.get_by_role("button", name="Show the time line").first.click()
    line = supervisor.get_by_role("region", name="Time line")
    await line.get_by_role("listitem").nth(5).wait_for()
    await line.evaluate("element => element.scrollIntoView({block: 'start'})")
    await supervisor.mouse.wheel(0, -90)  # below the header, which stays in sight
    await day.studio.take(supervisor, "supervisor-time-line")


async def mock_desks(studio: Studio) -> None:
    """Moments that a real node is in for seconds only."""
    for name, person, scene in (("agent-nobody-free", "petra", "choosing"), ("agent-promise", "petra", "promised")):
        async with Served(MockDesk(scene)) as served:
            page = await studio.page(served.url, person, "secret")
            await studio.take(page, name)
    for state, person, scene in (
        ("ringing", "eva", "arriving"),
        ("talking", "petra", "call"),
        ("settings", "eva", "idle"),
    ):
        async with Served(MockDesk(scene)) as served:
            page = await studio.page(served.url, person, "secret")
            await show_phone(page, served.desk.phones, state)
            await studio.take(page, f"browser-phone-{state}")


async def administration(day: Day) -> None:
    """What there is to set up, one thing of it open and changed, and who changed what."""
    page = await day.page("olga.marin")
    await page.get_by_role("button", name="Administration").click()
    sections = page.get_by_role("navigation", name="What to administer")
    shown = page.get_by_role("region", name="Administration")
    for section in ("People", "Case templates", "Settings", "Queues"):
        await sections.get_by_role("button", name=section).click()
        await shown.get_by_role("row").nth(1).wait_for()
        if section == "Queues":
            await shown.get_by_role("button", name="Claims").first.click()
            await shown.get_by_label("Name", exact=True).wait_for()
        await day.studio.take(page, f"administrator-{section.lower().replace(' ', '-')}")
    await shown.get_by_label("Name", exact=True).fill("Claims and damage")
    await shown.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_text("Saved: Claims and damage.").wait_for()
    await sections.get_by_role("button", name="Changes").click()
    await shown.locator("[data-change]").first.wait_for()
    await shown.locator("summary").first.click()
    await day.studio.take(page, "administrator-changes")


@asynccontextmanager
async def a_studio(into: Path) -> AsyncIterator[Studio]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        raise SystemExit("the pictures need Debian's package chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(QUIET))
        studio = Studio(browser, into)
        try:
            yield studio
        finally:
            await studio.close()
            await browser.close()


async def take_all(into: Path) -> None:
    async with a_studio(into) as studio:
        await real_desks(studio)
        await mock_desks(studio)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=INTO, help="folder for the pictures (default: %(default)s)")
    into: Path = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    asyncio.run(take_all(into))


if __name__ == "__main__":
    main()
