"""S02: the experts do not answer, and still the customer has somebody in time, or a promise.

E1 never answers, E2 refuses, E3 is a mailbox, E4 answers after a while, E5 never. The agent asks for the skill; the
system goes from one to the next under one deadline (N2) and joins nobody but a person (N8). Then the same with E4
silent: a promise is made, and heard by the customer, before the ceiling. E1, who let it ring twice, is not shown free
any more and is told why, until he says that he is there.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from siplab import prover
from siplab.checks import Planned
from siplab.company import CLAIMS, LabCompany, agent, specialist
from siplab.desk import DeskClient, Document
from siplab.errors import WaitTimeout
from siplab.scenarios.party import Party, listen, until_heard
from siplab.scenarios.scene import Environment, Pace, Scene, Talk

CAUSE_MS, NEXT_MS, CANCEL_MS = 500, 300, 500
EXPERTS = 5
SHORT = {"RING_S": 3.0, "TARGET_S": 8.0, "CEILING_S": 12.0, "ACCEPT_S": 1.0}
DEFAULT = {"RING_S": 8.0, "TARGET_S": 20.0, "CEILING_S": 30.0, "ACCEPT_S": 3.0}


class S02(Scene):
    """The experts do not answer."""

    name = "S02"
    planned = (
        Planned(
            "order",
            "E1, E2, E3 and E4 are tried in this order, nobody twice",
            "E1 E2 E3 E4, once each",
            ("CE-15", "N2"),
        ),
        Planned("e1_ring_limit", "E1's phone stops after the ring limit", "<= ring limit + 500 ms", ("CE-15", "N2")),
        Planned(
            "e1_cause", "'No answer' is on the agent's screen after E1's phone stopped", "<= 500 ms", ("CE-18", "N2")
        ),
        Planned("e2_cause", "'Declined' is on the agent's screen after E2 refused", "<= 500 ms", ("CE-18", "N2")),
        Planned("next_try", "The next phone is asked to ring after E2 refused", "<= 300 ms", ("CE-17", "N2")),
        Planned("e3_cause", "The mailbox is recognised: 'not a person'", "not_a_person, <= 500 ms", ("IV-13", "N8")),
        Planned("mailbox_unheard", "C and A never hear the mailbox", "never", ("IV-13", "N8")),
        Planned("joined", "E4 is in the conversation", "<= target", ("CE-15", "CE-16", "N2")),
        Planned("six_directions", "C, A and E4 hear each other", "6 directions", ("CE-03", "N3")),
        Planned("others_cancelled", "The other ringing phone stops after E4 lifted", "<= 500 ms", ("CE-16", "N7")),
        Planned(
            "no_missed_call",
            "It is told that the call was completed elsewhere",
            "Reason: completed elsewhere",
            ("CE-16",),
        ),
        Planned("never_alone", "C and A hear each other all the time", "gap <= 100 ms", ("CE-11", "N3")),
        Planned("promise", "With E4 silent a promise is made", "<= ceiling", ("CE-17", "CE-18", "N2", "N10")),
        Planned("notice_heard", "The customer hears of it", "sound at C <= ceiling", ("CE-17", "N10")),
        Planned("task_created", "A task stands behind the promise", "task.created <= ceiling", ("CE-25", "N10")),
        Planned("no_leg_left", "Every expert's phone is free at the end", "<= 500 ms", ("N7",)),
        Planned("one_miss_is_none", "One missed ring changes nothing: E1 is free, and rung again", "free", ("N6",)),
        Planned(
            "unconfirmed", "After the second the agent sees E1 as unconfirmed, with the reason", "unconfirmed", ("N6",)
        ),
        Planned("told_why", "E1's own screen says why he is not asked any more", "did not answer", ("N6", "N14")),
        Planned("confirmed_again", "E1 says he is there: free again", "<= 1000 ms", ("N6", "N14")),
    )

    @classmethod
    def company(cls) -> LabCompany:
        return LabCompany((agent(), *(specialist(n, level=6 - n) for n in range(1, EXPERTS + 1))))

    @classmethod
    def environment(cls, pace: Pace) -> Environment:
        return {f"RINGSIDE_ESCALATION__{name}": str(value) for name, value in _limits(pace).items()}

    async def play(self) -> None:
        desk = await self.desk("agent.01")
        self.experts = await self._experts()
        customer, phone = await asyncio.gather(self.customer(), self.phone("A", "agent.01", "auto", 200))
        for number in range(1, EXPERTS + 1):
            await self.shown(desk, _person(number))
        talk = await self.talk(desk, customer, phone)
        await self._four_are_tried(talk)
        await self._nobody_comes(talk)
        await self._unconfirmed(talk)
        await self.note_customer(customer)

    async def _experts(self) -> dict[int, Party]:
        self.screens: dict[int, DeskClient] = {}
        wait_s = 1.5 if self.pace.short else 5.0
        answers = {1: ("never", 0), 2: ("decline", 0), 3: ("auto", 0), 4: ("auto", int(wait_s * 1000)), 5: ("never", 0)}

        async def expert(number: int) -> Party:
            person, (answer, after_ms) = _person(number), answers[number]
            self.screens[number] = await self.screen(person)
            phone = await self.phone(f"E{number}", person, answer, after_ms)
            await self.available(person)
            return phone

        return dict(zip(answers, await asyncio.gather(*map(expert, answers)), strict=True))

    # --- the first time: E4 answers ------------------------------------------------------------------------------

    async def _four_are_tried(self, talk: Talk) -> None:
        self.step = "the agent asks for the skill"
        limits = _limits(self.pace)
        for party in (*talk.pair, *self.experts.values()):
            party.send("reset")
        await until_heard(talk.pair)
        t0 = time.monotonic()
        escalation = await talk.escalate(skill=CLAIMS, reason="This needs an adjuster.")
        self.story.add("The agent asks for somebody who knows claims (t0)", t0)
        key = f"escalation/{escalation['id']}"
        try:
            joined = await talk.until(key, lambda doc: doc["joined_at"], limits["CEILING_S"] + 3, "somebody joined")
        finally:
            await self._judge_tries(talk, key, t0)
        self.numbers["joined_s"] = round(joined.at - t0, 2)
        self.checks.at_most("joined", round(joined.at - t0, 2), limits["TARGET_S"], "s")
        self.story.add("E4 is joined", joined.at)
        await self._judge_joined(talk, joined.at)

    async def _judge_tries(self, talk: Talk, key: str, t0: float) -> None:
        doc = talk.desk.docs.get(key, {})
        tried = [str(each["specialist"])[-1] for each in doc.get("invitations", ())]
        rung = [f"E{n}: {len(e.events('incoming', t0))}" for n, e in self.experts.items()]
        once = all(len(e.events("incoming", t0)) <= 1 for e in self.experts.values())
        self.checks.record("order", tried[:4] == ["1", "2", "3", "4"] and once, f"{' '.join(tried)}; {', '.join(rung)}")
        self._judge_stopped_ringing(t0)
        self._judge_cause(talk.desk, key, t0, 1, "no_answer")
        self._judge_cause(talk.desk, key, t0, 2, "declined")
        self._judge_cause(talk.desk, key, t0, 3, "not_a_person")
        refused, rings = self.experts[2].events("ended", t0), self.experts[3].events("incoming", t0)
        if refused and rings:
            self.numbers["next_try_ms"] = round((rings[0].t - refused[0].t) * 1000, 1)
            self.checks.at_most("next_try", self.numbers["next_try_ms"], NEXT_MS, "ms")
        mailbox = [
            r.listener
            for r in await listen(talk.pair)
            if prover.heard_before([r], ("E3", r.listener), time.monotonic())
        ]
        self.checks.record("mailbox_unheard", not mailbox, f"heard by {', '.join(mailbox) or 'nobody'}")

    def _judge_stopped_ringing(self, t0: float) -> None:
        rang, stopped = self.experts[1].events("incoming", t0), self.experts[1].events("ended", t0)
        if rang and stopped:
            limit_ms = _limits(self.pace)["RING_S"] * 1000 + CANCEL_MS
            self.checks.at_most("e1_ring_limit", (stopped[0].t - rang[0].t) * 1000, limit_ms, "ms")

    def _judge_cause(self, desk: DeskClient, key: str, t0: float, number: int, cause: str) -> None:
        """Compare when an expert's phone was done with when the agent's screen said why."""
        check = f"e{number}_cause"
        ended = self.experts[number].events("ended", t0)
        seen = desk.first_arrival(key, lambda doc: bool(_cause(doc, number)), t0)
        said = _cause(desk.docs.get(key, {}), number)
        if not ended or seen is None:
            self.checks.record(check, False, f"phone ended: {bool(ended)}; on the screen: {said or 'nothing'}")
            return
        late_ms = (seen - ended[0].t) * 1000
        self.story.add(f"E{number}: {said}, on the agent's screen", seen)
        self.checks.record(check, said == cause and late_ms <= CAUSE_MS, f"{said}, {max(0.0, late_ms):.0f} ms")

    async def _judge_joined(self, talk: Talk, joined_at: float) -> None:
        three = (*talk.pair, self.experts[4])
        try:
            await until_heard(three, timeout_s=1.5)
            self.checks.record("six_directions", True, "6")
        except WaitTimeout as missing:
            self.checks.record("six_directions", False, str(missing))
        await self.gaps(talk.pair, "never_alone")
        lifted = self.experts[4].events("answered")
        ended = [e for e in self.experts[5].events("ended") if lifted and e.t >= lifted[-1].t - 0.05]
        if ended:
            self.checks.at_most("others_cancelled", max(0.0, (ended[0].t - lifted[-1].t) * 1000), CANCEL_MS, "ms")
            reason = str(ended[0].data["reason_header"])
            self.checks.record(
                "no_missed_call", "completed elsewhere" in reason and "200" in reason, reason or "no Reason"
            )
        else:
            self.checks.record("others_cancelled", False, f"E5 rang {len(self.experts[5].events('incoming'))} times")

    # --- the second time: nobody answers -------------------------------------------------------------------------

    async def _nobody_comes(self, talk: Talk) -> None:
        self.step = "E4 goes, and is silent the next time"
        ceiling_s = _limits(self.pace)["CEILING_S"]
        self.experts[4].send("hang_up")
        self.experts[4].policy("never")
        await talk.until(f"interaction/{talk.interaction}", lambda doc: doc["phase"] == "talking", 3.0, "two again")
        await self.shown(talk.desk, _person(4))
        self.checks.record("one_miss_is_none", *_shows(talk.desk, "free"))
        self.step = "the agent asks again"
        t0 = time.monotonic()
        escalation = await talk.escalate(skill=CLAIMS, reason="And once more.")
        self.story.add("The agent asks again (t0)", t0)
        talk.agent.send("mute", on=True)  # so that whatever the customer hears is the announcement
        await asyncio.sleep(0.3)
        talk.customer.send("reset")
        await self._promise(talk, f"escalation/{escalation['id']}", t0, ceiling_s)
        talk.agent.send("mute", on=False)
        try:
            left = await asyncio.gather(*(expert.until_free(1.0) for expert in self.experts.values()))
            self.checks.at_most("no_leg_left", max(left) * 1000, CANCEL_MS, "ms")
        except WaitTimeout as zombie:
            self.checks.record("no_leg_left", False, str(zombie))

    # --- E1 let it ring twice ------------------------------------------------------------------------------------

    async def _unconfirmed(self, talk: Talk) -> None:
        self.step = "E1 missed a second ring"
        self.checks.record("unconfirmed", *_shows(talk.desk, "unknown", "unconfirmed"))
        screen = self.screens[1]
        own = screen.docs[f"person/{_person(1)}"]["availability"]
        told = str(own["because"])
        self.checks.record("told_why", "did not answer" in told and bool(own["unconfirmed_since"]), told)
        self.story.add(f"E1 reads on his own screen: {told}")
        at = time.monotonic()
        await screen.command("me/availability", {"status": "available"})
        key = f"person/{_person(1)}"
        free = await talk.until(key, lambda doc: doc["availability"]["state"] == "free", 3.0, "E1 shown free")
        self.checks.at_most("confirmed_again", (free.at - at) * 1000, 1_000, "ms")
        self.story.add("E1 says that he is there, and is shown free", free.at)

    async def _promise(self, talk: Talk, key: str, t0: float, ceiling_s: float) -> None:
        promised = await talk.until(key, lambda doc: doc["state"] == "closed", ceiling_s + 3, "the end of the search")
        passed_s = round(promised.at - t0, 2)
        self.numbers["promised_s"] = passed_s
        cause = talk.desk.docs[key]["cause"]
        self.checks.record("promise", cause == "promised" and passed_s <= ceiling_s, f"{cause} after {passed_s:.2f} s")
        self.story.add(f"The search ends: {talk.desk.docs[key]['cause_text']}", promised.at)
        await self._notice(talk, t0, ceiling_s)
        events = await talk.events()
        created = [e for e in events if e["name"] == "task.created"]
        requested = [e for e in events if e["name"] == "escalation.requested"][-1]
        after_s = _seconds(requested, created[-1]) if created else -1.0
        self.checks.record(
            "task_created", 0 <= after_s <= ceiling_s, f"after {after_s:.2f} s" if created else "no task"
        )

    async def _notice(self, talk: Talk, t0: float, ceiling_s: float) -> None:
        heard: dict[str, object] = {}
        while time.monotonic() < t0 + ceiling_s + 1:
            heard = await talk.customer.details()
            if float(str(heard["sound_ms"])) >= 300:
                break
            await asyncio.sleep(0.1)
        began = heard.get("sound_from")
        if not isinstance(began, float):
            self.checks.record("notice_heard", False, "silence")
            return
        self.story.add("The customer hears what happens next", began)
        told = f"from {began - t0:.2f} s on, {float(str(heard['sound_ms'])):.0f} ms so far"
        self.checks.record("notice_heard", began - t0 <= ceiling_s and float(str(heard["sound_ms"])) >= 300, told)


def _limits(pace: Pace) -> dict[str, float]:
    return SHORT if pace.short else DEFAULT


def _person(number: int) -> str:
    return f"expert.{number:02}"


def _shows(desk: DeskClient, state: str, kind: str = "") -> tuple[bool, str]:
    """What a screen shows of E1, and whether it is that."""
    shown = desk.docs[f"person/{_person(1)}"]["availability"]
    return shown["state"] == state and kind in ("", shown["kind"]), f"{shown['state']}: {shown['because']}"


def _cause(doc: Document, number: int) -> str:
    causes = (str(each["cause"]) for each in doc.get("invitations", ()) if each["specialist"] == _person(number))
    return next(causes, "")


def _seconds(earlier: Document, later: Document) -> float:
    return (datetime.fromisoformat(str(later["at"])) - datetime.fromisoformat(str(earlier["at"]))).total_seconds()
