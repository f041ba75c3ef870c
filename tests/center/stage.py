"""A whole centre on a real store, with scripted telephones and a broker in memory: situations by name."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from center.directory import CompanyDirectory, ha1_pair
from center.escalation.model import Timing
from center.leases import LeaseKeeper, LeaseTiming
from center.live import LiveDocuments, Subscription
from center.nodes.model import NodeTiming
from center.service import ContactCenter
from center.speech import Speech
from presence.contract import IncomingMessage
from presence.model import Availability, AvailabilityState
from presence.runner import PresenceService
from presence.settings import PresenceSettings
from routing.model import AgentStatus
from store.demo import seed_demo_company
from store.store import Store
from telephony.effects import DialLeg, EndLeg
from telephony.events import SwitchEvent
from tests.fakes.switch import FakeSwitch, Manner
from vocabulary import CaseId, EscalationId, InteractionId, LegId, PersonId

ANNA, BEN = PersonId("anna.novak"), PersonId("ben.carter")
EVA, MARCUS = PersonId("eva.horvat"), PersonId("marcus.lind")
SARA, OLGA = PersonId("sara.quinn"), PersonId("olga.marin")
ANA_K = "+385915550101"
"""A number of the demo customer Ana Kovač."""
STRANGER = "+442079460999"
PATIENCE_S = 20.0
"""Long enough for a busy machine; every wait ends with its condition."""
POLL_S = 0.002
UNHURRIED = LeaseTiming(ttl_s=60.0, answer_s=PATIENCE_S, fresh_s=PATIENCE_S)
"""A store that answers slowly is not down: what happens without one is tested with one that is really away."""

Document = dict[str, Any]


class PresenceInMemory(PresenceService):
    """The real service with a broker that is a list: what is published is kept, and own topics come back."""

    def __init__(
        self, people: list[PersonId], folder: Path, on_change: Callable[[Availability], None], node: str, shared: bool
    ) -> None:
        settings = PresenceSettings(state_dir=folder, node=node, shared=shared)
        super().__init__(
            settings, on_change=on_change, on_command=lambda *_: None, on_rendered=lambda *_: None, people=people
        )
        self._prefix = settings.prefix
        self.published: list[tuple[str, Any]] = []
        self._retained: dict[str, bytes] = {}
        self._neighbours: list[PresenceInMemory] = []

    async def start(self) -> None:
        for person in self._first_people:
            self.watch(person)
        self._broker_is_there()

    def lose_broker(self) -> None:
        self._broker_is_lost()

    def find_broker(self) -> None:
        """The broker is back and hands over what it retains."""
        for topic, payload in self._retained.items():
            self._take_message(IncomingMessage(topic, payload, retained=True))
        self._broker_is_there()

    def meet(self, other: PresenceInMemory) -> None:
        """Another node is at the broker, too: it hears what is said here of those who are busy."""
        self._neighbours.append(other)
        self.shows_itself(True)

    def shows_itself(self, online: bool) -> None:
        """What the broker tells the others of this node; not online: its last will."""
        status = {"status": "online" if online else "offline"}
        self._to_others(self._topics.node(self._settings.node), json.dumps(status).encode())

    def _to_others(self, topic: str, payload: bytes) -> None:
        for other in self._neighbours:
            other._take_message(IncomingMessage(topic, payload, retained=False))

    def says(self, person: PersonId, status: str) -> None:
        """A person's UC client reports a status."""
        fact = {"status": status, "since": datetime.now(UTC).isoformat()}
        self._publish(f"{self._prefix}/presence/{person}/uc", json.dumps(fact).encode(), retain=True)

    def cases_of(self, person: PersonId) -> list[Any]:
        return [payload for topic, payload in self.published if topic == f"{self._prefix}/case/{person}"]

    def answers_to(self, person: PersonId) -> list[Any]:
        """What a person's client was told of its commands."""
        return [payload for topic, payload in self.published if topic == f"{self._prefix}/answer/{person}"]

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: float | None = None) -> None:
        self.published.append((topic, json.loads(payload) if payload else None))
        if topic.startswith(f"{self._prefix}/presence/"):
            self._retained[topic] = payload
            self._take_message(IncomingMessage(topic, payload, retained=False))
        if topic.startswith(f"{self._prefix}/engaged/"):
            self._to_others(topic, payload)


@dataclass
class Stage:
    """One running centre and everything around it."""

    center: ContactCenter
    switch: FakeSwitch
    presence: PresenceInMemory
    store: Store
    directory: CompanyDirectory

    # -- people and screens -------------------------------------------------------------------------------------

    async def at_work(self, *people: PersonId, manner: Manner = Manner.ANSWER) -> None:
        """People whose phones are registered; agents are ready, specialists available."""
        for person in people:
            self.switch.register(person, manner)
            self.presence.says(person, "available")
            if person in self.center.engine.routing.agents:
                await self.center.commands.choose_agent_status(person, AgentStatus.READY, "")
        await self.until(lambda: all(self.directory.registered.get(person) for person in people))

    def screen(self, person: PersonId) -> Subscription:
        return self.center.live.subscribe(person, self.directory.people[person].roles)

    def docs(self, person: PersonId) -> Mapping[str, Document]:
        """What this person's screen shows."""
        shown = self.center.live.visible_to(person, self.directory.people[person].roles)
        return {key: dict(document) for key, document in shown.items()}

    def doc(self, person: PersonId, kind: str) -> Document:
        """The only document of a kind (interaction, case, escalation) on a person's screen."""
        found = [document for key, document in self.docs(person).items() if key.startswith(f"{kind}/")]
        assert len(found) == 1, f"{len(found)} documents {kind} at {person}"
        return found[0]

    def sees(self, person: PersonId, kind: str) -> bool:
        return any(key.startswith(f"{kind}/") for key in self.docs(person))

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(PATIENCE_S):
            while not happened():  # noqa: ASYNC110  # conditions are over many objects; one event for all would lie
                await asyncio.sleep(POLL_S)

    async def settled(self) -> None:
        """Let everything happen that is due, the store's answers included."""
        for _ in range(10):
            await asyncio.sleep(POLL_S)

    # -- situations ---------------------------------------------------------------------------------------------

    async def customer_calls(self, number: str = ANA_K, called: str = "5001") -> LegId:
        return self.switch.customer_calls(number, called=called)

    async def talking(self, agent: PersonId = ANNA, number: str = ANA_K) -> InteractionId:
        """A customer talks to an agent, and is known to the store."""
        if not self.directory.registered.get(agent):
            await self.at_work(agent)
        known = set(self.center.engine.works)
        await self.customer_calls(number)
        await self.until(lambda: set(self.center.engine.works) - known)
        (interaction,) = set(self.center.engine.works) - known
        await self.until(lambda: self.phase(interaction) == "talking")
        await self.until(lambda: number != ANA_K or self.center.engine.works[interaction].customer is not None)
        return interaction

    async def escalating(
        self, interaction: InteractionId, specialist: PersonId = EVA, manner: Manner = Manner.RING
    ) -> EscalationId:
        """The agent asked for a specialist, whose phone rings."""
        await self.at_work(specialist, manner=manner)
        await self.until(lambda: self.availability(specialist) is AvailabilityState.FREE)
        asked = await self.center.commands.escalate(ANNA, interaction, specialist, "The flood clause is beyond me.")
        escalation = EscalationId(asked["id"])
        await self.until(lambda: self.escalation(escalation)["state"] in ("ringing", "joined", "closed"))
        return escalation

    async def conference(self, interaction: InteractionId, specialist: PersonId = EVA) -> EscalationId:
        """Customer, agent and specialist talk: he clicked and lifted the handset."""
        escalation = await self.escalating(interaction, specialist)
        await self.joins(specialist, escalation)
        return escalation

    async def joins(self, specialist: PersonId, escalation: EscalationId) -> None:
        """A specialist whose phone rings clicks and lifts the handset."""
        await self.center.commands.accept(specialist, escalation)
        await self.lifts(specialist)
        await self.until(lambda: self.escalation(escalation)["state"] == "joined")

    async def lifts(self, person: PersonId) -> None:
        """A person lifts the handset as soon as his phone rings."""
        await self.until(lambda: self.switch.dialled(person) is not None)
        self.switch.answer(self.leg_of(person))

    # -- looking ------------------------------------------------------------------------------------------------

    def phase(self, interaction: InteractionId) -> str:
        engine = self.center.engine
        work = engine.works.get(interaction) or engine.closed[interaction]
        return work.call.phase.value

    def escalation(self, escalation: EscalationId) -> Document:
        return dict(self.center.live.get(f"escalation/{escalation}") or {"state": "gone"})

    def case_of(self, interaction: InteractionId) -> CaseId:
        return self.center.engine.works[interaction].case.id

    def availability(self, person: PersonId) -> AvailabilityState:
        return self.presence.availability(person).state

    def agent_state(self, person: PersonId) -> str:
        return self.center.engine.routing.agents[person].state.value

    def leg_of(self, person: PersonId) -> LegId:
        leg = self.switch.dialled(person)
        assert leg is not None
        return leg

    def dialled_to(self, person: PersonId) -> list[DialLeg]:
        return [e for e in self.switch.effects if isinstance(e, DialLeg) and e.to.person == person]

    def ended(self, leg: LegId) -> list[EndLeg]:
        return [e for e in self.switch.effects if isinstance(e, EndLeg) and e.leg == leg]

    async def event_names(self, interaction: InteractionId) -> list[str]:
        await self.store.events.flush()
        return [event.name for event in await self.store.events.of(interaction)]


async def _store_in(folder: Path, journal: str) -> Store:
    return await Store.open(f"sqlite:///{folder}/ringside.db", journal_dir=folder / journal, default_region="HR")


class DemoCompany:
    """The demo company's database: made once in a process, then copied, which takes a hundredth of the time."""

    def __init__(self) -> None:
        self._file = b""

    async def copied_to(self, folder: Path) -> None:
        """Have the company in the folder's database, unless there is one already."""
        file = folder / "ringside.db"
        if file.exists():
            return
        if not self._file:
            await self._make(folder)
        else:
            file.write_bytes(self._file)

    async def _make(self, folder: Path) -> None:
        store = await _store_in(folder, "journal-demo")
        await seed_demo_company(store, hash_password=lambda _password: "hash", make_ha1=ha1_pair, realm="ringside")
        await store.close()  # what stood in the write-ahead log is in the file now
        self._file = (folder / "ringside.db").read_bytes()


DEMO_COMPANY = DemoCompany()


@asynccontextmanager
async def a_stage(
    folder: Path,
    *,
    timing: Timing | None = None,
    ring_timeout_s: float = 15.0,
    wrap_up_s: float = 30.0,
    node: str = "node",
    node_timing: NodeTiming | None = None,
    texts: bool = False,
) -> AsyncIterator[Stage]:
    """A centre of the demo company, with limits of the test's own; stopped and closed in the end.

    With a `node_timing` it is one of several that share the folder's store, each with a name of its own.
    """
    await DEMO_COMPANY.copied_to(folder)
    store = await _store_in(folder, f"journal-{node}")
    directory = await CompanyDirectory.load(store, "ringside")
    directory.queues = [replace(q, ring_timeout_s=ring_timeout_s, wrap_up_s=wrap_up_s) for q in directory.queues]
    centers: list[ContactCenter] = []

    def to_center(event: SwitchEvent) -> None:
        centers[0].switch_event(event)

    def availability_to_center(availability: Availability) -> None:
        for center in centers:
            center.availability_changed(availability)

    switch = FakeSwitch(to_center)
    several = node_timing is not None
    presence = PresenceInMemory(list(directory.people), folder, availability_to_center, node, several)
    await presence.start()
    center = ContactCenter(
        store=store,
        switch=switch,
        presence=presence,
        directory=directory,
        live=LiveDocuments(),
        timing=replace(timing or Timing(), lease_s=PATIENCE_S),
        agent_status=await store.directory.agent_status(),
        case_url=lambda escalation: f"https://desk.example/#/escalation/{escalation}",
        company="Harbour Insurance",
        speech=Speech(folder / "speech"),
        hash_password=lambda password: f"hash of {len(password)} letters",
        leases=LeaseKeeper(store.leases, node=node, nodes=3 if several else 1, timing=UNHURRIED),
        node_timing=node_timing,
        texts=texts,
    )
    centers.append(center)
    await center.start()
    try:
        yield Stage(center, switch, presence, store, directory)
    finally:
        with contextlib.suppress(Exception):
            await presence.stop()
        await center.stop()
        await store.close()
