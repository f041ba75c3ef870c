"""The outcome of a scenario: checks, measured numbers and time line, as JSON and as tables on the screen."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from siplab.checks import Check
from siplab.story import Moment


@dataclass(frozen=True, slots=True)
class Report:
    """What a scenario run came to: `numbers` are its measured figures; `broken_off` says why it stopped early."""

    scenario: str
    checks: tuple[Check, ...]
    timeline: tuple[Moment, ...]
    numbers: dict[str, Any] = field(default_factory=dict)
    broken_off: str = ""
    duration_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Tell whether the scenario held: every check was reached and passed."""
        return bool(self.checks) and all(check.passed for check in self.checks) and not self.broken_off

    def as_json(self) -> dict[str, Any]:
        """Give the report as the JSON file has it."""
        return {
            "scenario": self.scenario,
            "passed": self.passed,
            "broken_off": self.broken_off,
            "duration_s": round(self.duration_s, 2),
            **self.numbers,
            "checks": [asdict(check) for check in self.checks],
            "timeline": [asdict(moment) for moment in self.timeline],
            "machine": machine_facts(),
        }


def machine_facts() -> dict[str, Any]:
    """Say on what a measurement was made."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        memory_kib = int(meminfo.readline().split()[1])
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 2**20, 1),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as cpuinfo:
        names = (line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name"))
        return next(names, platform.machine())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a report file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(report: Report, console: Console) -> None:
    """Draw the table of checks and the verdict."""
    table = Table(title=f"{report.scenario}: what was promised and what was measured", title_justify="left")
    for heading in ("", "check", "measured", "bound", "proves"):
        table.add_column(heading)
    for check in report.checks:
        mark = "[green]ok[/]" if check.passed else "[bold red]FAILED[/]"
        measured = "not reached" if check.measured.startswith("not reached") else check.measured
        table.add_row(mark, escape(check.says), escape(measured), escape(check.bound), " ".join(check.proves))
    console.print(table)
    failed = [check for check in report.checks if not check.passed]
    if report.broken_off:
        console.print(f"[bold red]Broken off[/]: {escape(report.broken_off)}")
    if report.passed:
        console.print(
            f"[bold green]{report.scenario} held[/] in {report.duration_s:.1f} s: {len(report.checks)} checks."
        )
    else:
        console.print(
            f"[bold red]{report.scenario} did not hold[/]: {len(failed)} of {len(report.checks)} checks failed."
        )


def show_summary(reports: Sequence[Report], console: Console) -> None:
    """Draw one table of several scenarios."""
    table = Table(title="All scenarios", title_justify="left")
    for heading in ("", "scenario", "checks", "took", "what failed"):
        table.add_column(heading)
    for report in reports:
        failed = [check.name for check in report.checks if not check.passed]
        mark = "[green]held[/]" if report.passed else "[bold red]FAILED[/]"
        held = f"{len(report.checks) - len(failed)} of {len(report.checks)}"
        table.add_row(mark, report.scenario, held, f"{report.duration_s:.1f} s", escape(", ".join(failed)))
    console.print(table)


def show_timeline(report: Report, console: Console) -> None:
    """Draw the time line in order of time."""
    table = Table(title="Time line", title_justify="left", show_header=False, box=None)
    table.add_column(justify="right", style="cyan")
    table.add_column()
    for moment in report.timeline:
        table.add_row(f"{moment.t_s:.2f} s", escape(moment.text))
    console.print(table)
