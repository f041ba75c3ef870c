"""From one person's facts to one availability that an agent can trust (CE-02, N6).

The truth table; the first row that fits decides. "own choice" is source `manual`, "line" is our own knowledge of the
phone or source `phone`, "UC" is what all living clients say together (presence/clients.py).

| #  | situation                                                         | shown   | because                      |
|----|-------------------------------------------------------------------|---------|------------------------------|
| 1  | own choice busy or dnd, `until` not passed                        | busy    | own choice: ...              |
| 2  | own choice away or offline, `until` not passed                    | away    | own choice: ...              |
| 3  | line busy, or in a call on another node                           | busy    | in a call since hh:mm        |
| 4  | phone set to do not disturb                                       | busy    | phone: do not disturb        |
| 5  | reserved by an escalation or interaction, on any node             | busy    | being asked for help         |
| 6  | after-call work, on any node                                      | busy    | after-call work ...          |
| 7  | a living client is in a call                                      | busy    | in a UC call since hh:mm     |
| 8  | microphone in use, no client says "no call"                       | busy    | microphone in use since ...  |
| 9  | microphone in use, but a client says "no call"                    | unknown | microphone in use, but ...   |
| 10 | own choice available but not newer, UC that counts differs        | unknown | own choice available, but    |
| 11 | own choice available, newer than another word of the UC           | see 17  | own choice: ...              |
| 12 | UC busy or dnd / away / offline, and it counts                    | busy / away / unknown | UC status: ... |
| 13 | UC available, but another living client says nothing, or nothing  |         |                              |
|    | of this client was heard live yet (the broker's memory only)      | unknown | UC status: ..., but ...      |
| 14 | UC available, and it counts                                       | see 17  | UC status: available         |
| 15 | own choice available, no UC that counts                           | see 17  | own choice: ...              |
| 16 | none of these: client gone, silent, no status yet, no facts       | unknown | says which                   |
| 17 | rows 11, 14, 15 with the line registered and answering            | free    | as in that row               |
|    | rows 11, 14, 15 without                                           | unknown | phone not registered, ...    |

Then five things are laid over the outcome, in this order:

| #  | situation                                                         | shown   | because                      |
|----|-------------------------------------------------------------------|---------|------------------------------|
| 18 | free, but whether a call runs is not known, here or at a node     |         |                              |
|    | that said so and is out of touch                                  | unknown | ..., but call state unknown  |
| 19 | calendar busy or away, not older than an own choice "available":  |         |                              |
|    | free; or UC busy with "no call" said, phone registered            | busy    | busy by calendar ..., reachable |
|    | unknown                                                           | busy    | busy by calendar until ...   |
|    | free or unknown, calendar says away (out of office)               | away    | out of office until ...      |
| 20 | free, but the calendar is silent for longer than its limit        | unknown | calendar not read for ...    |
| 21 | broker unreachable, outcome not busy or away by what we know here | unknown | presence broker ...          |
| 22 | free or reachable, but let it ring so often that he must confirm  | unknown | did not answer twice         |
| 23 | free or reachable, but the person's own limits forbid asking      | busy    | resting until ...            |

A UC status counts unless its client's last will came (`connected` offline), it is `unknown`, its `until` passed, or the
client gave no proof of life for `uc_age_s`. Proof of life is `connected` available heard live, which holds until the
last will; every other word holds for `uc_age_s` only, also `connected` from the broker's memory, because a broker that
crashed forgets last wills. An own choice "available" counts for `manual_age_s`; against a gone client it counts only
when it is the newer word. "Newer" is order of arrival here, never the sender's clock; facts from the broker's memory
have no order among sources. A phone on another PBX counts for `phone_age_s` after it was last heard of. When the word
of another node counts says presence/elsewhere.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from presence.clients import ClientsWord, expired, hear_clients
from presence.model import (
    CLIENT_SOURCES,
    Availability,
    AvailabilityState,
    Engagement,
    Fact,
    Kind,
    Source,
    SourceView,
    Status,
)
from vocabulary import PersonId

OWN_LINE = "local:line"
"""The `client` of the fact that our own registrar and calls report as `phone`; no topic can carry this name."""


@dataclass(frozen=True, slots=True)
class FusionRules:
    """What counts as old, and how the phrases are worded.

    `uc_age_s`: a client without proof of life counts this long. `manual_age_s`: so long counts an own "available"
    without an end. `phone_required`: without a registered phone nobody is free; switch off only where all specialists
    are rung through a trunk. `zone`: time zone of the times in phrases. `phone_age_s`: so long counts a phone on
    another PBX without a refresh. `calendar_age_s`: a calendar not read for so long is silent; whether that makes
    people unknown says `calendar_silence_is_unknown`. `retained_age_s`: so long an "available" from the broker's memory
    counts without a live word of its client.
    """

    uc_age_s: float = 300.0
    manual_age_s: float = 43_200.0
    phone_required: bool = True
    uc_name: str = "UC"
    zone: tzinfo = UTC
    phone_age_s: float = 3_600.0
    calendar_age_s: float = 1_800.0
    calendar_silence_is_unknown: bool = True
    retained_age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rest:
    """A person's own limits forbid asking him until `until` (UTC); `because` says which limit."""

    until: datetime
    because: str


@dataclass(frozen=True, slots=True)
class WrapUp:
    """After-call work since `since`, planned to end at `until` (UTC)."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The person let `misses` rings in a row go unanswered, the last at `since` (UTC); only an own act ends it."""

    since: datetime
    misses: int


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the facts: since when the node watches, broker away, person reserved or resting.

    `elsewhere`: what keeps the person busy on another node. `offered`: the reservation is only an offer on his screen.
    """

    watching_since: datetime
    broker_lost_since: datetime | None = None
    reserved_since: datetime | None = None
    wrap_up: WrapUp | None = None
    rest: Rest | None = None
    unconfirmed: Unconfirmed | None = None
    elsewhere: Engagement | None = None
    offered: bool = False


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: AvailabilityState
    since: datetime
    because: str
    kind: Kind = Kind.PLAIN
    until: datetime | None = None
    reachable: bool = False


@dataclass(frozen=True, slots=True)
class _Situation:
    """Everything that counts at one moment, sorted out."""

    choice: Fact | None
    phone: _Phone
    clients: ClientsWord
    calendar: Fact | None
    now: float
    rules: FusionRules
    around: Circumstances


@dataclass(frozen=True, slots=True)
class _Phone:
    """All phones of a person: the busy one, the one on do not disturb, and why (not) one of them can be rung."""

    busy: Fact | None
    dnd: Fact | None
    ready: bool
    why_not: str
    since: datetime | None


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


def fuse(
    person: PersonId, facts: Collection[Fact], now: float, rules: FusionRules, around: Circumstances
) -> Availability:
    """Decide what the agent's list shows for `person` at `now` (monotonic seconds), by the table above."""
    usable = [fact for fact in facts if not fact.dead and (around.broker_lost_since is None or fact.local)]
    counting = facts if around.broker_lost_since is None else usable
    verdict = _decide(_survey(counting, now, rules, around))
    views = tuple(
        SourceView(fact.source, fact.status, fact.since, max(0.0, now - fact.received_at), fact.client)
        for fact in sorted(usable, key=lambda fact: fact.key)
    )
    return Availability(
        person,
        verdict.state,
        verdict.since,
        verdict.because,
        min((view.age_s for view in views), default=None),
        views,
        verdict.kind,
        verdict.reachable,
        verdict.until,
        None if around.rest is None else around.rest.until,
        None if around.unconfirmed is None else around.unconfirmed.since,
    )


def next_change_at(facts: Collection[Fact], now: float, rules: FusionRules) -> float | None:
    """When the passing of time alone may next change the outcome (monotonic seconds), or None."""
    return min((at for at in _deadlines(facts, rules) if at > now), default=None)


def _deadlines(facts: Collection[Fact], rules: FusionRules) -> Iterable[float]:
    for fact in facts:
        if fact.expires_at is not None:
            yield fact.expires_at
        if fact.source in CLIENT_SOURCES:
            yield fact.received_at + rules.uc_age_s
            yield fact.received_at + rules.retained_age_s
        if fact.source is Source.MANUAL and fact.status is Status.AVAILABLE:
            yield fact.received_at + rules.manual_age_s
        if fact.source is Source.PHONE and not fact.local:
            yield fact.received_at + rules.phone_age_s
        if fact.source is Source.CALENDAR:
            yield fact.received_at + rules.calendar_age_s


def _survey(facts: Collection[Fact], now: float, rules: FusionRules, around: Circumstances) -> _Situation:
    return _Situation(
        _own_choice(facts, now, rules),
        _phones(facts, now, rules),
        hear_clients(facts, now, rules.uc_age_s, rules.retained_age_s),
        _calendar(facts, now),
        now,
        rules,
        around,
    )


def _decide(seen: _Situation) -> _Verdict:
    verdict = _restriction(seen) or _from_clients(seen)
    verdict = _with_calendar(_with_doubt(verdict, seen), seen)
    lost_since = seen.around.broker_lost_since
    if lost_since is not None and verdict.state not in (AvailabilityState.BUSY, AvailabilityState.AWAY):
        because = f"presence broker unreachable since {_hour(lost_since, seen.rules)}"
        verdict = _Verdict(AvailabilityState.UNKNOWN, lost_since, because, Kind.NO_BROKER)
    return _with_rest(_with_misses(verdict, seen), seen)


def _restriction(seen: _Situation) -> _Verdict | None:
    """Rows 1 to 6: the person's own word, and what we know ourselves."""
    choice, phone, around, rules = seen.choice, seen.phone, seen.around, seen.rules
    if choice is not None and choice.status in _OWN_REFUSALS:
        state = _OWN_REFUSALS[choice.status]
        return _Verdict(state, choice.since, _choice_phrase(choice), Kind.OWN_CHOICE, choice.until)
    if (call := phone.busy or _elsewhere(around, Kind.IN_CALL)) is not None:
        because = f"in a call since {_hour(call.since, rules)}"
        return _Verdict(AvailabilityState.BUSY, call.since, because, Kind.IN_CALL)
    if phone.dnd is not None:
        return _Verdict(
            AvailabilityState.BUSY, phone.dnd.since, "phone: do not disturb", Kind.DO_NOT_DISTURB, phone.dnd.until
        )
    asked = _elsewhere(around, Kind.RESERVED)
    reserved_since = around.reserved_since or (None if asked is None else asked.since)
    if reserved_since is not None:
        return _Verdict(AvailabilityState.BUSY, reserved_since, "being asked for help", Kind.RESERVED)
    if (wrap_up := around.wrap_up or _elsewhere(around, Kind.WRAP_UP)) is not None:
        because = f"after-call work{_until(wrap_up.until, rules)}"
        return _Verdict(AvailabilityState.BUSY, wrap_up.since, because, Kind.WRAP_UP, wrap_up.until)
    return None


def _elsewhere(around: Circumstances, kind: Kind) -> Engagement | None:
    """What another node says for sure, if it is of this kind."""
    word = around.elsewhere
    return word if word is not None and word.kind is kind and not word.in_doubt else None


def _from_clients(seen: _Situation) -> _Verdict:
    """Rows 7 to 17: calls and microphone first, then the UC status against the person's own "available"."""
    call, microphone, rules = seen.clients.in_call, seen.clients.microphone, seen.rules
    if call is not None and call.status not in (Status.AVAILABLE, Status.UNKNOWN):
        because = f"in a {rules.uc_name} call since {_hour(call.since, rules)}"
        return _Verdict(AvailabilityState.BUSY, call.since, because, Kind.IN_CALL)
    if microphone is not None and microphone.status not in (Status.AVAILABLE, Status.UNKNOWN):
        if call is not None and call.status is Status.AVAILABLE:
            because = "microphone in use, but no call is reported"
            return _Verdict(AvailabilityState.UNKNOWN, microphone.since, because, Kind.CONTRADICTION)
        because = f"microphone in use since {_hour(microphone.since, rules)}"
        return _Verdict(AvailabilityState.BUSY, microphone.since, because, Kind.IN_CALL)
    return _from_statuses(seen)


def _from_statuses(seen: _Situation) -> _Verdict:
    """Rows 10 to 17."""
    status, available, rules = seen.clients.status, seen.choice, seen.rules
    if status is not None:
        if status.status is Status.AVAILABLE:
            return _available_status(status, seen)
        if available is None:
            kind = Kind.DO_NOT_DISTURB if status.status is Status.DND else Kind.PLAIN
            return _Verdict(_UC_STATES[status.status], status.since, _uc_phrase(status, rules), kind, status.until)
        if not _newer(available, status):
            because = f"own choice available, but {_uc_phrase(status, rules)}"
            return _Verdict(AvailabilityState.UNKNOWN, status.since, because, Kind.CONTRADICTION)
    connected = seen.clients.connected
    gone = connected if connected is not None and connected.status is Status.OFFLINE else None
    if available is not None and (gone is None or _newer(available, gone)):
        return _free_if_reachable(available, _choice_phrase(available), seen)
    return _unknown(seen)


def _available_status(status: Fact, seen: _Situation) -> _Verdict:
    """Rows 13 and 14."""
    if not seen.clients.confirmed:
        return _silent(status.since, f"{_uc_phrase(status, seen.rules)}, from memory, not confirmed yet")
    if seen.clients.mute:
        because = f"{_uc_phrase(status, seen.rules)}, but another client is silent"
        return _Verdict(AvailabilityState.UNKNOWN, status.since, because, Kind.CONTRADICTION)
    return _free_if_reachable(status, _uc_phrase(status, seen.rules), seen)


def _unknown(seen: _Situation) -> _Verdict:
    """Row 16: say honestly why nothing can be said."""
    uc, connected, rules = seen.clients.uc, seen.clients.connected, seen.rules
    if connected is not None and connected.status is Status.OFFLINE:
        return _silent(connected.since, f"{rules.uc_name} client disconnected")
    if uc is not None and uc.status is Status.UNKNOWN:
        return _silent(uc.since, _uc_phrase(uc, rules))
    if uc is not None and expired(uc, seen.now):
        return _silent(uc.since, f"{rules.uc_name} status ran out")
    if uc is not None:
        return _silent(uc.since, f"no sign of life for over {rules.uc_age_s:g} s")
    if connected is not None:
        return _silent(connected.since, f"{rules.uc_name} client connected, no status yet")
    return _silent(seen.around.watching_since, "nothing known")


def _silent(since: datetime, because: str) -> _Verdict:
    return _Verdict(AvailabilityState.UNKNOWN, since, because, Kind.SILENT)


def _free_if_reachable(fact: Fact, because: str, seen: _Situation) -> _Verdict:
    """Row 17: nobody who cannot be rung is shown free."""
    phone = seen.phone
    if phone.ready:
        return _Verdict(AvailabilityState.FREE, fact.since, because, reachable=True)
    return _Verdict(AvailabilityState.UNKNOWN, phone.since or fact.since, phone.why_not, Kind.NO_PHONE)


def _with_doubt(verdict: _Verdict, seen: _Situation) -> _Verdict:
    """Row 18."""
    unclear = [
        fact.since
        for fact in (seen.clients.in_call, seen.clients.microphone)
        if fact is not None and fact.status is Status.UNKNOWN
    ]
    elsewhere = seen.around.elsewhere
    if elsewhere is not None and elsewhere.in_doubt:
        unclear.append(elsewhere.since)
    if verdict.state is not AvailabilityState.FREE or not unclear:
        return verdict
    because = f"{verdict.because}, but whether a call runs is not known"
    return _Verdict(AvailabilityState.UNKNOWN, unclear[0], because, Kind.CONTRADICTION)


def _with_calendar(verdict: _Verdict, seen: _Situation) -> _Verdict:
    """Rows 19 and 20. A calendar takes away only; it never makes anybody free."""
    calendar, rules = seen.calendar, seen.rules
    if calendar is None or _overrules(seen.choice, calendar):
        return verdict
    silent = calendar.status is Status.UNKNOWN or seen.now - calendar.received_at >= rules.calendar_age_s
    if calendar.status in (Status.AVAILABLE, Status.UNKNOWN):
        if verdict.state is AvailabilityState.FREE and silent and rules.calendar_silence_is_unknown:
            never = calendar.status is Status.UNKNOWN
            because = "calendar cannot be read" if never else f"calendar not read for over {rules.calendar_age_s:g} s"
            return _Verdict(AvailabilityState.UNKNOWN, calendar.since, because, Kind.SILENT)
        return verdict
    if _may_be_rung_in_meeting(verdict, seen) and calendar.status not in (Status.AWAY, Status.OFFLINE):
        because = f"busy by calendar{_until(calendar.until, rules)}, reachable"
        kind = Kind.BUSY_BY_CALENDAR_REACHABLE
        return _Verdict(AvailabilityState.BUSY, calendar.since, because, kind, calendar.until, reachable=True)
    if verdict.state not in (AvailabilityState.FREE, AvailabilityState.UNKNOWN):
        return verdict
    if calendar.status in (Status.AWAY, Status.OFFLINE):
        because = f"out of office{_until(calendar.until, rules)}"
        return _Verdict(AvailabilityState.AWAY, calendar.since, because, until=calendar.until)
    because = f"busy by calendar{_until(calendar.until, rules)}"
    return _Verdict(AvailabilityState.BUSY, calendar.since, because, Kind.BUSY_BY_CALENDAR, calendar.until)


def _may_be_rung_in_meeting(verdict: _Verdict, seen: _Situation) -> bool:
    """S06 step 5: free but for the calendar; or the UC says busy, yet also says that no call runs."""
    if verdict.state is AvailabilityState.FREE:
        return True
    status, call = seen.clients.status, seen.clients.in_call
    microphone = seen.clients.microphone
    return (
        _restriction(seen) is None
        and seen.around.elsewhere is None
        and verdict.state is AvailabilityState.BUSY
        and seen.around.broker_lost_since is None
        and status is not None
        and status.status is Status.BUSY
        and call is not None
        and call.status is Status.AVAILABLE
        and (microphone is None or microphone.status is Status.AVAILABLE)
        and seen.phone.ready
    )


def _with_misses(verdict: _Verdict, seen: _Situation) -> _Verdict:
    """Row 22: a client that says available does not lift a handset (S02 step 6)."""
    unconfirmed = seen.around.unconfirmed
    if unconfirmed is None or not verdict.reachable:
        return verdict
    because = f"did not answer {_times(unconfirmed.misses)}"
    return _Verdict(AvailabilityState.UNKNOWN, unconfirmed.since, because, Kind.UNCONFIRMED)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _with_rest(verdict: _Verdict, seen: _Situation) -> _Verdict:
    """Row 23: who would be asked now, but wants not to be (N14)."""
    rest = seen.around.rest
    if rest is None or not verdict.reachable:
        return verdict
    because = f"resting{_until(rest.until, seen.rules)} ({rest.because})"
    return replace(
        verdict, state=AvailabilityState.BUSY, because=because, kind=Kind.RESTING, until=rest.until, reachable=False
    )


def _own_choice(facts: Collection[Fact], now: float, rules: FusionRules) -> Fact | None:
    """The person's own word that holds; where several ways to choose disagree, a refusal goes before "available"."""
    choices = [fact for fact in facts if fact.source is Source.MANUAL and _choice_holds(fact, now, rules)]
    return max(choices, key=lambda fact: (fact.status in _OWN_REFUSALS, fact.received_at), default=None)


def _choice_holds(choice: Fact, now: float, rules: FusionRules) -> bool:
    if choice.status is Status.UNKNOWN or expired(choice, now):
        return False
    return choice.status is not Status.AVAILABLE or now - choice.received_at < rules.manual_age_s


def _phones(facts: Collection[Fact], now: float, rules: FusionRules) -> _Phone:
    """Our own line goes before phones on another PBX, unless one of those is busy or not to be disturbed."""
    phones = [fact for fact in facts if fact.source is Source.PHONE and not expired(fact, now)]
    heard = [fact for fact in phones if fact.local or now - fact.received_at < rules.phone_age_s]
    busy = next((fact for fact in heard if fact.status is Status.BUSY), None)
    dnd = next((fact for fact in heard if fact.status is Status.DND), None)
    deciding = [fact for fact in phones if fact.client == OWN_LINE] or phones
    ready = [fact for fact in deciding if fact in heard and fact.status is Status.AVAILABLE]
    if ready or (not deciding and not rules.phone_required):
        return _Phone(busy, dnd, True, "", None)
    if not deciding:
        return _Phone(busy, dnd, False, "phone not registered", None)
    silent = deciding[0]
    if silent not in heard:
        return _Phone(busy, dnd, False, f"phone not heard of for over {rules.phone_age_s:g} s", silent.since)
    return _Phone(busy, dnd, False, silent.reason or "phone not registered", silent.since)


def _calendar(facts: Collection[Fact], now: float) -> Fact | None:
    """The word of the calendars: a running entry first, then a silent calendar, then "nothing on"."""
    order = {Status.AVAILABLE: 0, Status.UNKNOWN: 1, Status.AWAY: 3, Status.OFFLINE: 3}
    calendars = [fact for fact in facts if fact.source is Source.CALENDAR and not expired(fact, now)]
    return max(calendars, key=lambda fact: (order.get(fact.status, 2), -fact.received_at), default=None)


def _overrules(choice: Fact | None, calendar: Fact) -> bool:
    """True when the person said "available" after the calendar's word, such as during a meeting."""
    return choice is not None and choice.status is Status.AVAILABLE and _newer(choice, calendar)


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


def _until(moment: datetime | None, rules: FusionRules) -> str:
    return "" if moment is None else f" until {_hour(moment, rules)}"


def _hour(moment: datetime, rules: FusionRules) -> str:
    return f"{moment.astimezone(rules.zone):%H:%M}"
