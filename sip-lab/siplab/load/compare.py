"""Compares two reports: what got better or worse beyond noise. Pure but for reading."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from siplab.errors import BadInput
from siplab.load.outcome import FORMAT
from siplab.load.verdict import STOPPED

DRAWS, CONFIDENCE, SEED = 2_000, 0.95, 7
LEAST_CHANGE = 0.02
"""Smaller changes of a median are of no interest, however sure they are."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A quantity in two reports. `verdict`: better, worse, or same (within noise)."""

    name: str
    before: float
    after: float
    verdict: str


def compare_reports(one: dict[str, Any], other: dict[str, Any]) -> list[Difference]:
    """Compare two load reports, or two of `siplab bench`.

    Raises:
        BadInput: They are of different kinds, or of none that is known.
    """
    if "benchmark" in one and "benchmark" in other:
        return _compare_bench(one, other)
    if one.get("format") == FORMAT == other.get("format"):
        return _compare_load(one, other)
    raise BadInput("both files must be reports of `siplab load`, or both of `siplab bench`")


def read_report(path: Path) -> dict[str, Any]:
    """Read a report file.

    Raises:
        BadInput: It cannot be read or is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read as a report: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: this is no report")
    return content


def _compare_load(one: dict[str, Any], other: dict[str, Any]) -> list[Difference]:
    def values(report: dict[str, Any], name: str) -> list[float]:
        return [float(call[name]) for call in report["calls"] if call[name] is not None]

    def shares(report: dict[str, Any], fits: str) -> tuple[int, int]:
        calls = report["calls"]
        failed = (bool(call["cause"]) and call["cause"] != STOPPED for call in calls)
        bad = sum(failed) if fits == "failed" else sum(fits in call["faults"] for call in calls)
        return bad, len(calls)

    found = [
        _of_medians("set-up time, median ms", values(one, "setup_ms"), values(other, "setup_ms"), lower=True),
        _of_medians("MOS, median", values(one, "mos"), values(other, "mos"), lower=False),
    ]
    for name in ("failed", "one_way", "gap", "silent"):
        found.append(_of_shares(f"{name}, share of calls", shares(one, name), shares(other, name)))
    return found


def _of_medians(name: str, one: Sequence[float], other: Sequence[float], *, lower: bool) -> Difference:
    """Compare medians; beyond noise when the bootstrap interval of their difference does not hold zero."""
    if not one or not other:
        return Difference(name, median(one) if one else math.nan, median(other) if other else math.nan, "same")
    before, after = median(one), median(other)
    chance = np.random.default_rng(SEED)
    differences = _resampled_medians(other, chance) - _resampled_medians(one, chance)
    edge = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(differences, [edge, 100 - edge])
    sure = (low > 0 or high < 0) and abs(after - before) > LEAST_CHANGE * max(abs(before), 1e-9)
    return Difference(name, before, after, _verdict(sure, after < before, lower))


def _resampled_medians(values: Sequence[float], chance: np.random.Generator) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)[:2_000]
    picked = chance.integers(0, len(sample), (DRAWS, len(sample)))
    medians: NDArray[np.float64] = np.median(sample[picked], axis=1)
    return medians


def _of_shares(name: str, one: tuple[int, int], other: tuple[int, int]) -> Difference:
    """Compare shares by the two-proportion z-test."""
    (bad1, n1), (bad2, n2) = one, other
    p1, p2 = bad1 / max(1, n1), bad2 / max(1, n2)
    pooled = (bad1 + bad2) / max(1, n1 + n2)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / max(1, n1) + 1 / max(1, n2)))
    sure = spread > 0 and abs(p2 - p1) / spread > 1.96
    return Difference(name, p1, p2, _verdict(sure, p2 < p1, True))


def _compare_bench(one: dict[str, Any], other: dict[str, Any]) -> list[Difference]:
    """Compare medians of runs; beyond noise when the runs of one lie all on one side of the other's."""
    rows = {(row["row"], row["name"]): row for row in one["rows"]}
    found = []
    for row in other["rows"]:
        before = rows.get((row["row"], row["name"]))
        if before is None:
            continue
        a, b = before["runs"], row["runs"]
        apart = (max(a) < min(b) or max(b) < min(a)) and min(len(a), len(b)) > 1
        sure = apart and abs(row["median"] - before["median"]) > LEAST_CHANGE * max(abs(before["median"]), 1e-9)
        lower = not str(row["budget"]).startswith(">=") and "/s" not in str(row["unit"])
        verdict = _verdict(sure, row["median"] < before["median"], lower)
        found.append(
            Difference(f"{row['row']}: {row['name']}, {row['unit']}", before["median"], row["median"], verdict)
        )
    return found


def _verdict(sure: bool, fell: bool, lower_is_better: bool) -> str:
    if not sure:
        return "same"
    return "better" if fell == lower_is_better else "worse"


def show_differences(found: Sequence[Difference], console: Console) -> None:
    """Draw the table."""
    table = Table(title="Before and after", title_justify="left")
    for heading in ("what", "before", "after", "change", ""):
        table.add_column(heading, justify="right" if heading in ("before", "after", "change") else "left")
    marks = {"better": "[green]better[/]", "worse": "[bold red]worse[/]", "same": "[dim]same, or within noise[/]"}
    for each in found:
        change = f"{100 * (each.after - each.before) / each.before:+.1f} %" if each.before else ""
        table.add_row(each.name, f"{each.before:.4g}", f"{each.after:.4g}", change, marks[each.verdict])
    console.print(table)
