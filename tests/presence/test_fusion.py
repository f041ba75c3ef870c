"""The rules of presence.fusion (CE-02, N6, S06 step 1); the table itself is in truth_table.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.clients import expired
from presence.fusion import Circumstances, FusionRules, fuse, next_change_at
from presence.model import AvailabilityState, Fact, Kind, Source, Status
from tests.presence.truth_table import (
    AROUND,
    AT,
    BEGAN,
    BROKER_AWAY,
    EVA,
    FREE,
    IN_CALL_ELSEWHERE,
    IN_DOUBT_ELSEWHERE,
    LINE_BUSY,
    LINE_GONE,
    LINE_READY,
    MEETING_ENDS,
    NOW,
    RESERVED,
    RESERVED_BROKER_AWAY,
    RESTING,
    RULES,
    TABLE,
    UNKNOWN,
    WRAPPING_UP,
    S,
    calendar,
    fact,
    manual,
    meeting,
    uc,
)


@pytest.mark.parametrize(("facts", "around", "state", "because"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_each_row_of_the_truth_table_holds(
    facts: list[Fact], around: Circumstances, state: AvailabilityState, because: str
) -> None:
    """S06 step 1, N6: the shown state equals the table, with its reason."""
    shown = fuse(EVA, facts, NOW, RULES, around)
    assert (shown.state, shown.because) == (state, because)
    assert shown.person == EVA


def test_since_is_that_of_the_deciding_fact() -> None:
    """N6: since when, not since the last message."""
    facts = [uc(S.AVAILABLE), LINE_READY]
    assert fuse(EVA, facts, NOW, RULES, AROUND).since == AT
    assert fuse(EVA, facts, NOW, RULES, BROKER_AWAY).since == BROKER_AWAY.broker_lost_since
    assert fuse(EVA, [], NOW, RULES, AROUND).since == BEGAN


def test_freshness_is_the_age_of_the_youngest_source_that_counts() -> None:
    """N6: freshness; sources over a lost broker are not listed any more."""
    facts = [uc(S.AVAILABLE, 3.0), fact(Source.PHONE, S.AVAILABLE, 40.0)]
    shown = fuse(EVA, facts, NOW, RULES, AROUND)
    assert shown.freshness_s == pytest.approx(3.0)
    assert [(view.source, view.age_s) for view in shown.sources] == [(Source.PHONE, 40.0), (Source.UC, 3.0)]
    away = fuse(EVA, facts, NOW, RULES, BROKER_AWAY)
    assert [view.source for view in away.sources] == [Source.PHONE]
    assert fuse(EVA, [], NOW, RULES, AROUND).freshness_s is None


def test_a_site_without_own_phones_may_do_without_registration() -> None:
    """S04: specialists behind a trunk have no registration here; a phone known to be gone still counts."""
    rules = FusionRules(phone_required=False)
    assert fuse(EVA, [uc(S.AVAILABLE)], NOW, rules, AROUND).state is FREE
    gone = [uc(S.AVAILABLE), LINE_GONE]
    assert fuse(EVA, gone, NOW, rules, AROUND).state is UNKNOWN


def test_times_in_phrases_are_in_the_configured_zone() -> None:
    rules = FusionRules(zone=timezone(timedelta(hours=1)))
    assert fuse(EVA, [LINE_BUSY], NOW, rules, AROUND).because == "in a call since 15:02"


def test_next_change_is_the_earliest_deadline_still_ahead() -> None:
    """The machine sleeps exactly until time alone may change the outcome."""
    facts = [uc(S.AVAILABLE, 30.0), manual(S.AWAY, ends_in_s=20.0)]
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
    client=st.sampled_from(["", "", "laptop", "mobile"]),
)
NOT_FREE = [BROKER_AWAY, RESERVED, RESERVED_BROKER_AWAY, WRAPPING_UP, RESTING, IN_CALL_ELSEWHERE, IN_DOUBT_ELSEWHERE]
any_around = st.sampled_from([AROUND, AROUND, AROUND, *NOT_FREE])
any_facts = st.lists(any_fact, max_size=8, unique_by=lambda one: one.key)
available_facts = st.builds(lambda facts: [LINE_READY, uc(S.AVAILABLE), *facts], any_facts).map(
    lambda facts: list({one.key: one for one in reversed(facts)}.values())
)


@settings(max_examples=500, deadline=None)
@given(any_facts | available_facts, any_around)
def test_nobody_is_free_against_a_word_that_counts(facts: list[Fact], around: Circumstances) -> None:
    """S06: fails if a single false free."""
    shown = fuse(EVA, facts, NOW, RULES, around)
    if shown.state is not FREE:
        return
    assert around is AROUND
    young = [one for one in facts if NOW - one.received_at < 90.0 and not expired(one, NOW)]
    words = {(one.source, one.status) for one in young}
    phones = {one.status for one in facts if one.source is Source.PHONE and not expired(one, NOW)}
    assert S.AVAILABLE in phones
    assert any(one.status is S.AVAILABLE for one in facts if one.source in (Source.UC, Source.MANUAL))
    gone = {one.client for one in facts if one.source is Source.CONNECTED and one.status is S.OFFLINE}
    busy_call = {one.client for one in young if one.source is Source.IN_CALL and one.status in (S.BUSY, S.DND)}
    assert busy_call <= gone
    assert not words & {(Source.MANUAL, one) for one in (S.BUSY, S.DND, S.AWAY, S.OFFLINE)}
    assert not words & {(Source.PHONE, S.BUSY), (Source.PHONE, S.DND)}


@settings(deadline=None)
@given(any_facts, any_around)
def test_every_outcome_says_why_and_since_when(facts: list[Fact], around: Circumstances) -> None:
    """N6: state, since, because; reachable only for the free and for those busy by their calendar."""
    shown = fuse(EVA, facts, NOW, RULES, around)
    assert shown.because
    assert shown.since.tzinfo is not None
    assert shown.reachable == (shown.state is FREE or shown.kind is Kind.BUSY_BY_CALENDAR_REACHABLE)
    assert not (shown.reachable and shown.resting_until)


def test_busy_by_calendar_is_its_own_kind_with_an_end() -> None:
    """S06 step 5: own colour, pickable if the person's rule allows, and free again at a known time."""
    shown = fuse(EVA, [uc(S.AVAILABLE), meeting(), LINE_READY], NOW, RULES, AROUND)
    assert (shown.kind, shown.reachable) == (Kind.BUSY_BY_CALENDAR_REACHABLE, True)
    assert shown.free_again_at == MEETING_ENDS
    alone = fuse(EVA, [meeting(), LINE_READY], NOW, RULES, AROUND)
    assert (alone.kind, alone.reachable) == (Kind.BUSY_BY_CALENDAR, False)


def test_resting_names_its_end() -> None:
    """N14, S06 step 8."""
    shown = fuse(EVA, [uc(S.AVAILABLE), LINE_READY], NOW, RULES, RESTING)
    assert (shown.kind, shown.reachable) == (Kind.RESTING, False)
    assert shown.resting_until == shown.free_again_at == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert fuse(EVA, [uc(S.AWAY), LINE_READY], NOW, RULES, RESTING).resting_until is not None


def test_a_silent_calendar_may_be_passed_over() -> None:
    """The operator may decide that a calendar server's outage makes nobody unknown."""
    rules = FusionRules(calendar_silence_is_unknown=False)
    assert fuse(EVA, [uc(S.AVAILABLE), calendar(S.UNKNOWN), LINE_READY], NOW, rules, AROUND).state is FREE


@settings(deadline=None)
@given(any_facts, any_around)
def test_outcome_stays_until_the_next_change(facts: list[Fact], around: Circumstances) -> None:
    """Between wake-ups nothing is missed: the outcome just before the deadline equals the one now."""
    deadline = next_change_at(facts, NOW, RULES)
    until = NOW + 9_999.0 if deadline is None else NOW + (deadline - NOW) * 0.999
    first, last = (fuse(EVA, facts, at, RULES, around) for at in (NOW, until))
    assert (first.state, first.because, first.since) == (last.state, last.because, last.since)
