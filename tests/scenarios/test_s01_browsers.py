"""S01 as people see it: agent, specialist and supervisor each at a page whose phone is the browser (issue 5).

A customer has no log-in at the desk, so Ana calls over the trunk as in S01, and the third page is a supervisor's, who
listens in. Everybody's microphone is a tone of his own; the pages prove by the spectrum of what they play whom they
hear, Ana's phone by its meters. The play runs once; each promise is a test of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect
from siplab import prover
from siplab.errors import LabError
from siplab.patience import patient
from siplab.prover import Direction
from siplab.remote import RemoteRobot
from siplab.scenarios.s01_checks import GAP_MS

from tests.scenarios.browser_people import BrowserPeople, BrowserPerson, exactly_heard
from tests.scenarios.company import (
    AGENT,
    CLAIMS_LINE,
    CONNECTED_TIMEOUT_S,
    PATIENT_SCREENS,
    SPECIALIST,
    Company,
    NodeUnderTest,
    company_of,
)
from tests.scenarios.conftest import RunningNode

pytestmark = [pytest.mark.loopback, pytest.mark.native, pytest.mark.browser, pytest.mark.timeout(400)]

SUPERVISOR, EVA = "sara.quinn", "Eva Horvat"
TWO = frozenset(prover.all_directions(("C", "A")))
THREE = frozenset(prover.all_directions(("C", "A", "E1")))
"""Supervisor: E4."""
LISTENED_TO = THREE | {("C", "E4"), ("A", "E4"), ("E1", "E4")}
WITHOUT_AGENT = frozenset(prover.all_directions(("C", "E1"))) | {("C", "E4"), ("E1", "E4")}


@dataclass
class Played:
    """What was seen during the play."""

    events: list[str] = field(default_factory=list)
    gaps_ms: dict[Direction, float | None] = field(default_factory=dict)
    reinvites: int | None = None
    case_shown_while_ringing: bool = False
    line_quality: str = ""
    faults: list[str] = field(default_factory=list)
    step: str = ""
    broken_off: str = ""

    forgiven_ms: float = 0.0
    """Gaps that this machine made by waking late who wanted nothing else."""

    def lost_voices(self) -> dict[Direction, float | None]:
        """Directions lost for longer than the bound and what the machine withheld, or never heard."""
        bound_ms = GAP_MS + self.forgiven_ms
        return {each: gap for each, gap in self.gaps_ms.items() if gap is None or gap > bound_ms}


@dataclass
class Play:
    """Ana, and three people with nothing but a browser."""

    company: Company
    customer: RemoteRobot
    agent: BrowserPerson
    specialist: BrowserPerson
    supervisor: BrowserPerson
    seen: Played

    async def perform(self) -> Played:
        """All steps, or as many as went well."""
        first = (self.customer_calls, self.escalate, self.accept, self.supervise)
        with patient() as patience:
            try:
                for step in (*first, self.agent_leaves, self.specialist_loads_her_page_again, self.close):
                    self.seen.step = step.__name__
                    await step()
                self.seen.step = "over"
            except (AssertionError, LabError, PlaywrightError) as error:
                self.seen.broken_off = f"{self.seen.step}: {error}"
            self.seen.forgiven_ms = patience.for_gaps
        pages = (self.agent, self.specialist, self.supervisor)
        self.seen.faults = [fault for page in pages for fault in page.faults]
        return self.seen

    async def customer_calls(self) -> None:
        """One key answers; then the two hear each other, and nobody else's page hears a thing."""
        page = self.agent.page
        self.customer.send("reset")
        await page.get_by_role("button", name="Ready", exact=True).click()
        self.customer.send("call", to=CLAIMS_LINE)
        await self.agent.phone_is("ringing", round(CONNECTED_TIMEOUT_S * 1_000))
        await page.keyboard.press("a")
        await self.agent.phone_is("talking")
        await expect(page.get_by_test_id("phase")).to_have_text("talking")
        await exactly_heard(self.customer, (self.agent, self.specialist), TWO)

    async def escalate(self) -> None:
        """She needs nothing installed: phone on, said to be available, reachable."""
        await self.specialist.page.get_by_role("button", name="Available").click()
        eva = self.agent.page.locator(f"[data-person-id='{SPECIALIST}']")
        await expect(eva).to_have_attribute("data-state", "free")
        self.customer.send("reset")
        await exactly_heard(self.customer, (self.agent,), TWO)
        await self.agent.page.get_by_role("button", name=f"Escalate to {EVA}").click()
        await self.specialist.phone_is("ringing")
        arriving = self.specialist.page.get_by_role("region", name="Arriving case")
        self.seen.case_shown_while_ringing = await arriving.get_by_test_id("customer-name").is_visible()
        self.seen.events = await self.read_events()
        await exactly_heard(self.customer, (self.agent, self.specialist), TWO)

    async def accept(self) -> None:
        """Accepting the case and answering the phone are one act."""
        arriving = self.specialist.page.get_by_role("region", name="Arriving case")
        await arriving.get_by_role("button", name="Accept", exact=True).click()
        await self.specialist.phone_is("talking")
        await expect(self.agent.page.get_by_test_id("phase")).to_have_text("three-way call")
        await exactly_heard(self.customer, (self.agent, self.specialist), THREE)

    async def supervise(self) -> None:
        page = self.supervisor.page
        await page.locator("tr[data-phase='conference']").get_by_role("button").first.click()
        await page.get_by_role("region", name="Supervise").get_by_role("button", name="Listen").click()
        await self.supervisor.phone_is("ringing")
        await page.get_by_role("button", name="Answer", exact=True).click()
        await self.supervisor.phone_is("talking")
        await exactly_heard(self.customer, (self.agent, self.specialist, self.supervisor), LISTENED_TO)
        await self.remember_gaps(("A", "C"), ("E1", "C"))

    async def agent_leaves(self) -> None:
        self.customer.send("arm")
        await self.agent.page.get_by_role("button", name="Leave", exact=True).click()
        await self.agent.phone_is("idle")
        await exactly_heard(self.customer, (self.agent, self.specialist, self.supervisor), WITHOUT_AGENT)
        await self.remember_gaps(("E1", "C"))

    async def specialist_loads_her_page_again(self) -> None:
        """The call waits for her and goes on by itself."""
        await self.specialist.page.reload()
        await self.specialist.phone_is("talking")
        await exactly_heard(self.customer, (self.agent, self.specialist, self.supervisor), WITHOUT_AGENT)

    async def close(self) -> None:
        page = self.specialist.page
        self.seen.line_quality = await page.get_by_test_id("line-quality").inner_text()
        await page.get_by_label("Outcome", exact=True).fill("Covered by the flood clause")
        await page.get_by_label("Resolved", exact=True).check()
        self.seen.reinvites = (await self.customer.raw_report()).data["reinvites"]
        closed_at = time.monotonic()
        await page.get_by_role("button", name="End call").click()
        await self.customer.wait_for("ended", since=closed_at)
        for person in (self.specialist, self.supervisor):
            await person.phone_is("idle")
        await self.agent.page.get_by_role("button", name="Finish wrap-up").click()
        await expect(self.agent.page.get_by_test_id("agent-state")).to_have_attribute("data-state", "idle")

    async def remember_gaps(self, *directions: Direction) -> None:
        """The longest gaps so far, of all that were ever asked for."""
        now = prover.longest_gaps([await self.customer.report()], directions)
        for direction, gap in now.items():
            before = self.seen.gaps_ms.get(direction, 0.0)
            self.seen.gaps_ms[direction] = None if gap is None or before is None else max(gap, before)

    async def read_events(self) -> list[str]:
        """Names of the interaction's events from the request on."""
        desk = await self.company.desk(AGENT)
        running = [doc for key, doc in desk.docs.items() if key.startswith("interaction/") and doc["phase"] != "closed"]
        (interaction,) = [doc["id"] for doc in running]
        names = [str(event["name"]) for event in await desk.read(f"interactions/{interaction}/events")]
        return names[names.index("escalation.requested") :]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """A node that waits longer for a page to paint the case than a busy machine's browser takes."""
    node = NodeUnderTest(tmp_path_factory.mktemp("node") / "state", PATIENT_SCREENS)
    async with node as access:
        yield RunningNode(node, access)


@pytest.fixture(scope="module")
async def played(running: RunningNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    """The play as it went; once more if a voice was lost, because three browsers starve easily on a busy machine."""
    async with (
        company_of(running.access) as company,
        BrowserPeople(company, tmp_path_factory.mktemp("tones")) as people,
    ):
        customer = await company.customer((await company.desk(AGENT)).docs["me"])
        agent, specialist, supervisor = await people.arrive((("A", AGENT), ("E1", SPECIALIST), ("E4", SUPERVISOR)))
        seen = await Play(company, customer, agent, specialist, supervisor, Played()).perform()
        if seen.lost_voices() and not seen.broken_off:
            seen = await Play(company, customer, agent, specialist, supervisor, Played()).perform()
        yield seen


async def test_s01_is_played_to_its_end_by_three_pages(played: Played) -> None:
    """S01, CE-02, CE-04 to CE-09, CE-14: every direction was heard, before and after each join, and no other."""
    assert (played.broken_off, played.step) == ("", "over")


async def test_the_case_is_painted_before_the_browser_phone_rings(played: Played) -> None:
    """N1, for a phone that is part of the same page."""
    assert played.events.index("case.rendered") < played.events.index("leg.dialled")
    assert played.case_shown_while_ringing


async def test_the_customer_loses_nobodys_voice(played: Played) -> None:
    """CE-14: the agent through the join, the specialist through the agent's leaving."""
    assert set(played.gaps_ms) == {("A", "C"), ("E1", "C")}
    assert played.lost_voices() == {}


async def test_the_customers_call_is_never_renegotiated(played: Played) -> None:
    """CE-14: joining and leaving are changes of the mix."""
    assert played.reinvites == 0


async def test_the_pages_had_no_script_error_and_measured_their_line(played: Played) -> None:
    """Issue 5 item 1: a network-quality figure in words and numbers."""
    assert played.faults == []
    assert re.search(r"(good|fair|poor|bad)\W+\d", played.line_quality), played.line_quality
