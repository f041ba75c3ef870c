"""S05 on three whole nodes that share a PostgreSQL and a broker: the race over nodes, a partition, a node that dies.

Ten agents on three nodes want the only expert in the same moment (step 1), his phone vanishes (step 4), one node is cut
off from store and broker for ten seconds (step 3), one is killed while it rings him (step 2). Nobody is rung twice, the
dead node's customers have a callback at another node, those of the node that was only cut off talk on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable

from siplab.checks import Planned
from siplab.desk import Document, Documents
from siplab.errors import DeskRefused, WaitTimeout
from siplab.patience import WAIT_S
from siplab.scenarios.party import Party
from siplab.scenarios.s05 import EXPERT, S05
from siplab.scenarios.scene import Talk
from store.database import Database
from store.interactions import Interactions
from store.leases import Leases

CUT_S, SHORT_CUT_S, HEAL_S, LEASE_S = 10.0, 7.0, 3.0, 5.0
TAKEN_OVER_S = 10.0
"""About four seconds of silence, and as long as the callbacks take to reach a screen on a busy machine."""
BUSY_S = 1.0
POLL_S = 0.05
SHOWN = f"person/{EXPERT}"


class S05Nodes(S05):
    """Ten agents, one expert, three nodes."""

    nodes = 3
    planned = (
        *S05.planned,
        Planned("busy_everywhere", "E1 talks on one node: the others show him in a call", "<= 1 s", ("N4", "N6")),
        Planned("cut_off_rings_nobody", "A node cut off from the store rings nobody", "0 INVITEs", ("N4",)),
        Planned("others_ring_on", "Meanwhile another node rings E1, once", "1 INVITE", ("N4",)),
        Planned("cut_off_talks_on", "Who talks on the cut-off node talks on", "gap <= 100 ms", ("CE-11", "N7")),
        Planned("healed", "When it is back, states agree: its calls are its own, E1 is free", "<= 3 s", ("N4",)),
        Planned("not_called_back", "Nobody is to be called back who talks", "no callbacks <= 3 s", ("N4", "N10")),
        Planned("dead_lease_free", "The node that rings E1 is killed: its lease is free", "<= 5 s", ("N4", "N7")),
        Planned("taken_over", "Its customers have a promise at another node", "<= 10 s, ceiling 30 s", ("N4", "N10")),
        Planned("taken_over_once", "One survivor took them all, no other", "1 node", ("N4", "N10")),
        Planned("case_kept", "Callbacks hold case and context hash, in the old order", "all", ("N9", "N10")),
        Planned("rung_again", "E1 is rung by a survivor after that, once", "1 INVITE", ("RD-03", "N4")),
    )

    async def play(self) -> None:
        assert self.fleet is not None
        self.database = await Database.open(self.fleet.store_url)
        try:
            await self._all_acts()
        finally:
            await self.database.close()

    async def _all_acts(self) -> None:
        self.talks, self.experts = await self._set_up()
        winner = await self._race(self.talks, self.experts)
        await self._one_expert_less(winner, self.talks, self.experts)
        home = self._home(winner)
        self.experts[home] = await self._expert_phone(home, "never")
        cut_off, dying = (number for number in range(self.nodes) if number != home)
        await self._clear(range(self.nodes))
        await self._cut_off(cut_off)
        await self._clear(range(self.nodes))
        await self._kill(dying)

    async def _join(self, winner: Talk, expert: Party) -> None:
        await super()._join(winner, expert)
        joined_at = winner.desk.first_arrival(self.winning_key, lambda doc: bool(doc["joined_at"]))
        assert joined_at is not None
        screens = [self.screens[other] for other in self._others(self._home(winner))]
        shown = [await screen.wait_for(_shows_him_talking, WAIT_S, "E1 in a call") for screen in screens]
        seen_at = [screen.first_arrival(SHOWN, _talks) or each.at for screen, each in zip(screens, shown, strict=True)]
        self.checks.at_most("busy_everywhere", round(max(0.0, *(at - joined_at for at in seen_at)), 3), BUSY_S, "s")
        self.story.add("The other nodes show E1 in a call")

    def _at(self, number: int) -> list[Talk]:
        """The conversations of one node, in the order in which their customers came."""
        return sorted((t for t in self.talks if self._home(t) == number), key=lambda t: str(t.document()["started_at"]))

    def _others(self, number: int) -> list[int]:
        return [each for each in range(self.nodes) if each != number]

    async def _clear(self, numbers: Iterable[int]) -> None:
        """Take every request back, so that the next act begins with nobody asked and E1 free everywhere."""
        for talk in (talk for number in numbers for talk in self._at(number)):
            for key, doc in list(talk.desk.docs.items()):
                if key.startswith("escalation/") and doc["state"] != "closed":
                    with contextlib.suppress(DeskRefused):
                        await talk.desk.command(f"escalations/{doc['id']}/cancel")
        for number in numbers:
            await self.shown(self._at(number)[0].desk, EXPERT)
        await self._given_back()

    async def _given_back(self) -> None:
        await self._lease_freed(time.monotonic())

    # --- step 3: cut off -----------------------------------------------------------------------------------------

    async def _cut_off(self, number: int) -> None:
        assert self.fleet is not None
        member, inside = self.fleet.members[number], self._at(number)
        self.step = f"{member.name} is cut off from store and broker"
        for party in inside[0].pair:
            party.send("arm")
        at = time.monotonic()
        member.cut()
        self.story.add(f"{member.name} is cut off from store and broker", at)
        await self._ask(inside[0])
        await self._taken_over(number)
        self.story.add("The others take it for dead: its customers are to be called back")
        rings = await self._ring_elsewhere(number)
        await self._ask(inside[-1])
        await asyncio.sleep(max(0.0, at + (SHORT_CUT_S if self.pace.short else CUT_S) - time.monotonic()))
        wrong = len(self.experts[number].events("incoming", at))
        self.checks.record("cut_off_rings_nobody", wrong == 0, f"{wrong} INVITEs")
        self.checks.record("others_ring_on", rings == 1, f"{rings} INVITEs")
        member.heal()
        self.story.add(f"{member.name} is back")
        await self._agree(number)
        await self._two_without_gap(inside[0], "cut_off_talks_on")

    async def _agree(self, number: int) -> None:
        """Everybody sees again that those who talk on the node talk there."""
        names = set(self._callbacks(number))
        since = time.monotonic()

        async def no_callbacks() -> bool:
            return not any(names & self.screens[other].docs.keys() for other in self._others(number))

        async def own_calls() -> bool:
            here = {call.id for call in await Interactions(self.database).open(f"n{number + 1}")}
            return here == {talk.interaction for talk in self._at(number)}

        for check, holds in (("not_called_back", no_callbacks), ("healed", own_calls)):
            await self._until(holds, self._planned_says(check))
            self.checks.at_most(check, round(time.monotonic() - since, 2), HEAL_S, "s")
        self.story.add("Its calls are its own again, nobody is to be called back")

    def _planned_says(self, check: str) -> str:
        return next(plan.says for plan in self.planned if plan.name == check)

    def _callbacks(self, number: int) -> list[str]:
        return [f"task/task_lost_{talk.interaction}" for talk in self._at(number)]

    async def _taken_over(self, number: int) -> int:
        """Wait until another node has a callback for every customer of this one; gives its number."""
        names = set(self._callbacks(number))

        async def taken() -> bool:
            return any(names <= self.screens[other].docs.keys() for other in self._others(number))

        await self._until(taken, f"callbacks for the customers of n{number + 1}")
        return next(other for other in self._others(number) if names <= self.screens[other].docs.keys())

    async def _ring_elsewhere(self, number: int) -> int:
        """Ask for E1 on the node that has no callback for him; gives how often he was rung, anywhere."""
        free = next(n for n in self._others(number) if not set(self._callbacks(number)) & self.screens[n].docs.keys())
        since = time.monotonic()
        await self._ask(self._at(free)[0])
        await self._rung(self.experts, since)
        await asyncio.sleep(0.5)  # a second ring would come within this
        return sum(len(expert.events("incoming", since)) for expert in self.experts)

    async def _until(self, holds: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 30.0) -> float:
        """Wait for something to hold; gives the seconds that took."""
        began = time.monotonic()
        while not await holds():
            if time.monotonic() > began + timeout_s:
                raise WaitTimeout(what, timeout_s)
            await asyncio.sleep(POLL_S)
        return time.monotonic() - began

    # --- step 2: dead --------------------------------------------------------------------------------------------

    async def _kill(self, number: int) -> None:
        assert self.fleet is not None
        member, talks = self.fleet.members[number], self._at(number)
        self.step = f"{member.name} is killed while E1 rings"
        cases = {f"task/task_lost_{talk.interaction}": talk.document()["case"] for talk in talks}
        since = time.monotonic()
        await self._ask(talks[0])
        await self.experts[number].wait_for("rang", since=since)
        at = time.monotonic()
        await member.node.kill()
        self.story.add(f"{member.name} rings E1 and is killed", at)
        freed, taker = await asyncio.gather(self._lease_freed(at), self._taken_over(number))
        taken_s = round(time.monotonic() - at, 2)
        self.numbers |= {"dead_lease_free_s": freed, "taken_over_s": taken_s}
        self.checks.at_most("dead_lease_free", freed, LEASE_S, "s")
        self.checks.at_most("taken_over", taken_s, TAKEN_OVER_S, "s")
        self.story.add(f"n{taker + 1} has callbacks for its customers")
        await self._judge_callbacks(number, taker, cases)
        rings = await self._ring_elsewhere(number)
        self.checks.record("rung_again", rings == 1, f"{rings} INVITEs")
        self.story.add("E1 is rung by a survivor")

    async def _lease_freed(self, since: float) -> float:
        async def is_free() -> bool:
            return all(lease.person != EXPERT for lease in await Leases(self.database, time.time).live())

        await self._until(is_free, "the lease on E1 to end")
        return round(time.monotonic() - since, 2)

    async def _judge_callbacks(self, number: int, taker: int, cases: dict[str, object]) -> None:
        await asyncio.sleep(1.0)  # a second taker would be there within this
        holders = [n for n in self._others(number) if cases.keys() & self.screens[n].docs.keys()]
        self.checks.record("taken_over_once", holders == [taker], ", ".join(f"n{n + 1}" for n in holders))
        docs = {key: self.screens[taker].docs[key] for key in cases}
        same = sum(docs[key]["case"] == case and bool(docs[key]["digest"]) for key, case in cases.items())
        in_order = sorted(docs, key=lambda key: str(docs[key]["arrived_at"])) == list(cases)
        told = f"{same} of {len(cases)}, {'in order' if in_order else 'out of order'}"
        self.checks.record("case_kept", same == len(cases) and in_order, told)


def _talks(person: Document) -> bool:
    return bool(person["availability"]["kind"] == "in_call")


def _shows_him_talking(docs: Documents) -> bool:
    return SHOWN in docs and _talks(docs[SHOWN])
