"""The documents that screens show (docs/api.md), built from states. Pure: same input, same document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from center.escalation.model import Escalation, EscalationState, Invitation, InvitationState
from center.interaction.model import Interaction, SupervisionMode
from context.bundle import case_json, customer_json, past_contact_json, utc_text
from context.model import Case, Customer, Listing, PastContact, ValueSource
from presence.model import Availability
from routing.machine import Agent, Routing
from routing.model import AgentState, AgentStatus, Person, ServiceQueue
from vocabulary import EndReason, EscalationId, ParticipantRole, PersonId

Utc = Callable[[float], datetime]
"""Turns monotonic seconds into wall-clock time."""

CAUSES = {
    "declined": "declined",
    "later": "has time later",
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
    "media_not_connected": "answered in the browser, but no audio came to be",
    "media_worker_lost": "the audio of the browser phone failed",
    "store_silent": "the reservation could not be made in time",
    "completed": "the conversation is over",
    "left": "left the conversation",
    "completed_elsewhere": "a colleague was faster",
    "promised": "the customer has a promise instead",
    "node_lost": "the node was lost",
    "stale_reservation": "was just taken by a colleague",
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
    trunk: str | None = None
    """The carrier's line the customer came over: a callback goes out over it again."""
    came_at: datetime | None = None
    """When the customer first came about this; earlier than `started_at` in a callback."""
    listed: Listing | None = None
    """What a phone book says of the number, where the store does not know it."""

    @property
    def caller_name(self) -> str:
        """How the customer is called, as far as anybody knows; empty for a mere number."""
        return self.customer.name if self.customer else self.listed.name if self.listed else ""

    @property
    def first_came_at(self) -> datetime:
        return self.came_at or self.started_at


@dataclass(slots=True)
class EscalationWork:
    """One escalation and what the machine does not need: when its steps were reached, choices, promise.

    `times` is for the whole, `reached` for each specialist asked: step name (`requested`, `rendered` …) to time.
    """

    state: Escalation
    times: dict[str, datetime] = field(default_factory=dict)
    reached: dict[PersonId, dict[str, datetime]] = field(default_factory=dict)
    choices: list[dict[str, Any]] = field(default_factory=list)
    promise: dict[str, Any] | None = None

    def note(self, name: str, data: Mapping[str, object], at: datetime) -> None:
        """Remember when a recorded step was reached."""
        step = name.rpartition(".")[2]
        self.times.setdefault(step, at)
        specialist = data.get("specialist")
        if isinstance(specialist, str) and data.get("role") == "specialist":
            self.reached.setdefault(PersonId(specialist), {}).setdefault(step, at)

    @property
    def agent(self) -> PersonId:
        return self.state.agent


def caller_json(work: Work) -> dict[str, Any] | None:
    """The customer; or what a phone book says of the number, which has no id and says its source."""
    if work.customer is not None or work.listed is None:
        return customer_json(work.customer)
    source = ValueSource.PHONE_BOOK.value
    return {"id": "", "name": work.listed.name, "note": work.listed.company, "source": source}


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
        return {"state": "unknown", "since": None, "because": "nothing known yet", "checked_at": None, "sources": []}
    return {
        "state": availability.state.value,
        "since": utc_text(availability.since),
        "because": availability.because,
        "kind": availability.kind.value,
        "reachable": availability.reachable,
        "free_again_at": _utc_or_none(availability.free_again_at),
        "resting_until": _utc_or_none(availability.resting_until),
        "unconfirmed_since": _utc_or_none(availability.unconfirmed_since),
        "checked_at": _ago(availability.freshness_s),
        "sources": [
            {
                "source": view.source.value,
                "status": view.status.value,
                "since": utc_text(view.since),
                "at": _ago(view.age_s),
            }
            for view in availability.sources
        ],
    }


def _utc_or_none(at: datetime | None) -> str | None:
    return utc_text(at) if at is not None else None


def _ago(age_s: float | None) -> str | None:
    """An age as an absolute time, so that a page can go on counting; None: never."""
    return utc_text(datetime.now(UTC) - timedelta(seconds=age_s)) if age_s is not None else None


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
    customer_name = work.caller_name or call.caller_number
    return {
        "id": call.id,
        "queue": call.queue.id,
        "queue_name": call.queue.name,
        "phase": call.phase.value,
        "phase_since": utc_text(utc(call.phase_since)),
        "started_at": utc_text(work.started_at),
        "caller_number": call.caller_number,
        "customer": caller_json(work),
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
            if p.mode in (None, SupervisionMode.JOIN)  # who only looks on is shown to supervisors alone
        ],
        "consulting": call.consulting,
        "history": [past_contact_json(contact) for contact in work.history],
        "wanted_skills": list(call.queue.specialist_skills),
        "result": result_json(work),
    }


def supervision_document(call: Interaction, names: Mapping[PersonId, str]) -> dict[str, Any]:
    """Who looks on, and how; for supervisors."""
    return {
        "interaction": call.id,
        "supervisors": [
            {
                "person": p.person,
                "name": names.get(p.person, p.person) if p.person else "",
                "mode": p.mode.value if p.mode else "",
                "state": "in_call" if p.talking else "ringing",
            }
            for p in call.supervisors
        ],
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


STEPS = ("pushed", "rendered", "ringing", "accepted")
"""Steps of one invitation; the whole escalation adds requested, joined and closed."""


def escalation_document(
    esc: EscalationWork, work: Work, names: Mapping[PersonId, str], utc: Utc, viewer: PersonId | None = None
) -> dict[str, Any]:
    """An escalation as the agent sees it, with every invitation; or (`viewer`) as one invited specialist sees his."""
    state = esc.state
    invitation = state.of(viewer) if viewer is not None else _shown_invitation(esc)
    specialist = invitation.specialist if invitation is not None else state.first
    reached = esc.reached.get(specialist, {}) if specialist is not None else {}
    end = state.end if viewer is None or invitation is None or invitation.is_live else invitation.end
    document: dict[str, Any] = {
        "id": state.id,
        "interaction": state.interaction,
        "case": state.case,
        "agent": state.agent,
        "agent_name": names.get(state.agent, state.agent),
        "specialist": specialist,
        "specialist_name": names.get(specialist, specialist) if specialist else None,
        "skill": state.skill,
        "trigger": state.trigger.value,
        "reason": state.reason,
        "digest": invitation.digest if invitation else "",
        "caller_number": work.call.caller_number,
        "customer": caller_json(work),
        "history": [past_contact_json(contact) for contact in work.history],
        "state": _shown_state(state, invitation, viewer),
        "accepted_by_click": bool(invitation and invitation.clicked),
        "off_hook_accepts": bool(invitation and invitation.trusted),
        "cause": end.reason if end else "",
        "cause_text": cause_text(end),
    }
    for name, times in (("requested", esc.times), *((step, reached) for step in STEPS), ("joined", esc.times)):
        document[f"{name}_at"] = utc_text(times[name]) if name in times else None
    closed = esc.times.get("closed") or (reached.get("ended") if viewer is not None else None)
    document["closed_at"] = utc_text(closed) if closed else None
    if viewer is None:
        document |= _search_json(esc, names, utc)
    return document


def _search_json(esc: EscalationWork, names: Mapping[PersonId, str], utc: Utc) -> dict[str, Any]:
    """What only the agent and supervisors see: the deadline, who was asked with what result, choices, promise."""
    state, timing = esc.state, esc.state.timing
    return {
        "phase": state.state.value,
        "target_at": utc_text(utc(state.clock_from + timing.target_s)),
        "ceiling_at": utc_text(utc(state.ceiling_at)),
        "invitations": [
            {
                "specialist": each.specialist,
                "specialist_name": names.get(each.specialist, each.specialist),
                "state": each.state.value,
                "begun_at": utc_text(utc(each.begun_at)),
                "cause": each.end.reason if each.end else "",
                "cause_text": cause_text(each.end),
                "again_at": utc_text(utc(each.again_at)) if each.again_at is not None else None,
            }
            for each in state.invitations
        ],
        "choices": list(esc.choices) if state.state is EscalationState.CHOOSING else [],
        "promise": esc.promise,
    }


def _shown_invitation(esc: EscalationWork) -> Invitation | None:
    """The invitation that matters most to the agent: who joined, else the furthest living one, else the last."""
    order = list(InvitationState)
    live = sorted(esc.state.live_invitations, key=lambda each: order.index(each.state))
    return esc.state.winner or (live[-1] if live else None) or counted_invitation(esc)


def counted_invitation(esc: EscalationWork) -> Invitation | None:
    """Who joined, also when the conversation is over and others were invited beside him; else the last one tried."""
    if esc.state.winner is not None or not esc.state.invitations:
        return esc.state.winner
    joined = "joined" in esc.times
    tried = reversed(esc.state.invitations)
    came = (each for each in tried if joined and "accepted" in esc.reached.get(each.specialist, {}))
    return next(came, esc.state.invitations[-1])


def _shown_state(state: Escalation, invitation: Invitation | None, viewer: PersonId | None) -> str:
    if state.state is EscalationState.CLOSED or (viewer is not None and invitation and not invitation.is_live):
        return "closed"
    if state.state in (EscalationState.JOINED, EscalationState.CHOOSING, EscalationState.WAITING):
        return state.state.value
    if invitation is None or not invitation.is_live:
        return "requested"
    return invitation.state.value


def cause_text(end: EndReason | None) -> str:
    if end is None:
        return ""
    return CAUSES.get(end.reason, end.reason.replace("_", " "))


def names_of(people: Iterable[Person]) -> dict[PersonId, str]:
    return {person.id: person.name for person in people}
