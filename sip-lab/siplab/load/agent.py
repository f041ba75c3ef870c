"""An agent under load: serves one customer after the other, and escalates those calls that the plan says."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Protocol

from siplab import prover
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import DeskRefused, LabError, WaitTimeout
from siplab.load.arrivals import PlannedCall
from siplab.load.customers import CustomerReport
from siplab.load.escalation import CEILING_S, EscalationResult, Observed, hearing_faults, judge
from siplab.load.phones import Phones
from siplab.load.plan import Escalations
from siplab.load.specialist import SpecialistAtWork, close_case
from siplab.prover import HearingReport
from siplab.tones import load_tone

FOREVER_S = 86_400.0
HEARD_AFTER_S = 0.6
"""From the moment somebody is in until everybody must hear everybody."""
HEAR_TRIES, HEAR_AGAIN_S = 12, 0.25
PROMISE_HEARD_S = 2.0
SEARCH_LIMIT_S = 4 * CEILING_S
OVER_PHASES = ("wrap_up", "closed")
UNREAD_S = 0.5


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of a call that an agent served."""

    agent: str
    waited_s: float | None = None
    deaf: tuple[str, ...] = ()
    escalation: EscalationResult | None = None


class Floor(Protocol):
    """What an agent needs to know of everybody else."""

    def call_from(self, caller: str) -> tuple[int, PlannedCall] | None:
        """Find a running call by the number it comes from."""

    def answered_at(self, number: int) -> float | None:
        """Tell when the target answered it (monotonic seconds)."""

    def reset_ears(self, number: int) -> None: ...

    async def customer_report(self, number: int) -> CustomerReport: ...

    def specialist(self, person: str) -> SpecialistAtWork | None: ...

    def escalating(self, by: int) -> None:
        """Count one running escalation more or less."""

    def served(self, number: int, what: Served) -> None: ...

    def trouble(self, who: str, what: object) -> None: ...


@dataclass(slots=True)
class Conversation:
    """A call at this agent's desk."""

    number: int
    interaction: str
    planned: PlannedCall
    waited_s: float | None
    deaf: tuple[str, ...] = ()
    result: EscalationResult | None = None

    @property
    def key(self) -> str:
        return f"interaction/{self.interaction}"

    def is_over(self, docs: Documents) -> bool:
        return self.key not in docs or docs[self.key]["phase"] in OVER_PHASES


class AgentAtWork:
    """One agent. `phones` is None for one whose phone is not ours (SIPp): what he hears is not judged."""

    def __init__(
        self, desk: DeskClient, line: str, tone: str, plan: Escalations | None, wrap_up_s: float, floor: Floor
    ) -> None:
        self.desk = desk
        self.line = line
        self.state = "idle"
        self.phones: Phones | None = None
        self._tone = tone
        self._plan = plan
        self._wrap_up_s = wrap_up_s
        self._floor = floor
        self._served: set[str] = set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                await self._serve_one()
            except (LabError, KeyError) as error:
                self._floor.trouble(self.desk.person, error if isinstance(error, LabError) else repr(error))
                await self._recover()

    async def _serve_one(self) -> None:
        self.state = "idle"
        with contextlib.suppress(DeskRefused):
            await self.desk.command("me/wrap-up/finish")
        await self.desk.command("me/agent-status", {"status": "ready"})
        talk = await self._next()
        if talk is None:
            return
        self.state = "talking"
        try:
            await self._talk(talk)
        finally:
            self._floor.served(talk.number, Served(self.desk.person, talk.waited_s, talk.deaf, talk.result))
        self.state = "wrap-up"
        await asyncio.sleep(self._wrap_up_s)

    async def _next(self) -> Conversation | None:
        def fresh(docs: Documents) -> Document | None:
            talking = (d for k, d in docs.items() if k.startswith("interaction/") and d["phase"] == "talking")
            return next((d for d in talking if d["id"] not in self._served), None)

        found = await self.desk.wait_for(fresh, FOREVER_S, "a conversation")
        interaction, caller = str(found.value["id"]), str(found.value["caller_number"])
        self._served.add(interaction)
        known = self._floor.call_from(caller)
        if known is None:  # not one of ours: a call from elsewhere, or one whose customer has just left
            await close_case(self.desk, interaction)
            return None
        number, planned = known
        answered_at = self._floor.answered_at(number)
        return Conversation(number, interaction, planned, found.at - answered_at if answered_at is not None else None)

    async def _talk(self, talk: Conversation) -> None:
        self._floor.reset_ears(talk.number)
        if self.phones is not None:
            self.phones.send(self.line, "reset")
        if await self._is_left_for(talk, max(HEARD_AFTER_S, talk.planned.talk_s)):
            return
        if self._plan is not None and talk.planned.escalates and self.phones is not None:
            await self._escalate(talk, self._plan)
            return
        await self._listen(talk)
        await close_case(self.desk, talk.interaction)

    async def _is_left_for(self, talk: Conversation, seconds: float) -> bool:
        """Go on talking; tells whether the call ended meanwhile."""
        try:
            await self.desk.wait_for(talk.is_over, seconds, "the end of the call")
        except WaitTimeout:
            return False
        return True

    # --- escalating ----------------------------------------------------------------------------------------------

    async def _escalate(self, talk: Conversation, plan: Escalations) -> None:
        body = {"reason": "Load."} | ({"skill": plan.skill} if plan.skill else {})
        self.state = "escalating"
        self._floor.escalating(1)
        began = time.monotonic()
        try:
            asked = await self.desk.command(f"interactions/{talk.interaction}/escalations", body)
            settled_at, document = await self._settled(f"escalation/{asked['id']}", plan.when_nobody)
        except DeskRefused as refused:
            talk.result = EscalationResult(f"refused: {refused.code}")
            await close_case(self.desk, talk.interaction)
            return
        finally:
            self._floor.escalating(-1)
        handover_s = settled_at - began if settled_at is not None else None
        if document.get("joined_at"):
            await self._together(talk, plan, document, handover_s)
        else:
            talk.result = judge(await self._observed(talk, document, handover_s))
            if not await self._is_left_for(talk, PROMISE_HEARD_S):
                await close_case(self.desk, talk.interaction)

    async def _settled(self, key: str, choice: str) -> tuple[float | None, Document]:
        """Wait for a person, a promise, or another end; gives when one of the first two came, and the document."""
        document: Document = {}

        def look(docs: Documents) -> str:
            nonlocal document
            document = docs.get(key, document)
            if document.get("joined_at"):
                return "joined"
            if document.get("promise"):
                return "promised"
            if document.get("state") == "closed" or (document and key not in docs):
                return "closed"
            return "choosing" if document.get("phase") == "choosing" else ""

        while True:
            found = await self.desk.wait_for(look, SEARCH_LIMIT_S, "the end of the search")
            if found.value != "choosing":
                return (None if found.value == "closed" else found.at), document
            with contextlib.suppress(DeskRefused):
                await self.desk.command(f"escalations/{key.partition('/')[2]}/choose", {"choice": choice})
            await self.desk.wait_for(lambda docs: look(docs) != "choosing", SEARCH_LIMIT_S, "the choice to count")

    async def _together(
        self, talk: Conversation, plan: Escalations, document: Document, handover_s: float | None
    ) -> None:
        self.state = "conference"
        expert = self._floor.specialist(str(document["specialist"]))
        left = await self._is_left_for(talk, plan.together_s)
        if left or expert is None:
            talk.result = judge(Observed(document, handover_s, True))
            return
        talk.result = judge(await self._observed(talk, document, handover_s, expert))
        await self.desk.command(f"interactions/{talk.interaction}/leave")
        expert.close_later(talk.interaction, plan.alone_s)

    async def _observed(
        self, talk: Conversation, document: Document, handover_s: float | None, expert: SpecialistAtWork | None = None
    ) -> Observed:
        joined, did = expert is not None, expert.did if expert is not None else ""
        try:
            reports, customer = await self._listen(talk, expert)
        except LabError:
            return Observed(document, handover_s, joined, answered_by=did)
        own, theirs = self._tone, reports[0].listener
        gaps = prover.longest_gaps(reports, ((own, theirs), (theirs, own)))
        gap_ms = max((gap for gap in gaps.values() if gap is not None), default=None)
        return Observed(document, handover_s, joined, gap_ms, customer.hold_s, customer.reinvites, did)

    # --- listening -----------------------------------------------------------------------------------------------

    async def _listen(
        self, talk: Conversation, expert: SpecialistAtWork | None = None
    ) -> tuple[list[HearingReport], CustomerReport]:
        """Ask all phones of a conversation and note who is deaf; the customer's report is the first.

        Asked again for a while before somebody counts as deaf: a report is of one moment.
        """
        for _ in range(HEAR_TRIES):
            reports, customer = await self._ask(talk, expert)
            talk.deaf = hearing_faults(reports, self._tones(talk, expert))
            if not talk.deaf:
                break
            await asyncio.sleep(HEAR_AGAIN_S)
        return reports, customer

    async def _ask(
        self, talk: Conversation, expert: SpecialistAtWork | None
    ) -> tuple[list[HearingReport], CustomerReport]:
        customer = await self._floor.customer_report(talk.number)
        reports = [customer.hearing]
        if self.phones is not None:
            reports.append(await self.phones.report(self.line, self._tone))
        if expert is not None and expert.phones is not None:
            reports.append(await expert.phones.report(expert.line, expert.tone))
        return reports, customer

    def _tones(self, talk: Conversation, expert: SpecialistAtWork | None = None) -> dict[str, str]:
        tones = {load_tone("C", talk.number)[0]: "the customer"}
        if self.phones is not None:
            tones[self._tone] = "the agent"
        if expert is not None:
            tones[expert.tone] = "the specialist"
        return tones

    # --- the end -------------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Come back after something broke: the screen opened again, conversations left over closed."""
        await asyncio.sleep(UNREAD_S)
        with contextlib.suppress(LabError, OSError, TimeoutError):
            await self.desk.open_live()
            for key, document in tuple(self.desk.docs.items()):
                if key.startswith("interaction/") and document["phase"] not in OVER_PHASES:
                    self._served.add(str(document["id"]))
                    await close_case(self.desk, str(document["id"]))
