"""A presence service on its own private Mosquitto, and clients that talk to it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, tzinfo
from pathlib import Path

import aiomqtt
import pytest

from presence.adapters.tasks import end_tasks
from presence.contract import Topics
from presence.mapping import ClientMapping
from presence.model import Availability, AvailabilityState, Source
from presence.runner import PresenceService
from presence.settings import PresenceSettings
from vocabulary import PersonId

EVA, IVAN = PersonId("eva"), PersonId("ivan")
PASSWORDS = {EVA: "eva-secret", IVAN: "ivan-secret"}
PREFIX = "test/v1"
TOPICS = Topics(PREFIX)
WAIT_S = 20.0
"""Long enough for a busy machine; every wait ends with its condition."""


class Company:
    """A running service with everything it told, and ways to wait for more."""

    def __init__(self, settings: PresenceSettings) -> None:
        self.changes: list[Availability] = []
        self.commands: list[tuple[PersonId, dict[str, object]]] = []
        self.rendered: list[tuple[PersonId, dict[str, object]]] = []
        self._news = asyncio.Event()
        self.service = PresenceService(
            settings,
            on_change=self._changed,
            on_command=lambda person, payload: self._told(self.commands, person, payload),
            on_rendered=lambda person, payload: self._told(self.rendered, person, payload),
            people=(EVA, IVAN),
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for news until the condition holds."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def until_shown(self, person: PersonId, state: AvailabilityState, because: str = "") -> Availability:
        """Wait until a person is shown in a state (and for a reason that contains a phrase)."""

        def shown() -> bool:
            now = self.service.availability(person)
            return now.state is state and because in now.because

        await self.until(shown)
        return self.service.availability(person)

    def states_of(self, person: PersonId) -> list[AvailabilityState]:
        """What was told of a person so far; what lasted a moment only is in it, too."""
        return [one.state for one in self.changes if one.person == person]

    async def until_refused(self, count: int) -> None:
        """Refusals make no news, so look again until they are counted."""
        await until(lambda: self.service.refusals.counts.total() >= count)

    @property
    def port(self) -> int:
        assert self.service.broker is not None
        return self.service.broker.port

    @asynccontextmanager
    async def client(self, person: PersonId, password: str | None = None) -> AsyncIterator[aiomqtt.Client]:
        """A person's client, logged in at the broker."""
        async with aiomqtt.Client(
            "127.0.0.1",
            self.port,
            username=person,
            password=password or PASSWORDS[person],
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            yield client

    async def uc_process(self, person: PersonId) -> asyncio.subprocess.Process:
        """A UC client in its own process that has published connected and available."""
        script = Path(__file__).with_name("uc_client.py")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), str(self.port), person, PREFIX),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{PASSWORDS[person]}\n".encode())
        await process.stdin.drain()
        async with asyncio.timeout(WAIT_S):
            assert await process.stdout.readline() == b"ready\n"
        return process

    def _changed(self, availability: Availability) -> None:
        self.changes.append(availability)
        self._news.set()

    def _told(
        self, told: list[tuple[PersonId, dict[str, object]]], person: PersonId, payload: dict[str, object]
    ) -> None:
        told.append((person, payload))
        self._news.set()


@asynccontextmanager
async def open_company(
    state_dir: Path, *, uc_age_s: float = 300.0, mappings: tuple[ClientMapping, ...] = ()
) -> AsyncIterator[Company]:
    """A company whose service is connected to its own broker; both phones are registered."""
    company = Company(PresenceSettings(state_dir, port=0, prefix=PREFIX, uc_age_s=uc_age_s, mappings=mappings))
    await company.service.start()
    try:
        for person in PASSWORDS:
            company.service.line_state(person, registered=True)
        await company.until(lambda: company.service.connected)
        yield company
    finally:
        await company.service.stop()


@asynccontextmanager
async def reconnecting_client(company: Company, person: PersonId) -> AsyncIterator[None]:
    """A well-behaved UC client: says its status again after every reconnect and when it is pinged."""

    async def say(client: aiomqtt.Client) -> None:
        await client.publish(TOPICS.source(person, Source.UC), b'{"status":"available"}', qos=1, retain=True)

    async def run() -> None:
        while not leaving:
            with suppress(aiomqtt.MqttError):
                async with company.client(person) as client:
                    await client.subscribe(TOPICS.ping(person), qos=1)
                    await say(client)
                    async for message in client.messages:
                        await say(client)
                        assert isinstance(message.payload, bytes)
                        await client.publish(TOPICS.pong(person), message.payload, qos=1)
            await asyncio.sleep(0.1)

    leaving = False
    task = asyncio.create_task(run())
    try:
        yield
    finally:
        leaving = True
        await end_tasks(task)


class SetClock:
    """Stands in for `datetime` in a module: the time there is what the test says."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, zone: tzinfo) -> datetime:
        return self.at.astimezone(zone)


async def until(condition: Callable[[], bool]) -> None:
    """Look again until something outside this process, which sends no news, is as it should be."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def first_message(client: aiomqtt.Client) -> aiomqtt.Message:
    """The next message the client gets."""
    async with asyncio.timeout(WAIT_S):
        async for message in client.messages:
            return message
    raise AssertionError("the broker closed the connection")


def listens(host: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection((host, port), timeout=WAIT_S).close()
    except OSError:
        return False
    return True


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    async with open_company(tmp_path / "broker") as opened:
        assert opened.service.broker is not None
        for person, password in PASSWORDS.items():
            await opened.service.add_account(person, password)
        yield opened
