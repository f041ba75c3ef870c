"""The life of one person's availability.

One `PersonPresence` per person; events of other persons never reach it, `BrokerLost` and `BrokerConnected` reach all.

    broker away  --BrokerConnected-->  broker there        facts from MQTT are learnt anew after every loss:
    broker there --BrokerLost------->  broker away         what the broker does not say again is not known

Invariants:
- An effect `AvailabilityChanged` leaves only when something a reader can see changed; ages alone are no change.
- While the broker is away only our own line state and reservations speak; facts that arrive before `BrokerConnected`
  are kept, so the whole retained snapshot turns into one change per person.
- Order is sequence number and arrival. `since` and `until` of the sender never decide what is newer.
- At most one wake-up is pending, and it is never later than the next moment at which time alone changes the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from presence.effects import AvailabilityChanged, PresenceEffect, StartTimer
from presence.events import (
    BrokerConnected,
    BrokerLost,
    FactReported,
    FactWithdrawn,
    LineStateChanged,
    PresenceEvent,
    ReservationChanged,
    TimerFired,
)
from presence.fusion import Circumstances, Facts, FusionRules, fuse, next_change_at
from presence.model import Availability, Fact, Source, Status
from vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class Line:
    """Our own knowledge of a person's phone; `fact` is what it amounts to, None while nothing is known."""

    registered: bool | None = None
    in_call: bool = False
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class PersonPresence:
    """Everything known about one person, what is shown of it, and the pending wake-up."""

    person: PersonId
    rules: FusionRules
    around: Circumstances
    facts: Facts = field(default_factory=dict)
    line: Line = Line()
    shown: Availability | None = None
    wake_at: float | None = None


def watch(person: PersonId, rules: FusionRules, at: datetime, *, broker_lost_since: datetime | None) -> PersonPresence:
    """Begin with a person of whom nothing is known; the first step shows that."""
    return PersonPresence(person, rules, Circumstances(at, broker_lost_since))


def step(state: PersonPresence, event: PresenceEvent, now: float) -> tuple[PersonPresence, list[PresenceEffect]]:
    """Take one event at `now` (monotonic seconds)."""
    return _settle(_learn(state, event, now), now)


def look(state: PersonPresence, now: float) -> Availability:
    """The availability as of `now`, with current ages, without changing anything."""
    return fuse(state.person, _facts_in_force(state), now, state.rules, state.around)


def accept(known: Fact | None, fact: Fact) -> Fact | None:
    """Decide whether a fact replaces the known one of its source: the fact to keep, or None for a late one.

    With sequence numbers on both, a lower one is late, except 0, with which a restarted sender begins anew; without,
    arrival decides. Saying the same again refreshes the age and keeps `since` and the place in the order of arrival;
    a person's own choice is a new act each time.
    """
    if known is None:
        return fact
    if known.seq is not None and fact.seq is not None and 0 < fact.seq < known.seq:
        return None
    same = (known.status, known.reason) == (fact.status, fact.reason)
    if not same or fact.source is Source.MANUAL:
        return fact
    stated_at = known.received_at if known.stated_at is None else known.stated_at
    return replace(fact, since=known.since, stated_at=stated_at)


def _learn(state: PersonPresence, event: PresenceEvent, now: float) -> PersonPresence:
    match event:
        case FactReported(fact=fact):
            return _with_fact(state, fact)
        case FactWithdrawn(source=source):
            return replace(state, facts=_without(state.facts, source))
        case BrokerLost(at=at):
            lost_since = state.around.broker_lost_since or at
            return replace(state, facts={}, around=replace(state.around, broker_lost_since=lost_since))
        case BrokerConnected():
            return replace(state, around=replace(state.around, broker_lost_since=None))
        case LineStateChanged():
            return replace(state, line=_line_after(state.line, event, now))
        case ReservationChanged(holder=holder, at=at):
            reserved_since = None if holder is None else state.around.reserved_since or at
            return replace(state, around=replace(state.around, reserved_since=reserved_since))
        case TimerFired():
            return replace(state, wake_at=None)
        case _:
            assert_never(event)


def _with_fact(state: PersonPresence, fact: Fact) -> PersonPresence:
    kept = accept(state.facts.get(fact.source), fact)
    if kept is None:
        return state
    facts = {**state.facts, fact.source: kept}
    # A status from before the client died must not come to life again when the client returns without a status.
    connected = facts.get(Source.CONNECTED)
    gone = connected is not None and connected.status is Status.OFFLINE
    if gone and (fact.source is Source.CONNECTED or (fact.source is Source.UC and fact.retained)):
        facts.pop(Source.UC, None)
    return replace(state, facts=facts)


def _without(facts: Facts, source: Source) -> Facts:
    return {known: fact for known, fact in facts.items() if known is not source}


def _line_after(line: Line, event: LineStateChanged, now: float) -> Line:
    registered = line.registered if event.registered is None else event.registered
    in_call = line.in_call if event.in_call is None else event.in_call
    if not in_call and registered is None:
        return Line(registered, in_call)
    status = Status.BUSY if in_call else Status.AVAILABLE if registered else Status.OFFLINE
    fact = Fact(Source.PHONE, status, event.at, now)
    return Line(registered, in_call, fact if line.fact is None else accept(line.fact, fact))


def _facts_in_force(state: PersonPresence) -> Facts:
    """Our own line state goes before a `phone` fact from outside, which speaks for people on another PBX; busy wins."""
    own, foreign = state.line.fact, state.facts.get(Source.PHONE)
    if own is None or (foreign is not None and foreign.status is Status.BUSY and own.status is not Status.BUSY):
        return state.facts
    return {**state.facts, Source.PHONE: own}


def _settle(state: PersonPresence, now: float) -> tuple[PersonPresence, list[PresenceEffect]]:
    """Fuse again; say what changed and when to look next."""
    effects: list[PresenceEffect] = []
    availability = look(state, now)
    if state.shown is None or _visible(availability) != _visible(state.shown):
        state = replace(state, shown=availability)
        effects.append(AvailabilityChanged(availability))
    wake_at = next_change_at(state.facts, now, state.rules)
    # An earlier wake-up stays: it asks again when it fires. So refreshes cost no timer.
    if wake_at is not None and (state.wake_at is None or wake_at < state.wake_at):
        state = replace(state, wake_at=wake_at)
        effects.append(StartTimer(state.person, wake_at))
    return state, effects


def _visible(availability: Availability) -> tuple[object, ...]:
    sources = tuple((view.source, view.status, view.since) for view in availability.sources)
    return availability.state, availability.since, availability.because, sources
