"""A real softswitch on loopback per module (PJSIP allows one per process), and telephones that come and go per test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from telephony.adapters.pjsip import PjsipSwitch
from telephony.adapters.pjsip_watchers import PresenceBodies
from telephony.admission import Directory, SipCredential, Trunk
from telephony.digest import Algorithm, ha1
from telephony.events import LegEvent, PhoneRequest, SwitchEvent
from telephony.failure_limiter import LimiterSettings
from telephony.settings import SwitchSettings
from tests.telephony.phone import Phone
from vocabulary import LegId, PersonId

PASSWORD = "s3cret"
PEOPLE = ("ana", "ben", "eva")
CARRIER = "127.0.0.2"
STRANGER = "127.0.0.3"
SERVICE_NUMBER = "100"
PATIENCE_S = 30.0
"""A machine that stands still for a second or two shall not end the legs of tests that are about something else."""
TIMEOUT_S = 20.0
FIRST_RTP_PORT, RTP_PORTS, RANGES = 28_000, 1_500, 3
"""Between the nodes' own ports and those the kernel gives to anybody; each test process has a range of its own."""

Event = TypeVar("Event")


def credential(username: str, password: str = PASSWORD) -> SipCredential:
    """Make the credential of a person named like his account."""
    hashes = [ha1(username, "ringside", password, algorithm) for algorithm in (Algorithm.MD5, Algorithm.SHA_256)]
    return SipCredential(username, PersonId(username), *hashes)


DIRECTORY = Directory(
    credentials={name: credential(name) for name in PEOPLE},
    trunks=(Trunk("carrier", (CARRIER,)),),
    service_numbers=frozenset({SERVICE_NUMBER}),
    service_prefixes=("bring-in+",),
)


@dataclass
class Seen:
    """Every event of the switch, and a way to wait for the next that fits."""

    events: list[SwitchEvent | PhoneRequest] = field(default_factory=list)
    reaction: Callable[[SwitchEvent | PhoneRequest], None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: SwitchEvent | PhoneRequest) -> None:
        self.events.append(event)
        if self.reaction is not None:
            self.reaction(event)
        self._news.set()

    async def first(self, kind: type[Event], fits: Callable[[Event], bool] = lambda event: True) -> Event:
        """Wait for an event of a kind that fits; what has already happened counts."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                self._news.clear()
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                await self._news.wait()

    def of(self, leg: LegId) -> list[LegEvent]:
        """All events of one leg, in order."""
        return [event for event in self.events if isinstance(event, LegEvent) and event.leg == leg]


@dataclass
class Exchange:
    """The switch under test with what it reported."""

    switch: PjsipSwitch
    seen: Seen

    @property
    def udp(self) -> tuple[str, int]:
        assert self.switch.ports.udp is not None
        return "127.0.0.1", self.switch.ports.udp

    def address(self, transport: str) -> tuple[str, int]:
        port = getattr(self.switch.ports, transport)
        assert isinstance(port, int)
        return "127.0.0.1", port

    async def settled(self) -> None:
        """Wait until everything that was asked of the switch so far is done and told."""
        done = asyncio.Event()
        self.switch._owner.submit(lambda: self.switch._call_on_loop(done.set))
        await asyncio.wait_for(done.wait(), TIMEOUT_S)


def first_rtp_port() -> int:
    """Where the RTP ports of this test process begin."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return FIRST_RTP_PORT + worker % RANGES * RTP_PORTS


def settings(state_dir: Path) -> SwitchSettings:
    """Settings of a switch on free loopback ports."""
    return SwitchSettings(
        state_dir,
        bind_address="127.0.0.1",
        udp_port=0,
        tcp_port=0,
        tls_port=0,
        rtp_port_first=first_rtp_port(),
        rtp_port_count=RTP_PORTS,
        rtp_timeout_s=PATIENCE_S,
        stop_grace_s=0.2,
        limiter=LimiterSettings(failures=1_000),
    )


@asynccontextmanager
async def given_switch(folder: Path, **changes: Any) -> AsyncIterator[Exchange]:
    """Run a switch with its state in a folder; `changes` are settings that differ."""
    seen = Seen()
    bodies = PresenceBodies(
        lambda person: f"<presence>{person}</presence>".encode(),
        lambda person, version: f"<dialog-info version='{version}'>{person}</dialog-info>".encode(),
    )
    told = replace(settings(folder), **changes)
    switch = PjsipSwitch(told, DIRECTORY, seen.add, on_request=seen.add, bodies=bodies)
    await switch.start()
    yield Exchange(switch, seen)
    await switch.stop()


@pytest.fixture(scope="module")
async def running_switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    async with given_switch(tmp_path_factory.mktemp("switch")) as exchange:
        yield exchange


@pytest.fixture
async def exchange(running_switch: Exchange) -> AsyncIterator[Exchange]:
    """The running switch with a clean memory of events."""
    running_switch.seen.events.clear()
    yield running_switch
    running_switch.switch.update_directory(Directory())
    running_switch.switch.update_directory(DIRECTORY)
    await running_switch.settled()  # what this tells is not for the next test


class Phones:
    """Makes phones at one switch and closes them all in the end."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._made: list[Phone] = []

    async def unregistered(
        self, user: str, *, transport: str = "udp", host: str = "127.0.0.1", tone_hz: float = 0
    ) -> Phone:
        """Make a phone that has not registered."""
        phone = Phone(user, self._exchange.address(transport), host=host, transport=transport, tone_hz=tone_hz)
        self._made.append(phone)
        return await phone.start()

    async def registered(self, user: str, *, transport: str = "udp", tone_hz: float = 0) -> Phone:
        """Make a phone of a person that has registered."""
        phone = await self.unregistered(user, transport=transport, tone_hz=tone_hz)
        assert (await phone.register(PASSWORD)).status == 200
        return phone

    async def customer(self, tone_hz: float = 0) -> Phone:
        """Make a phone behind the trunk."""
        return await self.unregistered("+385911111", host=CARRIER, tone_hz=tone_hz)

    async def close(self) -> None:
        for phone in self._made:
            await phone.close()


@pytest.fixture
async def phones(exchange: Exchange) -> AsyncIterator[Phones]:
    """Phones at the switch; all are closed after the test."""
    made = Phones(exchange)
    yield made
    await made.close()
