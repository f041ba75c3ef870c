"""Who hears whom on a real node, exactly: the wanted tones and no others, and without gaps for those who talk on."""

from __future__ import annotations

from collections.abc import Sequence

from siplab import prover
from siplab.patience import STRICT, Patience
from siplab.prover import Direction, HearingReport
from siplab.remote import RemoteRobot
from siplab.scenarios.s01_checks import GAP_MS

from tests.scenarios.company import until

LISTEN_MS, CLICK_MS = 600.0, 50.0
"""Who may be heard is heard for so long; what is shorter than a click is nobody's voice."""


async def listen(robots: Sequence[RemoteRobot]) -> list[HearingReport]:
    return [await robot.report() for robot in robots]


async def exactly(
    robots: Sequence[RemoteRobot],
    wanted: frozenset[Direction],
    talk_on: Sequence[Direction] = (),
    patience: Patience = STRICT,
) -> None:
    """Wait until these directions and no others are audible, then listen anew: nothing else may be heard.

    `talk_on` lost each other never for longer than the bound since they were last asked.
    """

    async def settled() -> bool:
        return prover.who_hears_whom(await listen(robots)) == wanted

    await until(settled, f"exactly {sorted(wanted)} to be heard")
    for direction, gap_ms in prover.longest_gaps(await listen(robots), talk_on).items():
        assert gap_ms is not None, direction
        assert gap_ms <= GAP_MS + patience.for_gaps, (direction, gap_ms)
    for robot in robots:
        robot.send("reset")

    async def lasted() -> bool:
        return wanted <= await heard(robots, LISTEN_MS)

    await until(lasted, f"{sorted(wanted)} to last")
    assert await heard(robots, CLICK_MS) == wanted


async def heard(robots: Sequence[RemoteRobot], least_ms: float) -> frozenset[Direction]:
    """Everything that was heard for so long since the robots were told to listen anew."""
    return frozenset(
        (reading.speaker, report.listener)
        for report in await listen(robots)
        for reading in report.readings
        if reading.heard_ms >= least_ms
    )
