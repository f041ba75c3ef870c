"""Live documents: what screens show, as whole JSON documents by key, each with the people who may see it.

Every change is offered to every subscription whose person is in the document's audience. A subscription's queue is
bounded: a slow screen overflows, is told so, and gets a fresh snapshot; it never slows a call down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vocabulary import DeskRole, PersonId

Document = Mapping[str, Any]

QUEUE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see a document: everyone logged in, or these people and these roles."""

    everyone: bool = False
    people: frozenset[PersonId] = frozenset()
    roles: frozenset[DeskRole] = frozenset()
    but: frozenset[PersonId] = frozenset()
    """Whoever has a view of his own of the same thing."""

    def admits(self, person: PersonId, roles: frozenset[DeskRole]) -> bool:
        if person in self.but:
            return False
        return self.everyone or person in self.people or bool(self.roles & roles)


EVERYONE = Audience(everyone=True)


@dataclass(frozen=True, slots=True)
class Change:
    """One document's new content, or None when it is gone from this screen."""

    key: str
    document: Document | None


class Subscription:
    """One screen's view: first `snapshot()`, then `changes()` until closed."""

    def __init__(self, documents: LiveDocuments, person: PersonId, roles: frozenset[DeskRole]) -> None:
        self._documents = documents
        self.person = person
        self.roles = roles
        self._pending: dict[str, Change] = {}
        self._wake = asyncio.Event()
        self.overflowed = False

    def snapshot(self) -> dict[str, Document]:
        """Everything this person may see now; forgets what was queued, since the snapshot holds it."""
        self._pending.clear()
        self.overflowed = False
        return self._documents.visible_to(self.person, self.roles)

    def offer(self, change: Change) -> None:
        """Queue a change; several changes of one document that wait together become the last one."""
        self._pending.pop(change.key, None)
        if len(self._pending) >= QUEUE_LIMIT:
            self.overflowed = True
            self._pending.clear()
        if not self.overflowed:
            self._pending[change.key] = change
        self._wake.set()

    def begin_again(self, roles: frozenset[DeskRole]) -> None:
        """Take a new snapshot, by these roles."""
        self.roles = roles
        self.overflowed = True
        self._pending.clear()
        self._wake.set()

    async def changes(self) -> list[Change]:
        """Wait for the next changes, in order. Empty list: the queue overflowed, take a new snapshot."""
        await self._wake.wait()
        self._wake.clear()
        waiting = list(self._pending.values())
        self._pending.clear()
        return [] if self.overflowed else waiting

    def close(self) -> None:
        self._documents.unsubscribe(self)


class LiveDocuments:
    """The documents of one node and the screens that watch them. Loop thread only."""

    def __init__(self) -> None:
        self._documents: dict[str, tuple[Document, Audience]] = {}
        self._subscriptions: set[Subscription] = set()

    def get(self, key: str) -> Document | None:
        entry = self._documents.get(key)
        return entry[0] if entry else None

    def visible_to(self, person: PersonId, roles: frozenset[DeskRole]) -> dict[str, Document]:
        """All documents this person may see. `me/<person>` is shown as `me`, and `<key>@<person>` as `<key>`."""
        return {
            _shown_key(key): document
            for key, (document, audience) in self._documents.items()
            if audience.admits(person, roles)
        }

    def put(self, key: str, document: Document, audience: Audience) -> None:
        """Replace a document and tell the screens; those who lost the right to see it are told it is gone."""
        old = self._documents.get(key)
        if old is not None and old[0] == document and old[1] == audience:
            return
        self._documents[key] = (document, audience)
        for subscription in self._subscriptions:
            if audience.admits(subscription.person, subscription.roles):
                subscription.offer(Change(_shown_key(key), document))
            elif old is not None and old[1].admits(subscription.person, subscription.roles):
                subscription.offer(Change(_shown_key(key), None))

    def drop(self, key: str) -> None:
        old = self._documents.pop(key, None)
        if old is None:
            return
        for subscription in self._subscriptions:
            if old[1].admits(subscription.person, subscription.roles):
                subscription.offer(Change(_shown_key(key), None))

    def roles_changed(self, person: PersonId, roles: frozenset[DeskRole]) -> None:
        """Show a person's open screens what he may see now, and nothing else any more."""
        for subscription in self._subscriptions:
            if subscription.person == person and subscription.roles != roles:
                subscription.begin_again(roles)

    def subscribe(self, person: PersonId, roles: frozenset[DeskRole]) -> Subscription:
        subscription = Subscription(self, person, roles)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def is_watching(self, person: PersonId) -> bool:
        """Whether this person has at least one screen open."""
        return any(subscription.person == person for subscription in self._subscriptions)


def _shown_key(key: str) -> str:
    return "me" if key.startswith("me/") else key.partition("@")[0]
