"""What the store hands out besides the domain's own entities. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vocabulary import CaseId, CustomerId, EscalationId, InteractionId, PersonId, QueueId, Result, TaskId


@dataclass(frozen=True, slots=True)
class Trunk:
    """A carrier's line, known by the addresses (single ones or CIDR blocks) its requests come from."""

    name: str
    addresses: tuple[str, ...]
    outbound_uri: str | None = None


@dataclass(frozen=True, slots=True)
class SipCredential:
    """What proves a phone's password: digests only (RFC 7616: H(username:realm:password)), in lower-case hex."""

    username: str
    person: PersonId
    realm: str
    ha1_md5: str
    ha1_sha256: str


@dataclass(frozen=True, slots=True)
class WebSession:
    """A log-in at the desk. Only the hash of the cookie's value is kept."""

    id_hash: str
    person: PersonId
    created_at: datetime
    expires_at: datetime
    user_agent: str = ""
    address: str = ""
    """The network address it came from, so that the person knows it again."""
    id_token: str = field(default="", repr=False)
    """What the identity provider said, if it opened the log-in; shown to it again, to log out there."""


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A log-in under way at the identity provider: what its answer must fit (RFC 7636, OpenID Connect Core §3.1.2.1).

    `state_hash` and `browser_hash` are SHA-256 of what the provider gives back and of the browser's own cookie.
    """

    state_hash: str
    browser_hash: str
    nonce: str
    verifier: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Binding:
    """A phone registered under an address of record (RFC 3261 §10.3; `instance` and `reg_id` by RFC 5626)."""

    aor: str
    contact_uri: str
    received_address: str
    """Where the registration came from and answers go to, as `ip:port;transport`."""
    call_id: str
    cseq: int
    expires_at: datetime
    user_agent: str = ""
    instance: str = ""
    reg_id: int = 0


@dataclass(frozen=True, slots=True)
class TimeBudgets:
    """What an interaction cost its three parties, in seconds (CE-21)."""

    customer_wait_s: float = 0.0
    agent_s: float = 0.0
    specialist_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredInteraction:
    """Where an interaction stands. `phase` is the interaction machine's own word."""

    id: InteractionId
    phase: str
    enqueued_at: datetime
    queue: QueueId | None = None
    customer: CustomerId | None = None
    case: CaseId | None = None
    caller_number: str = ""
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    agent: PersonId | None = None
    end_result: Result | None = None
    end_reason: str = ""
    disposition: str = ""
    fcr: bool | None = None
    """First-contact resolution (CE-10); None while nobody has said."""
    budgets: TimeBudgets = TimeBudgets()
    node: str = ""
    """The node whose calls these are."""


@dataclass(frozen=True, slots=True)
class StoredEscalation:
    """Where an escalation stands: when each stage was reached, and how it ended."""

    id: EscalationId
    interaction: InteractionId
    agent: PersonId
    specialist: PersonId
    requested_at: datetime
    rendered_at: datetime | None = None
    invited_at: datetime | None = None
    ringing_at: datetime | None = None
    accepted_at: datetime | None = None
    joined_at: datetime | None = None
    closed_at: datetime | None = None
    result: Result | None = None
    reason: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class HelpGiven:
    """A conversation that a specialist joined, and what came of it."""

    interaction: InteractionId
    agent: PersonId
    specialist: PersonId
    joined_at: datetime
    closed_at: datetime | None
    customer_name: str
    queue_name: str
    outcome: str
    fcr: bool | None
    specialist_s: float


@dataclass(frozen=True, slots=True)
class StoredTask:
    """What a promise is kept as, and where it stands. `details` is what only the task machine reads."""

    id: TaskId
    kind: str
    state: str
    owner: PersonId
    person: PersonId | None
    skill: str
    priority: int
    made_at: datetime
    due_at: datetime
    arrived_at: datetime
    """When the customer first called: his place among callbacks and waiting callers."""
    interaction: InteractionId
    escalation: EscalationId
    case: CaseId
    digest: str
    queue: QueueId
    number: str
    customer: CustomerId | None
    sentence: str
    outcome: str = ""
    resolved: bool | None = None
    closed_at: datetime | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    node: str = ""
    """The node that keeps it; no other may work on it."""
    taken_from: str = ""
    """The silent node whose it was, as long as nobody has begun with it since."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A node's sign of life: `life` is new with each start (and each take-over), `beat` grows while it lives."""

    name: str
    life: str
    beat: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One line of an interaction's log. `sequence` grows within the whole log; `id` makes writing it twice harmless."""

    id: str
    sequence: int
    interaction: InteractionId
    name: str
    at: datetime
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GeneratedLogin:
    """A demo person's passwords in clear, to be printed once and forgotten."""

    person: PersonId
    name: str
    roles: tuple[str, ...]
    web_password: str
    phone_password: str


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """What another system or a customer shall be told; `body` is JSON. Times are UTC seconds.

    Of one `stream` (a case, a telephone number) the lowest `position` that is neither sent nor dead goes first.
    """

    id: str
    stream: str
    position: int
    event: str
    body: str
    made_at: float
    attempts: int = 0
    due_at: float = 0.0
    holder: str = ""
    held_until: float = 0.0
    sent_at: float | None = None
    dead_at: float | None = None
    problem: str = ""
