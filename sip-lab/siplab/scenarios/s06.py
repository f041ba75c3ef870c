"""S06: what every agent's list shows of an expert, on a real node, a real Mosquitto, and phones.

Steps 1, 2, 5, 6 and 8 play on E1; E2's client freezes, E3 leaves a ghost in the broker's memory, E4's clock is wrong,
E5 to E7 are equals among whom the load is spread. Step 7 is a second node with a crowd.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from presence.budget import gini
from siplab.bench.measure import percentile, resident_mib
from siplab.checks import Planned
from siplab.company import CLAIMS, FRAUD, LabCompany, agent, specialist
from siplab.crowd import PEOPLE, given_crowd, measure_crowd
from siplab.desk import DeskClient, Document
from siplab.errors import DeskRefused, WaitTimeout
from siplab.patience import WAIT_S
from siplab.presence import UcClient
from siplab.scenarios.broker import kill_broker, save_memory
from siplab.scenarios.party import Party, first_of
from siplab.scenarios.s06_table import SITUATIONS, Situation, Word
from siplab.scenarios.scene import Scene, Talk
from siplab.scenarios.stage import phone_line

E1, E2, E3, E4 = (f"expert.{number:02}" for number in range(1, 5))
EQUALS = ("expert.05", "expert.06", "expert.07")
SHOWN_MS, RESERVED_MS = 1_000, 1_000
PROBE_MS = 3_000
KEEPALIVE_S = 4
KEEPALIVE_MS = KEEPALIVE_S * 1_500 + 6_500
"""Mosquitto looks every 5 s, by whole seconds, whose keep-alive has run out one and a half times."""
RIGHT_AGAIN_MS = 5_000
MESSAGES_EACH = 8
PER_HOUR, ROUNDS = 4, 4
CROWD_S = 10.0
CROWD_P95_MS, CROWD_GROWTH_MIB = 1_000, 20.0
SKEW = timedelta(minutes=10)


class S06(Scene):
    """Availability you can trust."""

    name = "S06"
    planned = (
        Planned(
            "table",
            f"Step 1: {len(SITUATIONS)} situations: both agents' lists show the table's state",
            "all",
            ("CE-02", "N6"),
        ),
        Planned("age_and_reason", "Each with since, because and age", "all", ("CE-02", "N6")),
        Planned("killed_client", "Step 2: E1's client killed: not free any more", "<= 1000 ms", ("N6",)),
        Planned(
            "frozen_client",
            f"E2's client goes silent (keep-alive {KEEPALIVE_S} s): not free any more",
            f"<= {KEEPALIVE_MS} ms (x 1.5, and Mosquitto looks every 5 s)",
            ("N6",),
        ),
        Planned("ghost", 'E3: "available" in the broker\'s memory, nobody lives: unknown', "never free", ("N6",)),
        Planned("broker_lost", "Step 3: broker killed: everybody unknown", "<= 1000 ms", ("N6",)),
        Planned("broker_back", "Right again after the client reconnected", f"<= {RIGHT_AGAIN_MS} ms", ("N6",)),
        Planned("no_storm", "Messages about one person after that", f"<= {MESSAGES_EACH}", ("N6",)),
        Planned("silent_client", "Step 4: E4's client never says a status", "unknown", ("N6",)),
        Planned("clock_skew", "E4's clock is 10 minutes off, both ways: the order is right", "right", ("N6",)),
        Planned("probe", "E4 is in doubt and picked: phone and client are asked, and he rings", "<= 3000 ms", ("N6",)),
        Planned("calendar", "Step 5: in a meeting without a call", "busy by calendar, reachable", ("CE-12", "N6")),
        Planned(
            "calendar_pick",
            "Not taken by skill, rung when picked by name, but only if his own rule allows",
            "as said",
            ("CE-12", "N6", "N14"),
        ),
        Planned("reserved", "Step 6: E1 is asked: both agents see it", f"<= {RESERVED_MS} ms", ("CE-13", "CE-20")),
        Planned("uc_follows", "E1's own client is told", f"<= {RESERVED_MS} ms", ("CE-20", "DC-02")),
        Planned("crowd", "Step 7: everybody of a crowd changes every 30 s: to the screen, p95", "<= 1000 ms", ("N6",)),
        Planned("crowd_whole", "No change is missed, and the node does not grow", "0, <= 20 MiB", ("N6",)),
        Planned("budget", f"Step 8: E1 allows {PER_HOUR} an hour: the next is not offered", "resting until", ("N14",)),
        Planned("override", "Asking all the same needs a reason, which is logged", "refused, then logged", ("N14",)),
        Planned("quiet", "Quiet time: not offered", "resting until", ("N14",)),
        Planned("spread", "Requests spread over three equals (Gini)", "<= 0.2", ("CE-24", "N14")),
        Planned("false_free", "Shown free against the table, in any step", "0", ("CE-02", "N6")),
    )

    @classmethod
    def company(cls) -> LabCompany:
        others = (specialist(number, level=2, skill="legal") for number in (2, 3, 4))
        equals = (specialist(number, level=4, skill=FRAUD) for number in (5, 6, 7))
        return LabCompany((agent(1), agent(2), specialist(1), *others, *equals))

    async def play(self) -> None:
        self.false_free: list[str] = []
        self.told: set[str] = set()
        self.desk1, self.desk2, self.own = await asyncio.gather(
            self.desk("agent.01"), self.desk("agent.02"), self.desk(E1)
        )
        people = (E1, E2, E3, E4, *EQUALS)
        lines = [phone_line(name, self.stage.access.logins[name], self._me, "never") for name in people]
        self.phones = dict(zip(people, await self.robot("experts", *lines), strict=True))
        if self.pace.short:
            await first_of((self._steps(), self._crowd(100, 2.0)))
        else:
            await self._steps()
            self.step = "step 7, the crowd"
            await self._crowd(PEOPLE, CROWD_S)
        self.checks.record("false_free", not self.false_free, "; ".join(self.false_free) or "0")

    async def _steps(self) -> None:
        """All steps but the crowd; the broker dies last, since nobody's client outlives that."""
        frozen = asyncio.create_task(self._frozen_client())
        try:
            await self._table()
            await self._killed_client()
            await self._wrong_clock()
            await self._escalations()
            await frozen
        finally:
            frozen.cancel()
        await self._broker()

    # --- step 1 --------------------------------------------------------------------------------------------------

    async def _table(self) -> None:
        self.step = "step 1, the table"
        self.client = await self.stage.uc_client(self.stage.access.logins[E1], self._me)
        wrong: list[str] = []
        bare: list[str] = []
        for situation in SITUATIONS:
            self.step = f"step 1, {situation.name}"
            await self._arrange(situation.words)
            for desk in (self.desk1, self.desk2):
                shown = await self._shows(desk, E1, situation.state, situation.because)
                if shown is None:
                    wrong.append(f"{situation.name}: {_of(desk, E1)['state']}, {_of(desk, E1)['because']}")
                elif not (shown["since"] and shown["because"] and shown["checked_at"] and shown["sources"]):
                    bare.append(situation.name)
            self._note_false_free(situation)
        self.checks.record("table", not wrong, "; ".join(wrong) or f"{len(SITUATIONS)} right")
        self.checks.record("age_and_reason", not bare, ", ".join(bare) or f"{len(SITUATIONS)} complete")
        self.story.add(f"{len(SITUATIONS) - len(wrong)} of {len(SITUATIONS)} situations are shown as the table says")

    def _note_false_free(self, situation: Situation) -> None:
        if situation.state != "free" and _of(self.desk1, E1)["state"] == "free":
            self.false_free.append(situation.name)

    async def _arrange(self, words: tuple[Word, ...]) -> None:
        """Take back what was said before, then say these words in order."""
        now = {source for source, _ in words}
        for source in self.told - now:
            await self._unsay(source)
        self.told = now
        for source, word in words:
            await self._say(source, word)

    async def _say(self, source: str, word: str) -> None:
        match source:
            case "uc":
                await self.client.say(word)
            case "raw":
                await self.client.send_raw("uc", word)
            case "desk":
                await self.own.command("me/availability", {"status": word})
                await self._until_own(lambda doc: ("manual", word) in _words(doc))
            case "mobile":
                self.mobile = self._client(E1, name="mobile")
                await self.mobile.__aenter__()
                await self.mobile.say(word)
            case "line":
                self.phones[E1].send("unregister")
            case "calendar" if word != "unknown":
                await self.client.tell(source, word, until=(datetime.now(UTC) + timedelta(minutes=30)).isoformat())
            case _:
                await self.client.tell(source, word)

    async def _unsay(self, source: str) -> None:
        match source:
            case "raw":
                pass  # the next status takes its place
            case "desk":
                await self.own.command("me/availability", {"status": "automatic"})
                await self._until_own(lambda doc: all(source != "manual" for source, _ in _words(doc)))
            case "mobile":
                await self.mobile.__aexit__(None, None, None)
            case "line":
                self.phones[E1].send("register")
            case _:
                await self.client.take_back(source)

    async def _until_own(self, fits: Callable[[Document], bool]) -> None:
        await self.own.wait_for(lambda docs: fits(docs["me"]["availability"]), WAIT_S, "the own choice")

    def _client(self, person: str, **more: Any) -> UcClient:
        return self.stage.new_uc_client(self.stage.access.logins[person], self._me, **more)

    async def _shows(self, desk: DeskClient, person: str, state: str, because: str) -> Any:
        """What a list shows of a person once it is this state for this reason; None when it does not come to that."""

        def fits(docs: Any) -> Document | None:
            shown = docs[f"person/{person}"]["availability"]
            return shown if shown["state"] == state and because in shown["because"] else None

        try:
            return (await desk.wait_for(fits, WAIT_S, f"{person}: {state}, {because}")).value
        except WaitTimeout:
            return None

    async def _no_longer_free(self, check: str, person: str, since: float, limit_ms: int, timeout_s: float) -> None:
        """Record how long after `since` (monotonic) a person was not shown free any more."""
        key = f"person/{person}"
        try:
            gone = await self.desk1.wait_for(lambda d: _of(self.desk1, person)["state"] != "free", timeout_s, key)
        except WaitTimeout:
            self.checks.record(check, False, f"still free after {timeout_s:g} s")
            self.false_free.append(self.step)
            return
        state = _of(self.desk1, person)["state"]
        late_ms = (gone.at - since) * 1000
        in_time = self.checks.in_time(late_ms, limit_ms)
        self.checks.record(check, state == "unknown" and in_time, f"{state}, {late_ms:.0f} ms")

    # --- steps 2 to 4 --------------------------------------------------------------------------------------------

    async def _killed_client(self) -> None:
        self.step = "step 2, a killed client"
        await self._arrange((("uc", "available"),))
        await self.shown(self.desk1, E1)
        at = time.monotonic()
        await self.client.kill()
        await self._no_longer_free("killed_client", E1, at, SHOWN_MS, WAIT_S)
        self.client = self._client(E1)
        await self.client.__aenter__()
        self.stage.push(self.client.close)

    async def _frozen_client(self) -> None:
        """A program that hangs: its connection is open, but nothing comes any more."""
        client = self._client(E2, keepalive_s=KEEPALIVE_S)
        await client.__aenter__()
        await client.say("available")
        await self.shown(self.desk1, E2)
        at = await client.freeze()
        await self._no_longer_free("frozen_client", E2, at, KEEPALIVE_MS, KEEPALIVE_S * 4 + WAIT_S)
        await client.kill()

    async def _wrong_clock(self) -> None:
        self.step = "step 4, a silent client and a wrong clock"
        client = self._client(E4)
        await client.__aenter__()
        self.stage.push(client.close)
        silent = await self._shows(self.desk1, E4, "unknown", "no status yet")
        self.checks.record("silent_client", silent is not None, str(_of(self.desk1, E4)["because"]))
        wrong: list[str] = []
        for skew, status, state in (
            (SKEW, "available", "free"),
            (-SKEW, "busy", "busy"),
            (SKEW, "away", "away"),
            (timedelta(), "available", "free"),
            (-SKEW, "dnd", "busy"),
        ):
            client.skew = skew
            await client.say(status)
            shown = await self._shows(self.desk1, E4, state, "UC status")
            if shown is None or datetime.fromisoformat(shown["since"]) > datetime.now(UTC) + timedelta(seconds=1):
                wrong.append(f"{status}, clock {skew.total_seconds():+.0f} s: {_of(self.desk1, E4)}")
        self.checks.record("clock_skew", not wrong, "; ".join(wrong) or "right")

    async def _broker(self) -> None:
        self.step = "step 3, the broker dies"
        people = [f"person/{person}" for person in (E1, E2, E3, E4, *EQUALS)]
        ghost = self._client(E3)
        await ghost.__aenter__()
        await ghost.say("available")
        await self.client.say("available")
        await self.shown(self.desk1, E3)
        await self.shown(self.desk1, E1)
        save_memory(self.stage.access.pid)
        await asyncio.sleep(0.3)  # the broker writes its file
        at = time.monotonic()
        kill_broker(self.stage.access.pid)
        all_unknown = await self.desk1.wait_for(
            lambda docs: all(docs[key]["availability"]["state"] == "unknown" for key in people), WAIT_S, "all unknown"
        )
        self.checks.at_most("broker_lost", (all_unknown.at - at) * 1000, SHOWN_MS, "ms")
        self.story.add("Everybody is unknown", all_unknown.at)
        await ghost.kill()
        await self.client.kill()
        back = await self.desk1.wait_for(lambda docs: docs["system"]["presence_connected"], WAIT_S, "the broker back")
        self.client = self._client(E1)
        at = time.monotonic()
        await self.client.__aenter__()
        self.stage.push(self.client.close)
        await self.client.say("available")
        await self.shown(self.desk1, E1)
        again = self.desk1.first_arrival(people[0], lambda doc: doc["availability"]["state"] == "free", since=back.at)
        self.checks.at_most("broker_back", ((again or time.monotonic()) - at) * 1000, RIGHT_AGAIN_MS, "ms")
        await asyncio.sleep(1.0)
        each = Counter(key for t, key, _ in self.desk1.history if t >= back.at and key in people)
        self.checks.record("no_storm", max(each.values()) <= MESSAGES_EACH, str(max(each.values())))
        freed = self.desk1.first_arrival(
            f"person/{E3}", lambda doc: doc["availability"]["state"] == "free", since=all_unknown.at
        )
        shown = _of(self.desk1, E3)
        ok = freed is None and shown["state"] == "unknown"
        self.checks.record("ghost", ok, f"{shown['state']}: {shown['because']}")
        if not ok:
            self.false_free.append("the ghost")

    # --- steps 5, 6, 8 -------------------------------------------------------------------------------------------

    async def _escalations(self) -> None:
        self.step = "the conversation"
        customer, phone = await asyncio.gather(self.customer(), self.phone("A", "agent.01", "auto", 100))
        talk = await self.talk(self.desk1, customer, phone)
        await self._probe(talk)
        await self._calendar(talk)
        await self._reserved(talk)
        await self._limits(talk)
        await self._spread(talk)
        customer.send("hang_up")

    async def _probe(self, talk: Talk) -> None:
        """His client's last word could not be read; asked, it says its status again."""
        self.step = "step 4, the probe"
        client = self._client(E4)
        await client.__aenter__()
        self.stage.push(client.close)
        await client.say("available")
        await self.shown(self.desk1, E4)
        await client.send_raw("uc", "{")
        await self.shown(self.desk1, E4, "unknown")
        asked, at = client.pings, time.monotonic()
        escalation = await self._ring(talk, E4, specialist=E4)
        took = (time.monotonic() - at) * 1000
        ok = client.pings > asked and self.checks.in_time(took, PROBE_MS)
        self.checks.record("probe", ok, f"rang after {took:.0f} ms, {client.pings - asked} ping answered")
        await self._take_back(talk, escalation)

    async def _calendar(self, talk: Talk) -> None:
        self.step = "step 5, in a meeting"
        await self._arrange(
            (("uc", "busy"), ("in_call", "available"), ("microphone", "available"), ("calendar", "busy"))
        )
        shown = await self._shows(self.desk1, E1, "busy", "busy by calendar until") or _of(self.desk1, E1)
        kind = str(shown["kind"])
        said = kind == "busy_by_calendar_reachable" and shown["reachable"] and "reachable" in shown["because"]
        self.checks.record("calendar", bool(said), str(shown["because"]))
        by_skill = await talk.escalate(skill=CLAIMS)
        key = f"escalation/{by_skill['id']}"
        doc = (await talk.until(key, lambda d: d["state"] in ("choosing", "offered"), "who is asked")).value
        rung = [one["specialist"] for one in self.desk1.docs[key]["invitations"]] if doc else []
        await self._take_back(talk, by_skill)
        picked = await self._ring(talk, E1, specialist=E1)
        await self._take_back(talk, picked)
        await self.own.command("me/limits", {"focus_until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
        resting = await self._refusal(talk, specialist=E1)
        await self.own.command("me/limits", {})
        ok = not rung and resting == "resting"
        self.checks.record("calendar_pick", ok, f"by skill: {rung or 'nobody'}; by name: rung; in focus: {resting}")
        await self._arrange((("uc", "available"),))
        await self.shown(self.desk1, E1)

    async def _reserved(self, talk: Talk) -> None:
        self.step = "step 6, the reservation"
        at = time.monotonic()
        escalation = await talk.escalate(specialist=E1)
        while self.client.shown.get("kind") != "reserved" and time.monotonic() < at + WAIT_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        told = (time.monotonic() - at) * 1000
        client = dict(self.client.shown)
        await self.phones[E1].wait_for("rang", since=at)
        late = max([await self._reserved_at(desk, at) - at for desk in (self.desk1, self.desk2)]) * 1000
        self.checks.at_most("reserved", late, RESERVED_MS, "ms")
        ok = client.get("kind") == "reserved" and self.checks.in_time(told, RESERVED_MS)
        self.checks.record("uc_follows", ok, f"{client.get('because')}, {told:.0f} ms")
        await self._take_back(talk, escalation)

    async def _reserved_at(self, desk: DeskClient, since: float) -> float:
        """When a screen first showed E1 as reserved."""
        await desk.wait_for(lambda _docs: _of(desk, E1)["kind"] == "reserved", WAIT_S, "E1 reserved")
        found = desk.first_arrival(f"person/{E1}", lambda doc: doc["availability"]["kind"] == "reserved", since=since)
        return time.monotonic() if found is None else found

    async def _limits(self, talk: Talk) -> None:
        self.step = "step 8, the budget"
        await self.own.command("me/limits", {"per_hour": PER_HOUR})
        asked = 0
        while asked < PER_HOUR + 1 and _of(self.desk1, E1)["kind"] != "resting":
            if not await self._is_rung(talk):
                break  # his budget was spent before the screen said so
            asked += 1
        shown = await self._shows(self.desk1, E1, "busy", "resting until") or _of(self.desk1, E1)
        refused = await self._refusal(talk, specialist=E1)
        # Steps 5 and 6 rang E1 once each; these count, too.
        ok = asked <= PER_HOUR and refused == "resting" and bool(shown["resting_until"])
        self.checks.record("budget", ok, f"{shown['because']}; then {refused}")
        escalation = await self._ring(talk, E1, specialist=E1, override_reason="the contract ends today")
        await self._take_back(talk, escalation)
        logged = [e for e in await talk.events() if e["name"] == "limits.overridden"]
        self.checks.record("override", len(logged) == 1 and refused == "resting", f"{refused}, {len(logged)} logged")
        always = [{"weekday": day, "from": "00:00", "to": "00:00"} for day in range(7)]
        await self.own.command("me/limits", {"quiet": always})
        shown = await self._shows(self.desk1, E1, "busy", "quiet time") or _of(self.desk1, E1)
        self.checks.record("quiet", await self._refusal(talk, specialist=E1) == "resting", str(shown["because"]))
        await self.own.command("me/limits", {})

    async def _is_rung(self, talk: Talk) -> bool:
        """Ask for E1 and take it back; tells whether his phone rang, because he was not resting."""
        try:
            escalation = await talk.escalate(specialist=E1)
        except DeskRefused as refused:
            if refused.code != "resting":
                raise
            return False
        key = f"escalation/{escalation['id']}"
        await talk.until(key, lambda doc: doc["ringing_at"] or doc["state"] == "choosing", "E1 rung, or nobody")
        rung = bool(self.desk1.docs[key]["ringing_at"])
        await self._take_back(talk, escalation)
        return rung

    async def _spread(self, talk: Talk) -> None:
        self.step = "step 8, the spread"
        for person in EQUALS:
            await self.available(person)
        for person in EQUALS:
            await self.shown(self.desk1, person)
        counts = Counter[str](dict.fromkeys(EQUALS, 0))
        for _ in range(ROUNDS * len(EQUALS)):
            escalation = dict(await talk.escalate(skill=FRAUD))
            key = f"escalation/{escalation['id']}"
            await talk.until(key, lambda doc: doc["ringing_at"], "the ringing phone")
            counts[str(self.desk1.docs[key]["invitations"][0]["specialist"])] += 1
            await self._take_back(talk, escalation)
        unevenness = gini([float(count) for count in counts.values()])
        self.checks.at_most("spread", round(unevenness, 3), 0.2, "")
        self.story.add(f"Asked: {', '.join(f'{who} {count}' for who, count in sorted(counts.items()))}")

    async def _ring(self, talk: Talk, person: str, **wanted: str) -> Document:
        phone: Party = self.phones[person]
        at = time.monotonic()
        escalation = await talk.escalate(**wanted)
        await phone.wait_for("rang", since=at)
        return escalation

    async def _take_back(self, talk: Talk, escalation: Document) -> None:
        await talk.desk.command(f"escalations/{escalation['id']}/cancel")
        await self._settled(talk)

    async def _settled(self, talk: Talk) -> None:
        """Two talk again, and nobody is reserved."""
        key = f"interaction/{talk.interaction}"
        await talk.until(key, lambda doc: doc["phase"] == "talking" and doc["escalation"] is None, "two who talk")
        await talk.desk.wait_for(
            lambda docs: all(
                docs[f"person/{person}"]["availability"]["kind"] != "reserved" for person in (E1, *EQUALS)
            ),
            WAIT_S,
            "nobody reserved",
        )

    async def _refusal(self, talk: Talk, **wanted: str) -> str:
        try:
            escalation = await talk.escalate(**wanted)
        except DeskRefused as refused:
            return refused.code
        await self._take_back(talk, escalation)
        return "offered"

    # --- step 7 --------------------------------------------------------------------------------------------------

    async def _crowd(self, people: int, seconds: float) -> None:
        async with given_crowd(people) as crowd:
            before = resident_mib(crowd.access.pid)
            delays = await measure_crowd(crowd, seconds, page=False)
            grown = resident_mib(crowd.access.pid) - before
        p95 = percentile(list(delays.screen_ms), 0.95)
        self.numbers["crowd"] = {"people": people, "changes": delays.sent, "p95_ms": round(p95, 1)}
        self.checks.at_most("crowd", p95, CROWD_P95_MS, "ms")
        ok = delays.missed == 0 and grown <= CROWD_GROWTH_MIB
        self.checks.record("crowd_whole", ok, f"{delays.missed} of {delays.sent}, {grown:+.1f} MiB")
        self.story.add(f"{people} people, {delays.sent} changes, p95 {p95:.0f} ms to the screen")


def _of(desk: DeskClient, person: str) -> Document:
    shown: Document = desk.docs[f"person/{person}"]["availability"]
    return shown


def _words(availability: Document) -> set[Word]:
    return {(str(view["source"]), str(view["status"])) for view in availability["sources"]}
