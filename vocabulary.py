"""The one vocabulary: ids, roles and end reasons that all packages share.

Packages meet only in these words and in each other's events. Ids carry their kind when printed (`leg_4f…`), so a log
line explains itself. Source of the words: the table in docs/architecture.md.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

PersonId = NewType("PersonId", str)
"""A person of the company, whatever the role; also the name in MQTT topics and SIP accounts."""
QueueId = NewType("QueueId", str)
CustomerId = NewType("CustomerId", str)
CaseId = NewType("CaseId", str)
InteractionId = NewType("InteractionId", str)
"""One attempt of a customer to be served; the correlation id of every event of that attempt."""
EscalationId = NewType("EscalationId", str)
LegId = NewType("LegId", str)
TaskId = NewType("TaskId", str)
"""What a promise to a customer is kept as: a callback or a task with owner and due date."""


def new_id(kind: str) -> str:
    """Make a fresh id that carries its kind, such as `leg_9f86d081884c7d65`."""
    return f"{kind}_{secrets.token_hex(8)}"


class ParticipantRole(StrEnum):
    """The place of a participant in the roster of a call."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SPECIALIST = "specialist"
    SUPERVISOR = "supervisor"


class DeskRole(StrEnum):
    """What a person may do at the desk."""

    AGENT = "agent"
    SPECIALIST = "specialist"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class Result(StrEnum):
    """Whose doing an end was (cf. RFC 3326)."""

    SUCCESS = "success"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    UPSTREAM_ERROR = "upstream_error"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class EndReason:
    """Why something ended: a result and a short slug that is a contract with the outside."""

    result: Result
    reason: str

    @classmethod
    def success(cls, reason: str) -> EndReason:
        return cls(Result.SUCCESS, reason)

    @classmethod
    def client_error(cls, reason: str) -> EndReason:
        return cls(Result.CLIENT_ERROR, reason)

    @classmethod
    def server_error(cls, reason: str) -> EndReason:
        return cls(Result.SERVER_ERROR, reason)

    @classmethod
    def upstream_error(cls, reason: str) -> EndReason:
        return cls(Result.UPSTREAM_ERROR, reason)

    @classmethod
    def indeterminate(cls, reason: str) -> EndReason:
        return cls(Result.INDETERMINATE, reason)
