"""Who watches whom: the notifier's side of SUBSCRIBE and NOTIFY (RFC 6665) for lamps and presence. Pure.

    SUBSCRIBE ─> 200 ─> active: NOTIFY at once, then at every change ─> terminated (Expires 0, timeout, refused NOTIFY)

Packages: `presence` (RFC 3856) and `dialog` (RFC 4235, busy lamp keys). Bodies are not made here: a `Notify` says what
is due, whoever acts on it fetches the document. Invariants: at most one NOTIFY of a subscription under way, and at most
one a second, so changes in between fold into one; a subscription ends by itself when it is not refreshed.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from telephony.decisions import Answer
from telephony.headers import Flow, HeaderError, SipRequest, parse_name_addr, parse_uri
from telephony.outgoing import OutgoingRequest
from telephony.reaching import host_text, reachable
from vocabulary import PersonId

SubscriptionId = NewType("SubscriptionId", str)


class Package(StrEnum):
    """What about a person is watched."""

    PRESENCE = "presence"
    DIALOG = "dialog"


CONTENT_TYPES = {Package.PRESENCE: "application/pidf+xml", Package.DIALOG: "application/dialog-info+xml"}
ALLOW_EVENTS = ", ".join(Package)


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """Limits of subscriptions; times in seconds."""

    min_expires_s: int = 60
    default_expires_s: int = 600
    max_expires_s: int = 3_600
    per_watcher: int = 200
    """A desk phone with its side cars full of lamp keys watches about a hundred."""
    total: int = 20_000
    least_gap_s: float = 1.0
    """Between two NOTIFYs of one subscription."""
    retry_s: float = 2.0
    """Until a document that could not be made (the node still starts) is tried again."""


@dataclass(frozen=True, slots=True)
class Notify:
    """A NOTIFY that is due. `version` counts up from 0 within the subscription, for dialog-info documents."""

    subscription: SubscriptionId
    package: Package
    watched: PersonId
    version: int
    request: OutgoingRequest
    """Complete but for the body."""


@dataclass(slots=True)
class _Subscription:
    id: SubscriptionId
    package: Package
    event: str
    watcher: PersonId
    watched: PersonId
    sip_call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    contact: str
    target: str
    remote_cseq: int
    expires_at: float
    answer: Answer
    cseq: int = 0
    is_due: bool = True
    is_under_way: bool = False
    not_before: float = 0.0
    ends: str = ""


@dataclass(slots=True)
class SubscriptionTable:
    """All subscriptions. Times are monotonic seconds. One thread only."""

    settings: SubscriptionSettings = field(default_factory=SubscriptionSettings)
    _all: dict[SubscriptionId, _Subscription] = field(default_factory=dict)
    _by_dialog: dict[tuple[str, str], _Subscription] = field(default_factory=dict)
    _by_watched: dict[PersonId, set[SubscriptionId]] = field(default_factory=dict)
    _per_watcher: Counter[PersonId] = field(default_factory=Counter)
    _due: set[SubscriptionId] = field(default_factory=set)

    def subscribe(
        self, watcher: PersonId, watched: PersonId | None, request: SipRequest, contact: str, now: float
    ) -> Answer:
        """Apply an authenticated SUBSCRIBE. `watched` is None when its target is nobody we know; `contact` is ours."""
        try:
            sender, to = parse_name_addr(request.first("from")), parse_name_addr(request.first("to"))
            cseq, expires_s = _number(request.first("cseq").split(" ")[0]), self._expires(request)
            target = reachable(parse_uri(parse_name_addr(request.first("contact")).uri), request.source)
        except HeaderError as error:
            return Answer(400, (("Warning", f'399 ringside "{error}"'),), cause="malformed")
        remote_tag, local_tag = sender.params.get("tag", ""), to.params.get("tag", "")
        known = self._by_dialog.get((request.first("call-id"), remote_tag))
        if local_tag or known is not None:
            return self._again(known, watcher, local_tag, cseq, expires_s, target, now)
        package = _package(request)
        if package is None:
            return Answer(489, (("Allow-Events", ALLOW_EVENTS),), cause="event_not_served")
        if watched is None:
            return Answer(404, cause="unknown_number")
        if 0 < expires_s < self.settings.min_expires_s:
            return Answer(423, (("Min-Expires", str(self.settings.min_expires_s)),), cause="subscribe_too_brief")
        if not self._has_room(watcher):
            return Answer(503, (("Retry-After", "60"),), cause="too_many_subscriptions")
        tag = secrets.token_hex(8)
        made = _Subscription(
            SubscriptionId(f"sub_{secrets.token_hex(8)}"),
            package,
            request.first("event")[:200],
            watcher,
            watched,
            request.first("call-id"),
            f"<{to.uri}>",
            tag,
            f"<{sender.uri}>",
            remote_tag,
            contact,
            target,
            cseq,
            now + expires_s,
            _accepted(expires_s, contact, tag),
            ends="" if expires_s else "timeout",
        )
        self._all[made.id] = self._by_dialog[made.sip_call_id, remote_tag] = made
        self._by_watched.setdefault(watched, set()).add(made.id)
        self._per_watcher[watcher] += 1
        self._due.add(made.id)
        return made.answer

    def changed(self, person: PersonId) -> None:
        """Something about a person changed: everybody who watches him is told soon."""
        for subscription in self._by_watched.get(person, ()):
            self._all[subscription].is_due = True
            self._due.add(subscription)

    def retain(self, persons: frozenset[PersonId]) -> None:
        """End what concerns everybody else: their accounts are gone."""
        for known in list(self._all.values()):
            if known.watcher not in persons or known.watched not in persons:
                self._end(known, "rejected")

    def due(self, now: float) -> Iterator[Notify]:
        """Give the NOTIFYs that may leave now; each waits for `answered` before the next of its subscription."""
        for subscription in list(self._due):
            known = self._all[subscription]
            if known.is_under_way or known.not_before > now:
                continue
            self._due.discard(subscription)
            known.is_due, known.is_under_way = False, True
            known.not_before = now + self.settings.least_gap_s
            yield self._notify(known, now)

    def answered(self, subscription: SubscriptionId, status: int) -> None:
        """Take the answer to a NOTIFY; whoever refused it, or has had his last, is forgotten (RFC 6665 §4.2.2)."""
        known = self._all.get(subscription)
        if known is None:
            return
        known.is_under_way = False
        if status >= 300 or (known.ends and not known.is_due):
            self._forget(known)

    def postpone(self, subscription: SubscriptionId) -> None:
        """Take back a NOTIFY that could not be written; it is due again after a while, with the same version."""
        known = self._all.get(subscription)
        if known is None:
            return
        known.is_under_way, known.is_due = False, True
        known.cseq -= 1
        known.not_before += self.settings.retry_s
        self._due.add(known.id)

    def expire(self, now: float) -> None:
        """End subscriptions that were not refreshed."""
        for known in list(self._all.values()):
            if known.expires_at <= now and not known.ends:
                self._end(known, "timeout")

    def __len__(self) -> int:
        return len(self._all)

    def _again(
        self,
        known: _Subscription | None,
        watcher: PersonId,
        local_tag: str,
        cseq: int,
        expires_s: int,
        target: str,
        now: float,
    ) -> Answer:
        """A refresh, an end, or a repetition of what was answered."""
        if known is None or known.watcher != watcher or (local_tag and local_tag != known.local_tag):
            return Answer(481, cause="no_such_dialog")
        if cseq == known.remote_cseq:
            return known.answer
        if cseq < known.remote_cseq:
            return Answer(500, (("Retry-After", "1"),), cause="out_of_order")
        if known.ends:
            return Answer(481, cause="no_such_dialog")
        if 0 < expires_s < self.settings.min_expires_s:
            return Answer(423, (("Min-Expires", str(self.settings.min_expires_s)),), cause="subscribe_too_brief")
        known.remote_cseq, known.target, known.expires_at = cseq, target, now + expires_s
        known.answer = _accepted(expires_s, known.contact, known.local_tag)
        if expires_s == 0:
            self._end(known, "timeout")
        known.is_due = True
        self._due.add(known.id)
        return known.answer

    def _notify(self, known: _Subscription, now: float) -> Notify:
        known.cseq += 1
        left = max(0, round(known.expires_at - now))
        state = f"terminated;reason={known.ends}" if known.ends else f"active;expires={left}"
        request = OutgoingRequest(
            "NOTIFY",
            known.target,
            known.local,
            known.remote,
            known.local_tag,
            known.remote_tag,
            known.contact,
            known.sip_call_id,
            known.cseq,
            (("Event", known.event), ("Subscription-State", state)),
            CONTENT_TYPES[known.package],
        )
        return Notify(known.id, known.package, known.watched, known.cseq - 1, request)

    def _end(self, known: _Subscription, reason: str) -> None:
        if known.ends:
            return
        known.ends, known.is_due = reason, True
        self._due.add(known.id)

    def _forget(self, known: _Subscription) -> None:
        del self._all[known.id]
        del self._by_dialog[known.sip_call_id, known.remote_tag]
        self._due.discard(known.id)
        self._per_watcher[known.watcher] -= 1
        if not self._per_watcher[known.watcher]:
            del self._per_watcher[known.watcher]
        watching = self._by_watched[known.watched]
        watching.discard(known.id)
        if not watching:
            del self._by_watched[known.watched]

    def _has_room(self, watcher: PersonId) -> bool:
        return len(self._all) < self.settings.total and self._per_watcher[watcher] < self.settings.per_watcher

    def _expires(self, request: SipRequest) -> int:
        text = request.first("expires").strip()
        return min(_number(text), self.settings.max_expires_s) if text else self.settings.default_expires_s


def contact_of(local: Flow) -> str:
    """Write our Contact for a dialog with somebody who reached us here."""
    tail = "" if local.transport == "udp" else f";transport={local.transport}"
    return f"<sip:ringside@{host_text(local.host)}:{local.port}{tail}>"


def _package(request: SipRequest) -> Package | None:
    name = request.first("event").partition(";")[0].strip().lower()
    return Package(name) if name in CONTENT_TYPES else None


def _accepted(expires_s: int, contact: str, tag: str) -> Answer:
    return Answer(200, (("Expires", str(expires_s)), ("Contact", contact)), cause="subscribe", to_tag=tag)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise HeaderError("a number was expected")
    return int(text[:10])
