"""The truth table of presence.fusion, row by row: what the tests check and what docs/presence.md shows.

The number at the beginning of a row's name is the row of the rules (presence/fusion.py) that decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from presence.fusion import OWN_LINE, Circumstances, FusionRules, Rest, Unconfirmed, WrapUp
from presence.model import AvailabilityState, Engagement, Fact, Kind, Source, Status
from vocabulary import PersonId

EVA = PersonId("eva")
NOW = 10_000.0
AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RULES = FusionRules(uc_age_s=90.0, manual_age_s=3_600.0, uc_name="Teams")
AROUND = Circumstances(watching_since=BEGAN)
BROKER_AWAY = Circumstances(watching_since=BEGAN, broker_lost_since=datetime(2026, 11, 21, 13, 50, tzinfo=UTC))
RESERVED = Circumstances(watching_since=BEGAN, reserved_since=AT)
WRAPPING_UP = Circumstances(BEGAN, wrap_up=WrapUp(AT, datetime(2026, 11, 21, 14, 5, tzinfo=UTC)))
WRAPPING_UP_BROKER_AWAY = replace(WRAPPING_UP, broker_lost_since=BROKER_AWAY.broker_lost_since)
RESTING = Circumstances(BEGAN, rest=Rest(datetime(2026, 11, 21, 15, tzinfo=UTC), "quiet time"))
MISSED = Circumstances(BEGAN, unconfirmed=Unconfirmed(AT, 2))
MISSED_AND_RESTING = replace(MISSED, rest=RESTING.rest)
MISSED_ONCE_TOO_OFTEN = Circumstances(BEGAN, unconfirmed=Unconfirmed(AT, 1))
MISSED_BROKER_AWAY = replace(MISSED, broker_lost_since=BROKER_AWAY.broker_lost_since)
MEETING_ENDS = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
RESERVED_BROKER_AWAY = Circumstances(BEGAN, BROKER_AWAY.broker_lost_since, AT)

IN_CALL_ELSEWHERE = Circumstances(BEGAN, elsewhere=Engagement(Kind.IN_CALL, AT))
RESERVED_ELSEWHERE = Circumstances(BEGAN, elsewhere=Engagement(Kind.RESERVED, AT))
WRAPPING_UP_ELSEWHERE = Circumstances(
    BEGAN, elsewhere=Engagement(Kind.WRAP_UP, AT, datetime(2026, 11, 21, 14, 5, tzinfo=UTC))
)
IN_DOUBT_ELSEWHERE = Circumstances(BEGAN, elsewhere=Engagement(Kind.IN_CALL, AT, in_doubt=True))
IN_DOUBT_BROKER_AWAY = replace(IN_DOUBT_ELSEWHERE, broker_lost_since=BROKER_AWAY.broker_lost_since)


def fact(
    source: Source,
    status: Status,
    age_s: float = 10.0,
    *,
    reason: str = "",
    ends_in_s: float | None = None,
    stated_ago_s: float | None = None,
    retained: bool = False,
    client: str = "",
) -> Fact:
    return Fact(
        source,
        status,
        AT,
        NOW - age_s,
        reason,
        expires_at=None if ends_in_s is None else NOW + ends_in_s,
        stated_at=None if stated_ago_s is None else NOW - stated_ago_s,
        retained=retained,
        client=client or (OWN_LINE if source is Source.PHONE else ""),
        local=source is Source.PHONE and not client,
    )


def uc(
    status: Status, age_s: float = 10.0, *, reason: str = "", ends_in_s: float | None = None, client: str = ""
) -> Fact:
    return fact(Source.UC, status, age_s, reason=reason, ends_in_s=ends_in_s, client=client)


def in_call(status: Status, age_s: float = 10.0, *, client: str = "") -> Fact:
    return fact(Source.IN_CALL, status, age_s, client=client)


def microphone(status: Status, age_s: float = 10.0, *, client: str = "") -> Fact:
    return fact(Source.MICROPHONE, status, age_s, client=client)


def published(status: Status, age_s: float = 10.0, *, ends_in_s: float) -> Fact:
    """A SIP PUBLISH: it must be refreshed before its own end and does not travel over the broker."""
    return replace(fact(Source.UC, status, age_s, ends_in_s=ends_in_s, client="local:publish"), local=True)


def calendar(status: Status, age_s: float = 10.0) -> Fact:
    return replace(fact(Source.CALENDAR, status, age_s, client="local:calendar"), local=True)


def meeting(status: Status = Status.BUSY, *, ends_in_s: float = 1_680.0) -> Fact:
    return replace(calendar(status), until=MEETING_ENDS, expires_at=NOW + ends_in_s)


def line(status: Status, *, reason: str = "") -> Fact:
    return fact(Source.PHONE, status, reason=reason)


def other_phone(status: Status, age_s: float = 10.0) -> Fact:
    """A phone on another PBX, told over MQTT."""
    return fact(Source.PHONE, status, age_s, client="other")


def manual(
    status: Status, age_s: float = 10.0, *, reason: str = "", ends_in_s: float | None = None, retained: bool = False
) -> Fact:
    return fact(Source.MANUAL, status, age_s, reason=reason, ends_in_s=ends_in_s, retained=retained)


def connected(status: Status, age_s: float = 10.0, *, retained: bool = False, client: str = "") -> Fact:
    return fact(Source.CONNECTED, status, age_s, retained=retained, client=client)


LINE_READY = fact(Source.PHONE, Status.AVAILABLE)
LINE_BUSY = fact(Source.PHONE, Status.BUSY)
LINE_GONE = fact(Source.PHONE, Status.OFFLINE)

FREE, BUSY, AWAY, UNKNOWN = (
    AvailabilityState.FREE,
    AvailabilityState.BUSY,
    AvailabilityState.AWAY,
    AvailabilityState.UNKNOWN,
)
Row = tuple[str, list[Fact], Circumstances, AvailabilityState, str]
S = Status

TABLE: list[Row] = [
    ("1 busy choice", [manual(S.BUSY), uc(S.AVAILABLE), LINE_READY], AROUND, BUSY, "own choice: busy"),
    ("1 dnd choice", [manual(S.DND), uc(S.AVAILABLE), LINE_READY], AROUND, BUSY, "own choice: do not disturb"),
    ("1 choice beats call", [manual(S.BUSY, reason="audit"), LINE_BUSY], AROUND, BUSY, "own choice: audit"),
    ("1 choice beats lease", [manual(S.BUSY, reason="audit"), LINE_READY], RESERVED, BUSY, "own choice: audit"),
    (
        "1 old choice holds",
        [manual(S.DND, 99_999.0), uc(S.AVAILABLE), LINE_READY],
        AROUND,
        BUSY,
        "own choice: do not disturb",
    ),
    (
        "1 retained choice holds",
        [manual(S.BUSY, retained=True), uc(S.AVAILABLE), LINE_READY],
        AROUND,
        BUSY,
        "own choice: busy",
    ),
    (
        "2 away choice",
        [manual(S.AWAY, reason="lunch", ends_in_s=1.0), uc(S.AVAILABLE), LINE_READY],
        AROUND,
        AWAY,
        "own choice: lunch",
    ),
    ("2 signed off", [manual(S.OFFLINE), uc(S.AVAILABLE), LINE_READY], AROUND, AWAY, "own choice: offline"),
    (
        "2 choice ran out",
        [manual(S.AWAY, ends_in_s=0.0), uc(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    ("3 in a call", [uc(S.AVAILABLE), LINE_BUSY], AROUND, BUSY, "in a call since 14:02"),
    ("3 call beats lease", [uc(S.AVAILABLE), LINE_BUSY], RESERVED, BUSY, "in a call since 14:02"),
    ("3 call while choice says available", [manual(S.AVAILABLE), LINE_BUSY], AROUND, BUSY, "in a call since 14:02"),
    ("5 reserved", [uc(S.AVAILABLE), LINE_READY], RESERVED, BUSY, "being asked for help"),
    ("5 reserved, broker away", [LINE_READY], RESERVED_BROKER_AWAY, BUSY, "being asked for help"),
    ("21 broker away", [uc(S.AVAILABLE), LINE_READY], BROKER_AWAY, UNKNOWN, "presence broker unreachable since 13:50"),
    (
        "21 broker away hides choices",
        [manual(S.DND), LINE_READY],
        BROKER_AWAY,
        UNKNOWN,
        "presence broker unreachable since 13:50",
    ),
    ("3 broker away, own line counts", [uc(S.AVAILABLE), LINE_BUSY], BROKER_AWAY, BUSY, "in a call since 14:02"),
    ("21 broker away, phone gone", [LINE_GONE], BROKER_AWAY, UNKNOWN, "presence broker unreachable since 13:50"),
    (
        "10 contradiction",
        [manual(S.AVAILABLE, 20.0), uc(S.BUSY, 10.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "own choice available, but Teams status: busy",
    ),
    (
        "10 contradiction away",
        [manual(S.AVAILABLE, 20.0), uc(S.AWAY, 10.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "own choice available, but Teams status: away",
    ),
    (
        "10 order unknown",
        [manual(S.AVAILABLE, 5.0, retained=True), uc(S.BUSY, 10.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "own choice available, but Teams status: busy",
    ),
    (
        "11 choice is newer",
        [manual(S.AVAILABLE, 5.0), uc(S.BUSY, 10.0), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    (
        "11 refresh is no newer word",
        [manual(S.AVAILABLE, 5.0), fact(Source.UC, S.BUSY, 1.0, stated_ago_s=60.0), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    (
        "11 newer, phone gone",
        [manual(S.AVAILABLE, 5.0), uc(S.BUSY, 10.0), LINE_GONE],
        AROUND,
        UNKNOWN,
        "phone not registered",
    ),
    ("12 UC busy", [uc(S.BUSY), LINE_READY], AROUND, BUSY, "Teams status: busy"),
    ("12 UC busy with reason", [uc(S.BUSY, reason="board"), LINE_READY], AROUND, BUSY, "Teams status: busy (board)"),
    ("12 UC dnd", [uc(S.DND), LINE_READY], AROUND, BUSY, "Teams status: do not disturb"),
    ("12 UC away", [uc(S.AWAY), LINE_READY], AROUND, AWAY, "Teams status: away"),
    ("12 UC offline", [uc(S.OFFLINE), LINE_READY], AROUND, UNKNOWN, "Teams status: offline"),
    ("14 free", [uc(S.AVAILABLE), LINE_READY], AROUND, FREE, "Teams status: available"),
    (
        "14 both say available",
        [uc(S.AVAILABLE), manual(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "14 old, client lives",
        [uc(S.AVAILABLE, 900.0), connected(S.AVAILABLE, 900.0), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    ("17 UC available, phone gone", [uc(S.AVAILABLE), LINE_GONE], AROUND, UNKNOWN, "phone not registered"),
    ("17 UC available, no phone known", [uc(S.AVAILABLE)], AROUND, UNKNOWN, "phone not registered"),
    ("15 choice alone", [manual(S.AVAILABLE), LINE_READY], AROUND, FREE, "own choice: available"),
    ("15 choice alone, phone gone", [manual(S.AVAILABLE), LINE_GONE], AROUND, UNKNOWN, "phone not registered"),
    (
        "15 UC silent, choice available",
        [manual(S.AVAILABLE), uc(S.BUSY, 90.0), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    ("15 choice too old", [manual(S.AVAILABLE, 3_600.0), LINE_READY], AROUND, UNKNOWN, "nothing known"),
    (
        "15 choice unknown is none",
        [manual(S.UNKNOWN), uc(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "15 choice newer than last will",
        [manual(S.AVAILABLE, 5.0), connected(S.OFFLINE), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    (
        "16 choice older than last will",
        [manual(S.AVAILABLE, 50.0), connected(S.OFFLINE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client disconnected",
    ),
    ("16 last will", [uc(S.AVAILABLE), connected(S.OFFLINE), LINE_READY], AROUND, UNKNOWN, "Teams client disconnected"),
    (
        "16 last will, was busy",
        [uc(S.BUSY), connected(S.OFFLINE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client disconnected",
    ),
    ("16 silent", [uc(S.AVAILABLE, 90.0), LINE_READY], AROUND, UNKNOWN, "no sign of life for over 90 s"),
    ("16 silent and busy", [uc(S.BUSY, 90.0), LINE_READY], AROUND, UNKNOWN, "no sign of life for over 90 s"),
    (
        "16 ghost from the broker's memory",
        [uc(S.AVAILABLE, 95.0), connected(S.AVAILABLE, 95.0, retained=True), LINE_READY],
        AROUND,
        UNKNOWN,
        "no sign of life for over 90 s",
    ),
    ("16 status ran out", [uc(S.BUSY, ends_in_s=-1.0), LINE_READY], AROUND, UNKNOWN, "Teams status ran out"),
    ("16 UC does not know", [uc(S.UNKNOWN), LINE_READY], AROUND, UNKNOWN, "Teams status: unknown"),
    (
        "16 no status yet",
        [connected(S.AVAILABLE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client connected, no status yet",
    ),
    ("16 only a phone", [LINE_READY], AROUND, UNKNOWN, "nothing known"),
    ("16 nothing", [], AROUND, UNKNOWN, "nothing known"),
    ("4 phone on do not disturb", [uc(S.AVAILABLE), line(S.DND)], AROUND, BUSY, "phone: do not disturb"),
    (
        "4 other phone on do not disturb",
        [uc(S.AVAILABLE), LINE_READY, other_phone(S.DND)],
        AROUND,
        BUSY,
        "phone: do not disturb",
    ),
    ("3 other phone busy", [uc(S.AVAILABLE), LINE_READY, other_phone(S.BUSY)], AROUND, BUSY, "in a call since 14:02"),
    ("6 after-call work", [uc(S.AVAILABLE), LINE_READY], WRAPPING_UP, BUSY, "after-call work until 14:05"),
    ("6 after-call work, broker away", [LINE_READY], WRAPPING_UP_BROKER_AWAY, BUSY, "after-call work until 14:05"),
    (
        "7 in a call of the client",
        [uc(S.AVAILABLE), in_call(S.BUSY), LINE_READY],
        AROUND,
        BUSY,
        "in a Teams call since 14:02",
    ),
    (
        "7 call beats a newer own available",
        [manual(S.AVAILABLE, 1.0), uc(S.BUSY), in_call(S.BUSY), LINE_READY],
        AROUND,
        BUSY,
        "in a Teams call since 14:02",
    ),
    (
        "7 call holds while the client lives",
        [uc(S.AVAILABLE, 20.0), in_call(S.BUSY, 900.0), LINE_READY],
        AROUND,
        BUSY,
        "in a Teams call since 14:02",
    ),
    (
        "7 muted in a call",
        [uc(S.AVAILABLE), in_call(S.BUSY), microphone(S.AVAILABLE), LINE_READY],
        AROUND,
        BUSY,
        "in a Teams call since 14:02",
    ),
    (
        "7 call in another client",
        [uc(S.AVAILABLE, client="a"), uc(S.AVAILABLE, client="b"), in_call(S.BUSY, client="b"), LINE_READY],
        AROUND,
        BUSY,
        "in a Teams call since 14:02",
    ),
    (
        "8 microphone in use",
        [uc(S.AVAILABLE), microphone(S.BUSY), LINE_READY],
        AROUND,
        BUSY,
        "microphone in use since 14:02",
    ),
    (
        "9 microphone against call state",
        [uc(S.AVAILABLE), microphone(S.BUSY), in_call(S.AVAILABLE), LINE_READY],
        AROUND,
        UNKNOWN,
        "microphone in use, but no call is reported",
    ),
    (
        "14 no call, microphone off",
        [uc(S.AVAILABLE), microphone(S.AVAILABLE), in_call(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "16 call of a dead client does not count",
        [in_call(S.BUSY), connected(S.OFFLINE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client disconnected",
    ),
    (
        "12 busiest client wins",
        [uc(S.AVAILABLE, client="laptop"), uc(S.DND, client="mobile"), LINE_READY],
        AROUND,
        BUSY,
        "Teams status: do not disturb",
    ),
    (
        "12 away client beats available",
        [uc(S.AVAILABLE, client="laptop"), uc(S.AWAY, client="mobile"), LINE_READY],
        AROUND,
        AWAY,
        "Teams status: away",
    ),
    (
        "14 client gone, another available",
        [
            uc(S.AVAILABLE, client="laptop"),
            uc(S.BUSY, client="mobile"),
            connected(S.OFFLINE, client="mobile"),
            LINE_READY,
        ],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "14 signed off client beside available",
        [uc(S.AVAILABLE, client="laptop"), uc(S.OFFLINE, client="mobile"), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "13 another client does not know",
        [uc(S.AVAILABLE, client="laptop"), uc(S.UNKNOWN, client="mobile"), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams status: available, but another client is silent",
    ),
    (
        "13 another client has no status yet",
        [uc(S.AVAILABLE, client="laptop"), connected(S.AVAILABLE, client="mobile"), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams status: available, but another client is silent",
    ),
    (
        "14 ghost of another client",
        [uc(S.AVAILABLE, client="laptop"), uc(S.AVAILABLE, 95.0, client="mobile"), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "14 headset beside the client",
        [uc(S.AVAILABLE, client="laptop"), microphone(S.AVAILABLE, client="headset"), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "17 phone does not answer",
        [uc(S.AVAILABLE), line(S.OFFLINE, reason="phone does not answer")],
        AROUND,
        UNKNOWN,
        "phone does not answer",
    ),
    ("17 phone on another PBX", [uc(S.AVAILABLE), other_phone(S.AVAILABLE)], AROUND, FREE, "Teams status: available"),
    (
        "17 phone on another PBX silent",
        [uc(S.AVAILABLE), other_phone(S.AVAILABLE, 3_600.0)],
        AROUND,
        UNKNOWN,
        "phone not heard of for over 3600 s",
    ),
    (
        "17 own phone gone, other there",
        [uc(S.AVAILABLE), LINE_GONE, other_phone(S.AVAILABLE)],
        AROUND,
        UNKNOWN,
        "phone not registered",
    ),
    (
        "14 SIP publication",
        [published(S.AVAILABLE, 900.0, ends_in_s=60.0), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "16 SIP publication ran out",
        [published(S.AVAILABLE, 900.0, ends_in_s=0.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams status ran out",
    ),
    (
        "21 SIP publication, broker away",
        [published(S.AVAILABLE, ends_in_s=60.0), LINE_READY],
        BROKER_AWAY,
        UNKNOWN,
        "presence broker unreachable since 13:50",
    ),
    (
        "12 SIP publication busy, broker away",
        [published(S.BUSY, ends_in_s=60.0), LINE_READY],
        BROKER_AWAY,
        BUSY,
        "Teams status: busy",
    ),
    (
        "18 call state unreadable",
        [uc(S.AVAILABLE), in_call(S.UNKNOWN), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams status: available, but whether a call runs is not known",
    ),
    (
        "19 meeting, available",
        [uc(S.AVAILABLE), meeting(), LINE_READY],
        AROUND,
        BUSY,
        "busy by calendar until 14:30, reachable",
    ),
    (
        "19 meeting, UC busy, no call",
        [uc(S.BUSY), in_call(S.AVAILABLE), microphone(S.AVAILABLE), meeting(), LINE_READY],
        AROUND,
        BUSY,
        "busy by calendar until 14:30, reachable",
    ),
    (
        "12 meeting, UC busy, calls not reported",
        [uc(S.BUSY), meeting(), LINE_READY],
        AROUND,
        BUSY,
        "Teams status: busy",
    ),
    (
        "12 meeting, UC do not disturb",
        [uc(S.DND), in_call(S.AVAILABLE), meeting(), LINE_READY],
        AROUND,
        BUSY,
        "Teams status: do not disturb",
    ),
    (
        "7 meeting held in a call",
        [uc(S.BUSY), in_call(S.BUSY), meeting(), LINE_READY],
        AROUND,
        BUSY,
        "in a Teams call since 14:02",
    ),
    ("19 meeting, nothing else known", [meeting(), LINE_READY], AROUND, BUSY, "busy by calendar until 14:30"),
    ("19 meeting, phone gone", [uc(S.AVAILABLE), meeting(), LINE_GONE], AROUND, BUSY, "busy by calendar until 14:30"),
    (
        "19 meeting, broker away",
        [uc(S.AVAILABLE), meeting(), LINE_READY],
        BROKER_AWAY,
        BUSY,
        "busy by calendar until 14:30",
    ),
    ("14 meeting over", [uc(S.AVAILABLE), meeting(ends_in_s=0.0), LINE_READY], AROUND, FREE, "Teams status: available"),
    (
        "14 own available newer than the meeting",
        [manual(S.AVAILABLE, 5.0), uc(S.AVAILABLE), meeting(), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "19 own available older than the meeting",
        [manual(S.AVAILABLE, 50.0), meeting(), LINE_READY],
        AROUND,
        BUSY,
        "busy by calendar until 14:30, reachable",
    ),
    ("19 out of office", [uc(S.AVAILABLE), meeting(S.AWAY), LINE_READY], AROUND, AWAY, "out of office until 14:30"),
    (
        "14 calendar empty",
        [uc(S.AVAILABLE), calendar(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    ("16 empty calendar makes nobody free", [calendar(S.AVAILABLE), LINE_READY], AROUND, UNKNOWN, "nothing known"),
    (
        "20 calendar silent",
        [uc(S.AVAILABLE), calendar(S.AVAILABLE, 1_800.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "calendar not read for over 1800 s",
    ),
    (
        "20 calendar never read",
        [uc(S.AVAILABLE), calendar(S.UNKNOWN), LINE_READY],
        AROUND,
        UNKNOWN,
        "calendar cannot be read",
    ),
    ("12 calendar silent, UC away", [uc(S.AWAY), calendar(S.UNKNOWN), LINE_READY], AROUND, AWAY, "Teams status: away"),
    (
        "13 available from memory only",
        [fact(Source.UC, S.AVAILABLE, retained=True), connected(S.AVAILABLE, retained=True), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams status: available, from memory, not confirmed yet",
    ),
    (
        "14 from memory, client heard live",
        [fact(Source.UC, S.AVAILABLE, retained=True), connected(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "12 busy from memory",
        [fact(Source.UC, S.BUSY, retained=True), LINE_READY],
        AROUND,
        BUSY,
        "Teams status: busy",
    ),
    ("22 did not answer", [uc(S.AVAILABLE), LINE_READY], MISSED, UNKNOWN, "did not answer twice"),
    ("22 own available from before", [manual(S.AVAILABLE), LINE_READY], MISSED, UNKNOWN, "did not answer twice"),
    ("22 one miss is too many", [uc(S.AVAILABLE), LINE_READY], MISSED_ONCE_TOO_OFTEN, UNKNOWN, "did not answer once"),
    (
        "22 did not answer in a meeting",
        [uc(S.AVAILABLE), meeting(), LINE_READY],
        MISSED,
        UNKNOWN,
        "did not answer twice",
    ),
    ("22 did not answer, resting", [uc(S.AVAILABLE), LINE_READY], MISSED_AND_RESTING, UNKNOWN, "did not answer twice"),
    ("1 did not answer, busy by choice", [manual(S.BUSY), LINE_READY], MISSED, BUSY, "own choice: busy"),
    ("12 did not answer, UC away", [uc(S.AWAY), LINE_READY], MISSED, AWAY, "Teams status: away"),
    ("17 did not answer, phone gone", [uc(S.AVAILABLE), LINE_GONE], MISSED, UNKNOWN, "phone not registered"),
    (
        "21 did not answer, broker away",
        [uc(S.AVAILABLE), LINE_READY],
        MISSED_BROKER_AWAY,
        UNKNOWN,
        "presence broker unreachable since 13:50",
    ),
    ("23 resting", [uc(S.AVAILABLE), LINE_READY], RESTING, BUSY, "resting until 15:00 (quiet time)"),
    (
        "23 resting in a meeting",
        [uc(S.AVAILABLE), meeting(), LINE_READY],
        RESTING,
        BUSY,
        "resting until 15:00 (quiet time)",
    ),
    ("12 resting and away", [uc(S.AWAY), LINE_READY], RESTING, AWAY, "Teams status: away"),
    ("17 resting and not reachable", [uc(S.AVAILABLE), LINE_GONE], RESTING, UNKNOWN, "phone not registered"),
    ("3 in a call on another node", [uc(S.AVAILABLE), LINE_READY], IN_CALL_ELSEWHERE, BUSY, "in a call since 14:02"),
    ("3 in a call on another node, phone there", [uc(S.AVAILABLE)], IN_CALL_ELSEWHERE, BUSY, "in a call since 14:02"),
    (
        "3 own available, call elsewhere",
        [manual(S.AVAILABLE, 1.0), LINE_READY],
        IN_CALL_ELSEWHERE,
        BUSY,
        "in a call since 14:02",
    ),
    (
        "3 call here, another node out of touch",
        [uc(S.AVAILABLE), LINE_BUSY],
        IN_DOUBT_ELSEWHERE,
        BUSY,
        "in a call since 14:02",
    ),
    ("5 reserved on another node", [uc(S.AVAILABLE), LINE_READY], RESERVED_ELSEWHERE, BUSY, "being asked for help"),
    (
        "6 after-call work on another node",
        [uc(S.AVAILABLE), LINE_READY],
        WRAPPING_UP_ELSEWHERE,
        BUSY,
        "after-call work until 14:05",
    ),
    ("12 UC away, call node out of touch", [uc(S.AWAY), LINE_READY], IN_DOUBT_ELSEWHERE, AWAY, "Teams status: away"),
    (
        "12 meeting, UC busy, no call, call node out of touch",
        [uc(S.BUSY), in_call(S.AVAILABLE), meeting(), LINE_READY],
        IN_DOUBT_ELSEWHERE,
        BUSY,
        "Teams status: busy",
    ),
    (
        "18 call node out of touch",
        [uc(S.AVAILABLE), in_call(S.AVAILABLE), LINE_READY],
        IN_DOUBT_ELSEWHERE,
        UNKNOWN,
        "Teams status: available, but whether a call runs is not known",
    ),
    (
        "18 own available, call node out of touch",
        [manual(S.AVAILABLE, 1.0), LINE_READY],
        IN_DOUBT_ELSEWHERE,
        UNKNOWN,
        "own choice: available, but whether a call runs is not known",
    ),
    (
        "19 meeting, call node out of touch",
        [uc(S.AVAILABLE), meeting(), LINE_READY],
        IN_DOUBT_ELSEWHERE,
        BUSY,
        "busy by calendar until 14:30",
    ),
    (
        "21 call on another node, broker away",
        [uc(S.AVAILABLE), LINE_READY],
        IN_DOUBT_BROKER_AWAY,
        UNKNOWN,
        "presence broker unreachable since 13:50",
    ),
]


def document_lines() -> list[str]:
    """The table as docs/presence.md shows it, one line for each row."""
    return [
        f"| {name.partition(' ')[0]} | {name.partition(' ')[2]} | {_situation(facts, around)} | {state} | {because} |"
        for name, facts, around, state, because in TABLE
    ]


def _situation(facts: list[Fact], around: Circumstances) -> str:
    words = [_words(one) for one in facts]
    if around.broker_lost_since is not None:
        words.append("broker away")
    if around.reserved_since is not None:
        words.append("reserved")
    if around.wrap_up is not None:
        words.append("after-call work")
    if around.elsewhere is not None:
        words.append(f"another node {around.elsewhere.kind}" + " (out of touch)" * around.elsewhere.in_doubt)
    if around.unconfirmed is not None:
        words.append("rings missed")
    if around.rest is not None:
        words.append("resting")
    return ", ".join(words) or "nothing"


def _words(one: Fact) -> str:
    own_line = one.client == OWN_LINE
    client = "" if own_line or not one.client else f"[{one.client.removeprefix('local:')}]"
    notes = [f"{NOW - one.received_at:g} s old"] if NOW - one.received_at != 10.0 else []
    notes += [f"stated {NOW - one.stated_at:g} s ago"] if one.stated_at is not None else []
    notes += ["from memory"] if one.retained else []
    notes += ["ran out"] if one.expires_at is not None and one.expires_at <= NOW else []
    source = "line" if own_line else one.source.value
    return f"{source}{client} {one.status.value}" + (f" ({', '.join(notes)})" if notes else "")
