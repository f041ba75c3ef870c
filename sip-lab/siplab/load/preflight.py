"""What this machine must have for a plan, told before anybody calls, with what to change."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from siplab.errors import BadInput
from siplab.load.foreign import check_sipp
from siplab.load.plan import Plan

CALLS_PER_CORE = 600
"""Calls with sound and verdicts that one core carries with room to spare; measured: docs/load-testing.md."""
CPU_PER_CALL = {"PCMU": 0.08, "PCMA": 0.08, "G722": 0.3, "opus": 1.1}
"""Percent of a core, measured likewise. Encryption and weather come on top."""
SRTP_CPU, WEATHER_CPU, STAFF_CPU = 0.1, 0.6, 0.15
MIB_PER_CALL, MIB_PER_PROCESS = 0.25, 60.0
FILES_PER_CALL, PORTS_PER_CALL, SPARE_FILES = 4, 2, 100
MAX_IN_PROCESS = 2_000
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine has."""

    cores: int
    open_files: int
    ports: int
    memory_mib: float

    @classmethod
    def here(cls) -> Machine:
        """Look at this one."""
        low, high = map(int, PORT_RANGE.read_text(encoding="ascii").split())
        with open("/proc/meminfo", encoding="ascii") as meminfo:
            facts = dict(line.split(":", 1) for line in meminfo)
        available = int(facts["MemAvailable"].split()[0]) / 1024
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # robots raise their soft limit to the hard one
        files = MAX_IN_PROCESS * 100 if files == resource.RLIM_INFINITY else files
        return cls(len(os.sched_getaffinity(0)), files, high - low, available)


def cpu_percent(plan: Plan) -> float:
    """Estimate what the robots of a plan cost when all its calls are there, in percent of one core."""
    parts = sum(kind.part for kind in plan.kinds)
    per_call = sum((CPU_PER_CALL[k.codec] + SRTP_CPU * k.srtp) * k.part for k in plan.kinds) / parts
    if plan.network is not None:
        per_call += WEATHER_CPU * plan.network.calls_percent / 100
    staff = sum(people.count for people in (plan.agents, plan.specialists) if people is not None)
    return per_call * plan.run.max_concurrent + STAFF_CPU * staff


def check_machine(plan: Plan, machine: Machine | None = None) -> None:
    """Tell what this machine cannot carry.

    Raises:
        BadInput: Too many calls at once for its cores, files, ports or memory, and what to change.
    """
    has = machine or Machine.here()
    calls, workers = plan.run.max_concurrent, plan.run.workers
    cpu = cpu_percent(plan)
    if cpu > 100 * has.cores:
        most = math.floor(calls * 100 * has.cores / cpu)
        why = f"for {has.cores} cores (about {cpu:.0f} % of one, with this mix and network)"
        raise _too_much(calls, why, most, "or more machines")
    most = CALLS_PER_CORE * has.cores
    if calls > most:
        raise _too_much(calls, f"for {has.cores} cores ({CALLS_PER_CORE} calls each)", most, "or more machines")
    if cpu > 100 * workers:
        raise BadInput(
            f"run.workers = {workers} is too few for {calls} calls (about {cpu:.0f} % of a core): "
            f"use {math.ceil(cpu / 80)}"
        )
    _check_limits(plan, has)


def _check_limits(plan: Plan, has: Machine) -> None:
    calls, workers = plan.run.max_concurrent, plan.run.workers
    in_each = math.ceil(calls / workers)
    files = in_each * FILES_PER_CALL + SPARE_FILES
    if files > has.open_files:
        raise BadInput(
            f"run.max_concurrent = {calls} in {workers} processes needs {files} open files each, {has.open_files} are "
            "allowed; raise `ulimit -Hn` or run.workers"
        )
    legs = calls * (2 if plan.network is not None else 1)
    if legs * PORTS_PER_CALL > has.ports:
        most = has.ports // PORTS_PER_CALL // (legs // calls)
        raise _too_much(calls, f"for {has.ports} free UDP ports", most, "or widen net.ipv4.ip_local_port_range")
    memory = calls * MIB_PER_CALL + workers * MIB_PER_PROCESS
    if memory > has.memory_mib:
        most = int((has.memory_mib - workers * MIB_PER_PROCESS) / MIB_PER_CALL)
        raise _too_much(calls, f"for {has.memory_mib:.0f} MiB of free memory", max(0, most), "or more machines")


def _too_much(calls: int, why: str, most: int, otherwise: str) -> BadInput:
    return BadInput(f"run.max_concurrent = {calls} is too much {why}; use at most {most}, {otherwise}")


def check_programs(plan: Plan, look: Callable[[], None] = check_sipp) -> None:
    """Tell which program of others is missing.

    Raises:
        BadInput: What to install.
    """
    if plan.agents is not None and plan.agents.sipp:
        look()
