"""Who can be rung: whoever has a registered SIP phone or a browser phone that is on. The one place for both. Pure."""

from __future__ import annotations

from telephony.events import PhoneEvent, PhoneRegistered, PhoneUnregistered


class Reachable:
    """The people who can be rung. A change gives an event when it is somebody's first phone, or was his last."""

    def __init__(self) -> None:
        self._sip: set[str] = set()
        self._pages: set[str] = set()

    def __contains__(self, person: object) -> bool:
        return person in self._sip or person in self._pages

    def has_page(self, person: str) -> bool:
        """Whether a browser phone of his is on."""
        return person in self._pages

    def sip_changed(self, event: PhoneEvent) -> PhoneEvent | None:
        """A person's first SIP phone registered, or his last is gone."""
        return self._change(self._sip, event.person, isinstance(event, PhoneRegistered))

    def pages_changed(self, person: str, on: bool) -> PhoneEvent | None:
        """A person has browser phones on, or none any more."""
        return self._change(self._pages, person, on)

    def _change(self, among: set[str], person: str, on: bool) -> PhoneEvent | None:
        before = person in self
        if on:
            among.add(person)
        else:
            among.discard(person)
        if before == (person in self):
            return None
        return PhoneUnregistered(person) if before else PhoneRegistered(person)
