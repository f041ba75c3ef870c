"""Context's words: case templates, attributed values, and the bundle that travels with an escalation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vocabulary import CaseId, CustomerId, EscalationId, InteractionId, PersonId, QueueId

MAX_VALUE_CHARS = 4_000
"""Longest value of a field; a longer one is refused, nothing is cut."""


class ValueSource(StrEnum):
    """Who a value comes from."""

    AGENT = "agent"
    SPECIALIST = "specialist"
    CRM = "crm"
    BOT = "bot"
    SYSTEM = "system"
    PHONE_BOOK = "phone_book"


class FieldKind(StrEnum):
    """How a field is typed in."""

    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a case template."""

    key: str
    label: str
    required: bool = False
    kind: FieldKind = FieldKind.LINE
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseTemplate:
    """Which fields a case of one queue has."""

    queue: QueueId
    fields: tuple[FieldSpec, ...]


@dataclass(frozen=True, slots=True)
class CaseValue:
    """One value of a field with its origin. `version` is the case version that brought it."""

    text: str
    source: ValueSource
    author: str
    at: datetime
    version: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class CaseEdit:
    """An edit somebody made: set `field` to `text`, having seen version `base_version` of the case."""

    field: str
    text: str
    source: ValueSource
    author: str
    at: datetime
    base_version: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """The customer's matter. `values[field]`: one value, or several while concurrent edits disagree (newest last)."""

    id: CaseId
    queue: QueueId
    customer: CustomerId | None
    template: CaseTemplate
    version: int = 0
    values: dict[str, tuple[CaseValue, ...]] = field(default_factory=dict)
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as known: a person, never just a number."""

    id: CustomerId
    name: str
    numbers: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A phone book's entry of a number: a name for somebody who is no customer of ours yet."""

    name: str
    company: str = ""


@dataclass(frozen=True, slots=True)
class PastContact:
    """One earlier contact of the customer, for the thread: what preceded this one."""

    at: datetime
    channel: str
    summary: str
    outcome: str
    handled_by: str
    interaction: InteractionId | None = None
    """Ours, whose time line can be opened; None: it was before this system, or elsewhere."""


@dataclass(frozen=True, slots=True)
class ContextBundle:
    """The snapshot that a specialist gets; `digest` is the SHA-256 of its canonical JSON."""

    escalation: EscalationId
    interaction: InteractionId
    case: Case
    customer: Customer | None
    caller_number: str
    requested_by: PersonId
    reason: str
    history: tuple[PastContact, ...]
    open_required: tuple[str, ...]
    digest: str
