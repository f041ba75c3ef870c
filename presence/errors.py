"""What can go wrong around presence.

PresenceError
├── ContractError        a message breaks the MQTT contract (the sender's fault); knows its cause and person
├── MappingError         a mapping in the configuration cannot be used (the operator's fault)
├── CalendarError        a calendar cannot be read; the text says why and holds no personal data
├── PublicationError     a SIP presence document breaks its standard (the sender's fault)
├── UnknownPerson        somebody asks for a person who is not watched (the caller's fault)
├── AccountRefused       an account cannot be made or removed (the caller's fault)
└── BrokerError          the broker is not usable (ours or the machine's)
    ├── BrokerNotInstalled   the mosquitto binary is missing
    ├── BrokerPortBusy       somebody else listens on the port
    ├── BrokerDidNotStart    the child ended or never listened
    └── BrokerRefused        a broker refuses what the contract needs (subscription, reading back)
"""

from __future__ import annotations

from enum import StrEnum

from presence.model import Source
from vocabulary import EndReason


class PresenceError(Exception):
    """Base of everything presence raises on purpose."""


class RefusalCause(StrEnum):
    """Why a message was refused at the door; a contract with counters and logs."""

    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_PERSON = "unknown_person"
    UNKNOWN_SOURCE = "unknown_source"
    TOO_LARGE = "too_large"
    MALFORMED_JSON = "malformed_json"
    UNKNOWN_STATUS = "unknown_status"
    REASON_TOO_LONG = "reason_too_long"
    BAD_FIELD = "bad_field"


class ContractError(PresenceError):
    """A message was refused; its text tells the sender's owner what to mend and holds no personal data."""

    def __init__(self, cause: RefusalCause, message: str, *, person: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.person = person
        self.source: Source | None = None
        self.client = ""
        """Which word of which client could not be read, when the topic said so."""

    @property
    def end_reason(self) -> EndReason:
        return EndReason.client_error(self.cause.value)


class MappingError(PresenceError):
    """A mapping in the configuration cannot be used; the text says where and why."""


class CalendarError(PresenceError):
    """A calendar cannot be fetched or read."""


class PublicationError(PresenceError):
    """A presence document (PIDF) is too large, malformed or not what the standard says."""


class UnknownPerson(PresenceError):
    """The person asked for is not watched by this service."""


class AccountRefused(PresenceError):
    """The account name cannot stand in topics, or the broker is not ours to change."""


class BrokerError(PresenceError):
    """The broker is not usable."""


class BrokerNotInstalled(BrokerError):
    """The mosquitto binary is missing on this machine."""


class BrokerPortBusy(BrokerError):
    """Somebody else listens on the broker's port."""


class BrokerDidNotStart(BrokerError):
    """The broker process ended at once or never accepted a connection."""


class BrokerRefused(BrokerError):
    """The broker refuses a subscription or does not return our own messages."""
