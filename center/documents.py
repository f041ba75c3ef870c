"""The documents that screens show (docs/api.md), built from states. Pure: same input, same document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from center.escalation.model import Escalation
from center.interaction.model import Interaction
from context.bundle import case_json, customer_json, past_contact_json, utc_text
from context.model import Case, Customer, PastContact
from presence.model import Availability
from routing.machine import Agent, Routing
from routing.model import AgentState, AgentStatus, Person, ServiceQueue
from vocabulary import EndReason, EscalationId, ParticipantRole, PersonId

Utc = Callable[[float], datetime]
"""Turns monotonic seconds into wall-clock time."""

CAUSES = {
    "declined": "declined",
    "no_answer": "did not answer",
    "busy": "is busy on the phone",
    "taken": "was just taken by a colleague",
    "not_registered": "has no phone connected",
    "unreachable": "could not be reached",
    "moved": "has forwarded the phone",
    "not_a_person": "answered, but nobody accepted",
    "cancelled": "the request was taken back",
    "customer_left": "the customer left",
    "abandoned": "the customer left",
    "media_lost": "the connection was lost",
    "store_silent": "the reservation could not be made in time",
    "completed": "the conversation is over",
    "left": "left the conversation",
}
"""End reasons in words for the agent's screen."""


@dataclass(slots=True)
class Work:
    """One interaction with everything around it that is not call control."""

    call: Interaction
    case: Case
    started_at: datetime
    customer: Customer | None = None
    history: tuple[PastContact, ...] = ()
    took_part: set[PersonId] = field(default_factory=set)
    escalation: EscalationId | None = None
    disposition: str = ""


@dataclass(slots=True)
class EscalationWork:
    """One escalation and when its steps were reached, by name (`requested_at` …)."""

    state: Escalation
    times: dict[str, datetime] = field(default_factory=dict)


def person_document(person: Person, availability: Availability | None, registered: bool) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "title": person.title,
        "roles": sorted(role.value for role in person.roles),
        "skills": dict(sorted(person.skills.items())),
        "languages": list(person.languages),
        "registered": registered,
        "availability": availability_json(availability),
    }


def availability_json(availability: Availability | None) -> dict[str, Any]:
    if availability is None:
        return {"state": "unknown", "since": None, "because": "nothing known yet", "freshness_s": None, "sources": []}
    return {
        "state": availability.state.value,
        "since": utc_text(availability.since),
        "because": availability.because,
        "freshness_s": availability.freshness_s,
        "sources": [
            {
                "source": view.source.value,
                "status": view.status.value,
                "since": utc_text(view.since),
                "age_s": round(view.age_s, 1),
            }
            for view in availability.sources
        ],
    }


def agent_json(agent: Agent | None, utc: Utc) -> dict[str, Any] | None:
    if agent is None:
        return None
    return {
        "status": agent.status.value,
        "reason": agent.reason,
        "state": agent.state.value,
        "since": utc_text(utc(agent.since)),
        "wrap_up_ends_at": utc_text(utc(agent.wrap_up_ends_at)) if agent.wrap_up_ends_at else None,
        "interaction": agent.interaction,
    }


def queue_document(queue: ServiceQueue, routing: Routing, utc: Utc) -> dict[str, Any]:
    waiting = [entry for entry in routing.waiting.values() if entry.queue == queue.id]
    longest = min((entry.enqueued_at for entry in waiting), default=None)
    ready = sum(
        agent.status is AgentStatus.READY and agent.state is AgentState.IDLE and queue.skill in agent.person.skills
        for agent in routing.agents.values()
    )
    return {
        "id": queue.id,
        "name": queue.name,
        "number": queue.number,
        "waiting": len(waiting),
        "longest_wait_since": utc_text(utc(longest)) if longest is not None else None,
        "agents_ready": ready,
    }


def case_document(case: Case, names: Mapping[PersonId, str]) -> dict[str, Any]:
    document = case_json(case)
    for field_ in document["fields"]:
        for value in field_["values"]:
            value["author_name"] = names.get(value["author"], value["author"])
    return document


def interaction_document(work: Work, names: Mapping[PersonId, str], utc: Utc) -> dict[str, Any]:
    call = work.call
    customer_name = work.customer.name if work.customer else call.caller_number
    return {
        "id": call.id,
        "queue": call.queue.id,
        "queue_name": call.queue.name,
        "phase": call.phase.value,
        "phase_since": utc_text(utc(call.phase_since)),
        "started_at": utc_text(work.started_at),
        "caller_number": call.caller_number,
        "customer": customer_json(work.customer),
        "case": work.case.id,
        "escalation": work.escalation,
        "participants": [
            {
                "role": p.role.value,
                "person": p.person,
                "name": names.get(p.person, p.person) if p.person else customer_name,
                "state": "talking" if p.talking else "ringing",
                "since": utc_text(utc(p.since)),
            }
            for p in call.participants
        ],
        "history": [past_contact_json(contact) for contact in work.history],
        "wanted_skills": list(call.queue.specialist_skills),
        "result": result_json(work),
    }


def budgets(call: Interaction) -> dict[str, float]:
    """The three time budgets in seconds (CE-21): all of the customer's time (and the wait in it), and what the agent
    and the specialist talked."""
    ended_at = call.ended_at or call.arrived_at
    answered_at = call.answered_at or ended_at
    return {
        "customer_s": round(ended_at - call.arrived_at, 3),
        "wait_s": round(max(0.0, answered_at - call.arrived_at), 3),
        "agent_s": round(call.served_s.get(ParticipantRole.AGENT, 0.0), 3),
        "specialist_s": round(call.served_s.get(ParticipantRole.SPECIALIST, 0.0), 3),
    }


def result_json(work: Work) -> dict[str, Any] | None:
    call = work.call
    if call.end is None:
        return None
    return {
        "outcome": call.outcome,
        "fcr": call.resolved,
        "reason": call.end.reason,
        "disposition": work.disposition,
        "budgets": budgets(call),
    }


ESCALATION_TIMES = ("requested", "pushed", "rendered", "ringing", "accepted", "joined", "closed")


def escalation_document(esc: EscalationWork, work: Work, names: Mapping[PersonId, str]) -> dict[str, Any]:
    state = esc.state
    document: dict[str, Any] = {
        "id": state.id,
        "interaction": state.interaction,
        "case": state.case,
        "agent": state.agent,
        "agent_name": names.get(state.agent, state.agent),
        "specialist": state.specialist,
        "specialist_name": names.get(state.specialist, state.specialist),
        "reason": state.reason,
        "digest": state.digest,
        "caller_number": work.call.caller_number,
        "customer": customer_json(work.customer),
        "history": [past_contact_json(contact) for contact in work.history],
        "state": state.state.value,
        "accepted_by_click": state.clicked,
        "off_hook_accepts": state.off_hook_accepts,
        "cause": state.end.reason if state.end else "",
        "cause_text": cause_text(state.end),
    }
    for name in ESCALATION_TIMES:
        at = esc.times.get(name)
        document[f"{name}_at"] = utc_text(at) if at else None
    return document


def cause_text(end: EndReason | None) -> str:
    if end is None:
        return ""
    return CAUSES.get(end.reason, end.reason.replace("_", " "))


def names_of(people: Iterable[Person]) -> dict[PersonId, str]:
    return {person.id: person.name for person in people}
