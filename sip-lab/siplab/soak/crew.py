"""A crew of the soak: a customer, an agent and a specialist who escalate one call after the other, whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from siplab.company import CLAIMS_NUMBER
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import DeskLost, DeskRefused, LabError, RobotFailed, WaitTimeout
from siplab.node import Login, NodeAccess
from siplab.presence import Broker, UcClient
from siplab.remote import Line, RemoteRobot
from siplab.scenarios.stage import phone_line, sip_server
from siplab.soak.browser import BrowserHandset

TALK_S, TOGETHER_S, PAUSE_S = 1.0, 1.5, 0.5
HUMAN_MS = 900
"""Who lifts faster than a person can is taken for a machine (N8)."""
CALL_LIMIT_S = 45.0
WAIT_S = 12.0
SAY_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that did not go as it should: when (monotonic seconds), to whom, what."""

    at: float
    who: str
    what: str


@dataclass(slots=True)
class Ledger:
    """What all crews did."""

    calls: int = 0
    answered: int = 0
    escalations: int = 0
    joined: int = 0
    finished: int = 0
    joined_at: list[float] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def trouble(self, who: str, what: object) -> None:
        """Note a trouble as of now."""
        self.troubles.append(Trouble(time.monotonic(), who, str(what)[:300]))


class Handset:
    """A phone in a process of its own that can be killed and comes back at the same address."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._port = _free_port()
        self.robot: RemoteRobot | None = None

    async def start(self) -> None:
        """Switch it on and register."""
        self.robot = robot = await RemoteRobot.spawn(self._line.party, [self._line], port=self._port)
        if self._line.password:
            robot.send("register")
            await robot.wait_for("registered", timeout_s=8.0)

    async def stop(self) -> None:
        """Switch it off."""
        if self.robot is not None:
            await self.robot.stop()

    async def kill(self) -> None:
        """Kill its process: no BYE, no RTP, nothing; then switch it on again."""
        if self.robot is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.robot.pid, signal.SIGKILL)
        await self.robot.stop()
        await self.start()

    def hang_up(self) -> None:
        """End its calls, if it is on."""
        with contextlib.suppress(RobotFailed):
            self.up.send("hang_up")

    @property
    def up(self) -> RemoteRobot:
        """The process.

        Raises:
            RobotFailed: It is switched off.
        """
        if self.robot is None:
            raise RobotFailed(f"{self._line.party}'s phone is off")
        return self.robot


class Crew:
    """Three people and their phones, screens and UC client. `browser`: the specialist's phone is a page."""

    def __init__(self, number: int, access: NodeAccess, ledger: Ledger, *, browser: bool = False) -> None:
        self.name = f"crew {number}"
        self._access = access
        self._ledger = ledger
        self._agent_login = access.logins[f"agent.{number:02}"]
        self._specialist_login = access.logins[f"expert.{number:02}"]
        self._agent = self._desk(self._agent_login)
        self._specialist = self._desk(self._specialist_login)
        self._number = f"+3859155502{number:02}"
        self._browser = browser
        self.phones: dict[str, Handset | BrowserHandset] = {}
        self._customer: Handset
        self._stopping = False

    async def start(self) -> None:
        """Log in and switch the phones on."""
        await self._agent.__aenter__()
        await self._specialist.__aenter__()
        me = self._agent.docs["me"]
        mobile = Line("C", self._number, sip_server(me), display=self.name)
        self._customer = Handset(mobile)
        self.phones = {
            "customer": self._customer,
            "agent": Handset(phone_line("A", self._agent_login, me, "auto", after_ms=100)),
            "specialist": self._specialists_phone(me),
        }
        for phone in self.phones.values():
            await phone.start()

    def _specialists_phone(self, me: Document) -> Handset | BrowserHandset:
        if self._browser:
            _, headers = self._specialist.live_address()
            return BrowserHandset(self._access.web, headers["Cookie"], HUMAN_MS / 1_000)
        return Handset(phone_line("E1", self._specialist_login, me, "auto", after_ms=HUMAN_MS))

    def tasks(self) -> list[asyncio.Task[None]]:
        """Begin to work."""
        parts = (self._call, self._serve, self._paint, self._say_available)
        return [asyncio.create_task(part(), name=f"{self.name} {part.__name__}") for part in parts]

    def finish(self) -> None:
        """Begin no more calls."""
        self._stopping = True

    async def stop(self) -> None:
        """Hang up, log out, switch off."""
        for phone in self.phones.values():
            phone.hang_up()
        await self._agent.close()
        await self._specialist.close()

    async def switch_off(self) -> None:
        """End the phones' processes."""
        for phone in self.phones.values():
            await phone.stop()

    # --- the customer --------------------------------------------------------------------------------------------

    async def _call(self) -> None:
        """Call again and again; whoever is served too long hangs up."""
        while not self._stopping:
            try:
                await self._call_once(self._customer.up)
            except LabError as error:
                self._ledger.trouble(f"{self.name} customer", error)
                self._customer.hang_up()
            await asyncio.sleep(PAUSE_S)

    async def _call_once(self, robot: RemoteRobot) -> None:
        robot.take_events()
        began = time.monotonic()
        robot.send("call", to=CLAIMS_NUMBER)
        self._ledger.calls += 1
        await robot.wait_for("confirmed", since=began, timeout_s=WAIT_S)
        self._ledger.answered += 1
        await robot.wait_for("ended", since=began, timeout_s=CALL_LIMIT_S)

    # --- agent and specialist ------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while not self._stopping:
            try:
                await self._serve_one()
            except (LabError, KeyError) as error:
                if not (self._stopping and isinstance(error, WaitTimeout)):
                    self._ledger.trouble(f"{self.name} desk", repr(error) if isinstance(error, KeyError) else error)
                await self._recover()

    async def _serve_one(self) -> None:
        """One escalation as in S01: talk, fetch the specialist, talk together, the agent leaves, he closes."""
        with contextlib.suppress(DeskRefused):
            await self._agent.command("me/wrap-up/finish")
        await self._agent.command("me/agent-status", {"status": "ready"})
        interaction = str((await self._agent.wait_for(_talking, CALL_LIMIT_S, "a conversation")).value["id"])
        await asyncio.sleep(TALK_S)
        person = self._specialist_login.person
        await self._agent.wait_for(_is_free(person), WAIT_S, f"{person} free")
        asked = await self._agent.command(
            f"interactions/{interaction}/escalations", {"specialist": person, "reason": "I need an adjuster."}
        )
        self._ledger.escalations += 1
        key = f"escalation/{asked['id']}"
        joined = await self._agent.wait_for(
            lambda docs: docs[key]["joined_at"] if key in docs else None, WAIT_S, f"{person} joined"
        )
        self._ledger.joined += 1
        self._ledger.joined_at.append(joined.at)
        await asyncio.sleep(TOGETHER_S)
        await self._agent.command(f"interactions/{interaction}/leave")
        body = {"outcome": "solved", "resolved": True, "note": "Covered."}
        await self._specialist.command(f"interactions/{interaction}/close", body)
        self._ledger.finished += 1

    async def _recover(self) -> None:
        """Come back after something broke: screens opened again, conversations left over closed."""
        for desk in (self._agent, self._specialist):
            try:
                await desk.open_live()
                found = _talking(desk.docs)
                if found is not None:
                    body = {"outcome": "other", "resolved": False, "note": "Broken off."}
                    await desk.command(f"interactions/{found['id']}/close", body)
            except DeskRefused:
                continue  # it has ended meanwhile, or is another's
            except (LabError, TimeoutError) as error:
                self._ledger.trouble(f"{self.name} recovery", error)
        await asyncio.sleep(PAUSE_S)

    async def _paint(self) -> None:
        """Acknowledge every offered case as the web desk does after painting it."""
        painted: set[str] = set()
        while True:
            try:
                found = await self._specialist.wait_for(lambda docs: _offered(docs, painted), 3_600.0, "a case")
                painted.add(str(found.value["id"]))
                with contextlib.suppress(DeskRefused):
                    await self._specialist.command(
                        f"escalations/{found.value['id']}/rendered", {"digest": found.value["digest"]}
                    )
            except (DeskLost, WaitTimeout):
                await asyncio.sleep(PAUSE_S)  # `_recover` opens it again

    async def _say_available(self) -> None:
        """Keep the specialist's UC client connected, and saying that he is available."""
        mqtt = self._agent.docs["me"]["mqtt"]
        broker = Broker(str(mqtt["host"]), int(mqtt["port"]), self._access.mqtt_prefix)
        login = self._specialist_login
        while True:
            with contextlib.suppress(Exception):  # the broker is down: whatever a client library makes of that
                async with UcClient(broker, login.person, login.phone_password) as client:
                    while True:
                        await client.say("available")
                        await asyncio.sleep(SAY_AGAIN_S)
            await asyncio.sleep(PAUSE_S)

    def _desk(self, login: Login) -> DeskClient:
        return DeskClient(self._access.web, login.person, login.web_password)


def _talking(docs: Documents) -> Document | None:
    return next((d for key, d in docs.items() if key.startswith("interaction/") and d["phase"] == "talking"), None)


def _offered(docs: Documents, painted: set[str]) -> Document | None:
    offered = (d for key, d in docs.items() if key.startswith("escalation/") and d["state"] == "offered")
    return next((doc for doc in offered if doc["id"] not in painted), None)


def _is_free(person: str) -> Callable[[Documents], bool]:
    key = f"person/{person}"
    return lambda docs: key in docs and docs[key]["availability"]["state"] == "free"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
