"""One node process of a stress run: agents that all want the same few people, with pauses, stalls and duplicates.

Every ring is written to a file of its own process at its begin and end, at once, so that it survives a kill. Between
the last check of the lease and the begin of the ring nothing is awaited, as in the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import structlog

from center.leases import LeaseKeeper
from center.stress.plan import Counts, NodeOrder
from routing.model import Lease
from store.store import Store
from telephony.fencing import Fence
from vocabulary import PersonId

DUPLICATE_SHARE = 0.1
LONG_RING_SHARE = 0.002
REPORT_EVERY_S = 0.1
"""Often enough that a kill at half of a short run comes before its end."""
SHORT_STALL = 0.3
"""Share of a lease's length for which the whole process stands still, whatever it does."""
LONG_STALL = 1.3
"""Longer than a lease: only between rings, since nobody can end a ring while standing still."""


class StressNode:
    """The agents of one node."""

    def __init__(self, order: NodeOrder, store: Store) -> None:
        self._order = order
        self._random = random.Random(order.seed)
        self._keeper = LeaseKeeper(store.leases, node=order.node, nodes=order.nodes, timing=order.timing)
        self._fence = Fence()
        self._people = [PersonId(f"specialist-{number}") for number in range(order.specialists)]
        self._rings = os.open(order.rings_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._may_ring = asyncio.Event()
        self._may_ring.set()
        self._ringing = 0
        self._lost: dict[PersonId, asyncio.Event] = {}
        self._silent = asyncio.Event()
        self._silent.set()
        self._is_over = False
        self.counts = Counts()

    async def run(self) -> None:
        """Make attempts until `finish`, then give everybody back."""
        await self._keeper.start(on_lost=self._stop_ringing)
        stalling = asyncio.create_task(self._stall_now_and_then())
        watching = asyncio.create_task(self._watch_standstills())
        reporting = asyncio.create_task(self._report_now_and_then())
        await asyncio.gather(*(self._agent(number) for number in range(self._order.agents)))
        for task in (stalling, watching, reporting):
            task.cancel()
        await asyncio.gather(stalling, watching, reporting, return_exceptions=True)
        await self._keeper.stop()
        os.close(self._rings)

    def finish(self) -> None:
        """Begin no more attempts."""
        self._is_over = True

    async def _agent(self, number: int) -> None:
        while not self._is_over:
            self.counts.attempts += 1
            person = self._random.choice(self._people)
            holder = f"esc_{number}_{self.counts.attempts}"
            times = 2 if self._chance(DUPLICATE_SHARE) else 1
            answers = await asyncio.gather(*(self._keeper.acquire(person, holder) for _ in range(times)))
            leases = [lease for lease in answers if lease is not None]
            self.counts.duplicates += times - 1
            self.counts.wrong += max(0, len(leases) - 1)
            if leases:
                self.counts.granted += 1
                await self._ring(leases[0])
            else:
                self.counts.refused += 1
                await asyncio.sleep(self._random.uniform(0.0, self._order.think_s))

    async def _ring(self, lease: Lease) -> None:
        await asyncio.sleep(self._pause_s())
        await self._may_ring.wait()
        if await self._keeper.confirm(lease) and self._fence.admits(lease.person, lease.token):
            self._lost_event(lease.person).clear()
            self._write("begin", lease)
            self._ringing += 1
            self._silent.clear()
            self.counts.rings += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost_event(lease.person).wait(), self._ring_s())
            self._ringing -= 1
            if not self._ringing:
                self._silent.set()
            self._write("end", lease)
        else:
            self.counts.stale_refused += 1
        await self._keeper.release(lease)
        if self._chance(DUPLICATE_SHARE):
            self.counts.duplicates += 1
            await self._keeper.release(lease)
            self.counts.wrong += await self._keeper.confirm(lease)

    def _stop_ringing(self, person: PersonId, _holder: str) -> None:
        self.counts.stopped += 1
        self._lost_event(person).set()

    def _lost_event(self, person: PersonId) -> asyncio.Event:
        return self._lost.setdefault(person, asyncio.Event())

    def _pause_s(self) -> float:
        if self._chance(0.01):
            return self._random.uniform(0.0, 0.5 * self._order.timing.ttl_s)
        return self._random.uniform(0.0, 0.05) if self._chance(0.1) else 0.0

    def _ring_s(self) -> float:
        """Mostly a few milliseconds; some last longer than a lease, which renewals must carry."""
        if self._chance(LONG_RING_SHARE):
            return 1.5 * self._order.timing.ttl_s
        return self._random.uniform(0.001, 0.02)

    def _write(self, what: str, lease: Lease) -> None:
        line = f"{what} {lease.person} {lease.token} {time.time():.6f}\n"
        os.write(self._rings, line.encode())

    async def _stall_now_and_then(self) -> None:
        """Stand still: shortly at any moment; once longer than a lease, with people reserved but not yet rung."""
        long_one_in = 2
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._order.stall_every_s)
            long_one_in -= 1
            if long_one_in == 0:
                self._may_ring.clear()
                await self._silent.wait()
                await asyncio.sleep(0.05)
                self._stand_still(LONG_STALL)
                self._may_ring.set()
            else:
                self._stand_still(self._random.uniform(0.0, SHORT_STALL))

    def _stand_still(self, share: float) -> None:
        self.counts.stalls += 1
        time.sleep(share * self._order.timing.ttl_s)

    async def _watch_standstills(self) -> None:
        """Note when this process stood still, by our doing or the machine's: `still - <ms> <until>`."""
        last = time.time()
        while True:
            await asyncio.sleep(0.05)
            now = time.time()
            if now - last > 0.5:
                os.write(self._rings, f"still - {round((now - last) * 1_000)} {now:.6f}\n".encode())
            last = now

    async def _report_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            self.report()

    def report(self) -> None:
        """Tell the counts, on one line of standard output."""
        sys.stdout.write(json.dumps(asdict(self.counts)) + "\n")
        sys.stdout.flush()

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def _log_errors_to_stderr() -> None:
    """Standard output belongs to the counts; warnings are expected here by the thousand."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def run(order: NodeOrder) -> None:
    _log_errors_to_stderr()
    store = await Store.open(order.url, journal_dir=Path(order.folder))
    node = StressNode(order, store)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, node.finish)
    try:
        await node.run()
    finally:
        await store.close()
    node.report()


if __name__ == "__main__":
    asyncio.run(run(NodeOrder.from_argument(sys.argv[1])))
