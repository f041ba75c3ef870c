"""Thousands of specialists on a real node: the company's own broker, statuses as a UC gateway sends them, a screen.

A change is stamped when it is handed to the broker, when it reaches an agent's WebSocket, and, where Chromium is
installed, when the row is painted in the agent's page.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import aiomqtt

from presence.adapters.mosquitto import MosquittoBroker
from presence.adapters.mqtt import BrokerAddress
from siplab.company import LabCompany, agent, specialist
from siplab.desk import DeskClient
from siplab.node import NodeAccess, PrivateNode
from siplab.patience import WAIT_S
from siplab.presence import DEFAULT_PREFIX

PEOPLE, PERIOD_S = 2_000, 30.0
GATEWAYS = 4
STARTED_S = 3.0
"""After its start a node publishes everybody once, 1,000 people a second."""
SETTLE_S = 1.5
PAINT_EVERY_S = 0.25
WATCHER = "agent.01"
_TOKEN = re.compile(r"#(\d+)")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_STAMP = """person => {
  const row = document.querySelector(`[data-person-id="${person}"]`);
  window.painted = [];
  let last = "";
  new MutationObserver(() => {
    const token = /#(\\d+)/.exec(row.textContent)?.[1] ?? "";
    if (token === "" || token === last) return;
    last = token;
    requestAnimationFrame(() => setTimeout(() => window.painted.push([token, Date.now()])));
  }).observe(row, { subtree: true, childList: true, characterData: true });
}"""


@dataclass(slots=True)
class Crowd:
    """A running node with many specialists, and the account that speaks for all of them."""

    access: NodeAccess
    broker: BrokerAddress
    people: tuple[str, ...]
    sent: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Monotonic and wall-clock time at which each token was handed over."""
    said: dict[str, list[str]] = field(default_factory=dict)
    """Person -> his tokens in order."""

    def missed(self, arrived: Mapping[str, float]) -> int:
        """Count changes that did not arrive and that no newer one of the same person overtook.

        A screen that is slow for a moment gets the newest of what waited for it, never an older one.
        """
        newest_first = (reversed(said) for said in self.said.values())
        return sum(sum(1 for _ in takewhile(lambda token: token not in arrived, said)) for said in newest_first)

    @property
    def tracked(self) -> str:
        """The one whose row is watched in the page: he changes more often than the others."""
        return self.people[-1]

    async def change(self, seconds: float, period_s: float = PERIOD_S) -> None:
        """Let everybody change every `period_s`, and the tracked one four times a second."""
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for share in range(GATEWAYS):
                people = self.people[share:-1:GATEWAYS]
                group.create_task(self._gateway(people, period_s / len(people), until))
            group.create_task(self._gateway((self.tracked,), PAINT_EVERY_S, until))

    async def _gateway(self, people: tuple[str, ...], gap_s: float, until: float) -> None:
        address = self.broker
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            count, next_at = 0, time.monotonic()
            while time.monotonic() < until:
                person = people[count % len(people)]
                status = "away" if count // len(people) % 2 else "busy"
                count += 1
                token = str(len(self.sent))
                payload = f'{{"status":"{status}","reason":"#{token}"}}'
                self.sent[token] = (time.monotonic(), time.time())
                self.said.setdefault(person, []).append(token)
                await client.publish(f"{DEFAULT_PREFIX}/presence/{person}/uc", payload, qos=1, retain=True)
                next_at += gap_s
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Delays:
    """How long changes took, milliseconds: to the WebSocket, and to the painted row (empty without Chromium)."""

    sent: int
    missed: int
    screen_ms: tuple[float, ...]
    painted_ms: tuple[float, ...] = ()


@asynccontextmanager
async def given_crowd(people: int = PEOPLE) -> AsyncIterator[Crowd]:
    """Start a broker of the company's own and a node that uses it, with so many specialists and one agent."""
    company = LabCompany((agent(1), *(specialist(number) for number in range(1, people + 1))))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringside-crowd-")))
        broker = MosquittoBroker(folder, prefix=DEFAULT_PREFIX, node_account="gateway")
        await broker.start()
        stack.push_async_callback(broker.stop)
        environment = {
            "RINGSIDE_WEB__PASSWORD_COST": "low",
            "RINGSIDE_PRESENCE__HOST": broker.address.host,
            "RINGSIDE_PRESENCE__PORT": str(broker.port),
            "RINGSIDE_PRESENCE__USERNAME": broker.address.username or "",
            "RINGSIDE_PRESENCE__PASSWORD": broker.address.password or "",
        }
        node = PrivateNode(extra_env=environment, company=company)
        access = await stack.enter_async_context(node)
        yield Crowd(access, broker.address, tuple(person.person for person in company.people[1:]))


async def measure_crowd(crowd: Crowd, seconds: float, *, page: bool = True) -> Delays:
    """Let the crowd change for so long and time each change to an agent's screen."""
    login = crowd.access.logins[WATCHER]
    arrived: dict[str, float] = {}
    async with DeskClient(crowd.access.web, WATCHER, login.web_password) as desk, AsyncExitStack() as stack:
        await desk.wait_for(lambda docs: docs["system"]["presence_connected"], 20.0, "the broker")
        await asyncio.sleep(STARTED_S)
        shown = await stack.enter_async_context(_page(crowd)) if page else None
        noting = asyncio.create_task(_note_arrivals(desk, arrived))
        try:
            await crowd.change(seconds)
            await _until_all_arrived(crowd, desk, arrived)
            await asyncio.sleep(SETTLE_S if page else 0.0)
        finally:
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)
        _note(desk, arrived)
        painted = await shown.evaluate("window.painted") if shown is not None else []
    screen = tuple((at - crowd.sent[token][0]) * 1000 for token, at in arrived.items() if token in crowd.sent)
    on_page = tuple(at - crowd.sent[token][1] * 1000 for token, at in painted if token in crowd.sent)
    return Delays(len(crowd.sent), crowd.missed(arrived), screen, on_page)


async def _until_all_arrived(crowd: Crowd, desk: DeskClient, arrived: dict[str, float]) -> None:
    """Wait until the screen shows everybody's last word, or long enough to say that it does not."""
    until = time.monotonic() + WAIT_S
    while crowd.missed(arrived) and time.monotonic() < until:
        await asyncio.sleep(0.1)
        _note(desk, arrived)


async def _note_arrivals(desk: DeskClient, arrived: dict[str, float]) -> None:
    """The desk's history is bounded, so it is read before it is full."""
    while True:
        _note(desk, arrived)
        await asyncio.sleep(1.0)


def _note(desk: DeskClient, arrived: dict[str, float]) -> None:
    for at, key, doc in desk.history:
        if doc is not None and key.startswith("person/"):
            found = _TOKEN.search(str(doc["availability"]["because"]))
            if found is not None:
                arrived.setdefault(found[1], at)


@asynccontextmanager
async def _page(crowd: Crowd) -> AsyncIterator[Any]:
    """The agent's page in Chromium, filtered to the tracked specialist; None where no browser can be driven."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        program = None
    if program is None:
        yield None
        return
    login = crowd.access.logins[WATCHER]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            page = await browser.new_page(locale="en-GB")
            await page.goto(crowd.access.web)
            await page.get_by_label("Person id").fill(login.person)
            await page.get_by_label("Password").fill(login.web_password)
            await page.get_by_role("button", name="Log in").click()
            name = crowd.access.logins[crowd.tracked].name
            await page.locator(".specialists input[type=search]").fill(name)
            await page.locator(f'[data-person-id="{crowd.tracked}"]').wait_for()
            await page.evaluate(_STAMP, crowd.tracked)
            yield page
        finally:
            await browser.close()
