"""S07, a sample of its table on real SIP: somebody goes at the worst moment.

Each cell is one edge of an escalation, one party and one cause. After each: nobody's phone has a leg that leads
nowhere, and those who talk on are heard without a gap. The whole table is walked on the pure machines in tests/center.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from siplab.checks import Planned
from siplab.company import CLAIMS, LabCompany, agent, specialist
from siplab.desk import DeskClient
from siplab.errors import DeskRefused, WaitTimeout
from siplab.scenarios.party import Party, until_heard
from siplab.scenarios.scene import MEDIA_TIMEOUT_S, Environment, Pace, Scene, Talk

CLEAN_UP_MS = 500
MEDIA_LOST_MS = MEDIA_TIMEOUT_S * 1000 + 1_500
CROSSINGS_MS = (0, 10, 20, 40)
EXPERT = "expert.01"


class S07(Scene):
    """Somebody hangs up at the worst moment."""

    name = "S07"
    planned = (
        Planned("cancel_stops_phone", "ringing x A x takes it back: E1's phone stops", "<= 500 ms", ("CE-16", "N7")),
        Planned("cancel_on_screen", "E1's screen says so", "cancelled, <= 500 ms", ("CE-18", "N7")),
        Planned(
            "crossed_answer",
            "ringing x E1 answers while it is cancelled: never joined alone",
            "released <= 500 ms, or joined with both",
            ("N7", "N8"),
        ),
        Planned(
            "expert_leaves", "joined x E1 hangs up after a while: C and A talk on", "gap <= 100 ms", ("CE-11", "N7")
        ),
        Planned("expert_leaves_on_screen", "The agent may ask again", "talking <= 500 ms", ("CE-18", "N7")),
        Planned(
            "expert_media_lost", "joined x E1's network is cut: the conversation is rid of it", "<= 6500 ms", ("N7",)
        ),
        Planned("media_lost_talk_on", "C and A talk on", "gap <= 100 ms", ("CE-11", "N7")),
        Planned(
            "agent_dies_notice", "ringing x A's phone dies: C hears something", "sound <= 6500 ms", ("CE-11", "N7")
        ),
        Planned(
            "agent_dies_rings_on",
            "E1's phone rings on, he lifts, C and E1 talk",
            "both hear each other",
            ("CE-16", "N7"),
        ),
        Planned(
            "agent_hangs_up",
            "ringing x A hangs up: E1 rings on, he lifts, C and E1 talk",
            "both hear each other",
            ("CE-22", "N7"),
        ),
        Planned("customer_leaves", "ringing x C hangs up: E1's phone stops", "<= 500 ms", ("CE-16", "N7")),
        Planned("customer_left_on_screen", "E1's screen says so", "customer left, <= 500 ms", ("CE-18", "N7")),
        Planned("agent_released", "A's leg ends too", "<= 500 ms", ("N7",)),
        Planned("no_zombie_leg", "After each cell no phone has a leg that leads nowhere", "0 after 500 ms", ("N7",)),
        Planned("no_lease_left", "After each cell E1 is free again", "free", ("N4", "N7")),
        Planned("no_hold", "The customer was never on hold nor re-invited", "0 s, 0", ("N3",)),
    )

    @classmethod
    def company(cls) -> LabCompany:
        return LabCompany((agent(1), agent(2), specialist(1)))

    @classmethod
    def environment(cls, pace: Pace) -> Environment:
        return {"RINGSIDE_ESCALATION__RING_S": "12.0"}  # the agent's dead phone is noticed while E1's still rings

    async def play(self) -> None:
        self.zombies: list[str] = []
        self.desk1, self.screen1 = await asyncio.gather(self.desk("agent.01"), self.screen(EXPERT))
        self.customer1, phone, self.expert = await asyncio.gather(
            self.customer(), self.phone("A", "agent.01", "auto", 100), self.phone("E1", EXPERT, "never")
        )
        await self.available(EXPERT)
        await self.shown(self.desk1, EXPERT)
        talk = await self.talk(self.desk1, self.customer1, phone)
        await self._agent_cancels(talk)
        await self._crossed(talk)
        await self._expert_leaves(talk)
        await self._expert_cut_off(talk)
        await self._agent_hangs_up(talk)
        talk = await self.talk(self.desk1, self.customer1, phone)
        await self._agent_dies(talk)
        await self._customer_leaves()
        self.checks.record("no_zombie_leg", not self.zombies, "; ".join(self.zombies) or "0")
        await self.note_customer(self.customer1)
        hold_s, reinvites = self.numbers["hold_s"], self.numbers["reinvites_to_customer"]
        self.checks.record("no_hold", not hold_s and not reinvites, f"{hold_s:g} s, {reinvites}")

    # --- the cells -----------------------------------------------------------------------------------------------

    async def _agent_cancels(self, talk: Talk) -> None:
        self.step = "the agent takes it back"
        key = await self._ring(talk)
        at = time.monotonic()
        await talk.desk.command(f"escalations/{key.partition('/')[2]}/cancel")
        await self._phone_stops("cancel_stops_phone", at)
        await self._on_screen("cancel_on_screen", key, "cancelled", at)
        await self._clean(talk, (self.expert,))

    async def _crossed(self, talk: Talk) -> None:
        self.step = "the expert answers while it is taken back"
        outcomes: list[str] = []
        self.expert.policy("command")
        for delay_ms in CROSSINGS_MS:
            key = await self._ring(talk)
            await asyncio.sleep(0.45)  # slow enough for a person
            cancel = asyncio.create_task(self._cancel(talk, key))
            await asyncio.sleep(delay_ms / 1000)
            self.expert.send("answer")
            await cancel
            outcomes.append(await self._settled(talk))
            await self._clean(talk, (self.expert,))
        good = all(outcome in ("released", "joined") for outcome in outcomes)
        self.checks.record("crossed_answer", good, ", ".join(outcomes))
        self.story.add(f"Crossed answers: {', '.join(outcomes)}")

    async def _cancel(self, talk: Talk, key: str) -> None:
        try:
            await talk.desk.command(f"escalations/{key.partition('/')[2]}/cancel")
        except DeskRefused as refused:
            if refused.status != 409:  # he was faster
                raise

    async def _settled(self, talk: Talk) -> str:
        """What became of a crossed answer: E1 is released, or talks with both; anything else is a fault."""
        try:
            await self.expert.until_free(CLEAN_UP_MS / 1000)
            return "released"
        except WaitTimeout:
            await until_heard((*talk.pair, self.expert), timeout_s=1.0)
            self.expert.send("hang_up")
            return "joined"

    async def _expert_leaves(self, talk: Talk) -> None:
        self.step = "the expert hangs up after joining"
        await self._join(talk)
        await asyncio.sleep(0.5 if self.pace.short else 2.0)
        for party in talk.pair:
            party.send("arm")
        at = time.monotonic()
        self.expert.send("hang_up")
        back = await talk.until(f"interaction/{talk.interaction}", _two_talk, 3.0, "two who talk")
        self.checks.at_most("expert_leaves_on_screen", (back.at - at) * 1000, CLEAN_UP_MS, "ms")
        await asyncio.sleep(0.3)
        await self.gaps(talk.pair, "expert_leaves")
        await self._clean(talk, (self.expert,))

    async def _expert_cut_off(self, talk: Talk) -> None:
        self.step = "the expert's network is cut"
        await self._join(talk)
        for party in talk.pair:
            party.send("arm")
        at = time.monotonic()
        self.expert.freeze(True)
        try:
            back = await talk.until(f"interaction/{talk.interaction}", _two_talk, MEDIA_TIMEOUT_S + 5, "two who talk")
        finally:
            self.expert.freeze(False)
        self.checks.at_most("expert_media_lost", (back.at - at) * 1000, MEDIA_LOST_MS, "ms")
        self.story.add("The node noticed that E1's network is cut", back.at)
        await self.gaps(talk.pair, "media_lost_talk_on")
        await self._clean(talk, (self.expert,), within_s=2.0)  # a thawed phone first reads what came meanwhile

    async def _agent_hangs_up(self, talk: Talk) -> None:
        self.step = "the agent hangs up while E1 rings"
        await self._ring(talk)
        talk.agent.send("hang_up")
        await talk.agent.until_free(1.0)
        await asyncio.sleep(0.5)
        self.checks.record("agent_hangs_up", *await self._lifts_without_agent(talk))
        await self._end_of_two(talk)

    async def _agent_dies(self, talk: Talk) -> None:
        self.step = "the agent's phone dies while E1 rings"
        await self._ring(talk)
        at = time.monotonic()
        talk.agent.vanish()
        self.story.add("The agent's phone dies", at)
        talk.customer.send("reset")
        began = await self._sound_at(talk.customer, at + MEDIA_TIMEOUT_S + 3)
        told = f"after {(began - at) * 1000:.0f} ms" if began else "silence"
        in_time = began is not None and (began - at) * 1000 <= MEDIA_LOST_MS
        self.checks.record("agent_dies_notice", in_time, told)
        self.checks.record("agent_dies_rings_on", *await self._lifts_without_agent(talk))
        await self._end_of_two(talk)

    async def _customer_leaves(self) -> None:
        self.step = "the customer leaves while E1 rings"
        desk = await self.desk("agent.02")
        await self.desk1.command("me/agent-status", {"status": "not_ready"})
        phone = await self.phone("A", "agent.02", "auto", 100)
        talk = await self.talk(desk, self.customer1, phone)
        key = await self._ring(talk)
        at = time.monotonic()
        talk.customer.send("hang_up")
        await self._phone_stops("customer_leaves", at)
        await self._on_screen("customer_left_on_screen", key, "customer_left", at)
        try:
            self.checks.at_most("agent_released", (await phone.until_free(1.0)) * 1000, CLEAN_UP_MS, "ms")
        except WaitTimeout as zombie:
            self.checks.record("agent_released", False, str(zombie))
        await self._clean(talk, (self.expert, phone, talk.customer))

    # --- their parts ---------------------------------------------------------------------------------------------

    async def _ring(self, talk: Talk) -> str:
        """Escalate until E1's phone rings; gives the escalation's document key."""
        await self.shown(talk.desk, EXPERT)
        at = time.monotonic()
        escalation = await talk.escalate(skill=CLAIMS, reason="Please come.")
        await self.expert.wait_for("rang", since=at)
        key = f"escalation/{escalation['id']}"
        await talk.until(key, lambda doc: doc["ringing_at"], 2.0, "the ringing phone")
        return key

    async def _join(self, talk: Talk) -> None:
        key = await self._ring(talk)
        await asyncio.sleep(0.45)
        self.expert.send("answer")
        await talk.until(key, lambda doc: doc["joined_at"], 3.0, "E1 joined")
        await until_heard((*talk.pair, self.expert))

    async def _phone_stops(self, check: str, since: float) -> None:
        try:
            ended = await self.expert.wait_for("ended", since=since, timeout_s=3.0)
        except WaitTimeout as still_rings:
            self.checks.record(check, False, str(still_rings))
            return
        self.checks.at_most(check, (ended.t - since) * 1000, CLEAN_UP_MS, "ms")

    async def _on_screen(self, check: str, key: str, cause: str, since: float) -> None:
        desk: DeskClient = self.screen1
        try:
            seen = await desk.wait_for(lambda d: key in d and d[key]["state"] == "closed" and d[key], 3.0, "its end")
        except WaitTimeout as missing:
            self.checks.record(check, False, str(missing))
            return
        said = str(seen.value["cause"])
        late_ms = max(0.0, (seen.at - since) * 1000)
        self.checks.record(check, said == cause and late_ms <= CLEAN_UP_MS, f"{said}, {late_ms:.0f} ms")

    async def _lifts_without_agent(self, talk: Talk) -> tuple[bool, str]:
        """E1 lifts after the agent was lost: he and the customer must talk, and nobody else."""
        two = (talk.customer, self.expert)
        for party in two:
            party.send("reset")
        self.expert.send("answer")
        try:
            await until_heard(two, timeout_s=3.0)
        except WaitTimeout as missing:
            return False, str(missing)
        self.story.add("The customer and E1 talk without the agent")
        return True, "both hear each other"

    async def _end_of_two(self, talk: Talk) -> None:
        self.expert.send("hang_up")
        await self._clean(talk, (self.expert, talk.customer), within_s=1.0)

    async def _sound_at(self, party: Party, until: float) -> float | None:
        while time.monotonic() < until:
            details = await party.details()
            if details["sound_ms"] >= 100:
                return float(details["sound_from"])
            await asyncio.sleep(0.1)
        return None

    async def _clean(self, talk: Talk, gone: Sequence[Party], within_s: float = CLEAN_UP_MS / 1000) -> None:
        """After a cell: these have no call any more, E1 is free; who is left hears each other."""
        for party in gone:
            try:
                await party.until_free(within_s)
            except WaitTimeout:
                self.zombies.append(f"{party.name} after: {self.step}")
        try:
            await self.shown(talk.desk, EXPERT)
            self.checks.record("no_lease_left", True, "free")
        except WaitTimeout as bound:
            self.checks.record("no_lease_left", False, f"{self.step}: {bound}")
        if talk.customer not in gone:
            await until_heard(talk.pair)
        self.story.add(f"Clean after: {self.step}")


def _two_talk(doc: dict[str, object]) -> bool:
    return doc["phase"] == "talking" and doc["escalation"] is None
