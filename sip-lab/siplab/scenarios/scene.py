"""What the scenarios about escalation share: a company on a private node, a conversation, screens that paint by
themselves, and a frame that turns a play into a report.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from siplab import prover
from siplab.checks import Checks, Planned
from siplab.company import CLAIMS_NUMBER, LabCompany
from siplab.desk import Arrival, DeskClient, Document, Documents
from siplab.errors import DeskRefused, LabError, NodeFailed, WaitTimeout
from siplab.fleet import PrivateFleet
from siplab.node import NodeAccess, PrivateNode
from siplab.patience import STRICT, WAIT_S, Patience
from siplab.presence import UcClient
from siplab.remote import Line, RemoteRobot
from siplab.report import Report
from siplab.scenarios.party import Party, listen, until_deaf, until_heard
from siplab.scenarios.s01_checks import GAP_MS
from siplab.scenarios.stage import Stage, phone_line, sip_server
from siplab.story import Moment, Story
from siplab.tones import DTMF_COLUMN_HZ, PARTY_TONES_HZ

Tell = Callable[[Moment], None]
Environment = dict[str, str]

MEDIA_TIMEOUT_S = 5
POLL_S = 0.05
LIFT_S = 0.45
"""The node takes what is lifted within 0.4 s for a machine."""
BASE_ENVIRONMENT: Environment = {
    "RINGSIDE_WEB__PASSWORD_COST": "low",
    "RINGSIDE_SIP__RTP_TIMEOUT_S": str(MEDIA_TIMEOUT_S),
}
EARS = {**PARTY_TONES_HZ, "dtmf": DTMF_COLUMN_HZ}
"""What everybody listens for: the parties' tones, and key tones that nobody should hear."""
ANA = "+385915550101"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a play takes. `short` scales limits down where the product lets them be set.

    `patience` is what a machine that does other things besides is forgiven.
    """

    short: bool = False
    patience: Patience = STRICT


@dataclass(slots=True)
class Talk:
    """A customer and an agent in conversation."""

    interaction: str
    customer: Party
    agent: Party
    desk: DeskClient

    @property
    def pair(self) -> tuple[Party, Party]:
        return self.customer, self.agent

    def document(self) -> Document:
        return self.desk.docs.get(f"interaction/{self.interaction}", {})

    async def escalate(self, **body: str) -> Document:
        """Press Escalate: `specialist` or `skill`, `reason`; gives the new escalation's document."""
        return dict(await self.desk.command(f"interactions/{self.interaction}/escalations", body))

    async def events(self) -> list[Document]:
        """Read the time line."""
        return [dict(event) for event in await self.desk.read(f"interactions/{self.interaction}/events")]

    async def until(
        self, key: str, fits: Callable[[Document], object], what: str, timeout_s: float = WAIT_S
    ) -> Arrival[Any]:
        """Wait for a document on the agent's screen that fits."""
        return await self.desk.wait_for(lambda docs: key in docs and fits(docs[key]), timeout_s, what)

    async def until_logged(self, *names: str) -> list[Document]:
        """Read the time line until it has events of all these names; as it is then, or at the end of the wait."""
        deadline = time.monotonic() + WAIT_S
        while True:
            events = await self.events()
            if set(names) <= {str(event["name"]) for event in events} or time.monotonic() > deadline:
                return events
            await asyncio.sleep(POLL_S)

    async def until_rung(self, person: str) -> None:
        """Wait until somebody's phone rings on the agent's screen, which is later than at the phone itself."""
        await self.desk.wait_for(
            lambda docs: any(_rings(doc, self.interaction, person) for doc in _escalations(docs)),
            WAIT_S,
            f"{person}'s ringing phone",
        )

    async def until_liftable(self, person: str) -> None:
        """Wait until the node knows that somebody's phone rings, and as long as a person needs to lift it."""
        await self.until_rung(person)
        await asyncio.sleep(LIFT_S)


class Scene(ABC):
    """One play on one node: who is there, what is checked, what is told. Subclasses say what happens in `play`."""

    name: str
    planned: tuple[Planned, ...]
    ears: ClassVar[Mapping[str, int]] = EARS
    """What every phone listens for."""
    nodes = 1
    """How many whole nodes it is played on; `stages` has one for each."""

    def __init__(self, stage: Stage, pace: Pace, story: Story, company: LabCompany) -> None:
        self.stage = stage
        self.stages: tuple[Stage, ...] = (stage,)
        self.fleet: PrivateFleet | None = None
        self.of_company = company
        self.pace = pace
        self.story = story
        self.checks = Checks(self.planned, pace.patience)
        self.step = "setting the stage"
        self.numbers: dict[str, Any] = {"hold_s": None, "longest_gap_ms": None, "reinvites_to_customer": None}
        self._painters: list[asyncio.Task[None]] = []
        self._me: Document = {}

    @classmethod
    @abstractmethod
    def company(cls) -> LabCompany:
        """Say who works in this scenario."""

    @classmethod
    def environment(cls, pace: Pace) -> Environment:
        """Say what the node is told besides."""
        return {}

    @abstractmethod
    async def play(self) -> None:
        """Do everything; LabError when it cannot go on."""

    async def leave(self) -> None:
        """Stop what runs beside the play."""
        for painter in self._painters:
            painter.cancel()
        await asyncio.gather(*self._painters, return_exceptions=True)

    # --- people --------------------------------------------------------------------------------------------------

    async def desk(self, person: str, stage: Stage | None = None) -> DeskClient:
        """Log somebody in, at the first node or another."""
        stage = stage or self.stage
        desk = await stage.desk(stage.access.logins[person])
        self._me = desk.docs["me"]
        return desk

    async def screen(self, person: str, stage: Stage | None = None) -> DeskClient:
        """Log a specialist in whose screen paints what comes, at once, and says so."""
        desk = await self.desk(person, stage)
        self._painters.append(asyncio.create_task(_paint(desk)))
        return desk

    async def phone(self, party: str, person: str, answer: str = "auto", after_ms: int = 0) -> Party:
        """Connect a person's phone; `desk` must have been called before, it knows where the node is."""
        line = phone_line(party, self.stage.access.logins[person], self._me, answer, after_ms=after_ms)
        return (await self.robot(person, line))[0]

    async def customer(self, party: str = "C", number: str = ANA, port: int = 0) -> Party:
        """Give somebody who calls over the trunk, and answers when he is called (at `port`, if it must be known)."""
        line = Line(party, number, sip_server(self._me), display="Ana K.", answer="auto", answer_after_ms=300)
        return (await self.robot(party, line, port=port))[0]

    async def robot(self, name: str, *lines: Line, port: int = 0) -> list[Party]:
        """Start a robot with these lines and register those with a password."""
        robot: RemoteRobot = await self.stage.robot(name, *lines, speakers=dict(self.ears), port=port)
        return [Party(line.party, robot) for line in lines]

    async def available(self, person: str, status: str = "available") -> UcClient:
        """Let a person's UC client say how he is."""
        client = await self.stage.uc_client(self.stage.access.logins[person], self._me)
        await client.say(status)
        return client

    async def shown(self, desk: DeskClient, person: str, state: str = "free") -> None:
        """Wait until a screen shows a person as free (or else)."""
        key = f"person/{person}"
        await desk.wait_for(
            lambda docs: key in docs and docs[key]["availability"]["state"] == state,
            WAIT_S,
            f"{person} shown as {state} (shown: {desk.docs.get(key, {}).get('availability')})",
        )

    # --- conversations -------------------------------------------------------------------------------------------

    async def talk(self, desk: DeskClient, customer: Party, agent: Party) -> Talk:
        """Let the customer call and the agent's phone answer; proved by tones."""
        with contextlib.suppress(DeskRefused):
            await desk.command("me/wrap-up/finish")
        await desk.command("me/agent-status", {"status": "ready"})
        for party in (customer, agent):
            party.send("reset")
        self.story.add(f"{customer.name} calls {CLAIMS_NUMBER}")
        earlier = {key for key in desk.docs if key.startswith("interaction/")}
        customer.send("call", to=CLAIMS_NUMBER)
        found = await desk.wait_for(lambda docs: _talking(docs, earlier), WAIT_S, "a conversation")
        await until_heard((customer, agent))
        self.story.add(f"{customer.name} and {agent.name} talk")
        return Talk(str(found.value["id"]), customer, agent, desk)

    async def gaps(self, parties: Sequence[Party], check: str) -> bool:
        """Record whether these hear each other now and lost each other never for longer than the bound."""
        directions = sorted(prover.all_directions([party.name for party in parties]))
        try:
            reports = await until_heard(parties)
        except WaitTimeout:
            reports = await listen(parties)
        heard, gaps = prover.who_hears_whom(reports), prover.longest_gaps(reports, directions)
        worst = max((gap for gap in gaps.values() if gap is not None), default=0.0)
        silent = [f"{b} does not hear {a}" for a, b in directions if (a, b) not in heard]
        self.numbers["longest_gap_ms"] = max(worst, self.numbers["longest_gap_ms"] or 0.0)
        held = not silent and worst <= self.checks.gap_bound(GAP_MS)
        return self.checks.record(check, held, "; ".join((f"{worst:.0f} ms", *silent)))

    async def hush(self, pair: tuple[Party, Party]) -> None:
        """Mute two who talk, so that whatever either hears from now on is nobody's voice."""
        at = time.monotonic()
        for party in pair:
            party.send("mute", on=True)
        for party in pair:
            await party.wait_for("muted", since=at)
        await until_deaf(pair)
        for party in pair:
            party.send("reset")

    async def note_customer(self, customer: Party) -> None:
        """Keep what the customer's phone says about hold and re-INVITEs in the numbers."""
        details = await customer.details()
        for name, key in (("hold_s", "hold_s"), ("reinvites_to_customer", "reinvites")):
            self.numbers[name] = max(details[key], self.numbers[name] or 0)


def _talking(docs: Documents, earlier: set[str]) -> Document | None:
    fresh = (doc for key, doc in docs.items() if key.startswith("interaction/") and key not in earlier)
    return next((doc for doc in fresh if doc["phase"] == "talking"), None)


def _escalations(docs: Documents) -> list[Document]:
    return [doc for key, doc in docs.items() if key.startswith("escalation/")]


def _rings(escalation: Document, interaction: str, person: str) -> bool:
    invited = ((each["specialist"], each["state"]) for each in escalation["invitations"])
    return escalation["interaction"] == interaction and (person, "ringing") in invited


async def _paint(desk: DeskClient) -> None:
    """Acknowledge every case that is offered to this person, as the web desk does after painting it."""
    painted: set[str] = set()

    def fresh(docs: Documents) -> Document | None:
        return next(
            (
                doc
                for key, doc in docs.items()
                if key.startswith("escalation/") and doc["state"] == "offered" and doc["id"] not in painted
            ),
            None,
        )

    while True:
        try:
            offered = (await desk.wait_for(fresh, 3_600.0, "an offered case")).value
            painted.add(str(offered["id"]))
            with contextlib.suppress(DeskRefused):
                await desk.command(f"escalations/{offered['id']}/rendered", {"digest": offered["digest"]})
        except LabError:
            return  # the screen was closed


async def play_scene(
    kind: type[Scene], pace: Pace, tell: Tell = lambda _moment: None, state_dir: Path | None = None
) -> Report:
    """Play a scenario on a private node of its own, and report every check, also when it breaks off."""
    story = Story(tell)
    environment = {**BASE_ENVIRONMENT, **kind.environment(pace)}
    company = kind.company()
    if kind.nodes > 1:
        return await _play_on_many(kind, pace, story, PrivateFleet(kind.nodes, company, environment, state_dir))
    node = PrivateNode(state_dir, extra_env=environment, company=company)
    try:
        async with node as access:
            return await _play_on(kind, access, pace, story, node, company)
    except NodeFailed as error:
        return Report(kind.name, Checks(kind.planned).result(str(error)), story.in_order(), {}, str(error))


async def _play_on(
    kind: type[Scene], access: NodeAccess, pace: Pace, story: Story, node: PrivateNode, company: LabCompany
) -> Report:
    async with Stage(access) as stage:
        report = await _play_to_its_end(kind(stage, pace, story, company))
    if not report.passed:
        node.keep()
        story.add(f"The node's state and log are kept in {node.state_dir}")
    return report


async def _play_on_many(kind: type[Scene], pace: Pace, story: Story, fleet: PrivateFleet) -> Report:
    """Play it on several nodes that share store and broker."""
    try:
        async with fleet, contextlib.AsyncExitStack() as stack:
            stages = [await stack.enter_async_context(Stage(member.access)) for member in fleet.members]
            scene = kind(stages[0], pace, story, kind.company())
            scene.stages, scene.fleet = tuple(stages), fleet
            report = await _play_to_its_end(scene)
            if not report.passed:
                fleet.keep()
                story.add(f"The nodes' state and logs are kept in {fleet.folder}")
            return report
    except NodeFailed as error:
        return Report(kind.name, Checks(kind.planned).result(str(error)), story.in_order(), {}, str(error))


async def _play_to_its_end(scene: Scene) -> Report:
    story, broken_off = scene.story, ""
    story.start()
    try:
        await scene.play()
    except LabError as error:
        broken_off = f"{scene.step}: {error}"
        story.add(f"BROKEN OFF, {broken_off}")
    finally:
        await scene.leave()
    duration_s = time.monotonic() - story.started_at
    checks = scene.checks.result(broken_off)
    return Report(scene.name, checks, story.in_order(), scene.numbers, broken_off, duration_s)
