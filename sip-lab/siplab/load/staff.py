"""Everybody who works at the target during a run: agents, specialists, and people whose presence changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Protocol

from siplab.child import ChildEvent
from siplab.desk import DeskClient, Documents
from siplab.errors import BadInput, LabError, WaitTimeout
from siplab.load.agent import AgentAtWork, Served
from siplab.load.arrivals import PlannedCall
from siplab.load.churn import Churn
from siplab.load.customers import CustomerReport
from siplab.load.foreign import SippPhone
from siplab.load.phones import Phones
from siplab.load.plan import Plan
from siplab.load.specialist import SpecialistAtWork
from siplab.load.system import PASSER_BY, System
from siplab.node import Login, NodeAccess
from siplab.remote import Line
from siplab.scenarios.stage import phone_line
from siplab.tones import load_tone

READY_TIMEOUT_S = 30.0
FINISH_S = 15.0
MOST_TROUBLES = 200


class CallBook(Protocol):
    """What staff needs to know of the customers' calls; the engine keeps it."""

    def call_from(self, caller: str) -> tuple[int, PlannedCall] | None: ...

    def answered_at(self, number: int) -> float | None: ...

    def reset_ears(self, number: int) -> None: ...

    async def customer_report(self, number: int) -> CustomerReport: ...

    def note_step(self, caller: str, who: str, event: ChildEvent) -> None: ...


class Staff:
    """The people of a plan at a system. `notes` is what agents know of the calls they served."""

    def __init__(self, plan: Plan, system: System, book: CallBook, cores: Sequence[int] = ()) -> None:
        assert system.access is not None, "staff needs desks"
        self._plan = plan
        self._system = system
        self._access: NodeAccess = system.access
        self._book = book
        self._cores = list(cores)
        self._stack = AsyncExitStack()
        self._working: list[asyncio.Task[None]] = []
        self.agents: list[AgentAtWork] = []
        self.specialists: dict[str, SpecialistAtWork] = {}
        self.churn: Churn | None = None
        self.notes: dict[int, Served] = {}
        self.running = 0
        """Escalations under way."""
        self.troubles: list[str] = []

    # --- what agents ask for (Floor) -----------------------------------------------------------------------------

    def call_from(self, caller: str) -> tuple[int, PlannedCall] | None:
        return self._book.call_from(caller)

    def answered_at(self, number: int) -> float | None:
        return self._book.answered_at(number)

    def reset_ears(self, number: int) -> None:
        self._book.reset_ears(number)

    async def customer_report(self, number: int) -> CustomerReport:
        return await self._book.customer_report(number)

    def specialist(self, person: str) -> SpecialistAtWork | None:
        return self.specialists.get(person)

    def escalating(self, by: int) -> None:
        self.running += by

    def served(self, number: int, what: Served) -> None:
        self.notes[number] = what

    def trouble(self, who: str, what: object) -> None:
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(f"{who}: {what}"[:300])

    # --- coming and going ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Log everybody in, register the phones, and wait until the specialists are shown as free.

        Raises:
            LabError: Somebody cannot work.
        """
        try:
            await self._bring_specialists()
            await self._bring_agents()
            await self._churn()
        except BaseException:
            await self.stop()
            raise

    async def _bring_specialists(self) -> None:
        habits = self._plan.specialists
        if habits is None:
            return
        logins = self._people("specialist", habits.count)
        lines = []
        for n, login in enumerate(logins):
            desk = await self._desk(login)
            tone, hz = load_tone("S", n)
            self.specialists[login.person] = SpecialistAtWork(desk, login.person, tone, habits, self._plan.seed)
            lines.append(self._line(login, desk, "command", hz))
        alive = len(lines) - habits.dead
        await self._kill_phones(lines[alive:])
        phones = await self._phones("specialists", lines[:alive], ("C", "A"))
        for n, expert in enumerate(self.specialists.values()):
            self._stack.push_async_callback(expert.stop)
            expert.begin(phones if n < alive else None)
            if self._plan.presence is None:
                await expert.desk.command("me/availability", {"status": "available"})

    async def _bring_agents(self) -> None:
        plan = self._plan.agents
        if plan is None:
            return
        logins = self._people("agent", plan.count)
        ours = plan.count - plan.sipp
        lines = []
        for n, login in enumerate(logins):
            desk = await self._desk(login)
            tone, hz = load_tone("A", n)
            after_ms = round(plan.answers_after_s * 1000)
            self.agents.append(AgentAtWork(desk, login.person, tone, self._plan.escalations, plan.wrap_up_s, self))
            if n < ours:
                lines.append(self._line(login, desk, "auto", hz, after_ms))
            else:
                await self._stack.enter_async_context(SippPhone(login, self._system.target))
        phones = await self._phones("agents", lines, ("C", "S"))
        for n, agent in enumerate(self.agents):
            agent.phones = phones if n < ours else None

    async def _churn(self) -> None:
        plan = self._plan.presence
        if plan is None:
            return
        people = [self._access.logins[person] for person in self.specialists]
        people += [login for person, login in self._access.logins.items() if person.startswith(PASSER_BY)]
        screen = await self._desk(self._anybody())
        self.churn = Churn(plan, self._plan.seed, screen)
        await self.churn.start(self._stack, self._access, people)

    def begin(self) -> None:
        """Let agents serve."""
        self._working = [asyncio.create_task(agent.run()) for agent in self.agents]

    async def until_free(self) -> None:
        """Wait until every specialist with a phone is shown as free once.

        Raises:
            WaitTimeout: Who is not.
        """
        if not self.agents:
            return
        screen = self.agents[0].desk
        for person, expert in self.specialists.items():
            if expert.phones is not None:
                await screen.wait_for(_is_free(person), READY_TIMEOUT_S, f"{person} shown as free")

    async def finish(self) -> None:
        """Let agents end what they are at, within a bound."""
        with contextlib.suppress(WaitTimeout):
            deadline = asyncio.get_running_loop().time() + FINISH_S
            while any(agent.state in ("talking", "escalating", "conference") for agent in self.agents):
                if asyncio.get_running_loop().time() > deadline:
                    raise WaitTimeout("agents to finish", FINISH_S)
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Everybody goes home."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        if self.churn is not None:
            await self.churn.stop()
        await asyncio.gather(*(self._sign_off(agent.desk) for agent in self.agents))
        await self._stack.aclose()

    @staticmethod
    async def _sign_off(desk: DeskClient) -> None:
        """Leave an agent as one who takes no calls: a running node lives on."""
        with contextlib.suppress(LabError):
            await desk.command("me/agent-status", {"status": "not_ready", "reason": "end of the load test"})

    def states(self) -> Counter[str]:
        """Count what the agents are at."""
        return Counter(agent.state for agent in self.agents)

    def rings(self) -> Counter[str]:
        """Count what specialists did when their phones rang."""
        return sum((expert.rings for expert in self.specialists.values()), Counter())

    # --- phones and desks ----------------------------------------------------------------------------------------

    def _people(self, role: str, count: int) -> list[Login]:
        known = [login for login in self._access.with_role(role) if not login.person.startswith(PASSER_BY)]
        if len(known) < count:
            raise BadInput(f"the plan wants {count} people as {role}, the target has {len(known)} with log-ins")
        return known[:count]

    def _anybody(self) -> Login:
        supervisors = self._access.with_role("supervisor")
        return supervisors[0] if supervisors else next(iter(self._access.logins.values()))

    async def _desk(self, login: Login) -> DeskClient:
        return await self._stack.enter_async_context(DeskClient(self._access.web, login.person, login.web_password))

    @staticmethod
    def _line(login: Login, desk: DeskClient, answer: str, hz: int, after_ms: int = 0) -> Line:
        line = phone_line(login.person, login, desk.docs["me"], answer, after_ms=after_ms)
        return replace(line, tone_hz=hz)

    async def _phones(self, name: str, lines: Sequence[Line], others: Sequence[str]) -> Phones | None:
        if not lines:
            return None
        return await Phones.start(self._stack, name, lines, others, self._book.note_step, self._cores)

    async def _kill_phones(self, lines: Sequence[Line]) -> None:
        """Register phones and let them die without a word."""
        if not lines:
            return
        async with AsyncExitStack() as stack:
            phones = await Phones.start(stack, "dead phones", lines, (), self._book.note_step, self._cores)
            with contextlib.suppress(ProcessLookupError):
                os.kill(phones.pid, signal.SIGKILL)


def _is_free(person: str) -> Callable[[Documents], bool]:
    key = f"person/{person}"
    return lambda docs: key in docs and docs[key]["availability"]["state"] == "free"
