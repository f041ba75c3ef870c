"""The truth table of presence.fusion, row by row (CE-02, N6, S06 step 1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presence.fusion import Circumstances, FusionRules, fuse, next_change_at
from presence.model import AvailabilityState, Fact, Source, Status
from vocabulary import PersonId

EVA = PersonId("eva")
NOW = 10_000.0
AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RULES = FusionRules(uc_age_s=90.0, manual_age_s=3_600.0, uc_name="Teams")
AROUND = Circumstances(watching_since=BEGAN)
BROKER_AWAY = Circumstances(watching_since=BEGAN, broker_lost_since=datetime(2026, 11, 21, 13, 50, tzinfo=UTC))
RESERVED = Circumstances(watching_since=BEGAN, reserved_since=AT)
RESERVED_BROKER_AWAY = Circumstances(BEGAN, BROKER_AWAY.broker_lost_since, AT)


def fact(
    source: Source,
    status: Status,
    age_s: float = 10.0,
    *,
    reason: str = "",
    ends_in_s: float | None = None,
    stated_ago_s: float | None = None,
    retained: bool = False,
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
    )


def uc(status: Status, age_s: float = 10.0, *, reason: str = "", ends_in_s: float | None = None) -> Fact:
    return fact(Source.UC, status, age_s, reason=reason, ends_in_s=ends_in_s)


def manual(
    status: Status, age_s: float = 10.0, *, reason: str = "", ends_in_s: float | None = None, retained: bool = False
) -> Fact:
    return fact(Source.MANUAL, status, age_s, reason=reason, ends_in_s=ends_in_s, retained=retained)


def connected(status: Status, age_s: float = 10.0, *, retained: bool = False) -> Fact:
    return fact(Source.CONNECTED, status, age_s, retained=retained)


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
    ("4 reserved", [uc(S.AVAILABLE), LINE_READY], RESERVED, BUSY, "being asked for help"),
    ("4 reserved, broker away", [LINE_READY], RESERVED_BROKER_AWAY, BUSY, "being asked for help"),
    ("5 broker away", [uc(S.AVAILABLE), LINE_READY], BROKER_AWAY, UNKNOWN, "presence broker unreachable since 13:50"),
    (
        "5 broker away hides choices",
        [manual(S.DND), LINE_READY],
        BROKER_AWAY,
        UNKNOWN,
        "presence broker unreachable since 13:50",
    ),
    ("5 broker away, own line counts", [uc(S.AVAILABLE), LINE_BUSY], BROKER_AWAY, BUSY, "in a call since 14:02"),
    ("5 broker away, phone gone", [LINE_GONE], BROKER_AWAY, UNKNOWN, "presence broker unreachable since 13:50"),
    (
        "6 contradiction",
        [manual(S.AVAILABLE, 20.0), uc(S.BUSY, 10.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "own choice available, but Teams status: busy",
    ),
    (
        "6 contradiction away",
        [manual(S.AVAILABLE, 20.0), uc(S.AWAY, 10.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "own choice available, but Teams status: away",
    ),
    (
        "6 order unknown",
        [manual(S.AVAILABLE, 5.0, retained=True), uc(S.BUSY, 10.0), LINE_READY],
        AROUND,
        UNKNOWN,
        "own choice available, but Teams status: busy",
    ),
    (
        "7 choice is newer",
        [manual(S.AVAILABLE, 5.0), uc(S.BUSY, 10.0), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    (
        "7 refresh is no newer word",
        [manual(S.AVAILABLE, 5.0), fact(Source.UC, S.BUSY, 1.0, stated_ago_s=60.0), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    (
        "7 newer, phone gone",
        [manual(S.AVAILABLE, 5.0), uc(S.BUSY, 10.0), LINE_GONE],
        AROUND,
        UNKNOWN,
        "phone not registered",
    ),
    ("8a UC busy", [uc(S.BUSY), LINE_READY], AROUND, BUSY, "Teams status: busy"),
    ("8a UC busy with reason", [uc(S.BUSY, reason="board"), LINE_READY], AROUND, BUSY, "Teams status: busy (board)"),
    ("8a UC dnd", [uc(S.DND), LINE_READY], AROUND, BUSY, "Teams status: do not disturb"),
    ("8b UC away", [uc(S.AWAY), LINE_READY], AROUND, AWAY, "Teams status: away"),
    ("8c UC offline", [uc(S.OFFLINE), LINE_READY], AROUND, UNKNOWN, "Teams status: offline"),
    ("9 free", [uc(S.AVAILABLE), LINE_READY], AROUND, FREE, "Teams status: available"),
    (
        "9 both say available",
        [uc(S.AVAILABLE), manual(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "9 old, client lives",
        [uc(S.AVAILABLE, 900.0), connected(S.AVAILABLE, 900.0), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    ("12 UC available, phone gone", [uc(S.AVAILABLE), LINE_GONE], AROUND, UNKNOWN, "phone not registered"),
    ("12 UC available, no phone known", [uc(S.AVAILABLE)], AROUND, UNKNOWN, "phone not registered"),
    ("10 choice alone", [manual(S.AVAILABLE), LINE_READY], AROUND, FREE, "own choice: available"),
    ("10 choice alone, phone gone", [manual(S.AVAILABLE), LINE_GONE], AROUND, UNKNOWN, "phone not registered"),
    (
        "10 UC silent, choice available",
        [manual(S.AVAILABLE), uc(S.BUSY, 90.0), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    ("10 choice too old", [manual(S.AVAILABLE, 3_600.0), LINE_READY], AROUND, UNKNOWN, "nothing known"),
    (
        "10 choice unknown is none",
        [manual(S.UNKNOWN), uc(S.AVAILABLE), LINE_READY],
        AROUND,
        FREE,
        "Teams status: available",
    ),
    (
        "10 choice newer than last will",
        [manual(S.AVAILABLE, 5.0), connected(S.OFFLINE), LINE_READY],
        AROUND,
        FREE,
        "own choice: available",
    ),
    (
        "11 choice older than last will",
        [manual(S.AVAILABLE, 50.0), connected(S.OFFLINE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client disconnected",
    ),
    ("11 last will", [uc(S.AVAILABLE), connected(S.OFFLINE), LINE_READY], AROUND, UNKNOWN, "Teams client disconnected"),
    (
        "11 last will, was busy",
        [uc(S.BUSY), connected(S.OFFLINE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client disconnected",
    ),
    ("11 silent", [uc(S.AVAILABLE, 90.0), LINE_READY], AROUND, UNKNOWN, "no sign of life for over 90 s"),
    ("11 silent and busy", [uc(S.BUSY, 90.0), LINE_READY], AROUND, UNKNOWN, "no sign of life for over 90 s"),
    (
        "11 ghost from the broker's memory",
        [uc(S.AVAILABLE, 95.0), connected(S.AVAILABLE, 95.0, retained=True), LINE_READY],
        AROUND,
        UNKNOWN,
        "no sign of life for over 90 s",
    ),
    ("11 status ran out", [uc(S.BUSY, ends_in_s=-1.0), LINE_READY], AROUND, UNKNOWN, "Teams status ran out"),
    ("11 UC does not know", [uc(S.UNKNOWN), LINE_READY], AROUND, UNKNOWN, "Teams status: unknown"),
    (
        "11 no status yet",
        [connected(S.AVAILABLE), LINE_READY],
        AROUND,
        UNKNOWN,
        "Teams client connected, no status yet",
    ),
    ("11 only a phone", [LINE_READY], AROUND, UNKNOWN, "nothing known"),
    ("11 nothing", [], AROUND, UNKNOWN, "nothing known"),
]


@pytest.mark.parametrize(("facts", "around", "state", "because"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_each_row_of_the_truth_table_holds(
    facts: list[Fact], around: Circumstances, state: AvailabilityState, because: str
) -> None:
    """S06 step 1, N6: the shown state equals the table, with its reason."""
    shown = fuse(EVA, {one.source: one for one in facts}, NOW, RULES, around)
    assert (shown.state, shown.because) == (state, because)
    assert shown.person == EVA


def test_since_is_that_of_the_deciding_fact() -> None:
    """N6: since when, not since the last message."""
    facts = {Source.UC: uc(S.AVAILABLE), Source.PHONE: LINE_READY}
    assert fuse(EVA, facts, NOW, RULES, AROUND).since == AT
    assert fuse(EVA, facts, NOW, RULES, BROKER_AWAY).since == BROKER_AWAY.broker_lost_since
    assert fuse(EVA, {}, NOW, RULES, AROUND).since == BEGAN


def test_freshness_is_the_age_of_the_youngest_source_that_counts() -> None:
    """N6: freshness; sources over a lost broker are not listed any more."""
    facts = {Source.UC: uc(S.AVAILABLE, 3.0), Source.PHONE: fact(Source.PHONE, S.AVAILABLE, 40.0)}
    shown = fuse(EVA, facts, NOW, RULES, AROUND)
    assert shown.freshness_s == pytest.approx(3.0)
    assert [(view.source, view.age_s) for view in shown.sources] == [(Source.PHONE, 40.0), (Source.UC, 3.0)]
    away = fuse(EVA, facts, NOW, RULES, BROKER_AWAY)
    assert [view.source for view in away.sources] == [Source.PHONE]
    assert fuse(EVA, {}, NOW, RULES, AROUND).freshness_s is None


def test_a_site_without_own_phones_may_do_without_registration() -> None:
    """S04: specialists behind a trunk have no registration here; a phone known to be gone still counts."""
    rules = FusionRules(phone_required=False)
    assert fuse(EVA, {Source.UC: uc(S.AVAILABLE)}, NOW, rules, AROUND).state is FREE
    gone = {Source.UC: uc(S.AVAILABLE), Source.PHONE: LINE_GONE}
    assert fuse(EVA, gone, NOW, rules, AROUND).state is UNKNOWN


def test_times_in_phrases_are_in_the_configured_zone() -> None:
    rules = FusionRules(zone=timezone(timedelta(hours=1)))
    assert fuse(EVA, {Source.PHONE: LINE_BUSY}, NOW, rules, AROUND).because == "in a call since 15:02"


def test_next_change_is_the_earliest_deadline_still_ahead() -> None:
    """The machine sleeps exactly until time alone may change the outcome."""
    facts = {Source.UC: uc(S.AVAILABLE, 30.0), Source.MANUAL: manual(S.AWAY, ends_in_s=20.0)}
    assert next_change_at(facts, NOW, RULES) == NOW + 20.0
    assert next_change_at(facts, NOW + 20.0, RULES) == NOW + 60.0
    assert next_change_at(facts, NOW + 60.0, RULES) is None


ages = st.floats(0.0, 5_000.0)
any_fact = st.builds(
    fact,
    st.sampled_from(Source),
    st.sampled_from(Status),
    ages,
    ends_in_s=st.none() | st.floats(-100.0, 100.0),
    stated_ago_s=st.none() | ages,
    retained=st.booleans(),
)
any_around = st.sampled_from([AROUND, BROKER_AWAY, RESERVED, RESERVED_BROKER_AWAY])


@given(st.lists(any_fact, max_size=4), any_around)
def test_nobody_is_free_without_a_registered_phone_and_a_living_word(facts: list[Fact], around: Circumstances) -> None:
    """S06: fails if a single false free."""
    by_source = {one.source: one for one in facts}
    shown = fuse(EVA, by_source, NOW, RULES, around)
    if shown.state is not FREE:
        return
    assert around is AROUND
    assert by_source[Source.PHONE].status is S.AVAILABLE
    assert S.AVAILABLE in {by_source[source].status for source in (Source.UC, Source.MANUAL) if source in by_source}


@given(st.lists(any_fact, max_size=4), any_around)
def test_outcome_stays_until_the_next_change(facts: list[Fact], around: Circumstances) -> None:
    """Between wake-ups nothing is missed: the outcome just before the deadline equals the one now."""
    by_source = {one.source: one for one in facts}
    deadline = next_change_at(by_source, NOW, RULES)
    until = NOW + 9_999.0 if deadline is None else NOW + (deadline - NOW) * 0.999
    first, last = (fuse(EVA, by_source, at, RULES, around) for at in (NOW, until))
    assert (first.state, first.because, first.since) == (last.state, last.because, last.since)
