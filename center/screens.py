"""Puts states on screens: which document goes to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from center.directory import CompanyDirectory
from center.documents import (
    EscalationWork,
    Work,
    agent_json,
    availability_json,
    case_document,
    escalation_document,
    interaction_document,
    person_document,
    queue_document,
    supervision_document,
)
from center.engine import Engine
from center.interaction.model import Phase
from center.live import EVERYONE, Audience, Document, LiveDocuments
from context.model import Case
from presence.runner import PresenceService
from routing.specialists import by_usefulness
from vocabulary import DeskRole, PersonId

SUPERVISORS = frozenset({DeskRole.SUPERVISOR})


class Screens:
    """Publishes live documents; knows who may see what, decides nothing else."""

    def __init__(
        self,
        live: LiveDocuments,
        directory: CompanyDirectory,
        presence: PresenceService,
        engine: Engine,
        company: str,
        free_in_s: Callable[[PersonId], float | None],
    ) -> None:
        self._live = live
        self._directory = directory
        self._presence = presence
        self._engine = engine
        self._company = company
        self._free_in_s = free_in_s
        self.other_warnings: Callable[[], list[tuple[str, str]]] = list
        """What else works less well, as code and sentence, from parts of the node that the centre does not know."""

    def show_all(self) -> None:
        for person in self._directory.people:
            self.show_person(person)
        self.show_queues()
        self.show_system(None)

    def show_person(self, person: PersonId) -> None:
        """A person's row in the lists, and his own page's head."""
        known = self._directory.people.get(person)
        if known is None:
            return
        self._live.put(f"person/{person}", self._person_document(person), EVERYONE)
        self.show_me(person)

    def show_me(self, person: PersonId) -> None:
        known = self._directory.people.get(person)
        if known is None:
            return  # he left the company a moment ago
        document = {
            "id": person,
            "name": known.name,
            "title": known.title,
            "roles": sorted(role.value for role in known.roles),
            "agent": agent_json(self._engine.routing.agents.get(person), self._engine.utc),
            "phone": self._directory.phone_settings(person),
            "mqtt": self._directory.mqtt_settings(person),
            "availability": availability_json(self._presence.availability(person)),
            "limits": self._directory.limits.get(person),
        }
        self._live.put(f"me/{person}", document, Audience(people=frozenset({person})))

    def show_queues(self) -> None:
        for queue in self._directory.queues:
            self._live.put(f"queue/{queue.id}", queue_document(queue, self._engine.routing, self._engine.utc), EVERYONE)

    def show_system(self, store_trouble: str | None) -> None:
        document = {
            "presence_connected": self._presence.connected,
            "degraded": self.warnings(store_trouble),
            "warnings": self.warning_codes(store_trouble),
            "company": self._company,
        }
        self._live.put("system", document, EVERYONE)

    def warnings(self, store_trouble: str | None) -> list[str]:
        """What works less well now, in sentences for people."""
        broker = [] if self._presence.connected else ["Presence broker unreachable: availability is not known."]
        others = [sentence for _, sentence in self.other_warnings()]
        return broker + ([f"Event log: {store_trouble}"] if store_trouble else []) + others

    def warning_codes(self, store_trouble: str | None) -> list[dict[str, str]]:
        """The same for screens, which say it in the person's language: a code, and our own words beside it."""
        codes = [] if self._presence.connected else ["presence_broker"]
        codes += ["event_log"] if store_trouble else []
        codes += [code for code, _ in self.other_warnings()]
        words = self.warnings(store_trouble)
        return [{"code": code, "text": text} for code, text in zip(codes, words, strict=True)]

    def show_work(self, work: Work) -> None:
        """An interaction and its case: to its staff, those in after-call work, who is asked in, and supervisors."""
        call = work.call
        keys = (f"interaction/{call.id}", f"supervision/{call.id}")
        self._show_case(work.case)
        if call.phase is Phase.CLOSED:
            for key in keys:
                self._live.drop(key)
            return
        self._live.put(keys[0], self.work_document(work), Audience(people=self._involved(work), roles=SUPERVISORS))
        if call.supervisors:
            self._live.put(keys[1], supervision_document(call, self._directory.names), Audience(roles=SUPERVISORS))
        else:
            self._live.drop(keys[1])

    def _show_case(self, case: Case) -> None:
        """A case: to everybody who has to do with one of its running interactions."""
        running = [work for work in self._engine.running_of_case(case.id) if work.call.phase is not Phase.CLOSED]
        if not running:
            self._live.drop(f"case/{case.id}")
            return
        people = frozenset[PersonId]().union(*(self._involved(work) for work in running))
        self._live.put(f"case/{case.id}", self.case_document(case), Audience(people=people, roles=SUPERVISORS))

    def _involved(self, work: Work) -> frozenset[PersonId]:
        call = work.call
        asked = {
            invitation.specialist
            for esc in self._engine.escalations.values()
            if esc.state.interaction == call.id and esc.state.is_live
            for invitation in esc.state.live_invitations
        }
        return frozenset({p.person for p in call.staff if p.person is not None} | call.wrapping_up | asked)

    def show_escalation(self, esc: EscalationWork, work: Work) -> None:
        """The whole to the agent and supervisors; to each invited specialist his own part under the same key."""
        key = f"escalation/{esc.state.id}"
        invited = esc.state.invited
        audience = Audience(people=frozenset({esc.state.agent}), roles=SUPERVISORS, but=invited)
        self._live.put(key, self.escalation_document(esc, work), audience)
        for specialist in invited:
            part = self.escalation_document(esc, work, specialist)
            self._live.put(f"{key}@{specialist}", part, Audience(people=frozenset({specialist})))

    def drop_escalation(self, esc: EscalationWork) -> None:
        key = f"escalation/{esc.state.id}"
        for each in (key, *(f"{key}@{specialist}" for specialist in esc.state.invited)):
            self._live.drop(each)

    def work_document(self, work: Work) -> dict[str, Any]:
        return interaction_document(work, self._directory.names, self._engine.utc)

    def case_document(self, case: Case) -> dict[str, Any]:
        return case_document(case, self._directory.names)

    def escalation_document(self, esc: EscalationWork, work: Work, viewer: PersonId | None = None) -> dict[str, Any]:
        return escalation_document(esc, work, self._directory.names, self._engine.utc, viewer)

    def specialists_for(self, wanted_skills: tuple[str, ...]) -> list[Document]:
        """Specialists in the order of usefulness for these skills."""
        states = {a.person: a.state for a in self._presence.all()}
        ordered = by_usefulness(self._directory.people.values(), states, wanted_skills)
        return [self._person_document(person.id) for person in ordered]

    def _person_document(self, person: PersonId) -> dict[str, Any]:
        registered = self._directory.registered.get(person, False)
        availability = self._presence.availability(person)
        free_in_s = self._free_in_s(person)
        if availability.free_again_at is None and free_in_s is not None:
            availability = replace(availability, free_again_at=datetime.now(UTC) + timedelta(seconds=free_in_s))
        return person_document(self._directory.people[person], availability, registered)
