"""Nobody is rung twice, whatever races: the short version of `python -m center.stress` (N4, S05)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from center.leases import LeaseTiming
from center.stress.coordinator import StressReport, StressRun
from center.stress.plan import StressPlan
from center.stress.referee import Ring, judge, read_rings
from tests.fixtures.postgres import PostgresServer, postgres_server

__all__ = ["postgres_server"]

SHORT = StressPlan(
    attempts=2_000,
    kills=1,
    timing=LeaseTiming(ttl_s=3.0, renew_every_s=1.0),
    think_s=0.15,
    stall_every_s=2.0,
    limit_s=100.0,
)


def assert_nobody_was_rung_twice(report: StressReport) -> None:
    assert report.verdict.rings > 30
    assert report.verdict.double_rings == 0
    assert report.verdict.tokens_out_of_order == 0
    assert report.counts.wrong == 0
    assert report.crashed == 0
    assert len(report.recoveries_s) == report.plan.kills


@pytest.mark.loopback
async def test_three_nodes_with_pauses_duplicates_and_a_kill_never_ring_anybody_twice(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """N4: on PostgreSQL, correct on many nodes."""
    async with postgres_server.new_database() as url:
        assert_nobody_was_rung_twice(await StressRun(SHORT, url, tmp_path).run())


async def test_one_node_on_sqlite_never_rings_anybody_twice_over_a_kill(tmp_path: Path) -> None:
    plan = replace(SHORT, nodes=1, agents=20, attempts=1_500)
    assert_nobody_was_rung_twice(await StressRun(plan, f"sqlite:///{tmp_path}/ringside.db", tmp_path).run())


def test_the_referee_sees_two_rings_at_a_time_and_a_token_that_does_not_grow() -> None:
    fine = [Ring("eva", 1, 0.0, 1.0), Ring("eva", 2, 1.0, 2.0), Ring("tom", 1, 0.5, 9.0)]
    assert judge(fine).double_rings == judge(fine).tokens_out_of_order == 0
    assert judge([*fine, Ring("eva", 3, 1.5, 1.6)]).double_rings == 1
    assert judge([*fine, Ring("eva", 2, 5.0, 6.0)]).tokens_out_of_order == 1
    late = [*fine, Ring("eva", 3, 6.0, 7.0)]
    assert judge(late).longest_idle_s == 4.0
    assert judge(late, idle_until=5.0).longest_idle_s == 0.0


def test_only_a_standstill_longer_than_a_lease_bears_excuses_a_second_ring() -> None:
    lines = ["begin eva 1 10.0", "still - 3000 13.1", "end eva 1 13.2", "begin tom 1 20.0", "end tom 1 23.0"]
    rings = [*read_rings(lines, died_at=None), Ring("eva", 2, 13.0, 14.0), Ring("tom", 2, 22.0, 23.0)]
    assert judge(rings, bearable_s=2.0).double_rings == 1
    assert judge(rings, bearable_s=2.0).during_standstills == 1
    assert judge(rings, bearable_s=4.0).double_rings == 2


def test_a_ring_that_a_killed_process_left_open_ended_with_it() -> None:
    lines = ["begin eva 1 10.0", "end eva 1 11.0", "begin tom 4 12.0"]
    assert read_rings(lines, died_at=13.0) == [Ring("eva", 1, 10.0, 11.0), Ring("tom", 4, 12.0, 13.0)]
    with pytest.raises(ValueError, match="left rings open"):
        read_rings(lines, died_at=None)
