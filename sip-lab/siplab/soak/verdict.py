"""Judges a soak: nothing lost, nothing left over, nothing that grows, every fault recovered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from siplab.report import machine_facts
from siplab.soak.crew import Ledger, Trouble
from siplab.soak.database import Kept
from siplab.soak.faults import SETTLE_S, Fault
from siplab.soak.watch import QUANTITIES, Sample, slopes

JUDGED_FROM_S = 900.0
"""Shorter runs are all warm-up, since the closed conversations that stay in memory are full after seven minutes: their
slopes are shown and not judged."""
MEMORY_SLOPE_MIB = 30.0
COUNT_SLOPE = 12.0
"""Descriptors or threads per hour: one every five minutes would be a leak per fault or per call."""
LEFT_DESCRIPTORS, LEFT_THREADS = 12, 12
"""More than at the beginning, after everybody has left: pools of connections and threads fill up once."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the verdict; `holds` None: shown, not judged."""

    what: str
    measured: str
    bound: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class SoakResult:
    """Everything a soak saw."""

    duration_s: float
    ledger: Ledger
    faults: Sequence[Fault]
    samples: Sequence[Sample]
    before: Sample
    after: Sample
    kept: Kept
    stress: Mapping[str, Any] | None = field(default_factory=dict)
    """What `python -m center.stress` wrote: empty before it ran, None when it gave nothing."""
    database: str = "SQLite"

    def unexplained(self) -> list[Trouble]:
        """Give the troubles that no fault explains."""
        return [each for each in self.ledger.troubles if not any(fault.explains(each) for fault in self.faults)]

    def rows(self) -> list[Row]:
        """Judge."""
        return [*self._lost(), *self._recovered(), *self._left(), *self._slopes(), self._stress()]

    @property
    def holds(self) -> bool:
        """Tell whether every judged row holds."""
        return all(row.holds is not False for row in self.rows())

    def _lost(self) -> list[Row]:
        ledger, kept, unexplained = self.ledger, self.kept, self.unexplained()
        done = f"{ledger.calls} calls, {ledger.answered} answered, {ledger.joined} escalations joined"
        unrecorded = max(0, ledger.answered - kept.interactions)
        return [
            Row("work done", done, "> 0 joined", ledger.joined > 0),
            Row("answered calls without a record", str(unrecorded), "0", unrecorded == 0),
            Row("interactions without an end", f"{kept.unclosed} of {kept.interactions}", "0", kept.unclosed == 0),
            Row(
                "escalations without an end",
                f"{kept.open_escalations} of {kept.escalations}",
                "0",
                kept.open_escalations == 0,
            ),
            Row("troubles in the wake of a fault", str(len(ledger.troubles) - len(unexplained)), "", None),
            Row("troubles without a fault", str(len(unexplained)), "0", not unexplained),
        ]

    def _recovered(self) -> list[Row]:
        """The last fault may be too late for another escalation; then it is shown only."""
        end = max((sample.at for sample in self.samples), default=0.0)
        rows = []
        for fault in self.faults:
            took = fault.recovery_s(self.ledger.joined_at)
            measured = "not before the end" if took is None else f"next escalation after {took:.1f} s"
            judged = took is not None or end > fault.ended + SETTLE_S
            rows.append(Row(fault.name, measured, f"<= {SETTLE_S:g} s", (took or 1e9) <= SETTLE_S if judged else None))
        return rows

    def _left(self) -> list[Row]:
        more_files = self.after.descriptors - self.before.descriptors
        more_threads = self.after.threads - self.before.threads
        return [
            Row("legs left", f"{self.after.legs:g}", "0", self.after.legs == 0),
            Row("leases left", f"{self.after.leases:g}", "0", self.after.leases == 0),
            Row(
                "descriptors more than at first",
                f"{more_files:g}",
                f"<= {LEFT_DESCRIPTORS}",
                more_files <= LEFT_DESCRIPTORS,
            ),
            Row("threads more than at first", f"{more_threads:g}", f"<= {LEFT_THREADS}", more_threads <= LEFT_THREADS),
        ]

    def _slopes(self) -> list[Row]:
        judged = self.duration_s >= JUDGED_FROM_S
        rows = [Row("memory kept per call", f"{self.kept_per_call_kib():+.0f} KiB", "", None)]
        for name, slope in slopes(self.samples).items():
            limit = MEMORY_SLOPE_MIB if name == "memory_mib" else COUNT_SLOPE
            values = [getattr(sample, name) for sample in self.samples] or [0.0]
            bound = f"<= {limit:g} per hour" if judged else "run too short to judge"
            measured = f"{slope:+.1f} per hour ({min(values):.0f} .. {max(values):.0f})"
            what = f"slope of {name.replace('_mib', ', MiB')}"
            rows.append(Row(what, measured, bound, slope <= limit if judged else None))
        return rows

    def kept_per_call_kib(self) -> float:
        """How much the memory rises with each call after the warm-up: a closed call is remembered for a while."""
        calls_per_hour = 3_600 * self.ledger.calls / max(1.0, self.duration_s)
        return 1_024 * slopes(self.samples)["memory_mib"] / max(1.0, calls_per_hour)

    def _stress(self) -> Row:
        if self.stress is None:
            return Row("lease stress", "gave no result", "nobody rung twice", False)
        if not self.stress:
            return Row("lease stress", "not run yet", "nobody rung twice", None)
        verdict = self.stress["verdict"]
        kills = len(self.stress["recoveries_s"])
        measured = f"{verdict['rings']:,} rings, {verdict['double_rings']} double, {kills} kills"
        return Row("lease stress", measured, "nobody rung twice", bool(self.stress["holds"]))

    def as_json(self) -> dict[str, Any]:
        """Give everything for the file."""
        begin, unexplained = self.before.at, self.unexplained()
        return {
            "soak": "ringside",
            "holds": self.holds,
            "duration_s": round(self.duration_s, 1),
            "machine": machine_facts(),
            "database": self.database,
            "rows": [asdict(row) for row in self.rows()],
            "memory_per_call_kib": round(self.kept_per_call_kib(), 1),
            "slopes_per_hour": {name: round(value, 2) for name, value in slopes(self.samples).items()},
            "faults": [{"name": f.name, "at_s": round(f.began - begin, 1)} for f in self.faults],
            "troubles": [
                {"at_s": round(each.at - begin, 1), "who": each.who, "what": each.what}
                | {"explained": each not in unexplained}
                for each in self.ledger.troubles
            ],
            "samples": [
                {"at_s": round(s.at - begin, 1), **{name: round(getattr(s, name), 1) for name in QUANTITIES}}
                for s in self.samples
            ],
            "stress": self.stress,
        }


def show(result: SoakResult, console: Console) -> None:
    """Draw the table."""
    table = Table(title=f"Soak of {result.duration_s / 60:.1f} minutes on {result.database}", title_justify="left")
    for heading in ("", "what", "measured", "bound"):
        table.add_column(heading)
    marks = {True: "[green]ok[/]", False: "[bold red]FAILED[/]", None: ""}
    for row in result.rows():
        table.add_row(marks[row.holds], escape(row.what), escape(row.measured), escape(row.bound))
    console.print(table)
    for trouble in result.unexplained()[:20]:
        console.print(f"[red]{trouble.at - result.before.at:7.1f} s[/] {escape(trouble.who)}: {escape(trouble.what)}")
    console.print("[bold green]Nothing was lost.[/]" if result.holds else "[bold red]The soak did not hold.[/]")
