"""The live record (N9): two people edit one case in a call while 200 pages show it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection, connect

from siplab.bench.measure import Budget, Measured, percentile
from siplab.bench.pinning import pin_system
from siplab.company import CLAIMS_NUMBER, Employee, LabCompany, agent, specialist
from siplab.desk import MAX_MESSAGE_BYTES, DeskClient, Document, Documents
from siplab.errors import LabError
from siplab.node import PrivateNode
from siplab.remote import Line
from siplab.scenarios.stage import Stage, phone_line, sip_server

PAGES = 200
SUPERVISORS = 25
"""Each has several pages open: a log-in costs more than what is measured here."""
EDITS, EVERY_S = 40, 0.15
FIELD = "description"
LATEST_S = 10.0
NAME = f"edit to another page, {PAGES} open, p"

LIVE_BUDGETS: dict[str, dict[str, Budget]] = {
    "live": {
        f"{NAME}50": Budget("ms"),
        f"{NAME}95": Budget("ms", "<= 500", 500.0),
        "agent's edit to specialist's page p95": Budget("ms", "<= 500", 500.0),
        "edits that a page did not get": Budget("edits", "0", 0.0),
    }
}


class Page:
    """One open page: notes when it first heard of each version of a case."""

    def __init__(self, socket: ClientConnection, case: str) -> None:
        self._socket = socket
        self._case = f"case/{case}"
        self.heard: dict[int, float] = {}

    async def follow(self) -> None:
        """Read until cancelled."""
        async for raw in self._socket:
            at = time.monotonic()
            document = json.loads(raw).get("set", {}).get(self._case)
            if document is not None:
                self.heard.setdefault(int(document["version"]), at)

    def first_with(self, version: int) -> float | None:
        """When the page first showed this version or a later one; None: never."""
        return min((at for known, at in self.heard.items() if known >= version), default=None)


async def measure_live() -> Measured:
    """Edits of agent and specialist in turn, timed at all open pages from the command's start."""
    supervisors = [Employee(f"lead.{n:02}", f"Lead {n}", "supervisor") for n in range(1, SUPERVISORS + 1)]
    company = LabCompany((agent(1), specialist(1), *supervisors))
    async with PrivateNode(company=company) as access, Stage(access) as stage, AsyncExitStack() as stack:
        pin_system(access.pid)
        agent_desk, specialist_desk, case = await _conference(stage)
        desks = [await stage.desk(login) for login in access.with_role("supervisor")]
        pages = [await _open(stack, desk, case) for desk in desks for _ in range(PAGES // SUPERVISORS)]
        edits = await _edit_in_turn(agent_desk, specialist_desk, case)
        await _all_heard(pages, edits[-1][0])
        across = [_agents_edit_at(specialist_desk, case, version, at) for version, at in edits[::2]]
    delays = [(heard - at) * 1000 for version, at in edits for page in pages if (heard := page.first_with(version))]
    return {
        f"{NAME}50": percentile(delays, 0.5),
        f"{NAME}95": percentile(delays, 0.95),
        "agent's edit to specialist's page p95": percentile(across, 0.95),
        "edits that a page did not get": float(len(edits) * len(pages) - len(delays)),
    }


async def _conference(stage: Stage) -> tuple[DeskClient, DeskClient, str]:
    """Customer, agent and specialist talk; gives the two desks and the id of the case."""
    (anna,), (eva,) = stage.access.with_role("agent"), stage.access.with_role("specialist")
    agent_desk, specialist_desk = await stage.desk(anna), await stage.desk(eva)
    me = agent_desk.docs["me"]
    await stage.robot("specialist", phone_line("E1", eva, me, "auto", after_ms=600))
    await stage.robot("agent", phone_line("A", anna, me, "auto"))
    await specialist_desk.command("me/availability", {"status": "available"})
    await agent_desk.command("me/agent-status", {"status": "ready"})
    customer = await stage.robot("customer", Line("C", "+385915550101", sip_server(me)))
    customer.send("call", to=CLAIMS_NUMBER)
    call = (await agent_desk.wait_for(_in("talking"), 30.0, "the interaction in phase talking")).value
    person = f"person/{eva.person}"
    await agent_desk.wait_for(lambda d: d[person]["availability"]["state"] == "free", 10.0, "the specialist free")
    asked = await agent_desk.command(f"interactions/{call['id']}/escalations", {"specialist": eva.person})
    escalation = f"escalations/{asked['id']}"
    await specialist_desk.command(
        f"{escalation}/rendered", {"digest": asked["digest"] or await _digest(specialist_desk)}
    )
    await specialist_desk.command(f"{escalation}/accept")
    await agent_desk.wait_for(_in("conference"), 20.0, "the interaction in phase conference")
    return agent_desk, specialist_desk, str(call["case"])


async def _digest(desk: DeskClient) -> str:
    """The digest of the case that arrives at a specialist's desk."""
    offered = await desk.wait_for(
        lambda docs: next(
            (d["digest"] for key, d in docs.items() if key.startswith("escalation/") and d["digest"]), None
        ),
        5.0,
        "the arriving case",
    )
    return str(offered.value)


async def _open(stack: AsyncExitStack, desk: DeskClient, case: str) -> Page:
    """Open one more page of a person who is logged in."""
    address, headers = desk.live_address()
    socket = await stack.enter_async_context(
        connect(address, additional_headers=headers, max_size=MAX_MESSAGE_BYTES, proxy=None)
    )
    page = Page(socket, case)
    await socket.recv()  # the snapshot
    reading = asyncio.create_task(page.follow())
    stack.callback(reading.cancel)
    return page


async def _edit_in_turn(agent_desk: DeskClient, specialist_desk: DeskClient, case: str) -> list[tuple[int, float]]:
    """Give each edit's version and when its command began."""
    edits = []
    for number in range(EDITS):
        desk = (agent_desk, specialist_desk)[number % 2]
        base = int(desk.docs[f"case/{case}"]["version"])
        at = time.monotonic()
        body = {"field": FIELD, "text": f"Words {number}", "base_version": base}
        made = await desk.command(f"cases/{case}/edits", body)
        edits.append((int(made["version"]), at))
        await asyncio.sleep(EVERY_S)
    return edits


def _agents_edit_at(desk: DeskClient, case: str, version: int, at: float) -> float:
    """Milliseconds until the specialist's page showed this version."""
    shown = desk.first_arrival(f"case/{case}", lambda document: int(document["version"]) >= version, since=at)
    if shown is None:
        raise LabError(f"the specialist's page never showed version {version}")
    return (shown - at) * 1000


async def _all_heard(pages: list[Page], version: int) -> None:
    """Wait until every page has the last edit, or long enough to say that it is lost."""
    deadline = time.monotonic() + LATEST_S
    while time.monotonic() < deadline and any(page.first_with(version) is None for page in pages):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _in(phase: str) -> Callable[[Documents], Document | None]:
    def found(docs: Documents) -> Document | None:
        return next((d for key, d in docs.items() if key.startswith("interaction/") and d["phase"] == phase), None)

    return found
