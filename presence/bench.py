"""Measures what presence promises: the index's answer time, and how fast a change reaches the agent's side.

For `make bench` and `make soak`; gives numbers, judges nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

import aiomqtt

from presence.contract import Topics
from presence.index import SpecialistEntry, SpecialistIndex
from presence.model import Availability, Source
from presence.runner import PresenceService
from presence.settings import PresenceSettings
from vocabulary import PersonId

SKILLS = 200
FREE_SHARE = 0.1
PREFIX = "bench/v1"
PUBLISHERS = 4
SETTLE_S = 10.0
"""How long what was published last may take to be heard; after that it counts as lost."""
_TOKEN = re.compile(r"#(\d+)")


@dataclass(frozen=True, slots=True)
class IndexNumbers:
    """Microseconds per question and per change; seconds to build."""

    people: int
    build_s: float
    best_p50_us: float
    best_p99_us: float
    best_max_us: float
    none_p99_us: float
    update_p99_us: float


@dataclass(frozen=True, slots=True)
class PresenceNumbers:
    """Message published -> callback, milliseconds; processor and memory of the process with its clients (2nd half)."""

    specialists: int
    seconds: float
    published: int
    heard: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    cpu_cores: float
    rss_mb: float
    rss_slope_kb_per_min: float


def bench_index(people: int = 100_000, questions: int = 2_000, seed: int = 1) -> dict[str, float]:
    """Build an index of `people`, ask it, change it; questions for skills that nobody free has are asked apart."""
    chance = random.Random(seed)
    names = [PersonId(f"p{number}") for number in range(people)]
    skills = [f"skill{number}" for number in range(SKILLS)]
    began = time.perf_counter()
    index = SpecialistIndex(
        SpecialistEntry(name, {skill: chance.randint(1, 5) for skill in chance.sample(skills, 5)}, ("en",))
        for name in names
    )
    build_s = time.perf_counter() - began
    updates = [_timed(lambda: index.set_free(chance.choice(names), True)) for _ in range(int(people * FREE_SHARE))]
    asked = [{skill: chance.randint(1, 3) for skill in chance.sample(skills, 3)} for _ in range(questions)]
    for person in chance.sample(names, questions):
        index.interruptions_changed(person, chance.randint(0, 8))
    times = [_timed(lambda wanted=wanted: index.best(wanted, language="en")) for wanted in asked]
    none = [_timed(lambda: index.best({skills[0]: 1, skills[1]: 1, "nobody": 5})) for _ in range(questions)]
    best_p50, best_p99 = _spread(times, 1e6, 50, 99)
    (none_p99,), (update_p99,) = _spread(none, 1e6, 99), _spread(updates, 1e6, 99)
    return asdict(IndexNumbers(people, build_s, best_p50, best_p99, max(times) * 1e6, none_p99, update_p99))


async def bench_presence(
    state_dir: Path, *, seconds: float = 30.0, specialists: int = 2_000, period_s: float = 30.0
) -> dict[str, float]:
    """Let every specialist change every `period_s` on a private Mosquitto for `seconds`; time each change."""
    run = _PresenceRun(state_dir, specialists)
    await run.start()
    try:
        return asdict(await run.measure(seconds, period_s))
    finally:
        await run.stop()


class _PresenceRun:
    """A service and the specialists' clients (few connections, as a UC gateway has them)."""

    def __init__(self, state_dir: Path, specialists: int) -> None:
        self._people = [PersonId(f"p{number}") for number in range(specialists)]
        self._sent_at: dict[str, float] = {}
        self._delays = array("d")
        """As small as can be: a list of a quarter of a million floats would be the growth that is measured."""
        self._topics = Topics(PREFIX)
        settings = PresenceSettings(state_dir, port=0, prefix=PREFIX, uc_age_s=3_600.0)
        self._service = PresenceService(
            settings, on_change=self._changed, on_command=_nothing, on_rendered=_nothing, people=self._people
        )

    async def start(self) -> None:
        await self._service.start()
        for person in self._people:
            self._service.line_state(person, registered=True)
        async with asyncio.timeout(60.0):
            while not self._service.connected:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        await self._service.stop()

    async def measure(self, seconds: float, period_s: float) -> PresenceNumbers:
        cpu, began = time.process_time(), time.monotonic()
        gap_s = period_s / len(self._people) * PUBLISHERS
        async with asyncio.TaskGroup() as group:
            for share in range(PUBLISHERS):
                group.create_task(self._publish(self._people[share::PUBLISHERS], gap_s, seconds))
            await asyncio.sleep(seconds / 2)
            half_kb = _resident_kb()
        published = len(self._sent_at) + len(self._delays)
        await self._settle()
        took = time.monotonic() - began
        cores, last_kb = (time.process_time() - cpu) / took, _resident_kb()
        p50, p95, p99 = _spread(self._delays, 1e3, 50, 95, 99)
        return PresenceNumbers(
            len(self._people),
            took,
            published,
            len(self._delays),
            p50,
            p95,
            p99,
            max(self._delays) * 1e3,
            cores,
            last_kb / 1e3,
            (last_kb - half_kb) / (seconds / 2) * 60,
        )

    async def _settle(self) -> None:
        deadline = time.monotonic() + SETTLE_S
        while self._sent_at and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _publish(self, people: list[PersonId], gap_s: float, seconds: float) -> None:
        """Change one after the other; a status never repeats, so each message is a visible change."""
        address = self._service.broker.address if self._service.broker is not None else None
        if address is None:
            return
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            count, next_at = 0, time.monotonic()
            until = next_at + seconds
            while time.monotonic() < until:
                person = people[count % len(people)]
                count += 1
                token = f"{count * PUBLISHERS + int(person[1:]) % PUBLISHERS}"
                status = "busy" if count // len(people) % 2 else "available"
                self._sent_at[token] = time.monotonic()
                payload = f'{{"status":"{status}","reason":"#{token}"}}'
                await client.publish(self._topics.source(person, Source.UC), payload, qos=1, retain=True)
                next_at += gap_s
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    def _changed(self, availability: Availability) -> None:
        found = _TOKEN.search(availability.because)
        sent_at = None if found is None else self._sent_at.pop(found[1], None)
        if sent_at is not None:
            self._delays.append(time.monotonic() - sent_at)


def _timed(work: object) -> float:
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(times: Sequence[float], scale: float, *percents: int) -> list[float]:
    cuts = quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
    return [cuts[percent - 1] * scale for percent in percents]


def _resident_kb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e3


def _nothing(person: PersonId, payload: dict[str, object]) -> None:
    return
