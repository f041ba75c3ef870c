"""What a busy machine is forgiven, and what it never is."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from siplab.checks import Checks, Planned
from siplab.crowd import Crowd
from siplab.node import NodeAccess
from siplab.patience import STRICT, Metronome, Patience
from siplab.ports import FIRST, LAST, lasting_port

from presence.adapters.mqtt import BrokerAddress

PLANNED = (Planned("a", "A holds", "<= 1 ms", ("N1",)), Planned("b", "B holds", "<= 0.2", ("N3",)))


def test_a_play_by_itself_is_forgiven_nothing() -> None:
    checks = Checks(PLANNED, STRICT)
    assert not checks.at_most("a", 1.01, 1.0, "ms")
    assert checks.gap_bound(100.0) == 100.0


def test_beside_others_times_have_leeway_and_counts_have_none() -> None:
    checks = Checks(PLANNED, Patience(leeway_ms=1_000.0))
    assert checks.at_most("a", 1.9, 1.0, "s")
    assert not checks.at_most("a", 2.1, 1.0, "s")
    assert not checks.at_most("b", 0.21, 0.2, "")


def test_a_gap_is_forgiven_only_as_far_as_the_machine_withheld_its_turn() -> None:
    """N3: leeway for steps is none for what is heard."""
    checks = Checks(PLANNED, Patience(leeway_ms=1_000.0, withheld_ms=lambda: 30.0))
    assert checks.gap_bound(100.0) == 160.0


def test_a_beat_that_does_not_come_counts_before_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    metronome, now = Metronome(), time.monotonic()
    metronome._asked_at, metronome._worst = {0: now, 1: now}, {0: 700.0}
    monkeypatch.setattr("siplab.patience.time.monotonic", lambda: now + 0.5)
    assert metronome.worst_ms == 700.0
    metronome._worst.clear()
    assert metronome.worst_ms == pytest.approx(490.0)


def test_a_metronome_beats_on_every_core_until_it_is_stopped() -> None:
    with Metronome() as metronome:
        while len(metronome._worst) < len(metronome._threads):
            time.sleep(Metronome.BEAT_S)
    assert not any(thread.is_alive() for thread in metronome._threads)


def test_a_lasting_port_is_none_that_the_system_gives_away_by_itself() -> None:
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [lasting_port(kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for _ in range(5)]
    assert len(set(ports)) == 10
    assert all(FIRST <= port <= LAST < first_given for port in ports)


def test_a_change_that_a_newer_one_overtook_is_not_missed_but_the_last_one_is() -> None:
    """N6: a slow screen gets what is true now."""
    crowd = Crowd(NodeAccess("", {}), BrokerAddress("127.0.0.1", 1), ("a", "b"))
    crowd.said = {"a": ["0", "2"], "b": ["1", "3", "4"]}
    assert crowd.missed({"2": 0.0, "1": 0.0, "4": 0.0}) == 0
    assert crowd.missed({"0": 0.0, "1": 0.0, "3": 0.0}) == 2
