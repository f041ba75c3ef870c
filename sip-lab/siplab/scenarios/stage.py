"""The stage of a scenario: desks, robots and UC clients of one node, opened as needed and closed together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from siplab.desk import DeskClient, Document
from siplab.errors import BadInput, WaitTimeout
from siplab.node import Login, NodeAccess
from siplab.patience import WAIT_S
from siplab.presence import Broker, UcClient
from siplab.remote import Line, RemoteRobot

CLAIMS_SKILL = "claims"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: the agent, and three specialists, the best for claims first."""

    agent: Login
    specialists: tuple[Login, Login, Login]


class Stage:
    """Opens desks, robots and UC clients on a node; leaving the context closes them in reverse order."""

    def __init__(self, access: NodeAccess) -> None:
        self.access = access
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def desk(self, login: Login) -> DeskClient:
        """Log a person in and open the live connection."""
        return await self._stack.enter_async_context(DeskClient(self.access.web, login.person, login.web_password))

    async def robot(
        self, name: str, *lines: Line, speakers: dict[str, int] | None = None, port: int = 0
    ) -> RemoteRobot:
        """Start a robot; lines with a password are registered before this returns."""
        robot = await RemoteRobot.spawn(name, lines, speakers=speakers, port=port)
        self._stack.push_async_callback(robot.stop)
        secured = [line.party for line in lines if line.password]
        for party in secured:
            robot.send("register", party)
        for party in secured:
            try:
                await robot.wait_for("registered", party, timeout_s=WAIT_S)
            except WaitTimeout as late:
                refusals = [e.data for e in robot.events if e.name == "registration_failed"]
                raise WaitTimeout(late.awaited, WAIT_S, f"refused: {refusals[-1]}" if refusals else str(late)) from late
        return robot

    async def uc_client(self, login: Login, me: Document) -> UcClient:
        """Connect a person's UC client to the broker that the desk names."""
        return await self._stack.enter_async_context(self.new_uc_client(login, me))

    def new_uc_client(self, login: Login, me: Document, **more: Any) -> UcClient:
        """Give a UC client that whoever asked for it connects and ends himself; `more` as `UcClient` takes it."""
        broker = Broker(str(me["mqtt"]["host"]), int(me["mqtt"]["port"]), self.access.mqtt_prefix)
        return UcClient(broker, login.person, login.phone_password, **more)

    def push(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call something when the stage closes."""
        self._stack.push_async_callback(close)


def phone_line(party: str, login: Login, me: Document, answer: str, transport: str = "udp", after_ms: int = 0) -> Line:
    """Set up a person's phone as the desk's settings for it say."""
    return Line(
        party=party,
        user=login.person,
        server=sip_server(me, transport),
        transport=transport,
        password=login.phone_password,
        answer=answer,
        answer_after_ms=after_ms,
    )


def sip_server(me: Document, transport: str = "udp") -> str:
    """Give `host:port` of the node's SIP side."""
    return f"{me['phone']['server']}:{me['phone']['ports'][transport]}"


def choose_cast(access: NodeAccess, people: list[Document], agent: str) -> Cast:
    """Pick the agent by id, and three specialists by their level in claims."""
    agents = {login.person: login for login in access.with_role("agent")}
    if agent not in agents:
        raise BadInput(f"there is no agent {agent!r} among the logins; agents: {', '.join(agents) or 'none'}")
    skills = {str(person["id"]): dict(person.get("skills") or {}) for person in people}
    able = [login for login in access.with_role("specialist") if login.person in skills and login.person != agent]
    able.sort(key=lambda login: (-int(skills[login.person].get(CLAIMS_SKILL, 0)), login.person))
    if len(able) < 3:
        raise BadInput(f"this scenario needs three specialists; the company has {len(able)}")
    return Cast(agents[agent], (able[0], able[1], able[2]))
