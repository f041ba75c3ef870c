"""Tells foreign clients what begins here (reserved, in a call, after-call work), where their mapping says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from presence.mapping import ClientMapping
from presence.model import Availability


class Teller:
    """Remembers what each client was told last, so that a change of anything else tells it nothing."""

    def __init__(self, mappings: Sequence[ClientMapping], publish: Callable[[str, bytes], None]) -> None:
        self._mappings = [mapping for mapping in mappings if mapping.telling is not None]
        self._publish = publish
        self._said: dict[str, str] = {}

    def tell(self, availability: Availability) -> None:
        """Tell the person's clients, if there is something new for them."""
        for mapping in self._mappings:
            told = mapping.told(availability.person, availability.kind)
            if told is not None and self._said.get(told[0]) != told[1]:
                topic, word = told
                self._said[topic] = word
                self._publish(topic, word.encode())

    def forget(self) -> None:
        """The broker was away: everybody is told again."""
        self._said.clear()
