"""The load engine on a small scale: real callers, a real switch, a real end (DC-06)."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from siplab.bench.rows import given_switch
from siplab.child import Child
from siplab.cli import app
from siplab.errors import BadInput
from siplab.load.arrivals import PlannedCall
from siplab.load.engine import HELD_BACK, LOST, LoadEngine, LoadRun
from siplab.load.plan import EXAMPLE, parse_plan
from siplab.load.target import Target, check_reachable
from typer.testing import CliRunner

pytestmark = [pytest.mark.loopback, pytest.mark.native]


@pytest.fixture(scope="module")
async def switch() -> AsyncIterator[Child]:
    """The product's switch; it answers and mixes callers three by three."""
    async with given_switch() as process:
        yield process


def engine_for(switch: Child, calls: list[PlannedCall], workers: int = 1, most: int = 20) -> LoadEngine:
    text = f"""name = "small"
[run]
workers = {workers}
max_concurrent = {most}
[customers]
answer_timeout_s = 5
[arrivals]
kind = "constant"
rate_per_s = 10
"""
    port = int(switch.events[0].data["port"])
    return LoadEngine(parse_plan(text, "x"), Target("127.0.0.1", port, "udp"), calls, switch.pid)


async def test_every_call_gets_a_verdict_on_its_sound(switch: Child) -> None:
    """Nine callers in two processes: conferences of three, so each hears the others."""
    calls = [PlannedCall(0.03 * n, 1.2) for n in range(9)]
    run = await engine_for(switch, calls, workers=2).play()
    assert [result.number for result in run.results] == list(range(9))
    assert [result.cause for result in run.results] == [""] * 9
    for result in run.results:
        assert result.media.received > 20
        assert result.media.sound_ms > 100
        assert "one_way" not in result.faults
        assert result.mos is not None
    assert run.history[-1].cpu_percent is not None


async def test_calls_over_the_limit_are_held_back_and_counted(switch: Child) -> None:
    run = await engine_for(switch, [PlannedCall(0.0, 0.5) for _ in range(6)], most=4).play()
    assert run.causes == {HELD_BACK: 2}
    assert sum(result.answered for result in run.results) == 4


def when_begun(calls: int) -> tuple[asyncio.Event, Callable[[LoadRun], None]]:
    """An event that is set once so many calls are begun, and what tells it."""
    begun = asyncio.Event()
    return begun, lambda run: begun.set() if run.begun >= calls else None


async def test_stopping_ends_every_call_and_keeps_the_results(switch: Child) -> None:
    """Issue 6: Ctrl-C ends cleanly with the results so far."""
    engine = engine_for(switch, [PlannedCall(0.0, 60.0), PlannedCall(0.0, 60.0), PlannedCall(50.0, 1.0)])
    begun, show = when_begun(2)
    playing = asyncio.create_task(engine.play(show))
    await asyncio.wait_for(begun.wait(), 10)
    engine.stop()
    run: LoadRun = await asyncio.wait_for(playing, 10)
    assert run.stopped
    assert len(run.results) == 2
    assert {result.cause for result in run.results} == {"stopped"}
    assert run.failed == 0


async def test_calls_of_a_process_that_died_are_counted_as_lost(switch: Child) -> None:
    engine = engine_for(switch, [PlannedCall(0.0, 30.0), PlannedCall(0.0, 30.0)])
    begun, show = when_begun(2)
    playing = asyncio.create_task(engine.play(show))
    await asyncio.wait_for(begun.wait(), 10)
    engine._workers[0]._process.kill()
    run = await asyncio.wait_for(playing, 15)
    assert run.causes == {LOST: 2}


def test_silent_target_is_told_before_anybody_calls() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(BadInput, match="nobody answers there"):
        check_reachable(Target("127.0.0.1", port, "udp"))
    with pytest.raises(BadInput, match="nobody answers there"):
        check_reachable(Target("127.0.0.1", port, "tcp"))


async def test_load_command_writes_its_three_reports(switch: Child, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    limits = "duration_s = 0.5\nmax_calls = 3\n"
    arrivals = 'kind = "constant"\nrate_per_s = 10\n'
    talk = 'kind = "fixed"\nmean_s = 0.6\n'
    plan.write_text(f'name = "x"\n[run]\n{limits}[arrivals]\n{arrivals}[talk]\n{talk}')
    target = f"sip:127.0.0.1:{switch.events[0].data['port']}"
    process = await asyncio.create_subprocess_exec(
        *_siplab(), "load", str(plan), "--target", target, "--out", str(tmp_path / "out"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, said.decode()
    assert json.loads((tmp_path / "out" / "report.json").read_text())["summary"]["answered"] == 3
    assert (tmp_path / "out" / "report.html").stat().st_size > 3_000
    assert "testsuite" in (tmp_path / "out" / "junit.xml").read_text()


def _siplab() -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("siplab")),)


def test_init_writes_an_example_once_and_check_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "load.toml"
    runner = CliRunner()
    assert runner.invoke(app, ["init", str(file)]).exit_code == 0
    assert file.read_text() == EXAMPLE
    assert runner.invoke(app, ["init", str(file)]).exit_code == 2
    checked = runner.invoke(app, ["check", str(file)])
    assert (checked.exit_code, "is good" in " ".join(checked.output.split())) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--target", "sip:8.8.8.8"], "--i-own-this-target"),
        (["--target", "sip:127.0.0.1:1;transport=tcp"], "nobody answers there"),
        (["--target", "sip:127.0.0.1:1", "--watch", "4194305"], "nobody answers there"),
    ],
)
def test_wrong_target_is_explained_before_the_run(tmp_path: Path, arguments: list[str], says: str) -> None:
    file = tmp_path / "load.toml"
    file.write_text(EXAMPLE)
    outcome = CliRunner().invoke(app, ["load", str(file), *arguments])
    assert outcome.exit_code == 2
    assert says in " ".join(outcome.output.split())
