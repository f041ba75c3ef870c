"""The life of a leg as a pure machine: first answer wins, one end, nothing after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telephony import end_reasons
from telephony.events import LegAnswered, LegEnded, LegRinging
from telephony.machine import (
    BranchConfirmed,
    BranchEnded,
    BranchEvent,
    BranchId,
    BranchMediaRuns,
    BranchRinging,
    EndAsked,
    HangUpBranch,
    LegAction,
    LegLife,
    Report,
    step,
)
from vocabulary import EndReason, LegId

LEG = LegId("leg_1")
DESK, MOBILE = BranchId(1), BranchId(2)
LATE = EndReason.client_error("no_answer")


def _run(*events: BranchEvent) -> tuple[LegLife, list[LegAction]]:
    life, done = LegLife(LEG, frozenset({DESK, MOBILE})), list[LegAction]()
    for event in events:
        life, actions = step(life, event)
        done.extend(actions)
    return life, done


def test_first_confirmed_branch_wins_and_the_others_are_hung_up() -> None:
    _, done = _run(BranchRinging(DESK), BranchRinging(MOBILE), BranchMediaRuns(MOBILE), BranchConfirmed(MOBILE))
    assert done == [
        Report(LegRinging(LEG)),
        HangUpBranch(DESK, end_reasons.COMPLETED_ELSEWHERE),
        Report(LegAnswered(LEG)),
    ]


def test_answered_is_told_when_confirmed_and_media_runs_in_either_order() -> None:
    confirmed, media = BranchConfirmed(DESK), BranchMediaRuns(DESK)
    assert _run(confirmed, media)[1][-1] == _run(media, confirmed)[1][-1] == Report(LegAnswered(LEG))


def test_second_winner_is_hung_up() -> None:
    _, done = _run(BranchConfirmed(DESK), BranchConfirmed(MOBILE))
    assert done[-1] == HangUpBranch(MOBILE, end_reasons.COMPLETED_ELSEWHERE)


def test_loser_that_ends_later_changes_nothing() -> None:
    life, done = _run(BranchConfirmed(DESK), BranchEnded(MOBILE, EndReason.client_error("cancelled"), 487))
    assert not life.ended
    assert not [action for action in done if isinstance(action, Report)]


def test_leg_ends_with_its_last_branch_and_the_reason_a_person_gave() -> None:
    busy, lost = end_reasons.of_status(486), end_reasons.of_status(408)
    _, done = _run(BranchEnded(DESK, busy, 486), BranchEnded(MOBILE, lost, 408))
    assert done == [Report(LegEnded(LEG, busy, 486))]


def test_asked_end_hangs_up_all_branches_and_its_reason_is_told() -> None:
    gone = EndReason.client_error("cancelled")
    _, done = _run(
        EndAsked(LATE, 480), EndAsked(end_reasons.STOPPING), BranchEnded(DESK, gone), BranchEnded(MOBILE, gone)
    )
    assert done == [HangUpBranch(DESK, LATE, 480), HangUpBranch(MOBILE, LATE, 480), Report(LegEnded(LEG, LATE, 480))]


def test_answer_after_the_end_was_asked_is_hung_up_and_not_told() -> None:
    _, done = _run(EndAsked(LATE), BranchMediaRuns(DESK), BranchConfirmed(DESK), BranchRinging(MOBILE))
    assert done[-1] == HangUpBranch(DESK, LATE)


def test_leg_without_branches_ends_at_once() -> None:
    life, actions = step(LegLife(LEG, frozenset()), EndAsked(end_reasons.NOT_REGISTERED, 480))
    assert life.ended
    assert actions == (Report(LegEnded(LEG, end_reasons.NOT_REGISTERED, 480)),)


_branches = st.sampled_from([DESK, MOBILE])
_events = st.one_of(
    st.builds(BranchRinging, _branches),
    st.builds(BranchConfirmed, _branches),
    st.builds(BranchMediaRuns, _branches),
    st.builds(BranchEnded, _branches, st.just(end_reasons.HUNG_UP), st.sampled_from([0, 486, 603])),
    st.builds(EndAsked, st.just(LATE)),
)


@given(st.lists(_events, max_size=15))
def test_any_order_of_events_keeps_the_order_a_leg_promises(events: list[BranchEvent]) -> None:
    """Ringing and answered at most once, ended at most once and last; all gone means ended."""
    life, done = _run(*events)
    told = [type(action.event) for action in done if isinstance(action, Report)]
    assert len(set(told)) == len(told)
    assert LegEnded not in told[:-1]
    assert told == sorted(told, key=[LegRinging, LegAnswered, LegEnded].index)
    assert life.ended == (LegEnded in told)
    assert life.ended or life.branches


def test_a_click_in_a_page_is_told_as_a_persons_answer_and_a_telephones_is_not() -> None:
    """N8: only the branch that wins says how it was answered."""
    clicked = _run(BranchConfirmed(DESK, by_person=True), BranchConfirmed(MOBILE), BranchMediaRuns(DESK))[1]
    lifted = _run(BranchConfirmed(MOBILE), BranchConfirmed(DESK, by_person=True), BranchMediaRuns(MOBILE))[1]
    assert clicked[-1] == Report(LegAnswered(LEG, by_person=True))
    assert lifted[-1] == Report(LegAnswered(LEG))
