"""How often each specialist was asked, and whether he answers: kept over a restart (N14, S02 step 6).

Writes go behind the calls (`center/persistence.py`); at the start the last day is read back, so a restart neither gives
anybody more interruptions than he allows nor shows somebody free who does not lift his handset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from center.persistence import Persistence
from presence.fusion import Unconfirmed
from presence.model import Availability
from presence.resting import MEMORY
from presence.runner import PresenceService
from store.interruptions import Interruptions
from vocabulary import PersonId

log = structlog.get_logger(__name__)

DEFAULT_MISSES = 2


def utc_now() -> datetime:
    return datetime.now(UTC)


class Attention:
    """Counts interruptions and missed rings. Loop thread only."""

    def __init__(
        self,
        presence: PresenceService,
        stored: Interruptions,
        persistence: Persistence,
        misses: int = DEFAULT_MISSES,
        utc: Callable[[], datetime] = utc_now,
    ) -> None:
        """`misses`: so many unanswered rings in a row make a person unconfirmed."""
        self._presence = presence
        self._stored = stored
        self._persistence = persistence
        self._limit = misses
        self._utc = utc
        self._misses: Counter[PersonId] = Counter()
        self._unconfirmed: set[PersonId] = set()

    def set_limit(self, misses: int) -> None:
        """Let so many unanswered rings in a row make a person unconfirmed from now on."""
        self._limit = misses

    async def read_back(self) -> None:
        """Tell presence what an earlier run counted; people who have left since are passed over."""
        for person, at in await self._stored.since(self._utc() - MEMORY):
            self._presence.note_interruption(person, at)
        for person, since, misses in await self._stored.unconfirmed():
            self._unconfirmed.add(person)
            self._presence.set_unconfirmed(person, Unconfirmed(since, misses))

    def asked(self, person: PersonId) -> int:
        """Count that he is asked now; gives how often he was within the last day."""
        at = self._utc()
        self._presence.note_interruption(person, at)
        self._persistence.keep_interruption(person, at, at - MEMORY)
        return self.count(person)

    def count(self, person: PersonId) -> int:
        """How often he was asked within the last day."""
        return self._presence.interruptions_of(person)

    def missed(self, person: PersonId) -> None:
        """Count an unanswered ring; after some in a row the person is unconfirmed until he does something himself."""
        self._misses[person] += 1
        misses = self._misses[person]
        if misses < self._limit:
            return
        log.info("specialist_unconfirmed", person=person, misses=misses)
        del self._misses[person]
        unconfirmed = Unconfirmed(self._utc(), misses)
        self._unconfirmed.add(person)
        self._persistence.keep_unconfirmed(person, unconfirmed)
        self._presence.set_unconfirmed(person, unconfirmed)

    def answered(self, person: PersonId) -> None:
        """He came: earlier misses are forgiven."""
        self._misses.pop(person, None)
        self._presence.set_unconfirmed(person, None)

    def is_here(self, person: PersonId) -> None:
        """He says that he is there."""
        self.answered(person)

    def availability_changed(self, availability: Availability) -> None:
        """Forget, in the store too, that somebody is unconfirmed once presence saw him do something."""
        person = availability.person
        if availability.unconfirmed_since is None and person in self._unconfirmed:
            self._unconfirmed.discard(person)
            self._misses.pop(person, None)
            self._persistence.keep_unconfirmed(person, None)
