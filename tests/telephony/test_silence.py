"""A leg is lost when it is silent, not when nobody looked (N7)."""

from __future__ import annotations

from telephony.silence import Silence

ALLOWED_S, EVERY_S = 5.0, 1.25


def looks(silence: Silence, *looks: tuple[int, float], on_hold: bool = False) -> list[bool]:
    return [silence.is_too_long(packets, passed_s, on_hold, ALLOWED_S) for packets, passed_s in looks]


def test_leg_that_sends_nothing_is_lost_after_the_time_allowed() -> None:
    assert looks(Silence(), (7, EVERY_S), *[(7, EVERY_S)] * 4) == [False] * 4 + [True]


def test_one_packet_is_enough_to_be_there() -> None:
    assert not any(looks(Silence(), (7, EVERY_S), *[(7, EVERY_S)] * 3, (8, EVERY_S), *[(8, EVERY_S)] * 3))


def test_silence_on_hold_does_not_count() -> None:
    silence = Silence()
    assert not any(looks(silence, *[(7, EVERY_S)] * 20, on_hold=True))
    assert looks(silence, *[(7, EVERY_S)] * 4)[-1]


def test_process_that_stood_still_looks_again_before_it_ends_a_leg() -> None:
    """Who sent all the time is heard at the next look, however long the pause was; who did not is lost then."""
    assert not any(looks(Silence(), (7, EVERY_S), (7, 60.0), (9, EVERY_S)))
    assert looks(Silence(), (7, EVERY_S), (7, 60.0), (7, EVERY_S), (7, EVERY_S)) == [False, False, False, True]
