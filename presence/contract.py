"""The MQTT contract at the door: topics and payloads in, availability out.

Everything foreign is parsed here once; behind it there are only typed facts and commands. Limits are part of the
contract: `MAX_PAYLOAD_BYTES` per incoming message, `MAX_REASON_CHARS` per reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from presence.elsewhere import ENGAGING, NodeSeen, NodeWord
from presence.errors import ContractError, RefusalCause
from presence.events import FactReported, FactWithdrawn
from presence.model import Availability, Engagement, Fact, Kind, Source, Status
from vocabulary import PersonId

MAX_PAYLOAD_BYTES = 2_048
MAX_REASON_CHARS = 200
MAX_SEQ = 2**53
MAX_SKEW_S = 86_400.0
"""A sender whose clock is off by more than a day is not corrected but refused."""
MEMORY_SOURCES = frozenset({Source.MANUAL, Source.CALENDAR, Source.PHONE})
"""Sources that are the person's, not one client's: they have no client level in their topic."""
_PERSON_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message as it came from the broker; `retained` means from the broker's memory, not just now."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class EscalateCommand:
    """A person asks for an escalation over MQTT; the broker's access rules vouch for who it is."""

    person: PersonId
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class CaseRendered:
    """A person's screen says that the pushed case is visible."""

    person: PersonId
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class Pong:
    """A person's client answers a ping, after it has said its status again."""

    person: PersonId
    nonce: str


Incoming = FactReported | FactWithdrawn | EscalateCommand | CaseRendered | Pong | NodeWord | NodeSeen


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a message came: monotonic seconds, and the same moment on the wall clock (UTC)."""

    now: float
    at: datetime


def is_person_name(name: str) -> bool:
    """True when the name can stand in topics, access rules and password files."""
    return _PERSON_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic of the contract below one prefix, such as `ringside/v1`."""

    prefix: str

    def source(self, person: str, source: Source, client: str = "") -> str:
        return f"{self.prefix}/presence/{person}/{source.value}" + (f"/{client}" if client else "")

    def ping(self, person: str) -> str:
        return f"{self.prefix}/ping/{person}"

    def pong(self, person: str) -> str:
        return f"{self.prefix}/pong/{person}"

    def availability(self, person: str) -> str:
        return f"{self.prefix}/availability/{person}"

    def case(self, person: str) -> str:
        return f"{self.prefix}/case/{person}"

    def rendered(self, person: str) -> str:
        return f"{self.prefix}/case/{person}/rendered"

    def escalate(self, person: str) -> str:
        return f"{self.prefix}/command/{person}/escalate"

    def answer(self, person: str) -> str:
        return f"{self.prefix}/answer/{person}"

    def node(self, name: str) -> str:
        return f"{self.prefix}/node/{name}"

    def engaged(self, node: str, person: str) -> str:
        return f"{self.prefix}/engaged/{node}/{person}"

    def of_nodes(self) -> tuple[str, ...]:
        """What a node hears from those it shares the broker with: what keeps people busy there, then who is there."""
        return (self.engaged("+", "+"), self.node("+"))

    def subscriptions(self) -> tuple[str, ...]:
        """What the node listens to. Wide on purpose: a wrong source or command gets a clear line in the log."""
        wide = ("presence/#", "command/#", "case/+/rendered", "pong/+")
        return tuple(f"{self.prefix}/{topic}" for topic in wide)


def parse(message: IncomingMessage, topics: Topics, people: Container[PersonId], arrival: Arrival) -> Incoming:
    """Turn a message into what it says.

    Raises:
        ContractError: Unknown topic, person, source or status, too large, malformed, a bad field or over-long reason.
    """
    below = message.topic.removeprefix(f"{topics.prefix}/").split("/")
    match below:
        case ["presence", name, source_name, *client]:
            return _word(message, _Sender(_person(name, people), _source(source_name, name), "/".join(client)), arrival)
        case ["command", name, "escalate"]:
            return EscalateCommand(_person(name, people), json_object(message.payload, name))
        case ["case", name, "rendered"]:
            return CaseRendered(_person(name, people), json_object(message.payload, name))
        case ["pong", name]:
            nonce = json_object(message.payload, name).get("nonce")
            if not isinstance(nonce, str):
                raise ContractError(RefusalCause.BAD_FIELD, "nonce is not text", person=name)
            return Pong(_person(name, people), nonce)
        case ["engaged", node, name]:
            return NodeWord(node, PersonId(name), _engagement(message.payload, name, arrival), message.retained)
        case ["node", node]:
            online = bool(message.payload) and json_object(message.payload, "").get("status") == "online"
            return NodeSeen(node, online, message.retained)
        case _:
            wanted = "presence/<person>/<source>, command/<person>/escalate, case/<person>/rendered or pong/<person>"
            raise ContractError(RefusalCause.UNKNOWN_TOPIC, f"unknown topic; expected {topics.prefix}/ and {wanted}")


@dataclass(frozen=True, slots=True)
class _Sender:
    person: PersonId
    source: Source
    client: str


def _word(message: IncomingMessage, sender: _Sender, arrival: Arrival) -> FactReported | FactWithdrawn:
    """A message on a source's topic; an empty payload takes the word back."""
    person, source, client = sender.person, sender.source, sender.client
    if client and (source in MEMORY_SOURCES or not is_person_name(client)):
        text = "only uc, connected, in_call and microphone have one more level, the name of the client"
        raise ContractError(RefusalCause.UNKNOWN_TOPIC, text, person=person)
    if not message.payload:
        return FactWithdrawn(person, source, client)
    try:
        fields = json_object(message.payload, person)
        return FactReported(person, _fact(fields, sender, arrival, retained=message.retained))
    except ContractError as error:
        error.source, error.client = source, client
        raise


def availability_payload(availability: Availability, at: datetime) -> bytes:
    """The retained message on `<prefix>/availability/<person>`; ages are as of `at`."""
    document = {
        "person": availability.person,
        "state": availability.state.value,
        "since": _rfc3339(availability.since),
        "because": availability.because,
        "freshness_s": None if availability.freshness_s is None else round(availability.freshness_s, 3),
        "at": _rfc3339(at),
        "kind": availability.kind.value,
        "reachable": availability.reachable,
        "free_again_at": _rfc3339_or_none(availability.free_again_at),
        "resting_until": _rfc3339_or_none(availability.resting_until),
        "sources": [
            {
                "source": view.source.value,
                "status": view.status.value,
                "since": _rfc3339(view.since),
                "age_s": round(view.age_s, 3),
            }
            | ({"client": view.client} if view.client else {})
            for view in availability.sources
        ],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def ping_payload(nonce: str) -> bytes:
    """What asks a person's clients to say their status again and then to answer with the same nonce."""
    return json.dumps({"nonce": nonce}).encode()


def fact_payload(status: Status, since: datetime, *, until: datetime | None, reason: str) -> bytes:
    """A source's message, as clients and the node itself (for `manual`) publish it.

    Raises:
        ContractError: The reason is over-long or has control characters, or a time has no zone.
    """
    document: dict[str, object] = {"status": status.value, "since": _rfc3339(since)}
    if until is not None:
        if until.tzinfo is None:
            raise ContractError(RefusalCause.BAD_FIELD, "until needs a time zone")
        document["until"] = _rfc3339(until)
    if reason:
        document["reason"] = checked_reason(reason, "")
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def engagement_payload(engagement: Engagement | None) -> bytes:
    """What a node says to the others of what keeps a person busy; empty for nothing."""
    if engagement is None:
        return b""
    document = {"kind": engagement.kind.value, "since": _rfc3339(engagement.since)}
    if engagement.until is not None:
        document["until"] = _rfc3339(engagement.until)
    return json.dumps(document, separators=(",", ":")).encode()


def _engagement(payload: bytes, person: str, arrival: Arrival) -> Engagement | None:
    if not payload:
        return None
    fields = json_object(payload, person)
    kind, since = fields.get("kind"), _moment(fields, "since", person)
    if not isinstance(kind, str) or kind not in ENGAGING or since is None:
        raise ContractError(RefusalCause.BAD_FIELD, "a node's word needs kind and since", person=person)
    return Engagement(Kind(kind), min(since, arrival.at), _moment(fields, "until", person))


def local_client(name: str) -> str:
    """The client name of a reporter inside this process; no topic can carry it."""
    return f"local:{name}"


def local_fact(
    source: Source,
    status: Status,
    arrival: Arrival,
    *,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    ttl_s: float | None,
    client: str,
) -> Fact:
    """A fact of a reporter inside this process; it ends at `until` or after `ttl_s`, whichever is sooner.

    Raises:
        ContractError: The reason is over-long or has control characters, or a time has no zone.
    """
    if any(moment is not None and moment.tzinfo is None for moment in (since, until)):
        raise ContractError(RefusalCause.BAD_FIELD, "times need a time zone")
    ends = [arrival.now + ttl_s] if ttl_s is not None else []
    ends += [arrival.now + (until - arrival.at).total_seconds()] if until is not None else []
    return Fact(
        source,
        status,
        arrival.at if since is None else min(since, arrival.at),
        arrival.now,
        checked_reason(reason, ""),
        until=until,
        expires_at=min(ends, default=None),
        stated_at=arrival.now,
        client=client,
        local=True,
    )


def _person(name: str, people: Container[PersonId]) -> PersonId:
    person = PersonId(name)
    if person not in people:
        raise ContractError(RefusalCause.UNKNOWN_PERSON, "the topic names a person who does not exist here")
    return person


def _source(name: str, person: str) -> Source:
    try:
        return Source(name)
    except ValueError:
        known = ", ".join(source.value for source in Source)
        message = f"the topic names an unknown source; known are {known}"
        raise ContractError(RefusalCause.UNKNOWN_SOURCE, message, person=person) from None


def json_object(payload: bytes, person: str) -> dict[str, object]:
    """Read a small JSON object.

    Raises:
        ContractError: Too large, malformed, or not an object.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        message = f"payload has {len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are allowed"
        raise ContractError(RefusalCause.TOO_LARGE, message, person=person)
    try:
        document: object = json.loads(payload)
    except (ValueError, RecursionError):  # ValueError covers bad UTF-8, bad JSON and absurdly long numbers
        message = "payload is not UTF-8 JSON"
        raise ContractError(RefusalCause.MALFORMED_JSON, message, person=person) from None
    if not isinstance(document, dict):
        raise ContractError(RefusalCause.MALFORMED_JSON, "payload is not a JSON object", person=person)
    return document


def _fact(fields: dict[str, object], sender: _Sender, arrival: Arrival, *, retained: bool) -> Fact:
    """Fields of a source message; `since` may be missing, since a last will cannot know its moment."""
    person = sender.person
    skew = _skew(fields, person, arrival, retained=retained)
    since, until = _moment(fields, "since", person), _moment(fields, "until", person)
    until = None if until is None else until + skew
    reason = fields.get("reason", "")
    if not isinstance(reason, str):
        raise ContractError(RefusalCause.BAD_FIELD, "reason is not text", person=person)
    began = arrival.at if since is None else min(since + skew, arrival.at)  # nothing began in the future
    received_at = arrival.now
    if retained and sender.source is Source.MANUAL:
        # A choice is as old as it says: a restart of ours must not make last week's "available" new.
        received_at -= MAX_SKEW_S if since is None else (arrival.at - began).total_seconds()
    return Fact(
        source=sender.source,
        status=_status(fields, person),
        since=began,
        received_at=received_at,
        reason=checked_reason(reason, person),
        until=until,
        seq=_seq(fields, person),
        expires_at=None if until is None else arrival.now + (until - arrival.at).total_seconds(),
        stated_at=arrival.now,
        retained=retained,
        client=sender.client,
    )


def _skew(fields: dict[str, object], person: str, arrival: Arrival, *, retained: bool) -> timedelta:
    """How far the sender's clock is behind ours, by the moment it says it sent a live message."""
    sent_at = _moment(fields, "sent_at", person)
    if sent_at is None or retained:
        return timedelta()
    skew = arrival.at - sent_at
    if abs(skew.total_seconds()) > MAX_SKEW_S:
        raise ContractError(RefusalCause.BAD_FIELD, "sent_at is more than a day off", person=person)
    return skew


def _status(fields: dict[str, object], person: str) -> Status:
    status = fields.get("status")
    if isinstance(status, str) and status in set(Status):
        return Status(status)
    known = ", ".join(status.value for status in Status)
    raise ContractError(RefusalCause.UNKNOWN_STATUS, f"status is missing or unknown; known are {known}", person=person)


def checked_reason(reason: str, person: str) -> str:
    """Give the reason back if it can be shown.

    Raises:
        ContractError: It is over-long or has control characters.
    """
    if len(reason) > MAX_REASON_CHARS:
        message = f"reason has {len(reason)} characters, at most {MAX_REASON_CHARS} are allowed"
        raise ContractError(RefusalCause.REASON_TOO_LONG, message, person=person)
    if not reason.isprintable():
        raise ContractError(RefusalCause.BAD_FIELD, "reason has control characters", person=person)
    return reason


def _moment(fields: dict[str, object], key: str, person: str) -> datetime | None:
    value = fields.get(key)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 1970 < moment.year < 9999:
        message = f"{key} is not a time with a zone, such as 2026-11-21T14:02:00Z"
        raise ContractError(RefusalCause.BAD_FIELD, message, person=person)
    return moment


def _seq(fields: dict[str, object], person: str) -> int | None:
    seq = fields.get("seq")
    if seq is None:
        return None
    if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq <= MAX_SEQ:
        raise ContractError(RefusalCause.BAD_FIELD, "seq is not a whole number from 0 to 2**53", person=person)
    return seq


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _rfc3339_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _rfc3339(moment)
