"""Nobody is rung with a reservation that is no longer the newest (N4)."""

from __future__ import annotations

from telephony.fencing import UNFENCED, Fence
from vocabulary import PersonId

EVA, TOM = PersonId("eva"), PersonId("tom")


def test_an_older_token_than_the_newest_seen_is_refused() -> None:
    fence = Fence()
    assert fence.admits(EVA, 3)
    assert fence.admits(EVA, 5)
    assert not fence.admits(EVA, 4)
    assert fence.admits(EVA, 5)  # the same reservation may ring again


def test_each_person_has_his_own_tokens() -> None:
    fence = Fence()
    assert fence.admits(EVA, 9)
    assert fence.admits(TOM, 1)


def test_a_call_without_a_reservation_is_not_fenced() -> None:
    fence = Fence()
    assert fence.admits(EVA, 5)
    assert fence.admits(EVA, UNFENCED)
    assert not fence.admits(EVA, 4)
