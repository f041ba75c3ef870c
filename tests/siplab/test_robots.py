"""Robots with real phones on loopback: calls, tones in both directions, gaps, holds, answer policies."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from siplab.bench.rig import given_switch
from siplab.errors import RobotFailed, WaitTimeout
from siplab.patience import WAIT_S
from siplab.prover import HearingReport, all_directions, heard_since, longest_gaps, who_hears_whom
from siplab.remote import Line, RemoteRobot

pytestmark = [pytest.mark.loopback, pytest.mark.native]

NOWHERE = "127.0.0.1:9"
START_S = 30.0
THREE = ("C", "A", "E1")
MOST_ROUNDS = 8


def line(party: str, **settings: object) -> Line:
    return Line(party, party.lower(), NOWHERE, **settings)  # type: ignore[arg-type]


def sip_address(robot: RemoteRobot, user: str) -> str:
    return f"sip:{user}@{robot.events[0].data['listening']['udp']}"


@contextlib.asynccontextmanager
async def given_robots(*lines: Line) -> AsyncIterator[list[RemoteRobot]]:
    async with contextlib.AsyncExitStack() as stack:
        robots = await asyncio.gather(*(RemoteRobot.spawn(each.party, [each]) for each in lines))
        for robot in robots:
            stack.push_async_callback(robot.stop)
        yield list(robots)


async def reports_when(robots: list[RemoteRobot], wanted: frozenset[tuple[str, str]]) -> list[HearingReport]:
    """Ask until all wanted directions are heard."""
    deadline = time.monotonic() + WAIT_S
    while True:
        reports = await asyncio.gather(*(robot.report() for robot in robots))
        if wanted <= who_hears_whom(reports):
            return list(reports)
        assert time.monotonic() < deadline, f"missing: {wanted - who_hears_whom(reports)}"
        await asyncio.sleep(0.05)


async def measured_undisturbed(play: Callable[[], Awaitable[str]]) -> None:
    """Play until what was heard is right; `play` says what was wrong.

    Processes that stand still for want of a core make holes, too. What the robots or the mixer do wrong, they do each
    time.
    """
    wrong = [await play()]
    while wrong[-1]:
        assert len(wrong) < MOST_ROUNDS, wrong
        wrong.append(await play())


async def test_two_robots_hear_each_other_and_nobody_else() -> None:
    """Mission 3.0: each party sends its own tone; hearing is proved by finding it in the received RTP."""
    async with given_robots(line("C", display="Ana K."), line("A", answer="auto", answer_after_ms=50)) as (c, a):
        c.send("call", to=sip_address(a, "a"))
        incoming = await a.wait_for("incoming")
        assert incoming.data["headers"]["From"].startswith('"Ana K." <sip:c@')
        confirmed = await c.wait_for("confirmed")
        assert (await c.wait_for("ringing")).t < confirmed.t
        reports = await reports_when([c, a], all_directions(("C", "A")))
        assert who_hears_whom(reports) == all_directions(("C", "A"))
        assert set(heard_since(reports, incoming.t)) == all_directions(("C", "A"))
        assert incoming.t < min(r.first_heard_at or 0 for report in reports for r in report.readings if r.present)


async def test_gap_is_measured_as_long_as_it_was() -> None:
    """N3: a hole of 300 ms in the speaker's tone is found at the listener, and only there."""
    async with given_robots(line("C"), line("A", answer="auto")) as (c, a):
        c.send("call", to=sip_address(a, "a"))
        await reports_when([c, a], all_directions(("C", "A")))

        async def hole() -> str:
            began = (await c.raw_report()).t
            c.send("arm")
            a.send("arm")
            a.send("mute", on=True)
            muted = await a.wait_for("muted", since=began)
            await asyncio.sleep(0.3)
            a.send("mute", on=False)
            unmuted = await a.wait_for("unmuted", since=began)
            reports = await reports_when([c, a], all_directions(("C", "A")))
            gaps = longest_gaps(reports, all_directions(("C", "A")))
            length_ms = (unmuted.t - muted.t) * 1000
            right = gaps["A", "C"] == pytest.approx(length_ms, abs=100) and (gaps["C", "A"] or 0.0) < 100
            return "" if right else f"{length_ms:.0f} ms long, but {gaps}"

        await measured_undisturbed(hole)


async def test_hold_by_the_other_side_is_noticed_and_timed() -> None:
    """N3: any sendonly or inactive towards a party counts, and every re-INVITE."""
    async with given_robots(line("C"), line("A", answer="auto")) as (c, a):
        c.send("call", to=sip_address(a, "a"))
        await a.wait_for("confirmed")  # only with the ACK may the side that answered send a re-INVITE
        a.send("hold", on=True)
        held = await c.wait_for("held")
        assert held.data["direction"] == "sendonly"
        a.send("hold", on=False)
        back = await c.wait_for("reinvite", where=lambda event: event.data["count"] == 2)
        told, again = await c.raw_report(), await c.raw_report()
        assert told.data["reinvites"] == 2
        assert back.t - held.t - 0.25 <= told.data["hold_s"] <= told.t - held.t + 0.25  # all by C's own clock
        assert again.data["hold_s"] == told.data["hold_s"]  # it is over


@pytest.mark.parametrize(("policy", "code"), [("decline", 603), ("busy", 486)])
async def test_refusing_phone_ends_the_call_with_its_code(policy: str, code: int) -> None:
    async with given_robots(line("C"), line("A", answer=policy)) as (c, a):
        c.send("call", to=sip_address(a, "a"))
        assert (await c.wait_for("ended")).data["code"] == code
        assert c.count("confirmed") == 0


async def test_phone_that_never_answers_rings_until_the_caller_gives_up() -> None:
    async with given_robots(line("C"), line("A", answer="never")) as (c, a):
        c.send("call", to=sip_address(a, "a"))
        await c.wait_for("ringing")
        c.send("hang_up")
        ended = await a.wait_for("ended")
        assert ended.data["by"] == "them"
        assert a.count("answered") == 0


async def test_answer_on_command_is_stamped_before_the_caller_sees_it() -> None:
    async with given_robots(line("C"), line("A", answer="command")) as (c, a):
        c.send("call", to=sip_address(a, "a"))
        await c.wait_for("ringing")
        a.send("answer")
        assert (await a.wait_for("answered")).t <= (await c.wait_for("confirmed")).t


async def test_waiting_in_vain_names_robot_and_event() -> None:
    async with given_robots(line("C")) as (c,):
        with pytest.raises(WaitTimeout, match="'incoming' from robot C; its last events: ready"):
            await c.wait_for("incoming", timeout_s=0.05)


async def test_unknown_command_is_a_fault_that_is_logged_and_the_robot_lives(caplog: pytest.LogCaptureFixture) -> None:
    async with given_robots(line("C")) as (c,):
        c.send("dance")
        assert "dance" in (await c.wait_for("fault")).data["what"]
        assert [record.levelname for record in caplog.records if "robot C" in record.message] == ["WARNING"]
        assert (await c.report()).listener == "C"


async def test_robot_that_cannot_start_says_why() -> None:
    with pytest.raises(RobotFailed, match="unknown transport"):
        await RemoteRobot.spawn("C", [line("C", transport="pigeon")])


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_phone_registers_with_digest_and_is_rung_over_its_transport(transport: str) -> None:
    """DC-05, DC-06: agents' and specialists' phones as the switch sees them, on every transport."""
    async with given_switch({"eva": "secret"}, connections=True) as switch:
        ready = switch.events[0].data
        server = f"127.0.0.1:{ready['port' if transport == 'udp' else transport]}"
        phone = Line("E1", "eva", server, transport, password="secret", answer="decline")
        async with given_robots(phone) as (robot,):
            robot.send("register")
            await robot.wait_for("registered")
            switch.send("dial", person="eva")
            incoming = await robot.wait_for("incoming")
            assert "+385915550199" in incoming.data["headers"]["From"]
            assert (await switch.wait_for("dial_ended")).data["reason"] == "declined"


async def test_wrong_password_is_an_event_with_its_code() -> None:
    async with given_switch({"eva": "secret"}) as switch:
        server = f"127.0.0.1:{switch.events[0].data['port']}"
        async with given_robots(Line("E1", "eva", server, password="guess")) as (robot,):
            robot.send("register")
            assert (await robot.wait_for("registration_failed")).data["code"] in (401, 403)
            assert robot.count("registered") == 0


@contextlib.asynccontextmanager
async def given_bridge() -> AsyncIterator[tuple[str, Process]]:
    script = Path(__file__).with_name("tiny_bridge.py")
    process = await asyncio.create_subprocess_exec(sys.executable, script, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin
    assert process.stdout
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), START_S)).decode().strip(), process
    finally:
        process.stdin.write(b"quit\n")
        await asyncio.wait_for(process.communicate(), START_S)


async def test_six_directions_are_proved_and_joining_costs_no_gap() -> None:
    """CE-03, N3: a third party joins a real mixer; the two who talked lose nothing."""
    async with given_bridge() as (address, _), given_robots(*(line(party) for party in THREE)) as robots:
        c, a, e1 = robots
        for robot in (c, a):
            robot.send("call", to=f"sip:conference@{address}")
        await reports_when([c, a], all_directions(("C", "A")))

        async def joins() -> str:
            began = (await c.raw_report()).t
            c.send("arm")
            e1.send("call", to=f"sip:conference@{address}")
            joined = await e1.wait_for("confirmed", since=began)
            reports = await reports_when(robots, all_directions(THREE))
            assert who_hears_whom(reports) == all_directions(THREE)
            assert set(heard_since(reports, joined.t)) == all_directions(THREE)
            e1.send("hang_up")
            await e1.wait_for("ended", since=began)
            gap = longest_gaps(reports, [("A", "C")])["A", "C"]
            assert gap is not None
            return f"a gap of {gap} ms" if gap > 100 else ""

        await measured_undisturbed(joins)


async def test_forced_gap_of_the_mixer_is_measured_by_both() -> None:
    """N3: what the mixer does to the customer cannot hide."""
    async with given_bridge() as (address, bridge), given_robots(line("C"), line("A")) as robots:
        for robot in robots:
            robot.send("call", to=f"sip:conference@{address}")
        await reports_when(robots, all_directions(("C", "A")))
        stdin, stdout = bridge.stdin, bridge.stdout
        assert stdin
        assert stdout

        async def parts() -> str:
            for robot in robots:
                robot.send("arm")
                await robot.raw_report()  # commands are obeyed in order: it measures anew
            stdin.write(b"part 400\n")
            parted_ms = float(await asyncio.wait_for(stdout.readline(), WAIT_S))
            gaps = longest_gaps(await reports_when(robots, all_directions(("C", "A"))), all_directions(("C", "A")))
            right = all(gap == pytest.approx(parted_ms, abs=150) for gap in gaps.values())
            return "" if right else f"parted for {parted_ms:.0f} ms, but {gaps}"

        await measured_undisturbed(parts)
