"""The mixing matrix: the difference of two is the fewest changes, survivors stay untouched (N3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telephony.mixing import Link, MixOperation, Unlink, about, changes, restricted
from telephony.model import EMPTY_MATRIX, HoldMusic, MixingMatrix, Speaker, everyone_hears_everyone
from vocabulary import LegId

C, A, E = LegId("leg_c"), LegId("leg_a"), LegId("leg_e")
_speakers: st.SearchStrategy[Speaker] = st.one_of(st.builds(HoldMusic), st.sampled_from([C, A, E]))
_matrices = st.frozensets(st.tuples(_speakers, st.sampled_from([C, A, E])))


def _applied(matrix: MixingMatrix, operations: tuple[MixOperation, ...]) -> MixingMatrix:
    result = set(matrix)
    for operation in operations:
        if isinstance(operation, Link):
            result.add((operation.speaker, operation.listener))
        else:
            result.remove((operation.speaker, operation.listener))
    return frozenset(result)


def test_joining_a_third_leg_touches_no_link_of_the_two_who_talk() -> None:
    """N3: the customer hears no gap when the specialist joins."""
    operations = changes(everyone_hears_everyone(frozenset({C, A})), everyone_hears_everyone(frozenset({C, A, E})))
    assert operations == (Link(A, E), Link(C, E), Link(E, A), Link(E, C))


def test_hold_music_is_unlinked_before_the_bridge_is_linked() -> None:
    operations = changes(frozenset({(HoldMusic(), C)}), everyone_hears_everyone(frozenset({C, A})))
    assert operations == (Unlink(HoldMusic(), C), Link(A, C), Link(C, A))


@given(_matrices, _matrices)
def test_changes_lead_exactly_to_the_wanted_matrix_unlinks_first(running: MixingMatrix, wanted: MixingMatrix) -> None:
    operations = changes(running, wanted)
    assert _applied(running, operations) == wanted
    kinds = [isinstance(operation, Link) for operation in operations]
    assert kinds == sorted(kinds)
    assert len(operations) == len(running ^ wanted)


def test_matrix_is_restricted_to_legs_with_media_and_music_is_always_there() -> None:
    matrix = everyone_hears_everyone(frozenset({C, A})) | {(HoldMusic(), C)}
    assert restricted(matrix, frozenset({C})) == {(HoldMusic(), C)}
    assert restricted(matrix, frozenset()) == EMPTY_MATRIX


def test_pairs_about_a_leg_are_those_it_speaks_or_hears_in() -> None:
    assert about(everyone_hears_everyone(frozenset({C, A, E})), frozenset({E})) == {(E, C), (E, A), (C, E), (A, E)}
