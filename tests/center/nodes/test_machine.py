"""Who is dead (N4, S05 step 2): judged by one's own clock, and only with open eyes."""

from __future__ import annotations

from collections.abc import Sequence

from center.nodes.effects import NodeEffect, Reassert, TakeOver
from center.nodes.events import DeclaredDead, Looked, NodeEvent, Registered
from center.nodes.machine import living, step
from center.nodes.model import NodeTiming, Watch
from store.records import Heartbeat

TIMING = NodeTiming(beat_s=0.5, silent_s=3.5, blind_s=2.0, check_s=1e9)
ME = Heartbeat("n1", "life_1", 7)


def play(*events: tuple[float, NodeEvent], timing: NodeTiming = TIMING) -> list[tuple[float, NodeEffect]]:
    """Apply events, each at its second; every effect with its time."""
    watch, effects = Watch("n1"), list[tuple[float, NodeEffect]]()
    for at, event in events:
        watch, more = step(watch, event, timing, at)
        effects += [(at, effect) for effect in more]
    return effects


def looks(beats: Sequence[tuple[float, int]], life: str = "life_2") -> list[tuple[float, NodeEvent]]:
    """What n1 sees of n2 at these seconds: its beat."""
    return [(at, Looked((ME, Heartbeat("n2", life, beat)))) for at, beat in beats]


def take_overs(effects: Sequence[tuple[float, NodeEffect]]) -> list[float]:
    return [at for at, effect in effects if isinstance(effect, TakeOver)]


BORN = (0.0, Registered("life_1"))


def test_a_node_whose_beat_stands_still_is_taken_over_within_five_seconds() -> None:
    """N4: the beat was new to us at 1.0; it died right after."""
    seen = [(at / 2, 1 if at < 2 else 2) for at in range(1, 12)]
    effects = play(BORN, *looks(seen))
    assert take_overs(effects)[0] == 1.0 + TIMING.silent_s <= 5.0
    taken = next(effect for _, effect in effects if isinstance(effect, TakeOver))
    assert taken.silent == Heartbeat("n2", "life_2", 2)


def test_a_node_that_beats_is_left_alone_however_slowly() -> None:
    beats = [(at / 2, at // 6) for at in range(1, 60)]
    assert take_overs(play(BORN, *looks(beats))) == []


def test_a_new_life_counts_as_a_sign_of_life() -> None:
    """Somebody else claimed it, or it was started anew: both begin with beat 0."""
    effects = play(BORN, *looks([(0.5, 0), (2.0, 0), (3.5, 0)]), *looks([(4.0, 0), (5.5, 0), (7.0, 0)], "life_3"))
    assert take_overs(effects) == []


def test_who_stood_still_or_was_cut_off_does_not_take_the_others_for_dead() -> None:
    """S05 step 3: a partitioned node comes back to rows that it has not seen for ten seconds."""
    before, after = [(0.5, 1), (1.0, 2)], [(11.0, 2), (11.5, 3)]
    assert take_overs(play(BORN, *looks([*before, *after]))) == []
    dead = [(11.0 + n / 2, 2) for n in range(9)]
    assert take_overs(play(BORN, *looks([*before, *dead])))[0] == 11.0 + TIMING.silent_s


def test_a_node_that_was_declared_dead_itself_takes_nothing_over_until_it_lives_again() -> None:
    silent = looks([(at / 2, 1) for at in range(1, 12)])
    assert take_overs(play(BORN, (0.1, DeclaredDead()), *silent)) == []
    assert take_overs(play(BORN, (0.1, DeclaredDead()), (0.2, Registered("life_9")), *silent)) != []


def test_a_node_is_known_to_live_until_it_is_silent_for_too_long() -> None:
    """What presence believes of its words (N6); oneself is not among the others."""
    watch = Watch("n1")
    for at, event in (BORN, *looks([(1.0, 1), (1.5, 2), (3.0, 2), (4.5, 2)])):
        watch, _ = step(watch, event, TIMING, at)
    assert living(watch, TIMING, 4.5) == {"n2"}
    assert living(watch, TIMING, 1.5 + TIMING.silent_s) == frozenset()


def test_nobody_takes_himself_over() -> None:
    silent = [(at / 2, Looked((ME,))) for at in range(1, 30)]
    assert take_overs(play(BORN, *silent)) == []


def test_who_lives_again_takes_back_what_lives_one_look_later_and_then_compares_regularly() -> None:
    timing = NodeTiming(beat_s=0.5, check_s=2.0)
    watched = [(at / 2, Looked((ME,))) for at in range(1, 10)]
    effects = play((0.0, DeclaredDead()), (0.0, Registered("life_9")), (0.1, Looked((ME,))), *watched, timing=timing)
    assert [at for at, effect in effects if isinstance(effect, Reassert)] == [0.5, 2.5, 4.5]
