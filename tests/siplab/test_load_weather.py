"""Network weather on media (issue 6): pure decisions, the same for the same seed; a relay that hides neither end."""

from __future__ import annotations

import socket
import statistics
from typing import Any

import pytest
from siplab.load.weather import LATE_MS, RTP_HEAD, Climate, Relay, Weather

PACKETS = 20_000
FAR, CALLER = ("127.0.0.1", 40_000), ("127.0.0.1", 30_000)


def delays_of(climate: Climate, seed: int = 1, leg: int = 0, direction: int = 0) -> list[float | None]:
    weather = Weather(climate, seed, leg, direction)
    return [weather.delay_s() for _ in range(PACKETS)]


def test_clear_sky_touches_nothing() -> None:
    assert set(delays_of(Climate())) == {0.0}
    assert Climate().is_clear


def test_loss_comes_at_its_rate_and_jitter_with_its_spread() -> None:
    delays = delays_of(Climate(loss_percent=3.0, delay_ms=50.0, jitter_ms=6.0))
    arrived = [delay * 1000 for delay in delays if delay is not None]
    assert delays.count(None) / PACKETS == pytest.approx(0.03, abs=0.005)
    assert statistics.mean(arrived) == pytest.approx(50.0, abs=0.5)
    assert statistics.stdev(arrived) == pytest.approx(6.0, rel=0.05)
    assert min(arrived) >= 50.0 - 3 * 6.0


def test_reordered_packets_come_behind_the_next_two() -> None:
    delays = delays_of(Climate(reorder_percent=10.0))
    assert set(delays) == {0.0, LATE_MS / 1000}
    assert delays.count(LATE_MS / 1000) / PACKETS == pytest.approx(0.1, abs=0.01)


def test_same_seed_and_leg_give_the_same_weather_and_others_another() -> None:
    climate = Climate(loss_percent=10.0, jitter_ms=5.0)
    assert delays_of(climate) == delays_of(climate)
    assert delays_of(climate) != delays_of(climate, seed=2)
    assert delays_of(climate) != delays_of(climate, leg=1)
    assert delays_of(climate) != delays_of(climate, direction=1)


@pytest.fixture
def relay() -> Any:
    relay = Relay("127.0.0.1")
    yield relay
    relay.rtp.close()
    relay.rtcp.close()


def given_leg(relay: Relay, caller: tuple[str, int] = CALLER, climate: Climate = Climate()) -> None:  # noqa: B008
    relay.take({"host": caller[0], "rtp": caller[1], "leg": 7, "payload": 8, "ssrc": 42}, climate, 1)


def test_relay_has_an_even_port_and_the_next_for_rtcp(relay: Relay) -> None:
    """RFC 3550 §11."""
    assert relay.port % 2 == 0
    assert relay.rtcp.getsockname()[1] == relay.port + 1


def test_packets_go_from_each_end_to_the_other(relay: Relay) -> None:
    given_leg(relay)
    assert relay.route(relay.rtp, CALLER) is None  # nobody knows yet where the far end is
    assert relay.route(relay.rtp, FAR) == (CALLER, 0.0)
    assert relay.route(relay.rtp, CALLER) == (FAR, 0.0)
    assert relay.route(relay.rtcp, ("127.0.0.1", 40_001)) == (("127.0.0.1", 30_001), 0.0)


def test_rtcp_is_held_up_and_never_lost(relay: Relay) -> None:
    given_leg(relay, climate=Climate(loss_percent=90.0, delay_ms=100.0))
    assert {relay.route(relay.rtcp, ("127.0.0.1", 40_001)) for _ in range(50)} == {(("127.0.0.1", 30_001), 0.1)}


def test_packets_of_the_former_leg_find_nobody(relay: Relay) -> None:
    given_leg(relay)
    relay.route(relay.rtp, FAR)
    given_leg(relay, caller=("127.0.0.1", 30_002))
    assert relay.route(relay.rtp, ("127.0.0.1", 30_002)) is None


def test_relay_greets_the_far_end_until_the_caller_speaks_through_it(relay: Relay) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        far.settimeout(20.0)
        given_leg(relay)
        assert not relay.greet()
        relay.reach(far.getsockname())
        assert relay.greet()
        packet, source = far.recvfrom(2_048)
        assert source == ("127.0.0.1", relay.port)
        assert RTP_HEAD.unpack(packet[:12])[::4] == (0x80, 42)
        assert packet[1] == 8
        relay.route(relay.rtp, CALLER)
        assert not relay.greet()
