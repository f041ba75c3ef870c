"""Who is dead, and what follows: `step(watch, event, timing, now) -> (watch, effects)`; `now` is monotonic seconds.

    no life ── Registered ──► alive ── DeclaredDead ──► no life
                                │
                   Looked: another's sign of life unchanged for silent_s ──► TakeOver
                   Looked: check_s since the last time, or a new life       ──► Reassert

Rules. A node judges others only by its own clock and only while it looks without a break: who stood still, or could not
reach the store, starts to count anew, so that a cut-off node never declares the others dead when it is back. A node
without a life of its own takes nothing over. A claim that succeeds gives the row a new life; should the claimer die
before he is done, that life is silent, too, and is taken over in its turn. A node that was declared dead but lives
takes a new life and, one look later (when whoever took over has moved all of it), takes back what lives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from center.nodes.effects import NodeEffect, Reassert, TakeOver
from center.nodes.events import DeclaredDead, Looked, NodeEvent, Registered
from center.nodes.model import NodeTiming, Seen, Watch
from store.records import Heartbeat

Step = tuple[Watch, list[NodeEffect]]


def step(watch: Watch, event: NodeEvent, timing: NodeTiming, now: float) -> Step:
    """Apply one event."""
    match event:
        case Registered(life):
            return replace(watch, life=life, check_at=now + timing.beat_s / 2), []
        case DeclaredDead():
            return replace(watch, life=""), []
        case Looked(heartbeats):
            return _looked(watch, heartbeats, timing, now)
        case _:
            assert_never(event)


def living(watch: Watch, timing: NodeTiming, now: float) -> frozenset[str]:
    """Which other nodes are not dead by what was seen of them."""
    return frozenset(name for name, each in watch.seen.items() if now - each.since < timing.silent_s)


def _looked(watch: Watch, heartbeats: tuple[Heartbeat, ...], timing: NodeTiming, now: float) -> Step:
    was_blind = watch.looked_at is None or now - watch.looked_at > timing.blind_s
    seen = {
        each.name: Seen(each, now) if was_blind else _seen(watch.seen.get(each.name), each, now)
        for each in heartbeats
        if each.name != watch.me
    }
    watch = replace(watch, seen=seen, looked_at=now)
    if not watch.life:
        return watch, []
    effects: list[NodeEffect] = [
        TakeOver(each.heartbeat) for each in seen.values() if now - each.since >= timing.silent_s
    ]
    if now >= watch.check_at:
        effects.append(Reassert())
        watch = replace(watch, check_at=now + timing.check_s)
    return watch, effects


def _seen(before: Seen | None, heartbeat: Heartbeat, now: float) -> Seen:
    """A heartbeat that is the one we know already stays as old as it is."""
    return before if before is not None and before.heartbeat == heartbeat else Seen(heartbeat, now)
