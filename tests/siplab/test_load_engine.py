"""The load engine on a small scale: real callers, a real switch, a real end (DC-06)."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from siplab.bench.rig import given_switch
from siplab.child import Child
from siplab.cli import app
from siplab.errors import BadInput
from siplab.load.arrivals import PlannedCall
from siplab.load.engine import HELD_BACK, LOST, LoadEngine
from siplab.load.example import EXAMPLE
from siplab.load.plan import Kind
from siplab.load.plan_file import parse_plan
from siplab.load.run import LoadRun
from siplab.load.system import System
from siplab.load.target import Target, check_reachable
from siplab.load.verdict import MediaFacts, estimated_mos
from siplab.load.watch import watch_trace
from typer.testing import CliRunner

pytestmark = [pytest.mark.loopback, pytest.mark.native]

PATIENCE_S = 90.0
TALK_S = 3.0
"""So that three callers are in their conference together even if one of them, or the switch, stands still."""
DISCARD_PORT = 9
"""Nobody serves it, and nobody is given it who asks for any port."""


@pytest.fixture(scope="module")
async def switch() -> AsyncIterator[Child]:
    """The product's switch; it answers and mixes callers three by three."""
    async with given_switch() as process:
        yield process


@pytest.fixture(scope="module")
async def plain_and_secure() -> AsyncIterator[Child]:
    """The product's switch on UDP, TCP and TLS."""
    async with given_switch(connections=True) as process:
        yield process


def engine_for(
    switch: Child,
    calls: list[PlannedCall],
    workers: int = 1,
    most: int = 20,
    more: str = "",
    trace: Path | None = None,
) -> LoadEngine:
    text = f"""name = "small"
[run]
workers = {workers}
max_concurrent = {most}
[customers]
answer_timeout_s = 20
[arrivals]
kind = "constant"
rate_per_s = 10
{more}"""
    port = int(switch.events[0].data["port"])
    return LoadEngine(
        parse_plan(text, "x"), System(Target("127.0.0.1", port, "udp"), pid=switch.pid), calls, trace=trace
    )


async def test_every_call_gets_a_verdict_on_its_sound(switch: Child) -> None:
    """Nine callers in two processes: conferences of three, so each hears the others."""
    calls = [PlannedCall(0.03 * n, TALK_S) for n in range(9)]
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
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    engine.stop()
    run: LoadRun = await asyncio.wait_for(playing, PATIENCE_S)
    assert run.stopped
    assert len(run.results) == 2
    assert {result.cause for result in run.results} == {"stopped"}
    assert run.failed == 0


async def test_calls_of_a_process_that_died_are_counted_as_lost(switch: Child) -> None:
    engine = engine_for(switch, [PlannedCall(0.0, 30.0), PlannedCall(0.0, 30.0)])
    begun, show = when_begun(2)
    playing = asyncio.create_task(engine.play(show))
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    os.kill(engine.customers.pids[0], signal.SIGKILL)
    run = await asyncio.wait_for(playing, PATIENCE_S)
    assert run.causes == {LOST: 2}


def test_silent_target_is_told_before_anybody_calls() -> None:
    with pytest.raises(BadInput, match="nobody answers there"):
        check_reachable(Target("127.0.0.1", DISCARD_PORT, "udp"))
    with pytest.raises(BadInput, match="nobody answers there"):
        check_reachable(Target("127.0.0.1", DISCARD_PORT, "tcp"))


async def test_every_codec_and_transport_is_heard(plain_and_secure: Child) -> None:
    """Issue 6: transport, encryption and codec are the plan's choice."""
    kinds = [
        Kind(part=1),
        Kind(part=1, codec="PCMA", transport="tls", srtp=True),
        Kind(part=1, codec="G722", transport="tcp"),
        Kind(part=1, codec="opus", transport="tls"),
    ]
    calls = [PlannedCall(0.05 * n, TALK_S, kind) for n, kind in enumerate(kinds)]
    mix = "".join(
        f'[[customers.mix]]\npart = 1\ncodec = "{kind.codec}"\ntransport = "{kind.transport}"\n' for kind in kinds
    )
    ready = plain_and_secure.events[0].data
    target = Target("127.0.0.1", ready["port"], "udp", (("tcp", ready["tcp"]), ("tls", ready["tls"])))
    plan = parse_plan(f'name = "mix"\n[arrivals]\nkind = "constant"\nrate_per_s = 10\n{mix}', "x")
    run = await LoadEngine(plan, System(target), [*calls, PlannedCall(0.2, TALK_S), PlannedCall(0.25, TALK_S)]).play()
    assert run.causes == {}
    assert [result.kind for result in run.results[:4]] == ["PCMU udp", "PCMA tls srtp", "G722 tcp", "opus tls"]
    assert all(result.media.received > 20 for result in run.results)
    assert all(result.media.sound_ms > 100 for result in run.results)


async def test_loss_on_the_way_is_seen_in_the_score(switch: Child) -> None:
    """Issue 6: network weather. A third of the packets, so that a second of sound tells."""
    weather = "[network]\nloss_percent = 33\n"
    clear = [PlannedCall(0.02 * n, TALK_S) for n in range(3)]
    rough = [PlannedCall(0.02 * n, TALK_S, weather=True) for n in range(3, 6)]
    run = await engine_for(switch, [*clear, *rough], more=weather).play()
    assert run.causes == {}
    shares = [each.media.lost / max(1, each.media.lost + each.media.received) for each in run.results]
    assert max(shares[:3]) < 0.05
    assert all(0.15 < share < 0.5 for share in shares[3:])
    scores = [_mos_of_loss(each.media) for each in run.results]
    assert max(scores[3:]) < min(scores[:3]) - 1
    assert all(each.mos is not None and each.mos <= score for each, score in zip(run.results, scores, strict=True))


def _mos_of_loss(media: MediaFacts) -> float:
    """The score without what came too late or unevenly: this machine may be too busy for anybody to sound well."""
    even = replace(media, discarded=0, jitter_ms=0.0, buffer_ms=0.0, rtt_ms=0.0)
    return estimated_mos(even) or 0.0


async def test_watching_shows_the_ladder_of_a_live_call(switch: Child, tmp_path: Path) -> None:
    """Issue 6: `siplab watch`."""
    trace = tmp_path / "trace.jsonl"
    engine = engine_for(switch, [PlannedCall(0.0, 0.4), PlannedCall(0.0, 60.0)], trace=trace)
    begun, show = when_begun(2)
    playing = asyncio.create_task(engine.play(show))
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    console = Console(file=io.StringIO(), width=100)
    watching = asyncio.create_task(watch_trace(tmp_path, 0, console))
    await asyncio.wait_for(watching, PATIENCE_S)
    engine.stop()
    await asyncio.wait_for(playing, PATIENCE_S)
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "call 0 is over" in drawn
    for message in ("INVITE", "200 OK", "ACK", "BYE"):
        assert f" {message} " in drawn


async def test_interrupt_ends_the_command_cleanly_with_its_reports(switch: Child, tmp_path: Path) -> None:
    """Issue 6: Ctrl-C, as the terminal sends it."""
    plan = tmp_path / "plan.toml"
    limits = "duration_s = 60\nmax_calls = 3\n"
    talk = '[talk]\nkind = "fixed"\nmean_s = 60\n'
    plan.write_text(f'name = "x"\n[run]\n{limits}[arrivals]\nkind = "constant"\nrate_per_s = 10\n{talk}')
    out = tmp_path / "out"
    target = f"sip:127.0.0.1:{switch.events[0].data['port']}"
    process = await asyncio.create_subprocess_exec(
        *_siplab(), "load", str(plan), "--target", target, "--out", str(out), "--pid", str(switch.pid),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_S):
        while not _answered(out / "trace.jsonl", 3):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    report = json.loads((out / "report.json").read_text())
    assert report["stopped_early"]
    assert [call["cause"] for call in report["calls"]] == ["stopped"] * 3
    assert "Stopped early" in said.decode()
    assert (out / "report.html").exists()


def _answered(trace: Path, calls: int) -> bool:
    return trace.exists() and trace.read_text().count('"what": "ACK"') >= calls


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
    said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
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
        (["--target", "sip:127.0.0.1:1", "--pid", "4194305"], "there is no process 4194305"),
        (["--target", "http://127.0.0.1:1"], "--logins FILE"),
        ([], "say what to load"),
    ],
)
def test_wrong_target_is_explained_before_the_run(tmp_path: Path, arguments: list[str], says: str) -> None:
    file = tmp_path / "load.toml"
    file.write_text('name = "x"\n[arrivals]\nkind = "constant"\nrate_per_s = 1\n')
    outcome = CliRunner().invoke(app, ["load", str(file), *arguments])
    assert outcome.exit_code == 2
    assert says in " ".join(outcome.output.split())
