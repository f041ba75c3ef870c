"""The life of one person's availability.

One `PersonPresence` per person; events of other persons never reach it, `BrokerLost` and `BrokerConnected` reach all.

    broker away  --BrokerConnected-->  broker there        facts from MQTT are learnt anew after every loss:
    broker there --BrokerLost------->  broker away         what the broker does not say again is not known

Invariants:
- An effect `AvailabilityChanged` leaves only when something a reader can see changed; ages alone are no change.
- While the broker is away only local facts (own line, SIP PUBLISH, calendar files) and our own circumstances speak;
  facts that arrive before `BrokerConnected` are kept, so the whole retained snapshot turns into one change per person.
- What a client said before it died never counts again, however often it is repeated from memory or replayed.
- Order is sequence number and arrival. `since` and `until` of the sender never decide what is newer.
- Who is unconfirmed stays so until an act of his own, here or at his client; what repeats itself is no act.
- At most one wake-up is pending, and it is never later than the next moment at which time alone changes the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from presence.effects import AvailabilityChanged, PresenceEffect, StartTimer
from presence.events import (
    BrokerConnected,
    BrokerLost,
    ConfirmationChanged,
    ElsewhereChanged,
    FactReported,
    FactWithdrawn,
    LineStateChanged,
    PresenceEvent,
    ReservationChanged,
    RestChanged,
    TimerFired,
    WordUnreadable,
    WrapUpChanged,
)
from presence.fusion import OWN_LINE, Circumstances, FusionRules, fuse, next_change_at
from presence.model import CLIENT_SOURCES, Availability, Engagement, Fact, Kind, Source, Status
from vocabulary import PersonId

FactKey = tuple[Source, str]
MAX_CLIENTS = 16
"""Clients of one person that are remembered; more is a fault, and the newest word of a further one is not taken."""
UNREADABLE = "unreadable message"


@dataclass(frozen=True, slots=True)
class Line:
    """Our own knowledge of a person's phone; `fact` is what it amounts to, None while nothing is known."""

    registered: bool | None = None
    in_call: bool = False
    dnd: bool = False
    answers: bool | None = None
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class PersonPresence:
    """Everything known about one person, what is shown of it, and the pending wake-up."""

    person: PersonId
    rules: FusionRules
    around: Circumstances
    facts: Mapping[FactKey, Fact] = field(default_factory=dict)
    line: Line = Line()
    shown: Availability | None = None
    wake_at: float | None = None


def watch(person: PersonId, rules: FusionRules, at: datetime, *, broker_lost_since: datetime | None) -> PersonPresence:
    """Begin with a person of whom nothing is known; the first step shows that."""
    return PersonPresence(person, rules, Circumstances(at, broker_lost_since))


def step(state: PersonPresence, event: PresenceEvent, now: float) -> tuple[PersonPresence, list[PresenceEffect]]:
    """Take one event at `now` (monotonic seconds)."""
    if state.around.unconfirmed is not None and _is_own_act(state, event):
        state = replace(state, around=replace(state.around, unconfirmed=None))
    return _settle(_learn(state, event, now), now)


def look(state: PersonPresence, now: float) -> Availability:
    """The availability as of `now`, with current ages, without changing anything."""
    return fuse(state.person, _facts_in_force(state), now, state.rules, state.around)


def knows_from_memory_only(state: PersonPresence) -> bool:
    """True when some client's word came from the broker's memory: a ping may bring it live."""
    return any(fact.retained and fact.source in CLIENT_SOURCES for fact in state.facts.values())


def engaged_here(state: PersonPresence) -> Engagement | None:
    """What keeps the person busy on this node, as other nodes are told; what they told us is not among it."""
    line, around = state.line.fact, state.around
    if line is not None and line.status is Status.BUSY:
        return Engagement(Kind.IN_CALL, line.since)
    if around.reserved_since is not None and not around.offered:
        return Engagement(Kind.RESERVED, around.reserved_since)
    if around.wrap_up is not None:
        return Engagement(Kind.WRAP_UP, around.wrap_up.since, around.wrap_up.until)
    return None


def accept(known: Fact | None, fact: Fact) -> Fact | None:
    """Decide whether a fact replaces the known one of its source: the fact to keep, or None for a late one.

    With sequence numbers on both, a lower one is late, except 0, with which a restarted sender begins anew; without,
    arrival decides. Of a client that died meanwhile the same number is late too. Saying the same again refreshes the
    age and keeps `since` and the place in the order of arrival; a person's own choice is a new act each time.
    """
    if known is None:
        return fact
    if known.seq is not None and fact.seq is not None and 0 < fact.seq < known.seq + known.dead:
        return None
    same = (known.status, known.reason) == (fact.status, fact.reason)
    if not same or known.dead or fact.source is Source.MANUAL:
        return fact
    stated_at = known.received_at if known.stated_at is None else known.stated_at
    return replace(fact, since=known.since, stated_at=stated_at)


def _is_own_act(state: PersonPresence, event: PresenceEvent) -> bool:
    """Tell whether the person himself did something: chose, talks, or began a call at his client.

    A client that says "available" or a phone that registers does so without anybody; what the broker remembers is old.
    """
    match event:
        case FactReported(fact=Fact(source=Source.MANUAL) as fact):
            return not fact.retained
        case FactWithdrawn(source=Source.MANUAL):
            return True
        case FactReported(fact=Fact(source=Source.IN_CALL | Source.MICROPHONE, status=Status.BUSY) as fact):
            known = state.facts.get(fact.key)
            return not fact.retained and known is not None and known.status is Status.AVAILABLE
        case LineStateChanged(in_call=in_call):
            return in_call is True
        case _:
            return False


def _learn(state: PersonPresence, event: PresenceEvent, now: float) -> PersonPresence:
    match event:
        case FactReported(fact=fact):
            return _with_fact(state, fact)
        case FactWithdrawn(source=source, client=client):
            return replace(state, facts={key: f for key, f in state.facts.items() if key != (source, client)})
        case WordUnreadable():
            return _doubting(state, event, now)
        case LineStateChanged():
            return replace(state, line=_line_after(state.line, event, now))
        case (
            BrokerLost()
            | BrokerConnected()
            | ReservationChanged()
            | WrapUpChanged()
            | RestChanged()
            | ConfirmationChanged()
            | ElsewhereChanged()
        ):
            return _with_circumstance(state, event)
        case TimerFired():
            return replace(state, wake_at=None)
        case _:
            assert_never(event)


def _with_circumstance(
    state: PersonPresence,
    event: BrokerLost
    | BrokerConnected
    | ReservationChanged
    | WrapUpChanged
    | RestChanged
    | ConfirmationChanged
    | ElsewhereChanged,
) -> PersonPresence:
    around = state.around
    match event:
        case BrokerLost(at=at):
            around = replace(around, broker_lost_since=around.broker_lost_since or at)
            return replace(state, facts={key: f for key, f in state.facts.items() if f.local}, around=around)
        case BrokerConnected():
            return replace(state, around=replace(around, broker_lost_since=None))
        case ReservationChanged(holder=holder, at=at, offer=offer):
            reserved_since = None if holder is None else around.reserved_since or at
            return replace(state, around=replace(around, reserved_since=reserved_since, offered=offer))
        case WrapUpChanged(wrap_up=wrap_up):
            if wrap_up is not None and around.wrap_up is not None:
                wrap_up = replace(wrap_up, since=around.wrap_up.since)
            return replace(state, around=replace(around, wrap_up=wrap_up))
        case RestChanged(rest=rest):
            return replace(state, around=replace(around, rest=rest))
        case ConfirmationChanged(unconfirmed=unconfirmed):
            return replace(state, around=replace(around, unconfirmed=unconfirmed))
        case ElsewhereChanged(engagement=engagement):
            return replace(state, around=replace(around, elsewhere=engagement))
        case _:
            assert_never(event)


def _with_fact(state: PersonPresence, fact: Fact) -> PersonPresence:
    if fact.key not in state.facts and len({f.client for f in state.facts.values()} | {fact.client}) > MAX_CLIENTS:
        return state
    kept = accept(state.facts.get(fact.key), fact)
    if kept is None:
        return state
    facts = {**state.facts, fact.key: kept}
    if fact.source in CLIENT_SOURCES:
        facts = _burying(facts, fact)
    return replace(state, facts=facts)


def _burying(facts: dict[FactKey, Fact], fact: Fact) -> dict[FactKey, Fact]:
    """A status from before the client died must not come to life again when the client returns without a status."""
    connected = facts.get((Source.CONNECTED, fact.client))
    if connected is None:
        return facts
    gone = connected.status is Status.OFFLINE
    if fact.source is Source.CONNECTED:
        new_life = fact.begins_anew and fact.status is Status.AVAILABLE and not fact.retained
        dead = (
            [f for f in facts.values() if f.client == fact.client and f.source in CLIENT_SOURCES]
            if (gone or new_life)
            else []
        )
    else:
        dead = [fact] if gone and fact.retained else []
    return facts | {f.key: replace(facts[f.key], dead=True) for f in dead if f.source is not Source.CONNECTED}


def _doubting(state: PersonPresence, event: WordUnreadable, now: float) -> PersonPresence:
    """What would make free is doubted; what keeps from being free stays."""
    known = state.facts.get((event.source, event.client))
    if known is None or known.dead or known.status is not Status.AVAILABLE:
        return state
    doubt = Fact(
        event.source,
        Status.UNKNOWN,
        event.at,
        now,
        UNREADABLE,
        seq=known.seq,
        retained=event.retained,
        client=event.client,
    )
    return replace(state, facts={**state.facts, doubt.key: doubt})


def _line_after(line: Line, event: LineStateChanged, now: float) -> Line:
    after = Line(
        line.registered if event.registered is None else event.registered,
        line.in_call if event.in_call is None else event.in_call,
        line.dnd if event.dnd is None else event.dnd,
        None if event.registered or event.in_call else line.answers,
    )
    if event.answers is not None:
        after = replace(after, answers=event.answers)
    fact = _line_fact(after, event.at, now)
    return replace(after, fact=fact if fact is None or line.fact is None else accept(line.fact, fact))


def _line_fact(line: Line, at: datetime, now: float) -> Fact | None:
    status, reason = Status.OFFLINE, ""
    if line.in_call:
        status = Status.BUSY
    elif line.dnd:
        status = Status.DND
    elif line.answers is False and line.registered is not False:
        reason = "phone does not answer"
    elif line.registered or (line.registered is None and line.answers):
        status = Status.AVAILABLE
    elif line.registered is None:
        return None
    return Fact(Source.PHONE, status, at, now, reason, client=OWN_LINE, local=True)


def _facts_in_force(state: PersonPresence) -> tuple[Fact, ...]:
    facts = tuple(state.facts.values())
    return facts if state.line.fact is None else (*facts, state.line.fact)


def _settle(state: PersonPresence, now: float) -> tuple[PersonPresence, list[PresenceEffect]]:
    """Fuse again; say what changed and when to look next."""
    effects: list[PresenceEffect] = []
    availability = look(state, now)
    if state.shown is None or _visible(availability) != _visible(state.shown):
        state = replace(state, shown=availability)
        effects.append(AvailabilityChanged(availability))
    wake_at = next_change_at(state.facts.values(), now, state.rules)
    # An earlier wake-up stays: it asks again when it fires. So refreshes cost no timer.
    if wake_at is not None and (state.wake_at is None or wake_at < state.wake_at):
        state = replace(state, wake_at=wake_at)
        effects.append(StartTimer(state.person, wake_at))
    return state, effects


def _visible(availability: Availability) -> Availability:
    """The availability without its ages."""
    sources = tuple(replace(view, age_s=0.0) for view in availability.sources)
    return replace(availability, freshness_s=None, sources=sources)
