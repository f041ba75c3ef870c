"""What is known of one call for the figures: `step(facts, event) -> facts`, pure.

The events are those of the event log, so the figures can be counted again from the log at any time, and anything
that is not in the log is not in the figures either. Unknown events change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vocabulary import EscalationId, InteractionId, PersonId, QueueId


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of the event log. `at` is UTC seconds."""

    interaction: InteractionId
    name: str
    at: float
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Required:
    """How many fields a case requires, and how many of them were empty at a moment."""

    all: int
    empty: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """One search for a specialist: from the request to a person in the conversation, or to how else it ended."""

    escalation: EscalationId
    asked_at: float
    specialist: PersonId | None = None
    joined_at: float | None = None
    waits: bool = False
    """The agent chose to wait: the deadline ran anew, so its time is no hand-over time."""
    promised: bool = False
    end: str = ""

    @property
    def took_s(self) -> float | None:
        return None if self.joined_at is None or self.waits else self.joined_at - self.asked_at


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One interaction. Times are UTC seconds; None: not yet, or never."""

    id: InteractionId
    begun_at: float
    queue: QueueId
    by_us: bool = False
    """We called the customer back: no part of the service level."""
    answered_at: float | None = None
    agent: PersonId | None = None
    ended_at: float | None = None
    end: str = ""
    said_resolved: bool | None = None
    disposition: str = ""
    agent_s: float = 0.0
    specialist_s: float = 0.0
    hand_overs: tuple[HandOver, ...] = ()
    required_at_join: Required | None = None
    required_at_close: Required | None = None

    @property
    def wait_s(self) -> float | None:
        """What the customer waited for an agent, from his arrival; None while he waits, or was called by us."""
        until = self.answered_at or self.ended_at
        return None if until is None or self.by_us else max(0.0, until - self.begun_at)

    @property
    def waits(self) -> bool:
        return self.answered_at is None and self.ended_at is None and not self.by_us

    @property
    def resolved(self) -> bool | None:
        """What was said when the call was closed; if the customer hung up first, what the after-call work said."""
        return self.said_resolved if self.said_resolved is not None else SETTLED.get(self.disposition)


SETTLED = {"resolved": True, "passed_on": False, "follow_up": False}
"""Dispositions that say whether the matter is settled."""

BEGINNINGS = ("interaction.arrived", "interaction.called_back")


def begin(event: LogEvent) -> CallFacts | None:
    """The facts of a call that begins with this event; None for any other event."""
    if event.name not in BEGINNINGS:
        return None
    called_back = event.name == "interaction.called_back"
    facts = CallFacts(event.interaction, event.at, QueueId(_text(event, "queue")), by_us=called_back)
    if called_back:
        facts = replace(facts, answered_at=event.at, agent=PersonId(_text(event, "person")) or None)
    return facts


def step(facts: CallFacts, event: LogEvent) -> CallFacts:
    """Apply one event of the call's log."""
    match event.name:
        case "interaction.queued":
            return replace(facts, queue=QueueId(_text(event, "queue") or facts.queue))
        case "leg.answered" if _text(event, "role") == "agent":
            agent = PersonId(_text(event, "person")) or None
            return replace(facts, answered_at=facts.answered_at or event.at, agent=facts.agent or agent)
        case "interaction.outcome":
            resolved = event.data.get("resolved")
            return replace(facts, said_resolved=resolved if isinstance(resolved, bool) else None)
        case "wrap_up.finished":
            return replace(facts, disposition=_text(event, "disposition") or facts.disposition)
        case "interaction.closed" if facts.ended_at is None:
            agent_s, specialist_s = _number(event, "agent_s"), _number(event, "specialist_s")
            ended = replace(facts, ended_at=event.at, end=_text(event, "reason"))
            return replace(ended, agent_s=agent_s, specialist_s=specialist_s)
        case "case.at_join":
            return replace(facts, required_at_join=_required(event))
        case "case.at_close":
            return replace(facts, required_at_close=_required(event))
        case name if name.startswith("escalation."):
            return _hand_over(facts, event)
        case _:
            return facts


def _hand_over(facts: CallFacts, event: LogEvent) -> CallFacts:
    id_ = EscalationId(_text(event, "escalation"))
    if event.name == "escalation.requested":
        return replace(facts, hand_overs=(*facts.hand_overs, HandOver(id_, event.at)))
    return replace(facts, hand_overs=tuple(_next(h, event) if h.escalation == id_ else h for h in facts.hand_overs))


def _next(hand_over: HandOver, event: LogEvent) -> HandOver:
    match event.name:
        case "escalation.joined":
            return replace(hand_over, joined_at=event.at, specialist=PersonId(_text(event, "specialist")) or None)
        case "escalation.chosen" if _text(event, "choice") == "wait":
            return replace(hand_over, waits=True)
        case "escalation.fell_through":
            return replace(hand_over, promised=True)
        case "escalation.closed":
            return replace(hand_over, end=_text(event, "reason"))
        case _:
            return hand_over


def _required(event: LogEvent) -> Required:
    empty = event.data.get("empty")
    return Required(int(_number(event, "required")), len(empty) if isinstance(empty, list | tuple) else 0)


def _text(event: LogEvent, key: str) -> str:
    value = event.data.get(key)
    return value if isinstance(value, str) else ""


def _number(event: LogEvent, key: str) -> float:
    value = event.data.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
