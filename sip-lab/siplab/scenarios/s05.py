"""S05, steps 1 and 4: ten agents want the only free expert in the same moment; and a BYE that never comes.

Exactly one escalation reserves him and rings him once; the nine others are told at once. Then his phone vanishes in the
middle of the conversation: within ten seconds nobody is bound to it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace

from siplab.checks import Planned
from siplab.company import CLAIMS, CLAIMS_NUMBER, Customer, LabCompany, agent, specialist
from siplab.desk import DeskClient, Document
from siplab.errors import DeskRefused, WaitTimeout
from siplab.patience import WAIT_S
from siplab.remote import Line
from siplab.scenarios.party import Party, until_heard
from siplab.scenarios.s01_checks import GAP_MS
from siplab.scenarios.scene import EARS, Environment, Pace, Scene, Talk
from siplab.scenarios.stage import phone_line, sip_server
from siplab.tones import tone_of

AGENTS = 10
WITHIN_MS, TOLD_MS, FREED_S = 50, 300, 10
EXPERT = "expert.01"
TAKEN = ("taken", "nobody_free")


class S05(Scene):
    """Ten agents, one expert."""

    name = "S05"
    planned: tuple[Planned, ...] = (
        Planned("all_at_once", "Ten agents in ten conversations ask at once", "within 50 ms", ("N4",)),
        Planned("one_reserved", "E1 is reserved exactly once", "1", ("RD-03", "N4")),
        Planned("one_invite", "E1's phone gets exactly one INVITE", "1", ("RD-03", "N4")),
        Planned("others_told", "The nine others are told", "9, each <= 300 ms", ("RD-03", "CE-16", "N4")),
        Planned("others_cause", "Their screens say why", "taken, or nobody free", ("CE-18",)),
        Planned("winner_joined", "The one who got him has three people talking", "6 directions", ("CE-03", "N4")),
        Planned(
            "freed", "E1's phone vanishes without a BYE: the conversation is rid of it", "<= 10 s", ("N7", "RD-03")
        ),
        Planned("lease_free", "E1 can be asked again after that, by another agent", "reserved", ("N4", "N7")),
        Planned("talk_goes_on", "C and A of that conversation talk on", "gap <= 100 ms", ("CE-11", "N7")),
    )

    @classmethod
    def company(cls) -> LabCompany:
        people = (*(agent(n) for n in range(1, AGENTS + 1)), specialist(1))
        customers = tuple(Customer(f"customer.{n:02}", f"Customer {n}", _number(n)) for n in range(1, AGENTS + 1))
        return LabCompany(people, customers)

    @classmethod
    def environment(cls, pace: Pace) -> Environment:
        return {"RINGSIDE_ESCALATION__RING_S": "15.0"}  # whom nobody lifts rings long enough to be looked at

    async def play(self) -> None:
        talks, experts = await self._set_up()
        winner = await self._race(talks, experts)
        await self._one_expert_less(winner, talks, experts)

    async def _set_up(self) -> tuple[list[Talk], list[Party]]:
        """Everybody at work: the expert's phone is connected to every node, the agents are spread over them."""
        self.screens = [await self.screen(EXPERT, stage) for stage in self.stages]
        experts = [await self._expert_phone(number, "command") for number in range(len(self.stages))]
        await self.available(EXPERT)
        talks = await self._ten_conversations()
        for talk in talks[: len(self.stages)]:
            await self.shown(talk.desk, EXPERT)
        return talks, experts

    async def _expert_phone(self, number: int, answer: str) -> Party:
        """The expert's phone as one node knows it: it registers at each."""
        stage = self.stages[number]
        login, me = stage.access.logins[EXPERT], self.screens[number].docs["me"]
        line = phone_line(f"E1.{number + 1}", login, me, answer)
        robot = await stage.robot(f"E1 at n{number + 1}", replace(line, tone_hz=tone_of("E1")), speakers=EARS)
        return Party(line.party, robot)

    async def _one_expert_less(self, winner: Talk, talks: list[Talk], experts: list[Party]) -> None:
        expert = experts[self._home(winner)]
        await self._join(winner, expert)
        for each in experts:
            each.policy("never")  # who asks next shall only have him reserved
        await asyncio.gather(*(self._take_back(talk) for talk in talks if talk is not winner))
        await self._vanish(winner, [t for t in talks if t is not winner], expert)

    def _home(self, talk: Talk) -> int:
        """The number of the node a conversation is on."""
        return int(talk.agent.name[1:]) % len(self.stages)

    # --- ten conversations ---------------------------------------------------------------------------------------

    async def _ten_conversations(self) -> list[Talk]:
        self.step = "ten customers call"
        homes = [self.stages[n % len(self.stages)] for n in range(AGENTS)]
        people = [f"agent.{n:02}" for n in range(1, AGENTS + 1)]
        desks = [await self.desk(person, stage) for stage, person in zip(homes, people, strict=True)]
        mes, logins = [desk.docs["me"] for desk in desks], self.stage.access.logins
        agents, customers = await asyncio.gather(
            self.robot(
                "agents",
                *(
                    replace(phone_line(f"A{n}", logins[p], mes[n], "auto"), tone_hz=tone_of("A"))
                    for n, p in enumerate(people)
                ),
            ),
            self.robot(
                "customers",
                *(Line(f"C{n}", _number(n + 1), sip_server(mes[n]), tone_hz=tone_of("C")) for n in range(AGENTS)),
            ),
        )
        for desk in desks:
            await desk.command("me/agent-status", {"status": "ready"})
        for customer in customers:
            customer.send("call", to=CLAIMS_NUMBER)
        self.story.add("Ten customers call")
        talks = [await self._talk_of(desk, phone, customers) for desk, phone in zip(desks, agents, strict=True)]
        self.story.add("Ten conversations")
        return talks

    async def _talk_of(self, desk: DeskClient, phone: Party, customers: list[Party]) -> Talk:
        found = await desk.wait_for(
            lambda docs: next(
                (d for k, d in docs.items() if k.startswith("interaction/") and d["phase"] == "talking"), None
            ),
            WAIT_S,
            "a conversation",
        )
        number = str(found.value["caller_number"])
        caller = next(c for n, c in enumerate(customers, 1) if _number(n) == number)
        return Talk(str(found.value["id"]), caller, phone, desk)

    # --- the race ------------------------------------------------------------------------------------------------

    async def _race(self, talks: list[Talk], experts: list[Party]) -> Talk:
        self.step = "all ask at once"
        t0 = time.monotonic()
        asked = await asyncio.gather(*(self._ask(talk) for talk in talks))
        spread_ms = (max(at for at, _ in asked) - min(at for at, _ in asked)) * 1000
        self.checks.at_most("all_at_once", spread_ms, WITHIN_MS, "ms")
        self.story.add("Ten agents ask for the same expert", t0)
        keys = [key for _, key in asked]
        told = await self._all_told(talks, asked)
        await self._rung(experts, t0)
        await asyncio.sleep(0.5)  # a second ring would come within this
        timelines = await asyncio.gather(*(talk.events() for talk in talks))
        reserved = [sum(e["name"] == "escalation.reserved" for e in events) for events in timelines]
        self.checks.record("one_reserved", sum(reserved) == 1, str(sum(reserved)))
        invites = sum(len(expert.events("incoming", t0)) for expert in experts)
        self.checks.record("one_invite", invites == 1, str(invites))
        winner = next((n for n, count in enumerate(reserved) if count), 0)
        self._judge_losers([each for n, each in enumerate(told) if n != winner])
        self.story.add(f"{talks[winner].agent.name} got him")
        self.winning_key = keys[winner]
        return talks[winner]

    async def _rung(self, experts: list[Party], since: float, timeout_s: float = WAIT_S) -> Party:
        """Wait until one of the expert's phones is asked to ring; gives which."""
        waits = {asyncio.create_task(e.wait_for("incoming", since=since, timeout_s=timeout_s)): e for e in experts}
        try:
            for first in asyncio.as_completed(waits):
                with contextlib.suppress(WaitTimeout):
                    await first
                    break
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        rung = [expert for expert in experts if expert.events("incoming", since)]
        if not rung:
            raise WaitTimeout("the expert's phone to ring", timeout_s)
        return rung[0]

    async def _ask(self, talk: Talk) -> tuple[float, str]:
        at = time.monotonic()
        try:
            return at, f"escalation/{(await talk.escalate(skill=CLAIMS, reason='Help.'))['id']}"
        except DeskRefused as refused:
            return at, f"refused: {refused.code}"

    async def _all_told(self, talks: list[Talk], asked: list[tuple[float, str]]) -> list[tuple[float, str]]:
        """Wait for the bad news on all screens but one: milliseconds after asking, and the cause.

        (inf, "") for who gets him, and for who is never told.
        """
        waits = [asyncio.create_task(self._told(t, at, key)) for t, (at, key) in zip(talks, asked, strict=True)]
        begun = time.monotonic()
        while sum(wait.done() for wait in waits) < len(waits) - 1 and time.monotonic() < begun + WAIT_S:
            await asyncio.wait([wait for wait in waits if not wait.done()], timeout=1.0, return_when="FIRST_COMPLETED")
        for wait in waits:
            wait.cancel()
        told = await asyncio.gather(*waits, return_exceptions=True)
        return [(float("inf"), "") if isinstance(news, BaseException) else news for news in told]

    async def _told(self, talk: Talk, asked_at: float, key: str) -> tuple[float, str]:
        """Wait for the bad news on one screen."""
        if key.startswith("refused"):
            return 0.0, key
        with_news = await talk.until(key, _bad_news, "the news")
        seen = talk.desk.first_arrival(key, lambda doc: bool(_bad_news(doc)), asked_at) or with_news.at
        return (seen - asked_at) * 1000, _bad_news(talk.desk.docs[key])

    def _judge_losers(self, told: list[tuple[float, str]]) -> None:
        late = max((ms for ms, _ in told), default=float("inf"))
        self.numbers["others_told_ms"] = None if late == float("inf") else round(late, 1)
        in_time = sum(self.checks.in_time(ms, TOLD_MS) for ms, _ in told)
        self.checks.record("others_told", in_time == AGENTS - 1, f"{in_time}, the last after {late:.0f} ms")
        causes = sorted({cause for _, cause in told})
        self.checks.record("others_cause", all(cause in TAKEN for _, cause in told), ", ".join(causes))

    async def _join(self, winner: Talk, expert: Party) -> None:
        self.step = "the expert answers"
        await winner.until_liftable(EXPERT)
        expert.send("answer")
        await winner.until(self.winning_key, lambda doc: doc["joined_at"], "the expert to be joined")
        customer, phone = (party.name for party in winner.pair)  # all customers have C's tone, all agents A's
        e1 = expert.name
        wanted = [("E1", customer), ("E1", phone), ("A", customer), ("C", phone), ("A", e1), ("C", e1)]
        await until_heard((*winner.pair, expert), wanted)
        self.checks.record("winner_joined", True, "6 directions")
        self.story.add("Three people talk")

    # --- the phone vanishes --------------------------------------------------------------------------------------

    async def _vanish(self, winner: Talk, others: list[Talk], expert: Party) -> None:
        self.step = "the expert's phone vanishes"
        for party in winner.pair:
            party.send("arm")
        gone_at = time.monotonic()
        expert.vanish()
        self.story.add("E1's phone vanishes: no BYE, no sound", gone_at)
        document = f"interaction/{winner.interaction}"
        left = await winner.until(document, _without_specialist, "the conversation without E1")
        freed_s = round(left.at - gone_at, 2)
        self.numbers["freed_s"] = freed_s
        self.checks.at_most("freed", freed_s, FREED_S, "s")
        self.story.add("The conversation is rid of it", left.at)
        await self._asked_again(others[0])
        await self._talk_on(winner)

    async def _asked_again(self, talk: Talk) -> None:
        self.step = "somebody asks for the expert again"
        await self._given_back()
        await self.shown(talk.desk, EXPERT)
        escalation = await talk.escalate(skill=CLAIMS, reason="Is he free again?")
        key = f"escalation/{escalation['id']}"
        seen = await _or_none(talk.until(key, _is_reserved, "the reservation"))
        state = talk.desk.docs[key]["invitations"]
        self.checks.record("lease_free", seen is not None, str([(i["state"], i["cause"]) for i in state]))

    async def _given_back(self) -> None:
        """Wait until other nodes can know that the expert was given back; on one node they know at once."""

    async def _take_back(self, talk: Talk) -> None:
        """Take back what this agent asked for, so that nobody else wants the expert when he is free."""
        for key, doc in list(talk.desk.docs.items()):
            if key.startswith("escalation/") and doc["state"] not in ("closed", "joined"):
                await talk.desk.command(f"escalations/{doc['id']}/cancel")
                await talk.until(f"interaction/{talk.interaction}", lambda d: d["escalation"] is None, "talk")

    async def _talk_on(self, winner: Talk) -> None:
        await self.note_customer(winner.customer)
        await self._two_without_gap(winner, "talk_goes_on")

    async def _two_without_gap(self, talk: Talk, check: str) -> None:
        """Record whether customer and agent hear each other and did so since they were armed; all share their tones."""
        customer, phone = (party.name for party in talk.pair)
        with contextlib.suppress(WaitTimeout):
            await until_heard(talk.pair, [("A", customer), ("C", phone)])
        reports = [await party.details() for party in talk.pair]
        gaps = [
            r["longest_gap_ms"]
            for each in reports
            for r in each["readings"]
            if r["speaker"] in ("A", "C") and r["present"]
        ]
        worst = max(gaps, default=-1.0)
        self.numbers["longest_gap_ms"] = max(worst, self.numbers["longest_gap_ms"] or 0.0)
        held = len(gaps) == 2 and worst <= self.checks.gap_bound(GAP_MS)
        self.checks.record(check, held, f"{worst:.0f} ms, {len(gaps)} hear")


def _number(n: int) -> str:
    return f"+3859155502{n:02}"


def _bad_news(doc: Document) -> str:
    """Why this escalation does not get the expert; empty while it may."""
    causes = [str(each["cause"]) for each in doc.get("invitations", ()) if each["cause"]]
    if causes:
        return causes[0]
    return "nobody_free" if doc["state"] == "choosing" else ""


def _is_reserved(doc: Document) -> bool:
    return any(each["state"] not in ("requested", "ended") and not each["cause"] for each in doc["invitations"])


def _without_specialist(doc: Document) -> bool:
    return all(each["role"] != "specialist" for each in doc["participants"])


async def _or_none(awaited: object) -> float | None:
    try:
        return float((await awaited).at)  # type: ignore[misc]
    except WaitTimeout:
        return None
