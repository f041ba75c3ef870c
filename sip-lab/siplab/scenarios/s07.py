"""S07, a sample of its table on real SIP: somebody goes at the worst moment.

Each cell is one edge of an escalation, one party and one cause. After each: nobody's phone has a leg that leads
nowhere, and those who talk on are heard without a gap. The whole table is walked on the pure machines in tests/center.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from siplab import prover
from siplab.checks import Planned
from siplab.company import CLAIMS, CLAIMS_NUMBER, LabCompany, agent, specialist
from siplab.desk import DeskClient
from siplab.errors import DeskRefused, WaitTimeout
from siplab.patience import WAIT_S
from siplab.scenarios.party import POLL_S, Party, listen, until_heard
from siplab.scenarios.scene import EARS, MEDIA_TIMEOUT_S, Environment, Pace, Scene, Talk
from siplab.sounds import write_sound

CLEAN_UP_MS = 500
MEDIA_LOST_MS = MEDIA_TIMEOUT_S * 1000 + 1_500
CROSSINGS_MS = (0, 10, 20, 40)
EXPERT = "expert.01"
NOTICE, NOTICE_HZ, NOTICE_MS, ONE_MOMENT = "notice", 2_560, 15_000, "one-moment"
"""What is announced to a customer whose agent is gone is a tone here, so that its end can be measured."""
CUT_MS = 60
METER_TAIL_MS = 30
"""The tone meter hears a tone until it fills less than half of its window of 40 ms, in steps of 10 ms."""
PATIENT = {"RING_S": "30.0", "TARGET_S": "40.0", "CEILING_S": "60.0"}
REJOIN_S = 20.0
"""So long an agent whose phone was lost is let back in."""


class S07(Scene):
    """Somebody hangs up at the worst moment."""

    name = "S07"
    ears: ClassVar[Mapping[str, int]] = {**EARS, NOTICE: NOTICE_HZ}
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
            "expert_times_out",
            "ringing x E1's phone says 408: the agent is told",
            "a cause, <= 500 ms",
            ("CE-18", "N7"),
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
            "agent_dies_notice",
            "ringing x A's phone dies: C hears something",
            "announcement <= 6500 ms",
            ("CE-11", "N7"),
        ),
        Planned(
            "agent_dies_rings_on",
            "E1's phone rings on, he lifts, C and E1 talk",
            "both hear each other",
            ("CE-16", "N7"),
        ),
        Planned(
            "agent_rejoins",
            "A's new phone calls in: back in the same conversation with C and E1",
            "6 directions <= 20 s after A was lost",
            ("CE-11", "N7"),
        ),
        Planned("announcement_cut", "An announcement to C is cut when E1 lifts", "<= 60 ms", ("CE-11", "N7")),
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
        # The agent's dead phone is noticed, however late, while E1's still rings.
        return {f"RINGSIDE_ESCALATION__{name}": value for name, value in PATIENT.items()}

    async def play(self) -> None:
        self.zombies: list[str] = []
        assert self.stage.access.state_dir is not None
        write_sound(self.stage.access.state_dir / "prompts" / f"{ONE_MOMENT}.wav", NOTICE_MS, NOTICE_HZ)
        self.desk1, self.screen1 = await asyncio.gather(self.desk("agent.01"), self.screen(EXPERT))
        self.customer1, phone, self.expert = await asyncio.gather(
            self.customer(), self.phone("A", "agent.01", "auto", 100), self.phone("E1", EXPERT, "never")
        )
        await self.available(EXPERT)
        await self.shown(self.desk1, EXPERT)
        talk = await self.talk(self.desk1, self.customer1, phone)
        await self._agent_cancels(talk)
        await self._crossed(talk)
        await self._expert_times_out(talk)
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
            await talk.until_liftable(EXPERT)
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
        three = (*talk.pair, self.expert)
        wanted = prover.all_directions([party.name for party in three])
        began = time.monotonic()
        while await self.expert.calls():
            if wanted <= prover.who_hears_whom(await listen(three)):
                self.expert.send("hang_up")
                return "joined"
            if time.monotonic() > began + WAIT_S:
                raise WaitTimeout("E1 to be released, or to talk with both", WAIT_S)
            await asyncio.sleep(POLL_S)
        late_ms = (time.monotonic() - began) * 1000
        return "released" if self.checks.in_time(late_ms, CLEAN_UP_MS) else f"released after {late_ms:.0f} ms"

    async def _expert_times_out(self, talk: Talk) -> None:
        self.step = "the expert's phone says 408"
        key = await self._ring(talk)
        at = time.monotonic()
        self.expert.send("refuse", code=408)
        told = await talk.until(key, lambda doc: doc["invitations"][0]["cause"], "why E1 is not coming")
        late_ms = (told.at - at) * 1000
        in_time = self.checks.in_time(late_ms, CLEAN_UP_MS)
        self.checks.record("expert_times_out", in_time, f"{told.value}, {late_ms:.0f} ms")
        self.story.add(f"E1's phone says 408; the agent reads: {told.value}", told.at)
        await self._cancel(talk, key)
        await talk.until(f"interaction/{talk.interaction}", _two_talk, "two who talk")
        await self._clean(talk, (self.expert,))

    async def _expert_leaves(self, talk: Talk) -> None:
        self.step = "the expert hangs up after joining"
        await self._join(talk)
        await asyncio.sleep(0.5 if self.pace.short else 2.0)
        for party in talk.pair:
            party.send("arm")
        at = time.monotonic()
        self.expert.send("hang_up")
        back = await talk.until(f"interaction/{talk.interaction}", _two_talk, "two who talk")
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
            back = await talk.until(f"interaction/{talk.interaction}", _two_talk, "two who talk")
        finally:
            self.expert.freeze(False)
        self.checks.at_most("expert_media_lost", (back.at - at) * 1000, MEDIA_LOST_MS, "ms")
        self.story.add("The node noticed that E1's network is cut", back.at)
        await self.gaps(talk.pair, "media_lost_talk_on")
        await self._clean(talk, (self.expert,), within_ms=2_000)  # a thawed phone first reads what came meanwhile

    async def _agent_hangs_up(self, talk: Talk) -> None:
        self.step = "the agent hangs up while E1 rings"
        await self._ring(talk)
        talk.agent.send("hang_up")
        await talk.agent.until_free()
        await self._hears_notice(talk.customer)
        await asyncio.sleep(0.5)
        at = time.monotonic()
        self.checks.record("agent_hangs_up", *await self._lifts_without_agent(talk, keep=True))
        await self._judge_cut(talk.customer, at)
        await self._end_of_two(talk)

    async def _judge_cut(self, customer: Party, since: float) -> None:
        """How long the customer still heard the announcement after E1 lifted, by its tone."""
        accepted = (await self.expert.wait_for("answered", since=since)).t
        while (heard := await self._notice_at(customer))["present"]:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        over = float(heard["first_heard_at"] or 0.0) + float(heard["heard_ms"]) / 1000
        cut_ms = max(0.0, (over - accepted) * 1000 - METER_TAIL_MS)
        self.numbers["announcement_cut_ms"] = round(cut_ms)
        cut = heard["heard_ms"] > 0 and self.checks.in_time(cut_ms, CUT_MS)
        self.checks.record("announcement_cut", cut, f"{cut_ms:.0f} ms")
        self.story.add(f"The announcement was cut {cut_ms:.0f} ms after E1 lifted")

    async def _agent_dies(self, talk: Talk) -> None:
        self.step = "the agent's phone dies while E1 rings"
        await self._ring(talk)
        at = time.monotonic()
        talk.agent.vanish()
        self.story.add("The agent's phone dies", at)
        talk.customer.send("reset")
        began = await self._hears_notice(talk.customer)
        told = f"after {(began - at) * 1000:.0f} ms" if began else "silence"
        in_time = began is not None and self.checks.in_time((began - at) * 1000, MEDIA_LOST_MS)
        self.checks.record("agent_dies_notice", in_time, told)
        self.checks.record("agent_dies_rings_on", *await self._lifts_without_agent(talk))
        await self._agent_is_back(talk, began or at)

    async def _agent_is_back(self, talk: Talk, lost_at: float) -> None:
        """The agent takes another phone and calls in: he is in the same conversation as before."""
        self.step = "the agent is back with a new phone"
        phone = await self.phone("A", "agent.01", "auto", 100)
        again = Talk(talk.interaction, talk.customer, phone, talk.desk)
        phone.send("call", to=CLAIMS_NUMBER)
        three = (*again.pair, self.expert)
        await until_heard(three)
        passed_s = round(time.monotonic() - lost_at, 1)
        with contextlib.suppress(WaitTimeout):
            await again.until(f"interaction/{again.interaction}", _has_both, "the agent in the same conversation")
        inside = {each["person"] for each in again.document()["participants"]}
        same = _has_both(again.document())
        told = f"6 directions, {passed_s} s" if same else f"not in the same conversation: {sorted(map(str, inside))}"
        self.checks.record("agent_rejoins", same and self.checks.in_time(passed_s * 1000, REJOIN_S * 1000), told)
        self.story.add("The agent is back in the same conversation, with a new phone")
        self.expert.send("hang_up")
        await again.until(f"interaction/{again.interaction}", _two_talk, "two who talk")
        await self._clean(again, (self.expert,))
        phone.send("hang_up")
        await self._clean(again, (phone, again.customer), within_ms=1_000)

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
            self.checks.at_most("agent_released", (await phone.until_free()) * 1000, CLEAN_UP_MS, "ms")
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
        await talk.until_rung(EXPERT)
        return f"escalation/{escalation['id']}"

    async def _join(self, talk: Talk) -> None:
        key = await self._ring(talk)
        await talk.until_liftable(EXPERT)
        self.expert.send("answer")
        await talk.until(key, lambda doc: doc["joined_at"], "E1 joined")
        await until_heard((*talk.pair, self.expert))

    async def _phone_stops(self, check: str, since: float) -> None:
        try:
            ended = await self.expert.wait_for("ended", since=since)
        except WaitTimeout as still_rings:
            self.checks.record(check, False, str(still_rings))
            return
        self.checks.at_most(check, (ended.t - since) * 1000, CLEAN_UP_MS, "ms")

    async def _on_screen(self, check: str, key: str, cause: str, since: float) -> None:
        desk: DeskClient = self.screen1
        try:
            seen = await desk.wait_for(lambda d: key in d and d[key]["state"] == "closed" and d[key], WAIT_S, "its end")
        except WaitTimeout as missing:
            self.checks.record(check, False, str(missing))
            return
        said = str(seen.value["cause"])
        late_ms = max(0.0, (seen.at - since) * 1000)
        in_time = self.checks.in_time(late_ms, CLEAN_UP_MS)
        self.checks.record(check, said == cause and in_time, f"{said}, {late_ms:.0f} ms")

    async def _lifts_without_agent(self, talk: Talk, *, keep: bool = False) -> tuple[bool, str]:
        """E1 lifts after the agent was lost: he and the customer must talk. `keep`: what was heard before counts."""
        two = (talk.customer, self.expert)
        for party in () if keep else two:
            party.send("reset")
        self.expert.send("answer")
        try:
            await until_heard(two)
        except WaitTimeout as missing:
            return False, str(missing)
        self.story.add("The customer and E1 talk without the agent")
        return True, "both hear each other"

    async def _end_of_two(self, talk: Talk) -> None:
        self.expert.send("hang_up")
        await self._clean(talk, (self.expert, talk.customer), within_ms=1_000)

    async def _hears_notice(self, party: Party) -> float | None:
        """Wait until a phone has heard the announcement for a tenth of a second; gives when it began."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            heard = await self._notice_at(party)
            if heard["heard_ms"] >= 100:
                return float(heard["first_heard_at"])
            await asyncio.sleep(POLL_S)
        return None

    async def _notice_at(self, party: Party) -> dict[str, Any]:
        """What a phone has heard of the announcement."""
        readings = (await party.details())["readings"]
        return next(dict(reading) for reading in readings if reading["speaker"] == NOTICE)

    async def _clean(self, talk: Talk, gone: Sequence[Party], within_ms: float = CLEAN_UP_MS) -> None:
        """After a cell: these have no call any more, E1 is free; who is left hears each other."""
        for party in gone:
            try:
                in_time = self.checks.in_time(await party.until_free() * 1000, within_ms)
            except WaitTimeout:
                in_time = False
            if not in_time:
                self.zombies.append(f"{party.name} after: {self.step}")
        try:
            await self.shown(talk.desk, EXPERT)
            self.checks.record("no_lease_left", True, "free")
        except WaitTimeout as bound:
            self.checks.record("no_lease_left", False, f"{self.step}: {bound}")
        if talk.customer not in gone:
            await until_heard(talk.pair)
        self.story.add(f"Clean after: {self.step}")


def _has_both(doc: dict[str, Any]) -> bool:
    return {"agent.01", EXPERT} <= {each["person"] for each in doc["participants"]}


def _two_talk(doc: dict[str, object]) -> bool:
    return doc["phase"] == "talking" and doc["escalation"] is None
