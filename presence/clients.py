"""Several clients of one person, weighed into one word: the busiest wins, a mute one spoils "available".

A client is what reports `uc`, `connected`, `in_call` and `microphone` under one name. It *lives* while its `connected`
was heard live and its last will did not come, or while any word of it is younger than the limit. Words of a client
that does not live do not count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from presence.model import CLIENT_SOURCES, Fact, Source, Status

_BUSINESS = {Status.BUSY: 4, Status.DND: 4, Status.AWAY: 3, Status.AVAILABLE: 2, Status.OFFLINE: 1}


@dataclass(frozen=True, slots=True)
class Client:
    """The words of one client; `facts` without those from before its death, `had_status` if there are such."""

    name: str
    facts: Mapping[Source, Fact]
    had_status: bool

    @property
    def gone(self) -> bool:
        """True when its last will came."""
        connected = self.facts.get(Source.CONNECTED)
        return connected is not None and connected.status is Status.OFFLINE

    def lives(self, now: float, age_s: float) -> bool:
        """True when there is proof of life at `now`; without `connected` every word proves it for `age_s`.

        A local word with an end of its own (a SIP publication) lives until that end, which its sender must move on.
        """
        if self.gone:
            return False
        if any(fact.local and fact.expires_at is not None and now < fact.expires_at for fact in self.facts.values()):
            return True
        connected = self.facts.get(Source.CONNECTED)
        heard_live = connected is not None and connected.status is Status.AVAILABLE and not connected.retained
        if heard_live and connected is not None and not expired(connected, now):
            return True
        return any(now - fact.received_at < age_s for fact in self.facts.values())

    def is_confirmed(self, now: float, retained_age_s: float) -> bool:
        """True when something of it was heard live; the broker's memory alone may be that of a dead client."""
        return any(not fact.retained or now - fact.received_at < retained_age_s for fact in self.facts.values())

    def status(self, now: float) -> Fact | None:
        """The UC status if it says something now."""
        uc = self.facts.get(Source.UC)
        return None if uc is None or uc.status is Status.UNKNOWN or expired(uc, now) else uc

    def is_mute(self, now: float) -> bool:
        """True for a UC client without a present status; a tool that reports calls or microphone only is not mute."""
        if self.status(now) is not None:
            return False
        said_something_else = Source.IN_CALL in self.facts or Source.MICROPHONE in self.facts
        return Source.UC in self.facts or self.had_status or not said_something_else


@dataclass(frozen=True, slots=True)
class ClientsWord:
    """What all clients together say.

    `status`: the UC status that counts, or None; `confirmed`: its client was heard live.
    `mute`: another living client says nothing: "available" is in doubt.
    `uc`, `connected`: the last words of the client heard last, to explain why nothing counts. `in_call`, `microphone`:
    the busiest word of living clients.
    """

    status: Fact | None = None
    confirmed: bool = False
    mute: bool = False
    uc: Fact | None = None
    connected: Fact | None = None
    in_call: Fact | None = None
    microphone: Fact | None = None


def hear_clients(facts: Collection[Fact], now: float, age_s: float, retained_age_s: float) -> ClientsWord:
    """Weigh the words of all clients at `now` (monotonic seconds).

    `age_s`: how long a word proves life; `retained_age_s`: how long one from the broker's memory confirms "available".
    """
    clients = _clients(facts)
    if not clients:
        return ClientsWord()
    living = [client for client in clients if client.lives(now, age_s)]
    statuses = [status for client in living if (status := client.status(now)) is not None]
    status = max(statuses, key=lambda fact: (_BUSINESS[fact.status], fact.received_at), default=None)
    last = max(clients, key=lambda client: (client in living, _heard_at(client)))
    return ClientsWord(
        status=status,
        confirmed=any(
            client.is_confirmed(now, retained_age_s)
            for client in living
            if status is not None and client.name == status.client
        ),
        mute=any(client.is_mute(now) for client in living),
        uc=last.facts.get(Source.UC),
        connected=last.facts.get(Source.CONNECTED),
        in_call=_busiest(living, Source.IN_CALL, now),
        microphone=_busiest(living, Source.MICROPHONE, now),
    )


def expired(fact: Fact, now: float) -> bool:
    """True when the fact's own end has passed."""
    return fact.expires_at is not None and now >= fact.expires_at


def _clients(facts: Collection[Fact]) -> list[Client]:
    names = {fact.client: True for fact in facts if fact.source in CLIENT_SOURCES}
    clients = []
    for name in names:
        own = [fact for fact in facts if fact.client == name and fact.source in CLIENT_SOURCES]
        alive = {fact.source: fact for fact in own if not fact.dead}
        dead_status = any(fact.dead and fact.source is Source.UC for fact in own)
        if alive:
            clients.append(Client(name, alive, dead_status))
    return clients


def _heard_at(client: Client) -> float:
    return max(fact.received_at for fact in client.facts.values())


def _busiest(living: list[Client], source: Source, now: float) -> Fact | None:
    """In use beats not known, not known beats not in use."""
    order = {Status.AVAILABLE: 0, Status.UNKNOWN: 1}
    words = [client.facts[source] for client in living if source in client.facts]
    return max((fact for fact in words if not expired(fact, now)), key=lambda f: order.get(f.status, 2), default=None)
