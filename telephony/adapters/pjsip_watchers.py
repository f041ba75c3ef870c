"""Sends watchers what is due, and asks phones whether they live: the wire side of subscription.py. Owner thread only.

Documents are made on the event loop, where presence lives: a NOTIFY travels owner -> loop (body) -> owner (wire).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import structlog

from telephony import targets
from telephony.adapters.pjsip_outbox import Outbox
from telephony.outgoing import OutgoingRequest
from telephony.registrar import Binding
from telephony.subscription import Notify, Package, SubscriptionTable
from vocabulary import PersonId

log = structlog.get_logger(__name__)

_LOCAL_FAILURES = frozenset({408, 503})
"""What PJSIP says when nobody answered, or nothing could be sent."""

RunSoon = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class PresenceBodies:
    """Makes the documents watchers see. Called on the event loop; must be quick."""

    presence: Callable[[PersonId], bytes]
    """PIDF of a person (RFC 3863)."""
    dialog: Callable[[PersonId, int], bytes]
    """dialog-info of a person (RFC 4235), full state, with this version number."""


class Watchers:
    """Joins the subscription table, the makers of documents and the wire."""

    def __init__(
        self, table: SubscriptionTable, outbox: Outbox, on_loop: RunSoon, on_owner: RunSoon, bodies: PresenceBodies
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._on_loop = on_loop
        self._on_owner = on_owner
        self._bodies = bodies

    def send_due(self, now: float) -> None:
        """Let every NOTIFY leave that may."""
        for notify in self._table.due(now):
            self._on_loop(partial(self._fill, notify))

    def _fill(self, notify: Notify) -> None:
        """On the loop: make the document, then hand it to the owner."""
        try:
            body = self._body(notify)
        except Exception:
            log.exception("presence_document_failed", package=notify.package)
            self._on_owner(partial(self._table.postpone, notify.subscription))
            return
        request = replace(notify.request, body=body)
        self._on_owner(partial(self._outbox.send_alone, request, partial(self._answered, notify)))

    def _body(self, notify: Notify) -> bytes:
        match notify.package:
            case Package.PRESENCE:
                return self._bodies.presence(notify.watched)
            case Package.DIALOG:
                return self._bodies.dialog(notify.watched, notify.version)

    def _answered(self, notify: Notify, status: int) -> None:
        self._table.answered(notify.subscription, status)
        self.send_due(time.monotonic())


def ask_alive(bindings: Iterable[Binding], domain: str, outbox: Outbox, on_result: Callable[[bool], None]) -> None:
    """Send OPTIONS to every phone; `on_result` hears True for each that answers anything, False when all failed."""
    phones = list(bindings)
    if not phones:
        on_result(False)
        return
    left = len(phones)

    def answered(status: int) -> None:
        nonlocal left
        left -= 1
        if status not in _LOCAL_FAILURES:
            on_result(True)
        elif left == 0:
            on_result(False)

    own = f"<{targets.user_uri('ringside', domain)}>"
    for phone in phones:
        target = targets.of_binding(phone, domain)
        request = OutgoingRequest(
            "OPTIONS", target.uri, own, f"<{target.to}>", headers=(("Accept", "application/sdp"),)
        )
        outbox.send_alone(request, answered)
