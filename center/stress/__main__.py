"""`python -m center.stress`: the race for specialists on several node processes and one PostgreSQL (N4, S05)."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from center.leases import LeaseTiming
from center.stress.coordinator import StressReport, StressRun
from center.stress.plan import StressPlan
from store.private_postgres import private_postgres


def main() -> int:
    options = _arguments()
    plan = StressPlan(
        nodes=options.nodes,
        agents=options.agents,
        specialists=options.specialists,
        attempts=options.attempts,
        kills=options.kills,
        timing=LeaseTiming(ttl_s=options.ttl_s, renew_every_s=options.renew_every_s),
        limit_s=options.limit_s,
        think_s=options.think_s,
        seed=options.seed,
    )
    with tempfile.TemporaryDirectory(prefix="ringside-stress-") as folder, private_postgres() as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        report = asyncio.run(StressRun(plan, url, Path(folder)).run())
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.as_json() + "\n")
    sys.stdout.write(_in_words(report))
    return 0 if report.holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m center.stress", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--specialists", type=int, default=5)
    parser.add_argument("--attempts", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--ttl-s", type=float, default=LeaseTiming().ttl_s)
    parser.add_argument("--renew-every-s", type=float, default=LeaseTiming().renew_every_s)
    parser.add_argument("--limit-s", type=float, default=420.0)
    parser.add_argument("--think-s", type=float, default=StressPlan().think_s)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _in_words(report: StressReport) -> str:
    plan, verdict = report.plan, report.verdict
    recoveries = ", ".join(f"{each:.2f}" for each in report.recoveries_s)
    rows = {
        "nodes, agents, specialists": f"{plan.nodes}, {plan.agents}, {plan.specialists}",
        **{name.replace("_", " "): f"{value:,}" for name, value in asdict(report.counts).items()},
        "rings the referee saw": f"{verdict.rings:,}",
        "double rings": verdict.double_rings,
        "the same while a node stood still": verdict.during_standstills,
        "tokens out of order": verdict.tokens_out_of_order,
        "recoveries after a kill, s": recoveries,
        "longest anybody was not rung, s": f"{verdict.longest_idle_s:.2f}",
        "took, s": f"{report.took_s:.1f}",
        "nodes that crashed": report.crashed,
    }
    lines = [f"{name:<36}{value}" for name, value in rows.items()]
    return "\n".join([*lines, "Nobody was rung twice." if report.holds else "The promise does NOT hold.", ""])


if __name__ == "__main__":
    sys.exit(main())
