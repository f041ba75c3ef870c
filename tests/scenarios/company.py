"""The demo company on a real node, played by robots: situations by name, over SIP, RTP, MQTT and the desk API."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from siplab import prover
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import LabError, WaitTimeout
from siplab.node import Login, NodeAccess, PrivateNode
from siplab.patience import WAIT_S
from siplab.ports import lasting_port
from siplab.presence import UcClient
from siplab.remote import Line, RemoteRobot
from siplab.scenarios.stage import Stage, phone_line, sip_server

AGENT, SPECIALIST = "anna.novak", "eva.horvat"
CUSTOMER_NUMBER, CLAIMS_LINE = "+385915550101", "5001"
PATIENT_SCREENS = {"RINGSIDE_ESCALATION__SCREEN_CAP_S": "5"}
"""However busy the machine is, a screen shows the case before the phone would be rung without it (N1)."""
BOTH_WAYS = (("C", "A"), ("A", "C"))
CONNECTED_TIMEOUT_S = 30.0
POLL_S = 0.05


class NodeUnderTest(PrivateNode):
    """A private node that can be killed and started again, on the same ports as a real one would."""

    def __init__(self, state_dir: Path, extra_env: dict[str, str] | None = None) -> None:
        ports = {
            "RINGSIDE_WEB__PORT": lasting_port(),
            "RINGSIDE_SIP__UDP_PORT": lasting_port(socket.SOCK_DGRAM),
            "RINGSIDE_SIP__TCP_PORT": lasting_port(),
            "RINGSIDE_SIP__TLS_PORT": lasting_port(),
        }
        super().__init__(
            state_dir, extra_env={**{name: str(port) for name, port in ports.items()}, **(extra_env or {})}
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """End the node without any warning, as a crash does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def start_again(self) -> None:
        """Start the same node on the state it left behind; returns when it is ready."""
        (self.state_dir / "node.json").unlink(missing_ok=True)
        await self._serve()

    @staticmethod
    def command(*args: str) -> tuple[str, ...]:
        """The `ringside` command beside this Python."""
        return (str(Path(sys.executable).with_name("ringside")), *args)

    def broker_pid(self) -> int:
        """The private broker, a child of the node."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(FileNotFoundError):  # another child, that has just ended
                    if Path(f"/proc/{child}/comm").read_text().strip() == "mosquitto":
                        return int(child)
        raise AssertionError("the node has no broker child")

    def kill_broker(self) -> None:
        os.kill(self.broker_pid(), signal.SIGKILL)

    def log_text(self) -> str:
        return (self.state_dir / "ringside.log").read_text(errors="replace")


@dataclass
class TalkingCall:
    """A customer and an agent who hear each other."""

    interaction: str
    customer: RemoteRobot
    agent: RemoteRobot
    desk: DeskClient

    async def still_heard(self) -> None:
        """Prove that both hear each other from now on."""
        for robot in (self.customer, self.agent):
            robot.send("reset")
        await until_heard((self.customer, self.agent), BOTH_WAYS)

    async def close(self) -> None:
        """End it as the agent does, and let him be ready for the next."""
        await self.desk.command(f"interactions/{self.interaction}/close", {"outcome": "solved", "resolved": True})
        await self.desk.command("me/wrap-up/finish")
        await self.customer.wait_for("ended")


class Company:
    """Opens desks, phones and UC clients of the demo people; closes them with the stage."""

    def __init__(self, access: NodeAccess, stage: Stage) -> None:
        self.access = access
        self.stage = stage
        self._registered: list[tuple[RemoteRobot, str]] = []

    def login(self, person: str) -> Login:
        return self.access.logins[person]

    async def desk(self, person: str) -> DeskClient:
        return await self.stage.desk(self.login(person))

    async def phone(
        self, party: str, person: str, me: Document, answer: str = "auto", transport: str = "udp"
    ) -> RemoteRobot:
        phone = await self.stage.robot(person, phone_line(party, self.login(person), me, answer, transport))
        self._registered.append((phone, party))
        return phone

    async def take_phones_away(self) -> None:
        """Unregister every phone, so that the next test finds the people without any."""
        for phone, party in self._registered:
            with contextlib.suppress(LabError):
                phone.send("hang_up", party)
                phone.send("unregister", party)
                await phone.wait_for("unregistered", party)

    async def customer(self, me: Document) -> RemoteRobot:
        return await self.stage.robot("Ana", Line("C", CUSTOMER_NUMBER, sip_server(me), display="Ana K."))

    async def uc_client(self, person: str, me: Document) -> UcClient:
        return await self.stage.uc_client(self.login(person), me)

    async def free_specialist(self, me: Document, answer: str = "command") -> tuple[RemoteRobot, UcClient]:
        """The claims specialist with a phone and a UC client that says available."""
        phone = await self.phone("E1", SPECIALIST, me, answer)
        client = await self.uc_client(SPECIALIST, me)
        await client.say("available")
        return phone, client

    async def talking(self) -> TalkingCall:
        """A customer's call over the trunk, answered by the agent's phone; proved by tones."""
        desk = await self.desk(AGENT)
        me = desk.docs["me"]
        agent, customer = await self.phone("A", AGENT, me), await self.customer(me)
        await desk.command("me/agent-status", {"status": "ready"})
        customer.send("call", to=CLAIMS_LINE)
        talking = await desk.wait_for(talking_interaction, CONNECTED_TIMEOUT_S, "a talking interaction")
        await until_heard((customer, agent), BOTH_WAYS)
        return TalkingCall(str(talking.value["id"]), customer, agent, desk)


@asynccontextmanager
async def company_of(access: NodeAccess) -> AsyncIterator[Company]:
    async with Stage(access) as stage:
        company = Company(access, stage)
        try:
            yield company
        finally:
            await company.take_phones_away()


async def a_normal_call_works(access: NodeAccess) -> None:
    """The proof that a node lives: a call from a trunk through greeting and queue to an agent, both heard."""
    async with company_of(access) as company:
        await (await company.talking()).close()


def talking_interaction(docs: Documents) -> Document | None:
    found = (d for key, d in docs.items() if key.startswith("interaction/") and d["phase"] == "talking")
    return next(found, None)


def availability_of(docs: Documents, person: str) -> str:
    return str(docs[f"person/{person}"]["availability"]["state"])


async def until_heard(
    robots: tuple[RemoteRobot, ...], wanted: tuple[prover.Direction, ...], timeout_s: float = WAIT_S
) -> None:
    """Wait until the tones prove these directions."""

    async def missing() -> set[prover.Direction]:
        return set(wanted) - prover.who_hears_whom([await robot.report() for robot in robots])

    async def all_heard() -> bool:
        return not await missing()

    await until(all_heard, f"{wanted} to be heard", timeout_s)


async def until(happened: Callable[[], Awaitable[bool]], what: str, timeout_s: float = WAIT_S) -> None:
    """Ask again and again until it is so."""
    deadline = time.monotonic() + timeout_s
    while not await happened():
        if time.monotonic() > deadline:
            raise WaitTimeout(what, timeout_s)
        await asyncio.sleep(POLL_S)
