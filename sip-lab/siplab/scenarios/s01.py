"""S01, steps 1 to 7: pull in a free specialist, over real SIP, RTP, MQTT and the desk API.

Ana (C) calls the claims line; the agent (A) answers, talks, notes nine of twelve facts, sees who is free and escalates
to the claims specialist (E1). The case is on E1's screen before his phone rings; he accepts; three people talk; the
agent leaves; the specialist solves it. Every promise is a check (s01_checks.py). A check that fails never stops the
play; only a step without which the next makes no sense does, and then the rest is reported as not reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from siplab import prover
from siplab.checks import Checks
from siplab.child import ChildEvent
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import DeskRefused, LabError, WaitTimeout
from siplab.node import NodeAccess
from siplab.patience import STRICT, WAIT_S, Patience
from siplab.remote import Line, RemoteRobot
from siplab.report import Report
from siplab.scenarios import s01_checks as claims
from siplab.scenarios import s01_judges as judges
from siplab.scenarios.case_form import (
    FILLED,
    edit,
    empty_keys,
    field_of,
    fields_to_fill,
    is_filled,
    sample_text,
)
from siplab.scenarios.stage import Cast, Stage, choose_cast, phone_line, sip_server
from siplab.story import Moment, Story

CUSTOMER, CUSTOMER_NUMBER, CUSTOMER_NAME = "C", "+385915550101", "Ana K"
CLAIMS_LINE = "5001"
THREE = ("C", "A", "E1")
OUTCOME = "solved"
STATES = ("free", "busy", "away")
ANSWER_TIMEOUT_S = 30.0
"""Greeting and queue come before the agent's phone rings."""
Tell = Callable[[Moment], None]


@dataclass(frozen=True, slots=True)
class S01Options:
    """How long the people take. The defaults are the quick play; `full()` has the mission's times."""

    talk_s: float = 3.0
    accept_after_s: float = 2.0
    together_s: float = 1.5
    alone_s: float = 1.5
    agent: str = "anna.novak"
    patience: Patience = STRICT
    """What a machine that does other things besides is forgiven."""

    @classmethod
    def full(cls) -> S01Options:
        """Talk 60 s before, accept 6 s after the trigger."""
        return cls(talk_s=60.0, accept_after_s=6.0, together_s=10.0, alone_s=5.0)


@dataclass(slots=True)
class _Players:
    cast: Cast
    customer: RemoteRobot
    agent: RemoteRobot
    specialist: RemoteRobot
    agent_desk: DeskClient
    specialist_desk: DeskClient


async def run_s01(access: NodeAccess, options: S01Options, tell: Tell = lambda _moment: None) -> Report:
    """Play S01 against a node and report every check, also when it breaks off."""
    play = _Play(access, options, Story(tell))
    broken_off = ""
    async with Stage(access) as stage:
        try:
            await play.all_steps(stage)
        except LabError as error:
            broken_off = f"{play.step}: {error}"
            play.story.add(f"BROKEN OFF, {broken_off}")
        else:
            play.story.add("The curtain falls")
    duration_s = time.monotonic() - play.story.started_at
    checks = play.checks.result(broken_off)
    return Report("S01", checks, play.story.in_order(), play.numbers, broken_off, duration_s)


class _Play:
    """One run of the scenario: its steps in order, and what they measured."""

    def __init__(self, access: NodeAccess, options: S01Options, story: Story) -> None:
        self.checks = Checks(claims.PLANNED, options.patience)
        self.story = story
        self.step = "setting the stage"
        self.numbers: dict[str, Any] = {
            "hold_s": None,
            "case_rendered_before_ringing": False,
            "rendered_ms": None,
            "invite_ms": None,
            "joined_after_accept_ms": None,
            "directions_heard": 0,
            "longest_gap_ms": None,
            "reinvites_to_customer": None,
            "recorded_events": 0,
        }
        self._access = access
        self._options = options
        self._customer_gaps: dict[prover.Direction, float | None] = {}
        self._interaction = ""
        self._escalation: Document = {}
        self._t0 = 0.0

    async def all_steps(self, stage: Stage) -> None:
        """Play everything; LabError when the play cannot go on."""
        on = await self._set_up(stage)
        self.step = "the customer calls"
        await self._customer_calls(on)
        self.step = "the agent talks and fills in the case"
        await self._talk_and_fill(on)
        self.step = "the agent opens the list of specialists"
        await self._open_list(on)
        self.step = "the agent escalates"
        invite = await self._escalate(on)
        self.step = "the specialist accepts"
        await self._accept(on, invite)
        self.step = "both type"
        await self._type_together(on)
        self.step = "the agent leaves"
        await self._agent_leaves(on)
        self.step = "the specialist closes"
        await self._close(on)
        self.step = "reading what was stored"
        await self._read_records(on)

    # --- setting the stage ---------------------------------------------------------------------------------------

    async def _set_up(self, stage: Stage) -> _Players:
        logins = self._access.logins
        any_agent = next(iter(self._access.with_role("agent")), None)
        agent_login = logins.get(self._options.agent, any_agent)
        if agent_login is None:
            raise LabError("nobody among the logins is an agent")
        agent_desk = await stage.desk(agent_login)
        people = [dict(doc) for doc in await agent_desk.read("people")]
        cast = choose_cast(self._access, people, agent_login.person)
        e1, e2, e3 = cast.specialists
        specialist_desk = await stage.desk(e1)
        me = agent_desk.docs["me"]
        customer_line = Line(CUSTOMER, CUSTOMER_NUMBER, sip_server(me), display="Ana K.")
        customer, agent, specialist, _others = await asyncio.gather(
            stage.robot("Ana", customer_line),
            stage.robot("agent", phone_line("A", cast.agent, me, "auto", after_ms=300)),
            stage.robot("specialist", phone_line("E1", e1, me, "command", transport="tcp")),
            stage.robot(
                "others", phone_line("E2", e2, me, "never", transport="tls"), phone_line("E3", e3, me, "never")
            ),
        )
        self._uc = await asyncio.gather(*(stage.uc_client(login, me) for login in cast.specialists))
        for client, status in zip(self._uc, ("away", "available", "available"), strict=True):
            await client.say(status)
        self._expect_states = {login.person: s for login, s in zip(cast.specialists, STATES, strict=True)}
        return _Players(cast, customer, agent, specialist, agent_desk, specialist_desk)

    # --- the call before the escalation --------------------------------------------------------------------------

    async def _customer_calls(self, on: _Players) -> None:
        await on.agent_desk.command("me/agent-status", {"status": "ready"})
        self.story.start()
        self.story.add(f"Ana calls {CLAIMS_LINE}")
        on.customer.send("call", to=CLAIMS_LINE)
        welcomed = await on.customer.wait_for("confirmed")
        self.story.add("The claims line answers her", welcomed.t)
        rang = await on.agent.wait_for("incoming", timeout_s=ANSWER_TIMEOUT_S)
        self.story.add(f"{on.cast.agent.name}'s phone rings", rang.t)
        answered = await on.agent.wait_for("confirmed")
        self.story.add(f"{on.cast.agent.name} answers", answered.t)
        talking = await on.agent_desk.wait_for(_my_interaction, WAIT_S, "the interaction in phase talking")
        self._interaction = str(talking.value["id"])
        await self._until_heard(on, (("C", "A"), ("A", "C")))
        self.story.add("They hear each other")

    async def _talk_and_fill(self, on: _Players) -> None:
        until = time.monotonic() + self._options.talk_s
        case = await self._case(on.agent_desk)
        for field in fields_to_fill(case):
            await edit(on.agent_desk, await self._case(on.agent_desk), str(field["key"]), sample_text(field))
        await on.agent_desk.wait_for(
            lambda docs: sum(map(is_filled, docs[self._case_key(docs)]["fields"])) >= FILLED,
            WAIT_S,
            f"{FILLED} filled fields",
        )
        self.story.add(f"{on.cast.agent.name} has noted {FILLED} of {len(case['fields'])} facts")
        await asyncio.sleep(max(0.0, until - time.monotonic()))

    async def _open_list(self, on: _Players) -> None:
        await on.agent_desk.open_live()
        shown_ms = (on.agent_desk.snapshot_at - on.agent_desk.opened_at) * 1000
        self.checks.at_most("list_shown", shown_ms, claims.SCREEN_MS, "ms")
        delays: list[float] = []
        for client, status, login in zip(self._uc, ("available", "busy", "away"), on.cast.specialists, strict=True):
            said_at = await client.say(status)
            wanted = self._expect_states[login.person]
            try:
                key, what = f"person/{login.person}", f"{login.name} shown as {wanted}"
                seen = await on.agent_desk.wait_for(lambda d, k=key, w=wanted: _state(d, k) == w, WAIT_S, what)  # type: ignore[misc]
            except WaitTimeout as late:
                shown = on.agent_desk.docs.get(key, {}).get("availability")
                self.checks.record("list_follows_presence", False, f"{late}; shown: {shown}")
                continue
            delays.append((seen.at - said_at) * 1000)
            self.story.add(f"{login.name} is {wanted}: on the agent's screen", seen.at)
        if len(delays) == len(self._uc):
            self.checks.at_most("list_follows_presence", max(delays), claims.SCREEN_MS, "ms")
        self._judge_list(on)

    def _judge_list(self, on: _Players) -> None:
        docs = on.agent_desk.docs
        wanted = list(docs[f"interaction/{self._interaction}"].get("wanted_skills") or ())
        self.checks.record("list_order", *judges.judge_list(judges.list_order(docs, wanted), self._expect_states))

    # --- the escalation ------------------------------------------------------------------------------------------

    async def _escalate(self, on: _Players) -> ChildEvent:
        for robot in (on.customer, on.agent, on.specialist):
            robot.send("reset")
        await self._until_heard(on, (("C", "A"), ("A", "C")))
        e1 = on.cast.specialists[0]
        self._t0 = time.monotonic()
        self.story.add(f"{on.cast.agent.name} escalates to {e1.name} (t0)", self._t0)
        path = f"interactions/{self._interaction}/escalations"
        answer = asyncio.create_task(
            on.agent_desk.command(path, {"specialist": e1.person, "reason": "The flood clause is beyond me."})
        )
        try:
            await self._case_arrives(on)
        finally:
            asked = await asyncio.gather(answer, return_exceptions=True)
            refused = asked[0] if isinstance(asked[0], BaseException) else None
            self.checks.record("one_action", refused is None, str(refused) if refused else "1 command")
            if refused is not None:
                raise refused
        invite = await on.specialist.wait_for("incoming", since=self._t0)
        self.story.add(f"{e1.name}'s phone is asked to ring", invite.t)
        self._judge_invite(invite)
        return invite

    async def _case_arrives(self, on: _Players) -> None:
        desk = on.specialist_desk
        pushed = await desk.wait_for(_offered_case, WAIT_S, "the escalation together with its case")
        self._escalation, case, interaction = pushed.value
        self.checks.at_most("case_pushed", (pushed.at - self._t0) * 1000, claims.PUSH_MS, "ms")
        self.story.add("The case is at the specialist's screen", pushed.at)
        rendered_at = time.monotonic()
        await desk.command(f"escalations/{self._escalation['id']}/rendered", {"digest": self._escalation["digest"]})
        self.numbers["rendered_ms"] = round((rendered_at - self._t0) * 1000, 1)
        self.story.add("He sees it", rendered_at)
        customer = self._escalation.get("customer") or interaction.get("customer") or {}
        name = str(customer.get("name", "nobody"))
        self.checks.record("case_complete", *judges.judge_case(case, name, CUSTOMER_NAME))

    def _judge_invite(self, invite: ChildEvent) -> None:
        invite_ms = (invite.t - self._t0) * 1000
        self.numbers["invite_ms"] = round(invite_ms, 1)
        rendered_ms = self.numbers["rendered_ms"]
        before = rendered_ms is not None and rendered_ms < invite_ms
        self.numbers["case_rendered_before_ringing"] = before
        told = f"rendered {rendered_ms:.0f} ms, INVITE {invite_ms:.0f} ms after t0"
        self.checks.record("case_rendered_before_ringing", before, told)
        headers: dict[str, str] = invite.data["headers"]
        self.checks.record("invite_carries_case", *judges.judge_key_headers(headers))
        self.checks.record("invite_shows_customer", *judges.judge_identity(headers, CUSTOMER_NUMBER))

    async def _accept(self, on: _Players, invite: ChildEvent) -> None:
        await self._until_liftable(on)
        with contextlib.suppress(WaitTimeout):
            await self._until_heard(on, (("A", "C"), ("C", "A")))
        before = await self._listen(on)
        apart = [(a, b) for a, b in prover.all_directions(THREE) if "E1" in (a, b)]
        early = [f"{b} hears {a}" for a, b in apart if prover.heard_before(before, (a, b), time.monotonic())]
        self.checks.record("not_heard_before_accept", not early, "; ".join(early) or "silence")
        self.checks.record("talk_goes_on", *judges.judge_gaps(before, (("A", "C"), ("C", "A")), self._gap_ms))
        if not self._escalation.get("off_hook_accepts", True):
            await on.specialist_desk.command(f"escalations/{self._escalation['id']}/accept")
        on.specialist.send("answer")
        accepted = await on.specialist.wait_for("answered", since=invite.t)
        self.story.add(f"{on.cast.specialists[0].name} accepts", accepted.t)
        key = f"escalation/{self._escalation['id']}"
        joined = await on.agent_desk.wait_for(
            lambda d: d.get(key, {}).get("joined_at"), WAIT_S, "the escalation as joined"
        )
        joined_ms = (joined.at - accepted.t) * 1000
        self.numbers["joined_after_accept_ms"] = round(joined_ms, 1)
        self.checks.at_most("joined_after_accept", joined_ms, claims.JOIN_MS, "ms")
        self.story.add("Joined: three people talk", joined.at)
        await self._prove_six(on, joined.at)

    async def _until_liftable(self, on: _Players) -> None:
        """The node takes what is lifted within 0.4 s after it heard of the ringing for a machine."""
        key = f"escalation/{self._escalation['id']}"
        await on.agent_desk.wait_for(lambda d: d.get(key, {}).get("ringing_at"), WAIT_S, "the ringing phone")
        await asyncio.sleep(max(0.5, self._t0 + self._options.accept_after_s - time.monotonic()))

    async def _prove_six(self, on: _Players, joined_at: float) -> None:
        wanted = prover.all_directions(THREE)
        proved: dict[prover.Direction, float] = {}
        while time.monotonic() < joined_at + WAIT_S and set(proved) < wanted:
            heard = prover.heard_since(await self._listen(on), joined_at)
            proved |= {d: ms for d, ms in heard.items() if d in wanted and d not in proved}
            await asyncio.sleep(0.02)
        in_time = {direction: ms for direction, ms in proved.items() if self.checks.in_time(ms, claims.HEARD_MS)}
        self.numbers["directions_heard"] = len(in_time)
        missing = ", ".join(f"{a}->{b}" for a, b in sorted(wanted - set(in_time)))
        told = f"{len(in_time)} within {max(in_time.values(), default=0):.0f} ms" + (
            f"; missing {missing}" if missing else ""
        )
        self.checks.record("six_directions", not missing, told)
        self.story.add(f"{len(in_time)} of {len(wanted)} hearing directions proved by tone")

    # --- together, then without the agent ------------------------------------------------------------------------

    async def _type_together(self, on: _Players) -> None:
        until = time.monotonic() + self._options.together_s
        case = await self._case(on.specialist_desk)
        empty = empty_keys(case)
        wanted = [key for key in case["open_required"] if key in empty]
        first = (wanted or empty)[0]
        await self._edit_crosses(on.specialist_desk, on.agent_desk, first, "specialist", "specialist_edit_at_agent")
        note = next(key for key in reversed([f["key"] for f in case["fields"]]) if key != first)
        await self._edit_crosses(on.agent_desk, on.specialist_desk, note, "agent", "agent_note_at_specialist")
        await asyncio.sleep(max(0.0, until - time.monotonic()))

    async def _edit_crosses(self, writer: DeskClient, reader: DeskClient, key: str, source: str, check: str) -> None:
        case = await self._case(writer)
        field = field_of(case, key)
        text = str(field["choices"][-1]) if field["kind"] == "choice" else sample_text(field, f"asked by the {source}")

        def is_there(docs: Documents) -> bool:
            values = field_of(docs[self._case_key(docs)], key)["values"]
            return any(v["text"] == text and v["source"] == source and v["author"] == writer.person for v in values)

        typed_at = time.monotonic()
        await edit(writer, case, key, text)
        try:
            seen = await reader.wait_for(is_there, WAIT_S, f"the {source}'s value of '{key}'")
        except WaitTimeout as late:
            self.checks.record(check, False, str(late))
            return
        self.checks.at_most(check, (seen.at - typed_at) * 1000, claims.EDIT_MS, "ms")
        self.story.add(f"The {source} types '{field['label']}': on the other screen", seen.at)

    async def _agent_leaves(self, on: _Players) -> None:
        together = await self._listen(on)
        self._customer_gaps = prover.longest_gaps(together, (("A", "C"), ("E1", "C")))
        for robot in (on.customer, on.specialist):
            robot.send("arm")
        left_at = time.monotonic()
        self.story.add(f"{on.cast.agent.name} leaves", left_at)
        await on.agent_desk.command(f"interactions/{self._interaction}/leave")
        try:
            gone = await on.agent.wait_for("ended", since=left_at)
            wrapping = await on.agent_desk.wait_for(lambda d: _agent_state(d) == "wrap_up", WAIT_S, "wrap-up")
            after_ms = (max(gone.t, wrapping.at) - left_at) * 1000
            self.checks.at_most("agent_wraps_up", after_ms, claims.CLEAN_UP_MS, "ms")
            self.story.add(f"{on.cast.agent.name} is in wrap-up", wrapping.at)
        except WaitTimeout as late:
            self.checks.record("agent_wraps_up", False, f"{late}; state {_agent_state(on.agent_desk.docs)}")
        await asyncio.sleep(self._options.alone_s)
        await self._agent_is_ready_again(on)
        pair = ("E1", "C"), ("C", "E1")
        with contextlib.suppress(WaitTimeout):
            await self._until_heard(on, pair)
        alone = [await on.customer.report(), await on.specialist.report()]
        later = prover.longest_gaps(alone, (("E1", "C"),))["E1", "C"]
        self._customer_gaps["E1", "C"] = None if later is None else max(later, self._customer_gaps["E1", "C"] or 0.0)
        self.checks.record("others_talk_on", *judges.judge_gaps(alone, pair, self._gap_ms))

    async def _agent_is_ready_again(self, on: _Players) -> None:
        try:
            await on.agent_desk.command("me/wrap-up/finish", {"disposition": "escalated", "note": "Handed to claims."})
            ready = await on.agent_desk.wait_for(
                lambda d: _agent_state(d) == "idle" and d["me"]["agent"]["status"] == "ready",
                WAIT_S,
                "the agent idle and ready",
            )
        except (WaitTimeout, LabError) as error:
            self.checks.record("agent_takes_next", False, str(error))
            return
        self.checks.record("agent_takes_next", True, "ready, idle")
        self.story.add(f"{on.cast.agent.name} is ready for the next call", ready.at)

    async def _close(self, on: _Players) -> None:
        state = (await on.customer.raw_report()).data
        self._judge_customer(state)
        closed_at = time.monotonic()
        self.story.add(f"{on.cast.specialists[0].name} closes with outcome '{OUTCOME}'", closed_at)
        body = {"outcome": OUTCOME, "resolved": True, "note": "Covered; the payment goes out today."}
        await on.specialist_desk.command(f"interactions/{self._interaction}/close", body)
        try:
            ends = [await robot.wait_for("ended", since=closed_at) for robot in (on.customer, on.specialist)]
        except WaitTimeout as late:
            self.checks.record("legs_end", False, str(late))
            return
        self.checks.at_most("legs_end", (max(e.t for e in ends) - closed_at) * 1000, claims.CLEAN_UP_MS, "ms")
        self.story.add("Both legs have ended", max(e.t for e in ends))

    def _judge_customer(self, state: dict[str, Any]) -> None:
        """Judge the customer's whole call: gaps over all changes, re-INVITEs, hold."""
        known = [gap for gap in self._customer_gaps.values() if gap is not None]
        self.numbers["longest_gap_ms"] = max(known, default=None)
        self.checks.record("customer_gap", *judges.judge_customer_gaps(self._customer_gaps, self._gap_ms))
        self.numbers["reinvites_to_customer"], self.numbers["hold_s"] = state["reinvites"], state["hold_s"]
        self.checks.record("no_reinvite_to_customer", state["reinvites"] == 0, str(state["reinvites"]))
        self.checks.record("no_hold", state["hold_s"] == 0, f"{state['hold_s']:g} s")

    async def _read_records(self, on: _Players) -> None:
        events = await self._events(on.specialist_desk)
        self.numbers["recorded_events"] = len(events)
        self.checks.record("recorded_events", *judges.judge_events([str(event["name"]) for event in events]))
        closed = next((dict(e["data"]) for e in events if e["name"] == "interaction.closed"), {})
        self.checks.record("first_contact_resolution", closed.get("fcr") is True, str(closed.get("fcr")))
        self.checks.record("time_budgets", *judges.judge_budgets(closed))
        outcome = await self._kept_outcome(on)
        self.checks.record("outcome_kept", outcome == OUTCOME, outcome or "none")

    async def _kept_outcome(self, on: _Players) -> str:
        """Give the outcome that stands in the case; a closed case may be out of reach, then what a screen saw last."""
        key = f"case/{self._escalation['case']}"
        try:
            return str((await on.specialist_desk.read(f"cases/{self._escalation['case']}"))["outcome"])
        except DeskRefused:
            histories = (*on.specialist_desk.history, *on.agent_desk.history)
            seen = [str(doc["outcome"]) for _at, name, doc in histories if name == key and doc and doc["outcome"]]
            return seen[-1] if seen else ""

    # --- shared --------------------------------------------------------------------------------------------------

    async def _events(self, desk: DeskClient) -> list[Document]:
        deadline = time.monotonic() + WAIT_S
        while True:
            events = [dict(event) for event in await desk.read(f"interactions/{self._interaction}/events")]
            if time.monotonic() > deadline or any(event["name"] == "interaction.closed" for event in events):
                return events
            await asyncio.sleep(0.05)

    @property
    def _gap_ms(self) -> float:
        return self.checks.gap_bound(claims.GAP_MS)

    async def _listen(self, on: _Players) -> list[prover.HearingReport]:
        return list(await asyncio.gather(*(robot.report() for robot in (on.customer, on.agent, on.specialist))))

    async def _until_heard(self, on: _Players, wanted: tuple[prover.Direction, ...]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not set(wanted) <= (heard := prover.who_hears_whom(await self._listen(on))):
            if time.monotonic() > deadline:
                missing = ", ".join(f"{listener} to hear {speaker}" for speaker, listener in set(wanted) - heard)
                raise WaitTimeout(missing, WAIT_S)
            await asyncio.sleep(0.03)

    def _case_key(self, docs: Documents) -> str:
        return f"case/{docs[f'interaction/{self._interaction}']['case']}"

    async def _case(self, desk: DeskClient) -> Document:
        found = await desk.wait_for(lambda docs: docs.get(self._case_key(docs)), WAIT_S, "the case document")
        return dict(found.value or {})


def _my_interaction(docs: Documents) -> Document | None:
    talking = (d for key, d in docs.items() if key.startswith("interaction/") and d["phase"] == "talking")
    return next(talking, None)


def _offered_case(docs: Documents) -> tuple[Document, Document, Document] | None:
    """Give escalation, case and interaction once all three are on the screen."""
    for key, doc in docs.items():
        if key.startswith("escalation/") and doc["state"] in ("offered", "rendered", "ringing"):
            case, interaction = docs.get(f"case/{doc['case']}"), docs.get(f"interaction/{doc['interaction']}")
            if case is not None and interaction is not None:
                return doc, case, interaction
    return None


def _state(docs: Documents, key: str) -> str:
    return str(docs[key]["availability"]["state"]) if key in docs else "missing"


def _agent_state(docs: Documents) -> str:
    return str((docs["me"].get("agent") or {}).get("state"))
