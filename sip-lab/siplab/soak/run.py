"""Runs a soak: a private node, crews at work, faults, and then the race for leases."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from siplab.company import Customer, LabCompany, agent, specialist
from siplab.environment import child_environment
from siplab.errors import NodeFailed
from siplab.node import NodeAccess, PrivateNode
from siplab.scenarios.scene import BASE_ENVIRONMENT
from siplab.soak.crew import Crew, Ledger
from siplab.soak.database import SoakDatabase, given_database
from siplab.soak.faults import Faults
from siplab.soak.verdict import SoakResult
from siplab.soak.watch import Sample, Watch

STRESS_SHARE = 1 / 6
STRESS_PER_MINUTE, MOST_ATTEMPTS = 3_500, 100_000
FAULT_EVERY_S = 75.0
FAULTS_AT_LEAST = 6
QUIET_S = 2.0
END_S = 60.0
STRESS_EXTRA_S = 60.0


async def soak(minutes: float, crews: int, state_dir: Path | None, console: Console, kind: str = "auto") -> SoakResult:
    """Soak for about so many minutes: five sixths under load with faults, one sixth racing for leases.

    Raises:
        NodeFailed: The node did not start.
        BadInput: That `kind` of database cannot be had (`given_database`).
    """
    node = PrivateNode(state_dir, extra_env=dict(BASE_ENVIRONMENT), company=_company(crews))
    steady_s = minutes * 60 * (1 - STRESS_SHARE)
    async with given_database(kind, node.state_dir) as database:
        if database.url is not None:
            node.told({"RINGSIDE_STORE__URL": database.url})
        on = database.breakable.name
        console.print(f"A private node on {on}, {crews} crews, {steady_s / 60:.1f} minutes of calls and faults …")
        async with node as access:
            try:
                steady = await _steady(access, database, crews, steady_s, console)
            except NodeFailed as error:
                raise NodeFailed(f"{error}\n{node.log_tail()}") from error
            if not steady.holds:
                node.keep()
    attempts = int(min(MOST_ATTEMPTS, STRESS_PER_MINUTE * minutes))
    if not steady.holds:
        console.print(f"The node's state and log are kept in {node.state_dir}")
    console.print(f"The race for leases: {attempts:,} attempts …")
    return replace(steady, stress=await _race(attempts))


def _company(crews: int) -> LabCompany:
    people = [kind(number) for number in range(1, crews + 1) for kind in (agent, specialist)]
    customers = tuple(Customer(f"c{n}", f"Customer {n}", f"+3859155502{n:02}") for n in range(1, crews + 1))
    return LabCompany(tuple(people), customers)


async def _steady(
    access: NodeAccess, database: SoakDatabase, count: int, steady_s: float, console: Console
) -> SoakResult:
    """The last crew's specialist has a browser for a phone."""
    ledger = Ledger()
    watch = Watch(access.pid, database)
    await asyncio.sleep(QUIET_S)
    before = await watch.look()
    crews = [Crew(number, access, ledger, browser=number == count) for number in range(1, count + 1)]
    every_s = min(FAULT_EVERY_S, steady_s / (FAULTS_AT_LEAST + 1))
    faults = Faults(access.pid, database.breakable, crews, ledger, every_s)
    try:
        for crew in crews:
            await crew.start()
        await _work(crews, watch, faults, ledger, steady_s, console)
    finally:
        for crew in crews:
            await crew.switch_off()
    after = await _settled(watch)
    made, samples, kept = tuple(faults.made), tuple(watch.samples), await watch.kept()
    return SoakResult(steady_s, ledger, made, samples, before, after, kept, database=database.breakable.name)


async def _work(
    crews: Sequence[Crew], watch: Watch, faults: Faults, ledger: Ledger, steady_s: float, console: Console
) -> None:
    working = [task for crew in crews for task in crew.tasks()]
    watching, breaking = asyncio.create_task(watch.run()), asyncio.create_task(faults.run())
    until = time.monotonic() + steady_s
    try:
        while (left := until - time.monotonic()) > 0:
            done, _ = await asyncio.wait((*working, watching, breaking), timeout=min(30.0, left))
            for task in done:
                task.result()  # a bug of ours: raise it now
                raise NodeFailed(f"{task.get_name()} ended by itself")
            console.print(
                f"{left / 60:5.1f} min left: {ledger.joined} escalations, {len(faults.made)} faults, "
                f"{len(ledger.troubles)} troubles, {watch.samples[-1].memory_mib:.0f} MiB"
            )
        breaking.cancel()
        for crew in crews:
            crew.finish()
        await asyncio.sleep(QUIET_S)
    finally:
        for task in (watching, breaking, *working):
            task.cancel()
        await asyncio.gather(watching, breaking, *working, return_exceptions=True)
        for crew in crews:
            await crew.stop()


async def _settled(watch: Watch) -> Sample:
    """Wait until the node is empty again, within a bound; gives the last look."""
    deadline = time.monotonic() + END_S
    while True:
        sample = await watch.look()
        kept = await watch.kept()
        empty = not (sample.legs or sample.leases or kept.unclosed or kept.open_escalations)
        if empty or time.monotonic() > deadline:
            await asyncio.sleep(QUIET_S)
            return await watch.look()
        await asyncio.sleep(0.5)


async def _race(attempts: int) -> dict[str, Any] | None:
    """Run the stress program; None when it left no result."""
    with tempfile.TemporaryDirectory(prefix="ringside-soak-") as folder:
        path = Path(folder) / "stress.json"
        limit_s = 60.0 + attempts / 150
        arguments = ("--attempts", str(attempts), "--limit-s", f"{limit_s:.0f}", "--json", str(path))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "center.stress", *arguments, stdout=DEVNULL, env=child_environment()
        )
        try:
            await asyncio.wait_for(process.wait(), limit_s + STRESS_EXTRA_S)
        except TimeoutError:
            process.terminate()
            await process.wait()
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
