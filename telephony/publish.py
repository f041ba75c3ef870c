"""Takes what phones and clients publish about their person: the event state compositor of RFC 3903. Pure.

Each client owns one publication per person. Its entity tag changes with every accepted PUBLISH, so a client that missed
an answer finds out (412) and starts anew. Several publications of a person stand side by side: composing them into one
availability is presence's work. A repeated request, which the gate shows us again, gets its first answer again.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from telephony.decisions import Answer
from telephony.events import PhoneRequest, PresencePublished, PresenceWithdrawn
from telephony.headers import SipRequest
from vocabulary import PersonId

PACKAGE = "presence"
CONTENT_TYPE = "application/pidf+xml"
MOST_REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Limits of a publication's life (seconds), size and number."""

    min_expires_s: int = 60
    default_expires_s: int = 600
    max_expires_s: int = 3_600
    body_bytes: int = 16_384
    per_person: int = 5
    """Past it the one that was refreshed least recently goes."""


@dataclass(slots=True)
class _Publication:
    person: PersonId
    name: str
    etag: str
    body: bytes
    expires_at: float


@dataclass(slots=True)
class PublicationTable:
    """Everything published now. Times are monotonic seconds. One thread only."""

    settings: PublishSettings = field(default_factory=PublishSettings)
    _by_etag: dict[str, _Publication] = field(default_factory=dict)
    _answers: OrderedDict[tuple[str, str, str], Answer] = field(default_factory=OrderedDict)

    def publish(self, person: PersonId, request: SipRequest, now: float) -> Answer:
        """Apply an authenticated PUBLISH of a person's own presence (RFC 3903 §6)."""
        key = (str(person), request.first("call-id"), request.first("cseq"))
        if (repeated := self._answers.get(key)) is not None:
            return Answer(repeated.status, repeated.headers, cause=repeated.cause)
        answer = self._take(person, request, now)
        self._answers[key] = answer
        while len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    def expire(self, now: float) -> tuple[PhoneRequest, ...]:
        """Drop publications that were not refreshed in time."""
        late = [known for known in self._by_etag.values() if known.expires_at <= now]
        return tuple(self._withdraw(known) for known in late)

    def retain(self, persons: frozenset[PersonId]) -> tuple[PhoneRequest, ...]:
        """Drop what everybody else published: their accounts are gone."""
        gone = [known for known in self._by_etag.values() if known.person not in persons]
        return tuple(self._withdraw(known) for known in gone)

    def __len__(self) -> int:
        return len(self._by_etag)

    def _take(self, person: PersonId, request: SipRequest, now: float) -> Answer:
        if request.first("event").partition(";")[0].strip().lower() != PACKAGE:
            return Answer(489, (("Allow-Events", PACKAGE),), cause="event_not_served")
        expires_s = self._expires(request)
        if expires_s is None:
            return Answer(400, (("Warning", '399 ringside "Expires is not a number of seconds"'),), cause="malformed")
        if 0 < expires_s < self.settings.min_expires_s:
            return Answer(423, (("Min-Expires", str(self.settings.min_expires_s)),), cause="publish_too_brief")
        etag = request.first("sip-if-match").strip()
        known = self._by_etag.get(etag) if etag else None
        if etag and (known is None or known.person != person or known.expires_at <= now):
            return Answer(412, cause="publish_unknown_tag")
        if refusal := self._refuse_body(request, known):
            return refusal
        return self._put(person, known, request.body, expires_s, now)

    def _refuse_body(self, request: SipRequest, known: _Publication | None) -> Answer | None:
        if not request.body:
            return None if known is not None else Answer(400, cause="publish_without_body")
        if request.first("content-type").partition(";")[0].strip().lower() != CONTENT_TYPE:
            return Answer(415, (("Accept", CONTENT_TYPE),), cause="publish_content_type")
        return Answer(413, cause="publish_too_large") if len(request.body) > self.settings.body_bytes else None

    def _put(self, person: PersonId, known: _Publication | None, body: bytes, expires_s: int, now: float) -> Answer:
        name = known.name if known is not None else f"pub_{secrets.token_hex(8)}"
        etag = secrets.token_hex(8)
        headers = (("SIP-ETag", etag), ("Expires", str(expires_s)))
        if known is not None:
            del self._by_etag[known.etag]
        if expires_s == 0:
            events: tuple[PhoneRequest, ...] = (PresenceWithdrawn(person, name),) if known is not None else ()
            return Answer(200, headers, events, "publish")
        body = body or (known.body if known is not None else b"")
        crowded = self._make_room(person)
        self._by_etag[etag] = _Publication(person, name, etag, body, now + expires_s)
        told = PresencePublished(person, name, body, CONTENT_TYPE, expires_s)
        return Answer(200, headers, (*crowded, told), "publish")

    def _make_room(self, person: PersonId) -> tuple[PhoneRequest, ...]:
        own = [known for known in self._by_etag.values() if known.person == person]
        return tuple(self._withdraw(known) for known in own[: max(0, len(own) + 1 - self.settings.per_person)])

    def _withdraw(self, known: _Publication) -> PhoneRequest:
        del self._by_etag[known.etag]
        return PresenceWithdrawn(known.person, known.name)

    def _expires(self, request: SipRequest) -> int | None:
        text = request.first("expires").strip() or str(self.settings.default_expires_s)
        if not text.isascii() or not text.isdigit():
            return None
        return min(int(text[:10]), self.settings.max_expires_s)
