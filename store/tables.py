"""The tables. They never leave this package; enums are stored as their text, so a new member needs no migration."""

# No `from __future__ import annotations` here: SQLModel reads the annotations as types.

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, Integer, Text
from sqlmodel import Field, SQLModel

# Alembic's batch mode can only drop or alter a constraint that has a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_GROWING_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in an INTEGER column."""


class PersonRow(SQLModel, table=True):
    __tablename__ = "person"
    id: str = Field(primary_key=True)
    name: str
    title: str
    roles: list[str] = Field(sa_type=JSON)
    skills: dict[str, int] = Field(sa_type=JSON)
    channels: dict[str, int] = Field(sa_type=JSON)
    languages: list[str] = Field(sa_type=JSON)
    off_hook_accepts: bool


class WebPasswordRow(SQLModel, table=True):
    __tablename__ = "web_password"
    person: str = Field(primary_key=True, foreign_key="person.id")
    hash: str


class SipCredentialRow(SQLModel, table=True):
    __tablename__ = "sip_credential"
    person: str = Field(primary_key=True, foreign_key="person.id")
    username: str = Field(unique=True)
    realm: str
    ha1_md5: str
    ha1_sha256: str


class AgentStatusRow(SQLModel, table=True):
    __tablename__ = "agent_status"
    person: str = Field(primary_key=True, foreign_key="person.id")
    status: str
    reason: str


class PersonLimitsRow(SQLModel, table=True):
    __tablename__ = "person_limits"
    person: str = Field(primary_key=True, foreign_key="person.id")
    limits: dict[str, Any] = Field(sa_type=JSON)


class ServiceQueueRow(SQLModel, table=True):
    __tablename__ = "service_queue"
    id: str = Field(primary_key=True)
    name: str
    number: str = Field(unique=True)
    skill: str
    least_level: int
    ring_timeout_s: float
    wrap_up_s: float
    greeting: str
    specialist_skills: list[str] = Field(sa_type=JSON)
    deputy: str | None = None
    template: str = Field(default="", sa_column_kwargs={"server_default": ""})
    target_s: float | None = None
    ceiling_s: float | None = None
    specialist_ring_s: float | None = None
    hours: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class CaseTemplateRow(SQLModel, table=True):
    """Fields of cases; several queues may share one. A queue that names none uses the one of its own id."""

    __tablename__ = "case_template"
    id: str = Field(primary_key=True)
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    fields: list[dict[str, Any]] = Field(sa_type=JSON)


class SkillRow(SQLModel, table=True):
    """A skill of the company's list. People may have others: a new colleague's are known by his having them."""

    __tablename__ = "skill"
    id: str = Field(primary_key=True)
    name: str
    description: str


class ServiceNumberRow(SQLModel, table=True):
    """A number besides a queue's main one that leads to it."""

    __tablename__ = "service_number"
    number: str = Field(primary_key=True)
    queue: str = Field(foreign_key="service_queue.id", index=True)
    note: str


class PromptRow(SQLModel, table=True):
    """Which recording is played under a prompt's name instead of the shipped one."""

    __tablename__ = "prompt"
    name: str = Field(primary_key=True)
    recording: str
    seconds: float


class RecordingRow(SQLModel, table=True):
    """A recording, 8 kHz mono WAV, by the hash of its bytes; kept for good, so that every version can be heard."""

    __tablename__ = "recording"
    digest: str = Field(primary_key=True)
    audio: bytes


class SettingRow(SQLModel, table=True):
    """A setting that was changed on the page; `value` is JSON."""

    __tablename__ = "setting"
    key: str = Field(primary_key=True)
    value: Any = Field(sa_type=JSON)


class ConfigurationChangeRow(SQLModel, table=True):
    """Every change an administrator made. Numbers have no gaps: of two nodes that take the same one, one is refused."""

    __tablename__ = "configuration_change"
    __table_args__: ClassVar[Any] = (Index(None, "kind", "subject", "id"),)
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime
    by: str = Field(index=True)
    kind: str
    subject: str
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    note: str
    undoes: int | None = None


class TrunkRow(SQLModel, table=True):
    __tablename__ = "trunk"
    name: str = Field(primary_key=True)
    addresses: list[str] = Field(sa_type=JSON)
    outbound_uri: str | None = None


class BindingRow(SQLModel, table=True):
    __tablename__ = "binding"
    id: int | None = Field(default=None, primary_key=True)
    aor: str = Field(index=True)
    contact_uri: str
    received_address: str
    call_id: str
    cseq: int = Field(sa_type=BigInteger)
    expires_at: datetime
    user_agent: str
    instance: str
    reg_id: int
    node: str = Field(default="", sa_column_kwargs={"server_default": ""})


class CustomerRow(SQLModel, table=True):
    __tablename__ = "customer"
    id: str = Field(primary_key=True)
    name: str
    note: str


class CustomerNumberRow(SQLModel, table=True):
    """A number leads to one customer, else a screen could show the wrong person."""

    __tablename__ = "customer_number"
    number: str = Field(primary_key=True)
    customer: str = Field(foreign_key="customer.id", index=True)
    position: int


class PastContactRow(SQLModel, table=True):
    __tablename__ = "past_contact"
    id: int | None = Field(default=None, primary_key=True)
    customer: str = Field(foreign_key="customer.id", index=True)
    at: datetime
    channel: str
    summary: str
    outcome: str
    handled_by: str


class CaseRow(SQLModel, table=True):
    """The head of a case. `template` is the queue's template as it was then; `standing` names the values that count
    now, as `{field: [[version, author], …]}`, since old ones stay."""

    __tablename__ = "case_record"
    id: str = Field(primary_key=True)
    queue: str
    customer: str | None = Field(default=None, index=True)
    template: list[dict[str, Any]] = Field(sa_type=JSON)
    opened_at: datetime
    version: int
    standing: dict[str, list[list[Any]]] = Field(sa_type=JSON)
    outcome: str


class CaseValueRow(SQLModel, table=True):
    """Every value a case ever had; rows are only added."""

    __tablename__ = "case_value"
    case: str = Field(primary_key=True, foreign_key="case_record.id")
    field: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    author: str = Field(primary_key=True)
    text: str = Field(sa_type=Text)
    source: str
    at: datetime
    confidence: float


# Interactions, escalations, leases and events have no foreign keys on purpose: while the database was down other
# writes may have been missed, and the record of a call must not be refused for that.


class InteractionRow(SQLModel, table=True):
    __tablename__ = "interaction"
    id: str = Field(primary_key=True)
    phase: str
    enqueued_at: datetime = Field(index=True)
    queue: str | None = None
    customer: str | None = Field(default=None, index=True)
    case: str | None = None
    caller_number: str
    answered_at: datetime | None = None
    closed_at: datetime | None = Field(default=None, index=True)
    agent: str | None = None
    end_result: str | None = None
    end_reason: str
    disposition: str
    fcr: bool | None = None
    customer_wait_s: float
    agent_s: float
    specialist_s: float
    node: str = Field(default="", index=True, sa_column_kwargs={"server_default": ""})


class EscalationRow(SQLModel, table=True):
    __tablename__ = "escalation"
    id: str = Field(primary_key=True)
    interaction: str = Field(index=True)
    agent: str = Field(index=True)
    specialist: str = Field(index=True)
    requested_at: datetime
    rendered_at: datetime | None = None
    invited_at: datetime | None = None
    ringing_at: datetime | None = None
    accepted_at: datetime | None = None
    joined_at: datetime | None = None
    closed_at: datetime | None = None
    result: str | None = None
    reason: str
    outcome: str


class TaskRow(SQLModel, table=True):
    """What promises are kept as. No foreign keys, for the same reason."""

    __tablename__ = "task"
    id: str = Field(primary_key=True)
    kind: str
    state: str
    owner: str = Field(index=True)
    person: str | None = None
    skill: str
    priority: int
    made_at: datetime
    due_at: datetime
    arrived_at: datetime
    interaction: str = Field(index=True)
    escalation: str
    case: str = Field(index=True)
    digest: str
    queue: str
    number: str
    customer: str | None = None
    sentence: str
    outcome: str
    resolved: bool | None = None
    closed_at: datetime | None = Field(default=None, index=True)
    details: dict[str, Any] = Field(sa_type=JSON)
    node: str = Field(default="", index=True, sa_column_kwargs={"server_default": ""})
    taken_from: str = Field(default="", sa_column_kwargs={"server_default": ""})


class NodeRow(SQLModel, table=True):
    """A node that is alive, or was until nobody had to look after anything of it any more."""

    __tablename__ = "node"
    name: str = Field(primary_key=True)
    life: str
    beat: int = Field(sa_type=BigInteger)


class LeaseRow(SQLModel, table=True):
    """One row per person for ever, so that tokens keep growing; `expires_at` 0 means released."""

    __tablename__ = "lease"
    person: str = Field(primary_key=True)
    holder: str
    token: int = Field(sa_type=BigInteger)
    expires_at: float


class InterruptionRow(SQLModel, table=True):
    """Somebody was asked for help; kept for a day. No foreign key: who left is passed over when it is read."""

    __tablename__ = "interruption"
    person: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True)


class UnconfirmedRow(SQLModel, table=True):
    """Who let it ring too often and has not shown since then that he is there."""

    __tablename__ = "unconfirmed"
    person: str = Field(primary_key=True)
    since: datetime
    misses: int


class EventRow(SQLModel, table=True):
    """The append-only log. Triggers (made by the migration) refuse UPDATE and DELETE. `data` is JSON, always ASCII."""

    __tablename__ = "event"
    __table_args__: ClassVar[Any] = (Index(None, "interaction", "sequence"), {"sqlite_autoincrement": True})
    sequence: int | None = Field(default=None, primary_key=True, sa_type=_GROWING_ID)
    id: str = Field(unique=True)
    interaction: str
    name: str
    at: datetime
    data: str = Field(sa_type=Text)


class WebSessionRow(SQLModel, table=True):
    __tablename__ = "web_session"
    id_hash: str = Field(primary_key=True)
    person: str = Field(foreign_key="person.id", index=True)
    created_at: datetime
    expires_at: datetime = Field(index=True)
    user_agent: str
    address: str = Field(default="", sa_column_kwargs={"server_default": ""})
    id_token: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})


class PendingLoginRow(SQLModel, table=True):
    """A log-in that is under way at the identity provider; taken once."""

    __tablename__ = "pending_login"
    state_hash: str = Field(primary_key=True)
    browser_hash: str
    nonce: str
    verifier: str
    expires_at: datetime = Field(index=True)


class DeliveryRow(SQLModel, table=True):
    """What another system or a customer shall be told, in order within `stream`. Times are UTC seconds."""

    __tablename__ = "delivery"
    id: str = Field(primary_key=True)
    channel: str = Field(sa_column_kwargs={"server_default": "webhook"})
    stream: str = Field(index=True)
    position: int = Field(sa_type=BigInteger)
    event: str
    body: str = Field(sa_type=Text)
    made_at: float
    attempts: int
    due_at: float
    holder: str
    held_until: float
    sent_at: float | None = Field(default=None, index=True)
    dead_at: float | None = Field(default=None, index=True)
    problem: str
