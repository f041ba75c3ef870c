"""The soak's judgements: slopes, what a fault explains, what may be left over."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from siplab.errors import BadInput
from siplab.patience import WAIT_S
from siplab.soak.crew import Ledger, Trouble
from siplab.soak.database import Kept, given_database
from siplab.soak.faults import SETTLE_S, Fault, child_named
from siplab.soak.verdict import JUDGED_FROM_S, SoakResult
from siplab.soak.watch import RTP_PORTS, Sample, rtp_sockets, slope_per_hour, slopes

from store.store import Store
from vocabulary import PersonId

EMPTY = Sample(0.0, 100.0, 40.0, 12.0, 0.0, 0.0)
STRESS = {"holds": True, "verdict": {"rings": 10, "double_rings": 0}, "recoveries_s": [1.0]}


def _samples(growth_mib: float) -> tuple[Sample, ...]:
    return tuple(replace(EMPTY, at=60.0 * n, memory_mib=100.0 + growth_mib * n) for n in range(30))


def _result(samples: tuple[Sample, ...] = _samples(0.0), **changes: object) -> SoakResult:
    ledger = Ledger(calls=3, answered=3, escalations=3, joined=3, finished=3, joined_at=[5.0, 25.0, 45.0])
    result = SoakResult(JUDGED_FROM_S, ledger, (), samples, EMPTY, EMPTY, Kept(3, 0, 3, 0), STRESS)
    return replace(result, **changes)  # type: ignore[arg-type]


def _failed(result: SoakResult) -> list[str]:
    return [row.what for row in result.rows() if row.holds is False]


def test_slope_is_the_rise_per_hour_without_the_warm_up() -> None:
    assert slope_per_hour([(0.0, 1.0), (1800.0, 2.0), (3600.0, 3.0)]) == pytest.approx(2.0)
    assert slope_per_hour([(5.0, 1.0)]) == 0.0
    warm = (replace(EMPTY, at=-900.0, memory_mib=10.0), *_samples(0.0)[:3])
    assert slopes(warm)["memory_mib"] == pytest.approx(0.0)


def test_quiet_run_holds_and_each_loss_is_named() -> None:
    assert _result().holds
    assert _failed(_result(kept=Kept(2, 1, 3, 2))) == [
        "answered calls without a record",
        "interactions without an end",
        "escalations without an end",
    ]
    assert _failed(_result(after=replace(EMPTY, legs=1.0, leases=2.0, descriptors=99.0, threads=99.0))) == [
        "legs left",
        "leases left",
        "descriptors more than at first",
        "threads more than at first",
    ]
    assert _failed(_result(stress=None)) == ["lease stress"]


def test_growing_memory_is_a_leak_only_in_a_run_that_is_long_enough() -> None:
    leaking = _result(_samples(1.0))
    assert _failed(leaking) == ["slope of memory, MiB"]
    assert replace(leaking, duration_s=JUDGED_FROM_S - 1).holds


def test_rise_of_memory_is_told_per_call_too() -> None:
    """A closed call is remembered for a while: that is bounded and no leak, and depends on calls, not on hours."""
    rising = _result(_samples(0.5), duration_s=3_600.0, ledger=Ledger(calls=60, joined=1))
    assert rising.kept_per_call_kib() == pytest.approx(0.5 * 1_024)
    assert rising.as_json()["memory_per_call_kib"] == pytest.approx(512.0)


async def test_database_of_a_soak_is_looked_at_and_held_up_from_outside(tmp_path: Path) -> None:
    """Issue 6, item 6: what is lost is counted in the database itself; while it is away, leases are not known."""
    store = await Store.open(f"sqlite:///{tmp_path}/ringside.db", journal_dir=tmp_path / "journal")
    try:
        async with given_database("sqlite", tmp_path) as database:
            assert (await database.leases(), await database.kept()) == (0.0, Kept(0, 0, 0, 0))
            assert await store.leases.acquire(PersonId("eva"), "soak", 60.0) is not None
            assert (database.url, await database.leases()) == (None, 1.0)
        async with given_database("sqlite", tmp_path / "nowhere") as database:
            assert await database.leases() is None
        with pytest.raises(BadInput, match="auto, sqlite or postgresql"):
            async with given_database("oracle", tmp_path):
                pass
    finally:
        await store.close()


def test_fault_explains_what_happens_in_its_wake_and_nothing_else() -> None:
    fault = Fault("broker killed", 10.0, 12.0)
    ledger = Ledger(joined=1, joined_at=[20.0])
    ledger.troubles = [Trouble(9.0, "crew 1", "early"), Trouble(12.0 + SETTLE_S, "crew 1", "in its wake")]
    result = _result(ledger=ledger, faults=(fault,))
    assert [each.what for each in result.unexplained()] == ["early"]
    assert _failed(result) == ["troubles without a fault"]
    assert fault.recovery_s([11.0, 20.0]) == 8.0


def test_fault_without_another_escalation_fails_unless_the_run_ended_too_early() -> None:
    never = Fault("broker killed", 100.0, 100.0)
    assert _failed(_result(faults=(never,))) == ["broker killed"]
    late = Fault("broker killed", 29 * 60.0, 29 * 60.0)
    assert _result(faults=(late,)).holds


@pytest.mark.loopback
def test_rtp_sockets_of_a_process_are_counted() -> None:
    """Two per leg, seen from outside."""
    before = rtp_sockets(os.getpid())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        port = next(port for port in reversed(RTP_PORTS) if _binds(rtp, port))
        assert port in RTP_PORTS
        # The kernel's table is no snapshot: a line may be missing while other processes open and close theirs.
        assert before + 1 in (rtp_sockets(os.getpid()) for _ in range(20))
    assert before in (rtp_sockets(os.getpid()) for _ in range(20))


def _binds(sock: socket.socket, port: int) -> bool:
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


async def test_child_is_found_by_its_command() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "30")
    try:
        async with asyncio.timeout(WAIT_S):
            # It has our own name for a moment.
            while child_named(os.getpid(), "sleep") != process.pid:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert child_named(os.getpid(), "no-such-command") is None
    finally:
        process.kill()
        await process.wait()
