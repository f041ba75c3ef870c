"""What other nodes say of our people: in a call, reserved or in after-call work there. Pure; no clock, no broker.

Two witnesses tell whether a node lives: its last will at the broker, and its sign of life in the store.

| the broker says of the node        | in the store it lives | in the store it is dead |
|------------------------------------|-----------------------|-------------------------|
| online, heard since we are there   | its words count       | in doubt                |
| online, by the broker's memory     | its words count       | void                    |
| offline, or nothing yet            | in doubt              | void, forgotten         |

A word in doubt makes nobody busy, and nobody free: a node that is only cut off talks on. When we lose the broker
ourselves, every word is in doubt until its node is heard again; a node says all its words before it says that it is
online, so an earlier word that was not said again by then is over. The words of a node stand on topics that it alone
writes, over one connection, so the broker keeps their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from presence.model import Engagement, Kind
from vocabulary import PersonId

_WEIGHT = {Kind.IN_CALL: 3, Kind.RESERVED: 2, Kind.WRAP_UP: 1}
ENGAGING = frozenset(_WEIGHT)
"""What a node may say of a person."""


@dataclass(frozen=True, slots=True)
class NodeWord:
    """A node says what keeps a person busy there, or that nothing does any more (None)."""

    node: str
    person: PersonId
    engagement: Engagement | None
    retained: bool


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node is there (`online`), or its last will came."""

    node: str
    online: bool
    retained: bool


class Hearing(StrEnum):
    """What the broker says of a node."""

    LIVE = "live"
    MEMORY = "memory"
    SILENT = "silent"


class Standing(StrEnum):
    """What a node's word is worth."""

    COUNTS = "counts"
    IN_DOUBT = "in_doubt"
    VOID = "void"


def standing(hearing: Hearing, *, lives: bool) -> Standing:
    """The table above."""
    if lives:
        return Standing.IN_DOUBT if hearing is Hearing.SILENT else Standing.COUNTS
    return Standing.IN_DOUBT if hearing is Hearing.LIVE else Standing.VOID


@dataclass(slots=True)
class _Node:
    """`old` words are from before we lost the broker."""

    hearing: Hearing = Hearing.SILENT
    words: dict[PersonId, Engagement] = field(default_factory=dict)
    old: set[PersonId] = field(default_factory=set)


class Elsewhere:
    """The words of all other nodes. Each change gives the people of whom something else may hold now."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._living: frozenset[str] | None = None

    def word(self, said: NodeWord) -> set[PersonId]:
        """Take a word of another node."""
        node = self._nodes.setdefault(said.node, _Node())
        if not said.retained:
            node.hearing = Hearing.LIVE
        node.old.discard(said.person)
        if said.engagement is None:
            node.words.pop(said.person, None)
        else:
            node.words[said.person] = said.engagement
        self._forget_the_dead()
        return {said.person}

    def seen(self, seen: NodeSeen) -> set[PersonId]:
        """A node came or went; who is online has said everything by then."""
        node = self._nodes.setdefault(seen.node, _Node())
        touched = set(node.words)
        if seen.online:
            node.hearing = Hearing.MEMORY if seen.retained else Hearing.LIVE
            node.words = {person: word for person, word in node.words.items() if person not in node.old}
            node.old = set()
        else:
            node.hearing = Hearing.SILENT
        self._forget_the_dead()
        return touched

    def living(self, names: frozenset[str]) -> set[PersonId]:
        """The store says which other nodes live; until it did, all do."""
        if names == self._living:
            return set()
        touched = self._touched(names ^ (self._living if self._living is not None else self._nodes.keys() | names))
        self._living = names
        self._forget_the_dead()
        return touched

    def broker_lost(self) -> set[PersonId]:
        """We hear nobody any more; what was said last is kept, in doubt."""
        for node in self._nodes.values():
            node.hearing, node.old = Hearing.SILENT, set(node.words)
        return self._touched(self._nodes)

    def of(self, person: PersonId) -> Engagement | None:
        """What keeps the person busy on another node: what is sure goes before what is in doubt."""
        words = [
            replace(word, in_doubt=worth is Standing.IN_DOUBT)
            for name, node in self._nodes.items()
            if (word := node.words.get(person)) is not None and (worth := self._standing(name)) is not Standing.VOID
        ]
        return max(words, key=lambda word: (not word.in_doubt, _WEIGHT[word.kind]), default=None)

    def _standing(self, name: str) -> Standing:
        return standing(self._nodes[name].hearing, lives=self._living is None or name in self._living)

    def _forget_the_dead(self) -> None:
        """Who neither is heard nor lives says everything anew if he comes back."""
        silent = [name for name, node in self._nodes.items() if node.hearing is Hearing.SILENT]
        for name in silent:
            if self._standing(name) is Standing.VOID:
                del self._nodes[name]

    def _touched(self, names: Iterable[str]) -> set[PersonId]:
        return {person for name in names if name in self._nodes for person in self._nodes[name].words}
