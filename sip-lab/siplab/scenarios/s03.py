"""S03, steps 1 to 3: nobody is free, so the customer gets a promise, and the promise is kept.

The only claims expert is busy. The agent sees honest choices at once and takes the callback; a task stands behind it,
with the context as it is on the screens. When the expert becomes free the system offers him the task with the case; he
accepts, and his phone and then the customer's ring: they talk.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import time
from datetime import UTC, datetime
from typing import Any

from siplab.checks import Planned
from siplab.company import CLAIMS, LabCompany, agent, specialist
from siplab.desk import Arrival, DeskClient, Document, Documents
from siplab.errors import DeskRefused, WaitTimeout
from siplab.patience import WAIT_S
from siplab.ports import lasting_port
from siplab.scenarios.case_form import edit
from siplab.scenarios.party import Party, until_heard
from siplab.scenarios.scene import Environment, Pace, Scene, Talk

CHOICES_MS, TASK_MS, OFFER_MS, TALK_MS = 1_000, 1_000, 2_000, 10_000
EXPERT = "expert.01"
UNKNOWN_CALLER = "+385915550177"
"""Nobody on file: so the digest can be computed here from what the screens show alone."""


class S03(Scene):
    """Nobody is free."""

    name = "S03"
    planned = (
        Planned("choices", "The agent sees his choices", "wait, callback, task <= 1000 ms", ("CE-13", "N2")),
        Planned("task_created", "The callback is a task, on its owner's screen", "<= 1000 ms", ("CE-25", "N10")),
        Planned(
            "task_content",
            "It has skill, owner, priority and a due date",
            "all four, due in the future",
            ("CE-25", "OR-15", "N10"),
        ),
        Planned("same_context", "Its context is the live case's", "equal digests", ("N9", "N10")),
        Planned("told", "The customer hears the promise", "promise.made, sound at C", ("CE-26", "N10")),
        Planned("texted", "The customer reads the promise", "the same sentence as text (RFC 3428)", ("CE-26", "N10")),
        Planned("promise_on_screen", "The agent sees what was promised", "owner and due", ("CE-26", "N10")),
        Planned("offered", "When E1 becomes free the system offers him the task", "<= 2000 ms", ("CE-13", "N10")),
        Planned("offered_with_case", "The offer comes with the case", "the values of the call", ("CE-06", "N9")),
        Planned("called_back", "He accepts: the customer is called back", "his phone rings", ("CE-26", "N10")),
        Planned(
            "talk", "E1 and the customer talk", "both hear each other <= 10000 ms after accepting", ("CE-26", "N3")
        ),
        Planned("no_leg_left", "After the callback no phone has a leg", "<= 500 ms", ("N7",)),
    )

    @classmethod
    def company(cls) -> LabCompany:
        port = lasting_port(socket.SOCK_DGRAM)
        return LabCompany((agent(), specialist(1)), outbound=f"sip:127.0.0.1:{port};transport=udp")

    @classmethod
    def environment(cls, pace: Pace) -> Environment:
        return {"RINGSIDE_PROMISES__TEXTS": "sip"}

    async def play(self) -> None:
        port = int(self.of_company.outbound.partition(";")[0].rpartition(":")[2])
        desk, screen = await asyncio.gather(self.desk("agent.01"), self.screen(EXPERT))
        customer, phone, expert = await asyncio.gather(
            self.customer("C", UNKNOWN_CALLER, port),
            self.phone("A", "agent.01", "auto", 100),
            self.phone("E1", EXPERT, "auto", 600),
        )
        presence = await self.available(EXPERT, "busy")
        await self.shown(desk, EXPERT, "busy")
        talk = await self.talk(desk, customer, phone)
        await self._note_something(talk)
        key = await self._choices(talk)
        task = await self._callback_chosen(talk, key, screen)
        await self._customer_told(talk)
        await self._customer_reads(talk, task)
        await self._call_ends(talk)
        self.step = "the expert becomes free"
        free_at = await presence.say("available")
        self.story.add("E1 is free", free_at)
        await self._offer(screen, task, free_at)
        await self._accept(screen, task, customer, expert)

    async def _note_something(self, talk: Talk) -> None:
        self.step = "the agent notes what the customer says"
        case = talk.desk.docs[f"case/{talk.document()['case']}"]
        await edit(talk.desk, case, "description", "Water came through the roof after the storm.")
        await talk.until(
            f"case/{case['id']}", lambda doc: "Water" in json.dumps(doc["fields"]), "the noted description"
        )

    async def _choices(self, talk: Talk) -> str:
        self.step = "the agent asks for somebody"
        t0 = time.monotonic()
        escalation = await talk.escalate(skill=CLAIMS, reason="The roof clause.")
        self.story.add("The agent asks; the only expert is busy (t0)", t0)
        key = f"escalation/{escalation['id']}"
        seen = await talk.until(key, lambda doc: doc["choices"], "the choices")
        choices = [str(each["choice"]) for each in talk.desk.docs[key]["choices"]]
        late_ms = (seen.at - t0) * 1000
        told = f"{', '.join(choices)} after {late_ms:.0f} ms"
        in_time = self.checks.in_time(late_ms, CHOICES_MS)
        self.numbers["choices_ms"] = round(late_ms, 1)
        self.checks.record("choices", {"wait", "callback", "task"} == set(choices) and in_time, told)
        self.numbers["choices"] = [str(each["says"]) for each in talk.desk.docs[key]["choices"]]
        self.story.add(f"The agent may choose: {', '.join(choices)}", seen.at)
        return key

    async def _callback_chosen(self, talk: Talk, key: str, screen: DeskClient) -> Document:
        self.step = "the agent chooses the callback"
        await self.hush(talk.pair)
        at = time.monotonic()
        await talk.desk.command(f"escalations/{key.partition('/')[2]}/choose", {"choice": "callback"})
        seen = await screen.wait_for(_task, WAIT_S, "the task")
        task, late_ms = dict(seen.value or {}), (seen.at - at) * 1000
        self.numbers["task_ms"] = round(late_ms, 1)
        self.checks.at_most("task_created", late_ms, TASK_MS, "ms")
        self.story.add("The task is on its owner's screen", seen.at)
        due = datetime.fromisoformat(str(task["due_at"]))
        whole = task["skill"] == CLAIMS and bool(task["owner"]) and task["priority"] is not None
        told = f"{task['skill']}, owner {task['owner']}, priority {task['priority']}, due {task['due_at']}"
        self.checks.record("task_content", whole and due > datetime.now(UTC), told)
        digest = digest_on_screens(talk.document(), talk.desk.docs, "agent.01", "The roof clause.")
        self.checks.record(
            "same_context", task["digest"] == digest, f"{str(task['digest'])[:12]}, screens {digest[:12]}"
        )
        try:
            await talk.until(key, lambda doc: doc["promise"], "what was promised")
        except WaitTimeout:
            self.story.add("Nothing of it is on the agent's screen")
        promised = talk.desk.docs.get(key, {}).get("promise") or {}
        told = f"{promised.get('owner_name', 'nobody')}, {promised.get('due_at', 'no date')}"
        self.checks.record("promise_on_screen", bool(promised.get("owner") and promised.get("due_at")), told)
        return task

    async def _customer_told(self, talk: Talk) -> None:
        until = time.monotonic() + WAIT_S
        sound_ms = 0.0
        while sound_ms < 500 and time.monotonic() < until:
            sound_ms = float((await talk.customer.details())["sound_ms"])
            await asyncio.sleep(0.1)
        names = [event["name"] for event in await talk.until_logged("task.created", "promise.made")]
        missing = [name for name in ("task.created", "promise.made") if name not in names]
        told = f"{sound_ms:.0f} ms and more" + (f"; not recorded: {', '.join(missing)}" if missing else "")
        self.checks.record("told", not missing and sound_ms >= 500, told)
        self.story.add("The customer hears the promise")
        for party in talk.pair:
            party.send("mute", on=False)

    async def _customer_reads(self, talk: Talk, task: Document) -> None:
        try:
            came = await talk.customer.wait_for("text")
        except WaitTimeout as nothing:
            self.checks.record("texted", False, str(nothing))
            return
        read = str(came.data["text"])
        self.checks.record("texted", read == task["sentence"], f"“{read}” from {came.data['sender']}")
        self.story.add("The customer has the promise in writing", came.t)

    async def _call_ends(self, talk: Talk) -> None:
        self.step = "the call ends"
        await talk.desk.command(f"interactions/{talk.interaction}/close", {"outcome": "called back", "resolved": False})
        await talk.customer.until_free()
        await self.note_customer(talk.customer)
        self.live_case = dict(talk.desk.docs.get(f"case/{talk.document().get('case')}", {}))

    async def _offer(self, screen: DeskClient, task: Document, free_at: float) -> None:
        self.step = "the task is offered"
        key = f"task/{task['id']}"
        offered = await screen.wait_for(
            lambda d: key in d and d[key]["state"] == "offered" and d[key], WAIT_S, "the offer"
        )
        late_ms = (offered.at - free_at) * 1000
        self.numbers["offered_ms"] = round(late_ms, 1)
        self.checks.at_most("offered", late_ms, OFFER_MS, "ms")
        self.story.add("The task is offered to E1", offered.at)
        shown = json.dumps(_case_with(screen.docs, offered))
        self.checks.record(
            "offered_with_case", "Water came through" in shown, "with the note" if "Water" in shown else shown[:80]
        )

    async def _accept(self, screen: DeskClient, task: Document, customer: Party, expert: Party) -> None:
        self.step = "the expert accepts"
        for party in (customer, expert):
            party.send("reset")
        at = time.monotonic()
        try:
            await screen.command(f"tasks/{task['id']}/accept")
        except DeskRefused as refused:
            self.checks.record("called_back", False, str(refused))
            raise
        self.story.add("E1 accepts", at)
        await expert.wait_for("incoming", since=at)
        called = await customer.wait_for("incoming", since=at)
        self.checks.record("called_back", True, f"{(called.t - at) * 1000:.0f} ms after accepting")
        self.story.add("The customer's phone rings", called.t)
        self.step = "expert and customer talk"
        await until_heard((customer, expert))
        self.checks.at_most("talk", (time.monotonic() - at) * 1000, TALK_MS, "ms")
        self.story.add("They talk")
        customer.send("hang_up")
        try:
            left = await asyncio.gather(customer.until_free(), expert.until_free())
            self.checks.at_most("no_leg_left", max(left) * 1000, 500, "ms")
        except WaitTimeout as zombie:
            self.checks.record("no_leg_left", False, str(zombie))


def digest_on_screens(interaction: Document, docs: Documents, agent_id: str, reason: str) -> str:
    """Compute the context's digest from what the agent's screen shows of an unknown caller."""
    case: dict[str, Any] = json.loads(json.dumps(docs[f"case/{interaction['case']}"]))
    for field in case["fields"]:
        for value in field["values"]:
            value.pop("author_name", None)
    content = {
        "interaction": interaction["id"],
        "case": case,
        "customer": interaction["customer"],
        "caller_number": interaction["caller_number"],
        "requested_by": agent_id,
        "reason": reason,
        "history": interaction["history"],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _task(docs: Documents) -> Document | None:
    return next((doc for key, doc in docs.items() if key.startswith("task/")), None)


def _case_with(docs: Documents, offered: Arrival[Document]) -> Document:
    task = offered.value
    return dict(task.get("case_document") or docs.get(f"case/{task['case']}") or {})
