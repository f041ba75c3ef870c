"""When calls come and how long they last: pure, and the same for the same seed."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from siplab.errors import BadInput
from siplab.load.plan import (
    Burst,
    Constant,
    Exponential,
    Fixed,
    Kind,
    LogNormal,
    MorningPeak,
    Plan,
    Poisson,
    Replay,
    TalkTime,
)

PEAK_AT = 1 / 3
PEAK_WIDTH = 1 / 6
BASE_SHARE = 0.1
LONGEST_TALK_S = 3_600.0
PLAIN = Kind(part=1)


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call to be made: seconds after the start, seconds of talk (with agents: until one ends or escalates it)."""

    at_s: float
    talk_s: float
    kind: Kind = PLAIN
    weather: bool = False
    escalates: bool = False


def planned_calls(plan: Plan, folder: Path) -> list[PlannedCall]:
    """Lay out all calls of a run within its limits. `folder`: where a CSV file is looked for.

    Raises:
        BadInput: The CSV file cannot be read.
    """
    chance = random.Random(plan.seed)
    if isinstance(plan.arrivals, Replay):
        wanted: Iterator[PlannedCall] = iter(_replayed(folder / plan.arrivals.file))
    else:
        wanted = (PlannedCall(at, drawn_s(plan.talk, chance)) for at in _arrivals(plan, chance))
    return _within_limits(wanted, plan)


def _within_limits(wanted: Iterator[PlannedCall], plan: Plan) -> list[PlannedCall]:
    """Keep what the hard limits allow; a call too many for its second is moved on, not dropped."""
    calls: list[PlannedCall] = []
    distance_s = 1.0 / plan.run.max_calls_per_s
    last = -distance_s
    for call in wanted:
        at = max(call.at_s, last + distance_s)
        if at > plan.run.duration_s or len(calls) == plan.run.max_calls:
            break
        calls.append(_with_traits(at, call.talk_s, len(calls), plan))
        last = at
    return calls


def _with_traits(at_s: float, talk_s: float, number: int, plan: Plan) -> PlannedCall:
    """Draw what kind of call it is; by its number, so that one call more changes none of the others."""
    chance = random.Random(f"{plan.seed}/{number}")
    kind = chance.choices(plan.kinds, [each.part for each in plan.kinds])[0]
    suffers, escalates = chance.random() * 100, chance.random() * 100
    weather = plan.network is not None and suffers < plan.network.calls_percent and not kind.srtp
    share = plan.escalations.percent if plan.escalations is not None else 0.0
    return PlannedCall(at_s, talk_s, kind, weather, escalates < share)


def _arrivals(plan: Plan, chance: random.Random) -> Iterator[float]:
    arrivals, end = plan.arrivals, plan.run.duration_s
    match arrivals:
        case Constant(rate_per_s=rate):
            return (n / rate for n in range(int(end * rate) + 1))
        case Poisson(rate_per_s=rate):
            return _poisson(rate, end, chance, lambda _at: 1.0)
        case Burst(rate_per_s=rate, factor=factor, at_s=begins, for_s=lasts):
            inside = lambda at: 1.0 if begins <= at < begins + lasts else 1.0 / factor  # noqa: E731
            return _poisson(rate * factor, end, chance, inside)
        case MorningPeak(peak_per_s=peak):
            return _poisson(peak, end, chance, lambda at: _morning(at / end))
        case Replay():
            raise AssertionError("replayed calls come from a file")
        case _:
            assert_never(arrivals)


def _poisson(most: float, end: float, chance: random.Random, share: object) -> Iterator[float]:
    """Draw from a Poisson process whose rate is `most` times `share(at)`, by thinning (Lewis and Shedler 1979)."""
    at = 0.0
    while (at := at + chance.expovariate(most)) <= end:
        if chance.random() < share(at):  # type: ignore[operator]
            yield at


def _morning(part: float) -> float:
    """Share of the peak rate at a part (0 to 1) of the run."""
    return BASE_SHARE + (1 - BASE_SHARE) * math.exp(-(((part - PEAK_AT) / PEAK_WIDTH) ** 2))


def drawn_s(duration: TalkTime, chance: random.Random) -> float:
    """Draw one duration."""
    match duration:
        case Fixed(mean_s=mean):
            drawn = mean
        case Exponential(mean_s=mean):
            drawn = chance.expovariate(1.0 / mean)
        case LogNormal(mean_s=mean, sigma=sigma):
            drawn = chance.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)
        case _:
            assert_never(duration)
    return min(drawn, LONGEST_TALK_S)


def _replayed(path: Path) -> list[PlannedCall]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    calls: list[PlannedCall] = []
    for number, row in enumerate(rows, 2):
        try:
            call = PlannedCall(float(row["at_s"]), float(row["talk_s"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{path}, line {number}: needs numbers in the columns at_s and talk_s") from error
        if not (0 <= call.at_s < 1e6 and 0 <= call.talk_s <= LONGEST_TALK_S):
            raise BadInput(f"{path}, line {number}: at_s must be 0 or more, talk_s 0 to {LONGEST_TALK_S:g}")
        calls.append(call)
    return sorted(calls, key=lambda call: call.at_s)
