"""Routing's words: people and their two competences, queues, leases."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vocabulary import DeskRole, PersonId, QueueId


class Channel(StrEnum):
    """A way to reach the centre. The ability to use it is a competence of its own, apart from knowledge."""

    VOICE = "voice"
    CHAT = "chat"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Person:
    """An employee: what he knows (skill -> level 1..5), which channels he can use (likewise), what he may do."""

    id: PersonId
    name: str
    title: str
    roles: frozenset[DeskRole]
    skills: dict[str, int] = field(default_factory=dict)
    channels: dict[Channel, int] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    off_hook_accepts: bool = True
    """Lifting the handset of his registered phone counts as accepting an escalation (else: a click or key 1)."""


@dataclass(frozen=True, slots=True)
class ServiceQueue:
    """Interactions waiting under one service rule."""

    id: QueueId
    name: str
    number: str
    """The service number (user part of the request URI) that leads here."""
    skill: str
    least_level: int = 1
    ring_timeout_s: float = 15.0
    wrap_up_s: float = 30.0
    greeting: str = "greeting"
    specialist_skills: tuple[str, ...] = ()
    """Skills of specialists that matter for this queue's cases, most wanted first."""
    deputy: PersonId | None = None
    """Who is asked when no specialist could be had, before the customer gets a promise."""
    template: str = ""
    """Template of its cases; empty means the one of the queue's own id."""
    target_s: float | None = None
    ceiling_s: float | None = None
    specialist_ring_s: float | None = None
    """Limits of this queue's escalations (CE-04); None: as everywhere."""


class AgentStatus(StrEnum):
    """What the agent chose, or what was chosen for him after an unanswered ring."""

    READY = "ready"
    NOT_READY = "not_ready"


class AgentState(StrEnum):
    """What is going on with the agent."""

    IDLE = "idle"
    RESERVED = "reserved"
    BUSY = "busy"
    WRAP_UP = "wrap_up"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to ring a person, held by one interaction or escalation until it expires or is released.

    `token` grows with every lease of the same person (a fencing token): whoever holds an older one must not ring.
    `expires_at` is UTC seconds (shared by all nodes).
    """

    person: PersonId
    holder: str
    token: int
    expires_at: float
