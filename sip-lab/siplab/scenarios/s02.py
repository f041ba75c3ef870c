"""S02: the experts do not answer, and still the customer has somebody in time, or a promise.

E1 never answers, E2 refuses, E3 is a mailbox, E4 lets it ring and answers, E5 never. The agent asks for the skill; the
system goes from one to the next under one deadline (N2) and joins nobody but a person (N8). Then the same with E4
silent: a promise is made, and heard by the customer, before the ceiling. E1, who let it ring twice, is not shown free
any more and is told why, until he says that he is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import datetime

from siplab import prover
from siplab.checks import Planned
from siplab.company import CLAIMS, LabCompany, agent, specialist
from siplab.desk import DeskClient, Document
from siplab.errors import WaitTimeout
from siplab.patience import WAIT_S
from siplab.scenarios.party import Party, listen, until_heard
from siplab.scenarios.scene import Environment, Pace, Scene, Talk
from siplab.scenarios.stage import phone_line

CAUSE_MS, NEXT_MS, CANCEL_MS = 500, 300, 500
EXPERTS, MAILBOX = 5, 3
"""E3 is answered at once, without a ring: however busy the machine is, no person can lift as fast as that."""
SHORT = {"RING_S": 4.0, "TARGET_S": 9.0, "CEILING_S": 13.0, "ACCEPT_S": 1.0}
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
        answers = {1: "never", 2: "decline", 3: "auto", 4: "command", 5: "never"}

        async def expert(number: int) -> Party:
            person = _person(number)
            self.screens[number] = await self.screen(person)
            line = phone_line(f"E{number}", self.stage.access.logins[person], self._me, answers[number])
            (phone,) = await self.robot(person, replace(line, ring=number != MAILBOX))
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
            await self._e4_lifts(talk, key, t0)
            joined = await talk.until(key, lambda doc: doc["joined_at"], "somebody joined")
        finally:
            await self._judge_tries(talk, key, t0)
        self.numbers["joined_s"] = round(joined.at - t0, 2)
        self.checks.at_most("joined", round(joined.at - t0, 2), limits["TARGET_S"], "s")
        self.story.add("E4 is joined", joined.at)
        await self._judge_joined(talk, joined.at)

    async def _e4_lifts(self, talk: Talk, key: str, t0: float) -> None:
        """The mailbox is out and E5's phone rings, too; with the mission's limits he takes his time besides."""
        wait_s = _limits(self.pace)["CEILING_S"] + WAIT_S
        await self.experts[5].wait_for("rang", since=t0, timeout_s=wait_s)
        await talk.until(key, lambda doc: _cause(doc, MAILBOX), "what became of E3", wait_s)
        await talk.until_liftable(_person(4))
        await asyncio.sleep(0.0 if self.pace.short else 3.0)
        self.experts[4].send("answer")

    async def _judge_tries(self, talk: Talk, key: str, t0: float) -> None:
        for number in (1, 2, 3):
            with contextlib.suppress(WaitTimeout):
                await self.experts[number].wait_for("ended", since=t0)
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
        in_time = self.checks.in_time(late_ms, CAUSE_MS)
        self.checks.record(check, said == cause and in_time, f"{said}, {max(0.0, late_ms):.0f} ms")

    async def _judge_joined(self, talk: Talk, joined_at: float) -> None:
        three = (*talk.pair, self.experts[4])
        try:
            await until_heard(three)
            self.checks.record("six_directions", True, "6")
        except WaitTimeout as missing:
            self.checks.record("six_directions", False, str(missing))
        await self.gaps(talk.pair, "never_alone")
        lifted = self.experts[4].events("answered")[-1]
        try:
            ended = await self.experts[5].wait_for("ended", since=lifted.t)
        except WaitTimeout:
            self.checks.record("others_cancelled", False, f"E5 rang {len(self.experts[5].events('incoming'))} times")
            return
        self.checks.at_most("others_cancelled", (ended.t - lifted.t) * 1000, CANCEL_MS, "ms")
        reason = str(ended.data["reason_header"])
        self.checks.record("no_missed_call", "completed elsewhere" in reason and "200" in reason, reason or "no Reason")

    # --- the second time: nobody answers -------------------------------------------------------------------------

    async def _nobody_comes(self, talk: Talk) -> None:
        self.step = "E4 goes, and is silent the next time"
        ceiling_s = _limits(self.pace)["CEILING_S"]
        self.experts[4].send("hang_up")
        self.experts[4].policy("never")
        await talk.until(f"interaction/{talk.interaction}", lambda doc: doc["phase"] == "talking", "two again")
        for number in range(2, EXPERTS + 1):
            await self.shown(talk.desk, _person(number))
        await self._records(talk.desk, "one_miss_is_none", "free")
        self.step = "the agent asks again"
        t0 = time.monotonic()
        escalation = await talk.escalate(skill=CLAIMS, reason="And once more.")
        self.story.add("The agent asks again (t0)", t0)
        await self.hush(talk.pair)  # so that whatever the customer hears is the announcement
        await self._promise(talk, f"escalation/{escalation['id']}", t0, ceiling_s)
        for party in talk.pair:
            party.send("mute", on=False)
        try:
            left = await asyncio.gather(*(expert.until_free() for expert in self.experts.values()))
            self.checks.at_most("no_leg_left", max(left) * 1000, CANCEL_MS, "ms")
        except WaitTimeout as zombie:
            self.checks.record("no_leg_left", False, str(zombie))

    # --- E1 let it ring twice ------------------------------------------------------------------------------------

    async def _unconfirmed(self, talk: Talk) -> None:
        self.step = "E1 missed a second ring"
        screen = self.screens[1]
        await self._records(talk.desk, "unconfirmed", "unknown", "unconfirmed")
        await _until_shown(screen, "unknown", "unconfirmed")
        own = screen.docs[f"person/{_person(1)}"]["availability"]
        told = str(own["because"])
        self.checks.record("told_why", "did not answer" in told and bool(own["unconfirmed_since"]), told)
        self.story.add(f"E1 reads on his own screen: {told}")
        at = time.monotonic()
        await screen.command("me/availability", {"status": "available"})
        key = f"person/{_person(1)}"
        free = await talk.until(key, lambda doc: doc["availability"]["state"] == "free", "E1 shown free")
        self.checks.at_most("confirmed_again", (free.at - at) * 1000, 1_000, "ms")
        self.story.add("E1 says that he is there, and is shown free", free.at)

    async def _records(self, desk: DeskClient, check: str, state: str, kind: str = "") -> None:
        """Record whether a screen comes to show E1 so."""
        with contextlib.suppress(WaitTimeout):
            await _until_shown(desk, state, kind)
        shown = desk.docs[f"person/{_person(1)}"]["availability"]
        self.checks.record(check, _is_shown(shown, state, kind), f"{shown['state']}: {shown['because']}")

    async def _promise(self, talk: Talk, key: str, t0: float, ceiling_s: float) -> None:
        promised = await talk.until(
            key, lambda doc: doc["state"] == "closed", "the end of the search", ceiling_s + WAIT_S
        )
        passed_s = round(promised.at - t0, 2)
        self.numbers["promised_s"] = passed_s
        cause = talk.desk.docs[key]["cause"]
        in_time = self.checks.in_time(passed_s * 1000, ceiling_s * 1000)
        self.checks.record("promise", cause == "promised" and in_time, f"{cause} after {passed_s:.2f} s")
        self.story.add(f"The search ends: {talk.desk.docs[key]['cause_text']}", promised.at)
        await self._notice(talk, t0, ceiling_s)
        events = await talk.until_logged("task.created")
        created = [e for e in events if e["name"] == "task.created"]
        requested = [e for e in events if e["name"] == "escalation.requested"][-1]
        after_s = _seconds(requested, created[-1]) if created else -1.0
        in_time = after_s >= 0 and self.checks.in_time(after_s * 1000, ceiling_s * 1000)
        self.checks.record("task_created", in_time, f"after {after_s:.2f} s" if created else "no task")

    async def _notice(self, talk: Talk, t0: float, ceiling_s: float) -> None:
        heard: dict[str, object] = {}
        while time.monotonic() < t0 + ceiling_s + WAIT_S:
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
        in_time = self.checks.in_time((began - t0) * 1000, ceiling_s * 1000)
        self.checks.record("notice_heard", in_time and float(str(heard["sound_ms"])) >= 300, told)


def _limits(pace: Pace) -> dict[str, float]:
    return SHORT if pace.short else DEFAULT


def _person(number: int) -> str:
    return f"expert.{number:02}"


def _is_shown(shown: Document, state: str, kind: str) -> bool:
    return bool(shown["state"] == state and kind in ("", shown["kind"]))


async def _until_shown(desk: DeskClient, state: str, kind: str) -> None:
    """Wait until a screen shows E1 so."""
    key = f"person/{_person(1)}"
    await desk.wait_for(
        lambda docs: _is_shown(docs[key]["availability"], state, kind), WAIT_S, f"E1 {state} {kind}".rstrip()
    )


def _cause(doc: Document, number: int) -> str:
    causes = (str(each["cause"]) for each in doc.get("invitations", ()) if each["specialist"] == _person(number))
    return next(causes, "")


def _seconds(earlier: Document, later: Document) -> float:
    return (datetime.fromisoformat(str(later["at"])) - datetime.fromisoformat(str(earlier["at"]))).total_seconds()
