"""From one person's facts to one availability that an agent can trust (CE-02, N6).

The truth table; the first row that fits decides. "own choice" is source `manual`, "line" is source `phone`.

| #  | situation                                                       | shown        | because                    |
|----|-----------------------------------------------------------------|--------------|----------------------------|
| 1  | own choice busy or dnd, `until` not passed                      | busy         | own choice: ...            |
| 2  | own choice away or offline, `until` not passed                  | away         | own choice: ...            |
| 3  | line busy                                                       | busy         | in a call since hh:mm      |
| 4  | reserved by an escalation or interaction                        | busy         | being asked for help       |
| 5  | broker unreachable (rows 1, 2 and all MQTT facts do not count)  | unknown      | presence broker ...        |
| 6  | own choice available but not newer, UC that counts differs      | unknown      | own choice available, but  |
| 7  | own choice available, newer than another word of the UC         | see 12       | own choice: ...            |
| 8a | UC busy or dnd, and it counts                                   | busy         | UC status: ...             |
| 8b | UC away, and it counts                                          | away         | UC status: away            |
| 8c | UC offline, and it counts                                       | unknown      | UC status: offline         |
| 9  | UC available, and it counts                                     | see 12       | UC status: available       |
| 10 | own choice available, no UC that counts                         | see 12       | own choice: ...            |
| 11 | none of these: client gone, silent, no status yet, no facts     | unknown      | says which                 |
| 12 | rows 7, 9, 10 with the line registered                          | free         | as in that row             |
|    | rows 7, 9, 10 with the line not registered or not known         | unknown      | phone not registered       |

A UC status counts unless the client's last will came (`connected` offline), it is `unknown`, its `until` passed, or it
is older than `uc_age_s` without proof of life. Proof of life is `connected` available heard live, which holds until the
last will; from the broker's memory it holds for `uc_age_s` only, because a broker that crashed forgets last wills.
An own choice "available" counts for `manual_age_s`; against a gone client it counts only when it is the newer word.
"Newer" is order of arrival here, never the sender's clock; facts from the broker's memory have no order among sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from presence.model import Availability, AvailabilityState, Fact, Source, SourceView, Status
from vocabulary import PersonId

Facts = Mapping[Source, Fact]


@dataclass(frozen=True, slots=True)
class FusionRules:
    """What counts as old, and how the phrases are worded.

    `uc_age_s`: a UC status without proof of life counts this long. `manual_age_s`: so long counts an own "available"
    without an end. `phone_required`: without a registered phone nobody is free; switch off only where all specialists
    are rung through a trunk. `zone`: time zone of the times in phrases.
    """

    uc_age_s: float = 300.0
    manual_age_s: float = 43_200.0
    phone_required: bool = True
    uc_name: str = "UC"
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the node itself knows beside the facts: since when it watches, broker away, person reserved."""

    watching_since: datetime
    broker_lost_since: datetime | None = None
    reserved_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: AvailabilityState
    since: datetime
    because: str


_OWN_REFUSALS = {
    Status.BUSY: AvailabilityState.BUSY,
    Status.DND: AvailabilityState.BUSY,
    Status.AWAY: AvailabilityState.AWAY,
    Status.OFFLINE: AvailabilityState.AWAY,
}
_UC_STATES = {
    Status.BUSY: AvailabilityState.BUSY,
    Status.DND: AvailabilityState.BUSY,
    Status.AWAY: AvailabilityState.AWAY,
    Status.OFFLINE: AvailabilityState.UNKNOWN,
}
_STATUS_WORDS = {Status.DND: "do not disturb"}


def fuse(person: PersonId, facts: Facts, now: float, rules: FusionRules, around: Circumstances) -> Availability:
    """Decide what the agent's list shows for `person` at `now` (monotonic seconds), by the table above."""
    usable = {
        source: fact for source, fact in facts.items() if around.broker_lost_since is None or source is Source.PHONE
    }
    verdict = _decide(usable, now, rules, around)
    views = tuple(
        SourceView(fact.source, fact.status, fact.since, max(0.0, now - fact.received_at))
        for fact in sorted(usable.values(), key=lambda fact: fact.source)
    )
    freshness_s = min((view.age_s for view in views), default=None)
    return Availability(person, verdict.state, verdict.since, verdict.because, freshness_s, views)


def next_change_at(facts: Facts, now: float, rules: FusionRules) -> float | None:
    """When the passing of time alone may next change the outcome (monotonic seconds), or None."""
    return min((at for at in _deadlines(facts, rules) if at > now), default=None)


def _deadlines(facts: Facts, rules: FusionRules) -> Iterable[float]:
    for fact in facts.values():
        if fact.expires_at is not None:
            yield fact.expires_at
        if fact.source in (Source.UC, Source.CONNECTED):
            yield fact.received_at + rules.uc_age_s
        if fact.source is Source.MANUAL and fact.status is Status.AVAILABLE:
            yield fact.received_at + rules.manual_age_s


def _decide(facts: Facts, now: float, rules: FusionRules, around: Circumstances) -> _Verdict:
    choice = _own_choice(facts, now, rules)
    if choice is not None and choice.status in _OWN_REFUSALS:
        return _Verdict(_OWN_REFUSALS[choice.status], choice.since, _choice_phrase(choice))
    line = facts.get(Source.PHONE)
    if line is not None and line.status is Status.BUSY:
        return _Verdict(AvailabilityState.BUSY, line.since, f"in a call since {_hour(line.since, rules)}")
    if around.reserved_since is not None:
        return _Verdict(AvailabilityState.BUSY, around.reserved_since, "being asked for help")
    if around.broker_lost_since is not None:
        because = f"presence broker unreachable since {_hour(around.broker_lost_since, rules)}"
        return _Verdict(AvailabilityState.UNKNOWN, around.broker_lost_since, because)
    return _from_statuses(facts, choice, now, rules, around)


def _from_statuses(
    facts: Facts, available: Fact | None, now: float, rules: FusionRules, around: Circumstances
) -> _Verdict:
    """Rows 6 to 12: weigh the UC status against the person's own "available"."""
    uc = facts.get(Source.UC)
    if uc is not None and _uc_counts(uc, facts, now, rules):
        if uc.status is Status.AVAILABLE:
            return _free_if_reachable(uc, _uc_phrase(uc, rules), facts, rules)
        if available is None:
            return _Verdict(_UC_STATES[uc.status], uc.since, _uc_phrase(uc, rules))
        if not _newer(available, uc):
            because = f"own choice available, but {_uc_phrase(uc, rules)}"
            return _Verdict(AvailabilityState.UNKNOWN, uc.since, because)
    connected = facts.get(Source.CONNECTED)
    gone = connected if connected is not None and connected.status is Status.OFFLINE else None
    if available is not None and (gone is None or _newer(available, gone)):
        return _free_if_reachable(available, _choice_phrase(available), facts, rules)
    return _unknown(facts, now, rules, around)


def _unknown(facts: Facts, now: float, rules: FusionRules, around: Circumstances) -> _Verdict:
    """Row 11: say honestly why nothing can be said."""
    uc, connected = facts.get(Source.UC), facts.get(Source.CONNECTED)
    if connected is not None and connected.status is Status.OFFLINE:
        return _Verdict(AvailabilityState.UNKNOWN, connected.since, f"{rules.uc_name} client disconnected")
    if uc is not None and uc.status is Status.UNKNOWN:
        return _Verdict(AvailabilityState.UNKNOWN, uc.since, _uc_phrase(uc, rules))
    if uc is not None and _expired(uc, now):
        return _Verdict(AvailabilityState.UNKNOWN, uc.since, f"{rules.uc_name} status ran out")
    if uc is not None:
        return _Verdict(AvailabilityState.UNKNOWN, uc.since, f"no sign of life for over {rules.uc_age_s:g} s")
    if connected is not None:
        return _Verdict(AvailabilityState.UNKNOWN, connected.since, f"{rules.uc_name} client connected, no status yet")
    return _Verdict(AvailabilityState.UNKNOWN, around.watching_since, "nothing known")


def _free_if_reachable(fact: Fact, because: str, facts: Facts, rules: FusionRules) -> _Verdict:
    """Row 12: nobody who cannot be rung is shown free."""
    line = facts.get(Source.PHONE)
    registered = line is not None and line.status is Status.AVAILABLE
    if registered or (line is None and not rules.phone_required):
        return _Verdict(AvailabilityState.FREE, fact.since, because)
    return _Verdict(AvailabilityState.UNKNOWN, fact.since if line is None else line.since, "phone not registered")


def _own_choice(facts: Facts, now: float, rules: FusionRules) -> Fact | None:
    choice = facts.get(Source.MANUAL)
    if choice is None or choice.status is Status.UNKNOWN or _expired(choice, now):
        return None
    if choice.status is Status.AVAILABLE and now - choice.received_at >= rules.manual_age_s:
        return None
    return choice


def _uc_counts(uc: Fact, facts: Facts, now: float, rules: FusionRules) -> bool:
    connected = facts.get(Source.CONNECTED)
    if uc.status is Status.UNKNOWN or _expired(uc, now):
        return False
    if connected is not None and connected.status is Status.OFFLINE:
        return False
    if now - uc.received_at < rules.uc_age_s:
        return True
    if connected is None or connected.status is not Status.AVAILABLE or _expired(connected, now):
        return False
    return not connected.retained or now - connected.received_at < rules.uc_age_s


def _expired(fact: Fact, now: float) -> bool:
    return fact.expires_at is not None and now >= fact.expires_at


def _newer(choice: Fact, other: Fact) -> bool:
    """True when the choice was stated after the other fact, as far as we can prove by arrival."""
    return not choice.retained and _stated_at(choice) > _stated_at(other)


def _stated_at(fact: Fact) -> float:
    return fact.received_at if fact.stated_at is None else fact.stated_at


def _choice_phrase(choice: Fact) -> str:
    return f"own choice: {choice.reason or _word(choice.status)}"


def _uc_phrase(uc: Fact, rules: FusionRules) -> str:
    phrase = f"{rules.uc_name} status: {_word(uc.status)}"
    return f"{phrase} ({uc.reason})" if uc.reason else phrase


def _word(status: Status) -> str:
    return _STATUS_WORDS.get(status, status.value)


def _hour(moment: datetime, rules: FusionRules) -> str:
    return f"{moment.astimezone(rules.zone):%H:%M}"
