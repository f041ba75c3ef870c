"""A centre that behaves: one company, one running call, escalations that go through their states, and refusals.

It keeps the rules a desk can see (roles, parts in a call, moments), so that desk tests notice a route that forgets to
say who is asking.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from center.enrolment import NewPerson
from center.errors import BadRequest, NotAllowed, UnknownThing, WrongMoment
from center.escalation.model import Choice
from center.interaction.model import SupervisionMode
from center.live import EVERYONE, Audience, Document, LiveDocuments
from center.report.documents import Behind
from center.report.report import Window
from presence.model import Status
from routing.model import AgentStatus, Person
from vocabulary import CaseId, DeskRole, EscalationId, InteractionId, PersonId, QueueId, TaskId

AGENT = PersonId("petra")
OTHER_AGENT = PersonId("milan")
SPECIALIST = PersonId("sam")
SUPERVISOR = PersonId("vera")
ADMINISTRATOR = PersonId("ada")
CALL = InteractionId("int_1")
CASE = CaseId("case_1")
DIGEST = "sha256:0a1b"

ROLES = {
    AGENT: DeskRole.AGENT,
    OTHER_AGENT: DeskRole.AGENT,
    SPECIALIST: DeskRole.SPECIALIST,
    SUPERVISOR: DeskRole.SUPERVISOR,
    ADMINISTRATOR: DeskRole.ADMINISTRATOR,
}


class FakeReports:
    """Implements `center.api.ReportsApi` for a company without calls."""

    async def calls(
        self, person: Person, figure: Behind, window: Window, queue: QueueId, bin_: int | None = None
    ) -> Document:
        if DeskRole.SUPERVISOR not in person.roles:
            raise NotAllowed("not_a_supervisor", "Only supervisors can do that.")
        return {"rows": [], "count": 0}

    async def rate(self, person: Person, interaction: InteractionId, rating: int, words: str) -> None:
        if DeskRole.SUPERVISOR not in person.roles:
            raise NotAllowed("not_a_supervisor", "Only supervisors can do that.")
        if interaction != CALL:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")

    async def help_given(self, person: Person) -> Document:
        return {"rows": [], "joined": 0, "resolved": 0, "known": 0}


@dataclass
class FakeCenter:
    """Implements `center.api.CenterApi`; `calls` keeps what commands reached it, as (name, actor, arguments…)."""

    live: LiveDocuments = field(default_factory=LiveDocuments)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    people: dict[PersonId, Person] = field(default_factory=dict)
    escalations: dict[EscalationId, dict[str, Any]] = field(default_factory=dict)
    values: dict[str, tuple[int, str]] = field(default_factory=dict)
    case_version: int = 0
    parties: set[PersonId] = field(default_factory=lambda: {AGENT})
    closed: bool = False
    fails_with: Exception | None = None
    degraded: list[str] = field(default_factory=list)
    reports: FakeReports = field(default_factory=FakeReports)

    def __post_init__(self) -> None:
        for name, role in ROLES.items():
            self.people[name] = Person(name, name.capitalize(), "", frozenset({role}))
            self.live.put(f"person/{name}", {"id": name, "name": name.capitalize()}, EVERYONE)
            self.live.put(f"me/{name}", {"id": name, "roles": [role]}, Audience(people=frozenset({name})))
        self.live.put("queue/claims", {"id": "claims", "name": "Claims", "waiting": 0}, EVERYONE)
        self.live.put("system", {"company": "Harbour Insurance", "degraded": []}, EVERYONE)
        self._show_call()

    @property
    def exports(self) -> FakeCenter:
        return self

    async def vcon(self, actor: PersonId, interaction: InteractionId) -> Document:
        self._note("vcon", actor, interaction)
        self._part_in(actor, interaction)
        return {"uuid": "0", "parties": [], "dialog": []}

    def person(self, person: PersonId) -> Person | None:
        return self.people.get(person)

    async def new_phone_password(self, actor: PersonId) -> Document:
        self._note("new_phone_password", actor)
        return {"server": "127.0.0.1", "ports": {"udp": 5060}, "user": actor, "password": "new"}

    async def choose_agent_status(self, actor: PersonId, status: AgentStatus, reason: str) -> None:
        self._note("choose_agent_status", actor, status, reason)
        self._needs(actor, DeskRole.AGENT)

    async def choose_availability(
        self, actor: PersonId, status: Status | None, reason: str, until: datetime | None
    ) -> None:
        self._note("choose_availability", actor, status, reason, until)

    async def is_here(self, actor: PersonId) -> None:
        self._note("is_here", actor)

    async def set_limits(self, actor: PersonId, limits: dict[str, Any]) -> None:
        self._note("set_limits", actor, limits)

    async def enrol(self, actor: PersonId, new: NewPerson) -> Document:
        self._note("enrol", actor, new)
        self._needs(actor, DeskRole.ADMINISTRATOR)
        return {"person": new.id, "name": new.name}

    async def finish_wrap_up(self, actor: PersonId, disposition: str, note: str) -> None:
        self._note("finish_wrap_up", actor, disposition, note)
        self._needs(actor, DeskRole.AGENT)

    async def escalate(
        self,
        actor: PersonId,
        interaction: InteractionId,
        specialist: PersonId | None,
        reason: str,
        skill: str = "",
        override_reason: str = "",
    ) -> Document:
        self._note("escalate", actor, interaction, specialist, reason, skill)
        self._part_in(actor, interaction)
        self._needs(actor, DeskRole.AGENT)
        person = self.people.get(specialist) if specialist is not None else None
        if person is None:
            raise UnknownThing("unknown_specialist", "There is no such specialist.", field="specialist")
        if DeskRole.SPECIALIST not in person.roles:
            raise BadRequest("not_a_specialist", "This person is not a specialist.", field="specialist")
        if any(each["state"] != "closed" for each in self.escalations.values()):
            raise WrongMoment("already_escalating", "A specialist is already being asked in.")
        made = EscalationId(f"esc_{len(self.escalations) + 1}")
        self.escalations[made] = {"id": made, "interaction": interaction, "state": "offered", "digest": DIGEST}
        self.escalations[made] |= {"agent": actor, "specialist": specialist, "reason": reason}
        self._show_escalation(made)
        return self.escalations[made]

    async def leave(self, actor: PersonId, interaction: InteractionId) -> None:
        self._note("leave", actor, interaction)
        self._part_in(actor, interaction)
        if len(self.parties) < 2:
            raise WrongMoment("customer_alone", "The customer would be left alone.")
        self.parties.discard(actor)
        self._show_call()

    async def close(self, actor: PersonId, interaction: InteractionId, outcome: str, resolved: bool, note: str) -> None:
        self._note("close", actor, interaction, outcome, resolved, note)
        self._part_in(actor, interaction)
        if not outcome:
            raise BadRequest("outcome_missing", "Say how it ended.", field="outcome")
        self.closed = True
        self._show_call()

    async def rendered(self, actor: PersonId, escalation: EscalationId, digest: str) -> None:
        self._note("rendered", actor, escalation, digest)
        self._moves(actor, escalation, "specialist", {"offered"}, "rendered")

    async def accept(self, actor: PersonId, escalation: EscalationId) -> None:
        self._note("accept", actor, escalation)
        self._moves(actor, escalation, "specialist", {"offered", "rendered"}, "accepted")
        self.parties.add(actor)
        self._show_call()

    async def decline(self, actor: PersonId, escalation: EscalationId, reason: str) -> None:
        self._note("decline", actor, escalation, reason)
        self._moves(actor, escalation, "specialist", {"offered", "rendered"}, "closed")

    async def postpone(self, actor: PersonId, escalation: EscalationId, minutes: int) -> None:
        self._note("postpone", actor, escalation, minutes)
        self._moves(actor, escalation, "specialist", {"offered", "rendered"}, "closed")

    async def choose(self, actor: PersonId, escalation: EscalationId, choice: Choice) -> None:
        self._note("choose", actor, escalation, choice)
        self._moves(actor, escalation, "agent", {"choosing"}, "closed")

    async def consult(self, actor: PersonId, interaction: InteractionId, on: bool) -> None:
        self._note("consult", actor, interaction, on)
        self._part_in(actor, interaction)

    async def supervise(self, actor: PersonId, interaction: InteractionId, mode: SupervisionMode) -> None:
        self._note("supervise", actor, interaction, mode)
        self._needs(actor, DeskRole.SUPERVISOR)

    async def stop_supervising(self, actor: PersonId, interaction: InteractionId) -> None:
        self._note("stop_supervising", actor, interaction)
        self._needs(actor, DeskRole.SUPERVISOR)

    async def cancel(self, actor: PersonId, escalation: EscalationId) -> None:
        self._note("cancel", actor, escalation)
        self._moves(actor, escalation, "agent", {"offered", "rendered"}, "closed")

    def tasks(self, actor: PersonId) -> list[Any]:
        self._note("tasks", actor)
        return []

    async def accept_task(self, actor: PersonId, task: TaskId) -> None:
        self._note("accept_task", actor, task)

    async def decline_task(self, actor: PersonId, task: TaskId) -> None:
        self._note("decline_task", actor, task)

    async def finish_task(self, actor: PersonId, task: TaskId, outcome: str, resolved: bool) -> None:
        self._note("finish_task", actor, task, outcome, resolved)

    async def edit_case(
        self, actor: PersonId, case: CaseId, field: str, text: str, base_version: int
    ) -> dict[str, Any]:
        self._note("edit_case", actor, case, field, text, base_version)
        if case != CASE:
            raise UnknownThing("unknown_case", "There is no such case.")
        self._part_in(actor, CALL)
        if field not in {"policy", "damage"}:
            raise BadRequest("unknown_field", "The case has no such field.", field="field")
        before, _ = self.values.get(field, (0, ""))
        self.case_version += 1
        self.values[field] = (self.case_version, text)
        self._show_call()
        return {"version": self.case_version, "conflict": before > base_version}

    async def case(self, actor: PersonId, case: CaseId) -> Document:
        self._note("case", actor, case)
        document = self.live.visible_to(actor, self.people[actor].roles).get(f"case/{case}")
        if document is None:
            raise UnknownThing("unknown_case", "There is no such case.")
        return document

    def specialists_in_order(self, actor: PersonId, interaction: InteractionId) -> list[Document]:
        self._note("specialists_in_order", actor, interaction)
        self._part_in(actor, interaction)
        visible = self.live.visible_to(actor, self.people[actor].roles)
        return [document for key, document in visible.items() if key.startswith("person/")]

    async def interaction(self, actor: PersonId, interaction: InteractionId) -> Document:
        self._note("interaction", actor, interaction)
        self._part_in(actor, interaction)
        return {"id": interaction, "phase": "closed" if self.closed else "talking"}

    async def timeline(self, actor: PersonId, interaction: InteractionId) -> list[Document]:
        self._note("timeline", actor, interaction)
        self._part_in(actor, interaction)
        return [{"seq": 1, "at": "2026-11-21T22:00:00Z", "name": "interaction.started", "data": {}}]

    async def health(self) -> Document:
        self._note("health", None)
        return {"ok": not self.degraded, "degraded": self.degraded, "secret": "not for strangers"}

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.fails_with is not None:
            raise self.fails_with

    def _needs(self, actor: PersonId, role: DeskRole) -> None:
        if role not in self.people[actor].roles:
            raise NotAllowed("not_allowed", f"This needs the role {role}.")

    def _part_in(self, actor: PersonId, interaction: InteractionId) -> None:
        if interaction != CALL:
            raise UnknownThing("unknown_interaction", "There is no such interaction.")
        asked_in = {each["specialist"] for each in self.escalations.values() if each["state"] != "closed"}
        if actor not in self.parties | asked_in and DeskRole.SUPERVISOR not in self.people[actor].roles:
            raise NotAllowed("not_your_interaction", "You have no part in this interaction.")

    def _moves(self, actor: PersonId, escalation: EscalationId, party: str, states: set[str], to: str) -> None:
        known = self.escalations.get(escalation)
        if known is None:
            raise UnknownThing("unknown_escalation", "There is no such escalation.")
        if known[party] != actor:
            raise NotAllowed("not_your_escalation", f"Only the {party} may do this.")
        if known["state"] not in states:
            raise WrongMoment("too_late", "The escalation has moved on.")
        self.escalations[escalation] = known | {"state": to}
        self._show_escalation(escalation)

    def _show_call(self) -> None:
        audience = Audience(people=frozenset(self.parties), roles=frozenset({DeskRole.SUPERVISOR}))
        phase = "closed" if self.closed else "talking"
        self.live.put(f"interaction/{CALL}", {"id": CALL, "phase": phase, "case": CASE}, audience)
        values = {key: text for key, (_, text) in self.values.items()}
        self.live.put(f"case/{CASE}", {"id": CASE, "version": self.case_version, "values": values}, audience)

    def _show_escalation(self, escalation: EscalationId) -> None:
        document = self.escalations[escalation]
        people = frozenset({document["agent"], document["specialist"]})
        self.live.put(
            f"escalation/{escalation}", document, Audience(people=people, roles=frozenset({DeskRole.SUPERVISOR}))
        )
