"""S04: any phone can escalate, and a desk phone without a screen still gets the case.

The same escalation is asked for in seven ways: desk, plain HTTP, MQTT, keys in RTP, keys by INFO, REFER, speed dial.
Each must reach the same states in the same order. The expert has a phone and nothing else: it shows the customer,
carries the case's key and link, and speaks a summary that only he hears; he presses 1. In the end a second expert,
whose phone is behind a foreign PBX that strips all of that, takes the call over for good: the agent leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import aiomqtt
import httpx2

from siplab import prover
from siplab.checks import Planned
from siplab.child import ChildEvent
from siplab.company import CLAIMS, FRAUD, LabCompany, agent, specialist
from siplab.desk import COOKIE, DeskClient, Document
from siplab.errors import DeskRefused, LabError, WaitTimeout
from siplab.foreign_pbx import ForeignPbx
from siplab.patience import WAIT_S
from siplab.scenarios.case_form import edit
from siplab.scenarios.party import Party, listen, until_heard
from siplab.scenarios.scene import ANA, Environment, Pace, Scene, Talk
from siplab.scenarios.stage import phone_line, sip_server

EXPERT, AGENT, SECOND = "expert.01", "agent.01", "expert.02"
TRIGGERS = ("desk", "http", "mqtt", "dtmf", "dtmf_info", "refer", "speed_dial")
EXPECTED_TRIGGER = {"http": "desk", "dtmf_info": "dtmf"}
SUMMARY_S, SPOKEN_S, TONE_MS, KEY_OCTETS = 6.0, 0.5, 40, 128
BRING_IN = f"bring-in+{CLAIMS}"


class S04(Scene):
    """Any phone can escalate."""

    name = "S04"
    planned = (
        *(
            Planned(
                f"trigger_{name}",
                f"Escalating by {name.replace('_', ' ')} brings the expert in",
                "joined, trigger recorded",
                ("CE-24", "CE-28", "N5"),
            )
            for name in TRIGGERS
        ),
        Planned("same_states", "All triggers reach the same states in the same order", "equal", ("CE-24", "N5")),
        Planned("no_dtmf_at_customer", "C hears nothing of the keys", "<= 40 ms", ("CE-24", "N5")),
        Planned("refer_notified", "The phone that sent REFER is told how it goes", "100, 180, 200", ("CE-24", "N5")),
        Planned(
            "refer_stranger",
            "A REFER to a stranger is refused, the call goes on",
            "refused, both talk",
            ("CE-24", "N5"),
        ),
        Planned("unknown_skill", "An unknown skill is refused with a clear answer", "404 unknown_skill", ("N5",)),
        Planned(
            "phone_shows_customer",
            "E1's phone shows the customer's name and number",
            "name and number",
            ("CE-19", "CE-20", "CE-27"),
        ),
        Planned("user_to_user", "User-to-User holds the case key", "<= 128 octets", ("CE-19", "N9")),
        Planned("call_info", "Call-Info holds the link", "http link", ("CE-19", "N9")),
        Planned("summary_spoken", "On answer E1 hears a summary", "0.5 s to 6 s of speech", ("CE-19", "CE-20")),
        Planned("summary_private", "C and A hear nothing of it", "silence", ("CE-20", "N8")),
        Planned("not_before_key", "Nobody is joined before he presses 1", "not joined", ("N8",)),
        Planned(
            "joined_by_key",
            "He presses 1 and is in the conversation",
            "6 directions <= 1000 ms",
            ("CE-03", "CE-20", "N8"),
        ),
        Planned(
            "headers_stripped",
            "A foreign PBX takes User-to-User and Call-Info away: E2's phone has neither",
            "none of them",
            ("CE-19", "N5"),
        ),
        Planned("case_without_headers", "E2's screen shows the case before he lifts", "same case", ("CE-19", "N9")),
        Planned("found_by_call_id", "The phone's Call-ID leads to the case", "same case", ("CE-19", "N9")),
        Planned("joined_through_pbx", "E2 lifts and is in the conversation", "6 directions", ("CE-19", "N5")),
        Planned("switched_over", "A leaves: C and E2 talk on, without a gap", "gap <= 100 ms", ("CE-28", "N7")),
        Planned("last_version", "E2's screen has A's last version of the case", "equal", ("CE-28", "N9")),
        Planned("talk_goes_on", "C and A talk on through all of it", "gap <= 100 ms", ("CE-11", "N3")),
    )

    @classmethod
    def company(cls) -> LabCompany:
        return LabCompany((agent(), specialist(1, trusted=False), specialist(2, skill=FRAUD)))

    @classmethod
    def environment(cls, pace: Pace) -> Environment:
        # However slowly he lifts and presses 1, he is waited for.
        return {"RINGSIDE_ESCALATION__RING_S": "15.0", "RINGSIDE_ESCALATION__ACCEPT_S": "15.0"}

    async def play(self) -> None:
        self.paths: dict[str, list[str]] = {}
        desk = await self.desk(AGENT)
        customer, phone, self.expert = await asyncio.gather(
            self.customer(), self.phone("A", AGENT, "auto", 100), self.phone("E1", EXPERT, "command")
        )
        await self.available(EXPERT)
        await self.shown(desk, EXPERT)
        talk = await self.talk(desk, customer, phone)
        await self._first_time(talk)
        asks = self._ways(talk)
        for name in TRIGGERS[1:]:
            await self._once(talk, name, asks[name])
        self._judge_paths()
        await self._bad_input(talk)
        await self._switch_over(talk)
        await self.note_customer(customer)

    # --- the first time, with everything about the phone without a screen ----------------------------------------

    async def _first_time(self, talk: Talk) -> None:
        self.step = "the agent asks at the desk"
        for party in (*talk.pair, self.expert):
            party.send("reset")
        at = time.monotonic()
        await talk.escalate(skill=CLAIMS, reason="Storm damage at a roof.")
        invite = await self.expert.wait_for("incoming", since=at)
        self.story.add("E1's phone is asked to ring", invite.t)
        self._judge_invite(invite)
        await talk.until_liftable(EXPERT)
        await self.hush(talk.pair)  # whatever they hear now is a leak
        self.expert.send("reset")
        self.expert.send("answer")
        await self._summary(talk, at)
        for party in talk.pair:
            party.send("mute", on=False)
        await self._press_one(talk, at)
        await self._apart(talk, "desk")

    def _judge_invite(self, invite: ChildEvent) -> None:
        headers: Mapping[str, str] = invite.data["headers"]
        shown = headers.get("From", "") + headers.get("P-Asserted-Identity", "")
        self.checks.record(
            "phone_shows_customer", ANA in shown and "Ana K." in shown, headers.get("From", "").partition(";tag")[0]
        )
        key = headers.get("User-to-User", "").partition(";")[0]
        octets = len(key) // 2 if "encoding=hex" in headers.get("User-to-User", "") else len(key)
        self.checks.record("user_to_user", 0 < octets <= KEY_OCTETS, f"{octets} octets")
        link = headers.get("Call-Info", "")
        self.checks.record("call_info", link.startswith("<http"), link.partition(";")[0] or "none")

    async def _summary(self, talk: Talk, since: float) -> None:
        self.step = "the expert hears the summary"
        confirmed = await self.expert.wait_for("confirmed", since=since)
        heard = await self._until_silent(confirmed.t)
        sound_s = float(heard["sound_ms"]) / 1000
        until_s = float(heard["sound_until"] or confirmed.t) - confirmed.t
        self.numbers["summary_s"] = round(until_s, 2)
        self.checks.record(
            "summary_spoken",
            sound_s >= SPOKEN_S and self.checks.in_time(until_s * 1000, SUMMARY_S * 1000 + 200),
            f"{sound_s:.1f} s of sound, over after {until_s:.1f} s",
        )
        others = [(p.name, float((await p.details())["sound_ms"])) for p in talk.pair]
        self.checks.record(
            "summary_private", all(ms < 50 for _, ms in others), ", ".join(f"{n} {ms:.0f} ms" for n, ms in others)
        )
        joined = [d for k, d in talk.desk.docs.items() if k.startswith("escalation/") and d["joined_at"]]
        self.checks.record("not_before_key", not joined, "joined" if joined else "not joined")
        self.story.add(f"E1 alone heard a summary of {until_s:.1f} s")

    async def _until_silent(self, since: float) -> Document:
        """Wait for the end of the speech: more than half a second in which no look found any, or what is too long."""
        details, quiet_since = await self.expert.details(), time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            before, details = details, await self.expert.details()
            now = time.monotonic()
            if details["sound_ms"] > before["sound_ms"]:
                quiet_since = now
            if now - since > SUMMARY_S + WAIT_S or (details["sound_ms"] >= SPOKEN_S * 1000 and now - quiet_since > 0.6):
                return details

    async def _press_one(self, talk: Talk, since: float) -> None:
        self.step = "the expert presses 1"
        at = time.monotonic()
        self.expert.send("dtmf", digits="1")
        await until_heard((*talk.pair, self.expert))
        passed_ms = (time.monotonic() - at) * 1000
        self.checks.at_most("joined_by_key", passed_ms, 1_000, "ms")
        self.story.add("He presses 1: three people talk")

    # --- all the ways to ask -------------------------------------------------------------------------------------

    def _ways(self, talk: Talk) -> dict[str, Callable[[], Awaitable[None]]]:
        async def http() -> None:
            login = self.stage.access.logins[AGENT]
            async with httpx2.AsyncClient(base_url=self.stage.access.web, timeout=WAIT_S) as client:
                answer = await client.post("/api/login", json={"person": AGENT, "password": login.web_password})
                client.cookies.set(COOKIE, answer.cookies[COOKIE])
                path = f"/api/interactions/{talk.interaction}/escalations"
                answer = await client.post(path, json={"skill": CLAIMS})
                if answer.status_code != 201:
                    raise LabError(f"POST {path}: {answer.status_code} {answer.text[:200]}")

        async def keys(method: str) -> None:
            for digit in "*71":  # one by one, as a person types
                talk.agent.send("dtmf", digits=digit, method=method)
                await asyncio.sleep(0.25)

        async def say(do: str) -> None:
            talk.agent.send(do, to=BRING_IN)

        return {
            "http": http,
            "mqtt": lambda: self._by_mqtt(talk),
            "dtmf": lambda: keys("rtp"),
            "dtmf_info": lambda: keys("info"),
            "refer": lambda: say("refer"),
            "speed_dial": lambda: say("call"),
        }

    async def _by_mqtt(self, talk: Talk) -> None:
        login, mqtt = self.stage.access.logins[AGENT], talk.desk.docs["me"]["mqtt"]
        try:
            async with aiomqtt.Client(
                str(mqtt["host"]),
                int(mqtt["port"]),
                username=AGENT,
                password=login.phone_password,
                identifier="siplab-agent-escalates",
                protocol=aiomqtt.ProtocolVersion.V5,
                timeout=WAIT_S,
            ) as client:
                topic = f"{self.stage.access.mqtt_prefix}/command/{AGENT}/escalate"
                await client.publish(topic, json.dumps({"skill": CLAIMS, "reason": "Over MQTT."}), qos=1)
        except aiomqtt.MqttError as error:
            raise LabError(f"the broker refuses the agent's command: {error}") from error

    async def _once(self, talk: Talk, name: str, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask in one way; the expert answers and presses 1; then he goes again."""
        self.step = f"the agent asks by {name.replace('_', ' ')}"
        for party in (*talk.pair, self.expert):
            party.send("reset")
        await until_heard(talk.pair)
        at = time.monotonic()
        await ask()
        await until_heard(talk.pair)  # a phone that sends key events sends no sound meanwhile
        for party in talk.pair:
            party.send("arm")
        try:
            await self.expert.wait_for("rang", since=at)
        except WaitTimeout as missing:
            self.checks.record(f"trigger_{name}", False, f"{missing}; {_phone_says(talk.agent, at)}")
            self.story.add(f"Asking by {name}: E1's phone does not ring")
            return
        await talk.until_liftable(EXPERT)
        self.expert.send("answer")
        await self.expert.wait_for("confirmed", since=at)
        self.expert.send("dtmf", digits="1")
        await until_heard((*talk.pair, self.expert))
        await self.gaps(talk.pair, "talk_goes_on")
        await self._apart(talk, name)
        if name == "refer":
            await self._judge_refer(talk.agent, at)

    async def _apart(self, talk: Talk, name: str) -> None:
        """Note what was recorded, let the expert go, and wait until everything is as before."""
        customer = (await listen((talk.customer,)))[0]
        keys_ms = next(r.heard_ms for r in customer.readings if r.speaker == "dtmf")
        self.checks.at_most("no_dtmf_at_customer", keys_ms, TONE_MS, "ms")
        self.expert.send("hang_up")
        await talk.until(f"interaction/{talk.interaction}", _two_talk, "two who talk")
        await self.shown(talk.desk, EXPERT)
        events = [e for e in await talk.events() if e["data"].get("escalation")]
        escalation = events[-1]["data"]["escalation"]
        mine = [e for e in events if e["data"]["escalation"] == escalation]
        trigger = str(next(e["data"]["trigger"] for e in mine if e["name"] == "escalation.requested"))
        self.paths[name] = [str(e["name"]) for e in mine]
        wanted = EXPECTED_TRIGGER.get(name, name)
        self.checks.record(f"trigger_{name}", trigger == wanted, f"joined; trigger {trigger}")
        self.story.add(f"By {name.replace('_', ' ')}: joined, and apart again")

    async def _judge_refer(self, phone: Party, since: float) -> None:
        with contextlib.suppress(WaitTimeout):
            await phone.wait_for("refer_status", since=since, where=lambda event: int(event.data["code"]) >= 200)
        codes = [int(e.data["code"]) for e in phone.events("refer_status", since)]
        told = sorted(set(codes), key=codes.index)
        self.checks.record("refer_notified", told == [100, 180, 200], ", ".join(map(str, told)) or "no NOTIFY")

    def _judge_paths(self) -> None:
        first = self.paths.get("desk", [])
        differ = [f"{name}: {_difference(first, path)}" for name, path in self.paths.items() if path != first]
        missing = [name for name in TRIGGERS if name not in self.paths]
        told = (
            "; ".join((*differ, *(f"{name}: nothing" for name in missing)))
            or f"{len(first)} states, the same for {len(self.paths)}"
        )
        self.checks.record("same_states", not differ and not missing, told)

    async def _bad_input(self, talk: Talk) -> None:
        self.step = "wrong requests"
        try:
            await talk.escalate(skill="alchemy")
            self.checks.record("unknown_skill", False, "taken")
        except DeskRefused as refused:
            self.checks.record(
                "unknown_skill",
                (refused.status, refused.code) == (404, "unknown_skill"),
                f"{refused.status} {refused.code}",
            )
        at = time.monotonic()
        talk.agent.send("refer", to="somebody-else")
        with contextlib.suppress(WaitTimeout):
            await talk.agent.wait_for("refer_status", since=at, where=lambda event: int(event.data["code"]) >= 400)
        codes = [int(e.data["code"]) for e in talk.agent.events("refer_status", at)]
        await until_heard(talk.pair)
        joined = any(prover.heard_before([r], ("E1", r.listener), 0.0) for r in await listen(talk.pair))
        refused_ = any(400 <= code < 700 for code in codes)
        self.checks.record(
            "refer_stranger", refused_ and not joined, f"{', '.join(map(str, codes)) or 'no answer'}; both talk on"
        )

    # --- the full switch, through a foreign PBX ------------------------------------------------------------------

    async def _switch_over(self, talk: Talk) -> None:
        self.step = "the agent hands over to an expert behind a foreign PBX"
        screen = await self.screen(SECOND)
        async with ForeignPbx(sip_server(screen.docs["me"])) as pbx:
            line = phone_line("E2", self.stage.access.logins[SECOND], screen.docs["me"], "command")
            (second,) = await self.robot(SECOND, replace(line, server=pbx.server))
            await self.available(SECOND)
            await self.shown(talk.desk, SECOND)
            await self._ring_through(talk, screen, second)
            await talk.until_liftable(SECOND)
            second.send("answer")
            await until_heard((*talk.pair, second))
            self.checks.record("joined_through_pbx", True, "6 directions")
            self.story.add(f"E2 is joined through a PBX that took {pbx.stripped} headers away")
            await self._agent_leaves(talk, screen, second)

    async def _ring_through(self, talk: Talk, screen: DeskClient, second: Party) -> None:
        at = time.monotonic()
        escalation = await talk.escalate(specialist=SECOND, reason="Please take this over.")
        invite = await second.wait_for("incoming", since=at)
        headers: Mapping[str, str] = invite.data["headers"]
        left = [name for name in ("User-to-User", "Call-Info") if headers.get(name)]
        self.checks.record("headers_stripped", not left, ", ".join(left) or "none of them")
        case = talk.document()["case"]
        key = f"escalation/{escalation['id']}"
        await screen.wait_for(lambda docs: f"case/{case}" in docs and key in docs, WAIT_S, "the case")
        self.checks.record("case_without_headers", screen.docs[key]["case"] == case, str(case))
        events = await talk.until_logged("leg.dialled")
        of_leg = [e for e in events if e["data"].get("sip_call_id") == headers.get("Call-ID")]
        named = [e["name"] for e in of_leg]
        self.checks.record("found_by_call_id", named == ["leg.dialled"], f"{', '.join(named) or 'no event'}: {case}")

    async def _agent_leaves(self, talk: Talk, screen: DeskClient, second: Party) -> None:
        self.step = "the agent leaves"
        case = talk.desk.docs[f"case/{talk.document()['case']}"]
        field = next(each for each in case["fields"] if each["kind"] == "text")
        version = await edit(talk.desk, case, str(field["key"]), "Storm damage; photographs are on their way.")
        for party in (talk.customer, second):
            party.send("arm")
        await talk.desk.command(f"interactions/{talk.interaction}/leave")
        await talk.agent.until_free()
        document = f"interaction/{talk.interaction}"
        await screen.wait_for(lambda docs: len(docs[document]["participants"]) == 2, WAIT_S, "two in the conversation")
        key = f"case/{case['id']}"
        with contextlib.suppress(WaitTimeout):
            await screen.wait_for(lambda docs: docs[key]["version"] >= version, WAIT_S, "the last version")
        seen = screen.docs[key]["version"]
        self.checks.record("last_version", seen == version, f"{seen} at E2, {version} at A")
        await asyncio.sleep(0.3)
        await self.gaps((talk.customer, second), "switched_over")
        self.story.add("A has left, C and E2 talk on with A's last version of the case")
        second.send("hang_up")
        await talk.customer.until_free()


def _phone_says(phone: Party, since: float) -> str:
    """What the agent's phone was told meanwhile, for who has to find out why."""
    told = [
        f"{e.name} {e.data.get('code', e.data.get('what', ''))}"
        for e in phone.robot.events
        if e.t >= since and e.name != "report"
    ]
    return f"the agent's phone: {', '.join(told) or 'nothing'}"


def _two_talk(doc: Document) -> bool:
    return doc["phase"] == "talking" and doc["escalation"] is None


def _difference(one: list[str], other: list[str]) -> str:
    missing = [name for name in one if name not in other]
    added = [name for name in other if name not in one]
    if missing or added:
        return f"without {', '.join(missing) or 'nothing'}; besides {', '.join(added) or 'nothing'}"
    return "another order"
