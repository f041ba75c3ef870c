"""Runs a store on a disk that becomes full and is freed again; prints what happened as one line of JSON."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from store import Store
from store.event_log import EventLogLimits
from vocabulary import InteractionId

CALL = InteractionId("int_1")
FILE_LIMIT_BYTES = 256 * 1024
BURST = 100


async def live_through_a_full_disk(folder: Path) -> dict[str, object]:
    limits = EventLogLimits(batch_events=10, first_retry_s=600, last_retry_s=600)
    store = await Store.open(f"sqlite:///{folder}/ringside.db", journal_dir=folder, event_limits=limits)
    _append(store, range(BURST))
    await store.events.flush()
    _limit_files(FILE_LIMIT_BYTES)
    _append(store, range(BURST, 2 * BURST))
    await store.events.flush()
    degraded, journal_bytes = store.events.degraded, (folder / "events.journal").stat().st_size
    _limit_files(resource.RLIM_INFINITY)
    await store.events.flush()
    stored = [event.data["number"] for event in await store.events.of(CALL)]
    report: dict[str, object] = {
        "appended": 2 * BURST,
        "stored": stored,
        "degraded_while_full": degraded,
        "journal_bytes_while_full": journal_bytes,
        "degraded_after": store.events.degraded,
        "lost": store.events.lost,
    }
    await store.close()
    return report


def _append(store: Store, numbers: range) -> None:
    for number in numbers:
        store.events.append(CALL, "leg.ringing", {"number": number, "padding": "x" * 6_000})


def _limit_files(size_bytes: int) -> None:
    """Let no file of this process grow beyond this; the system then answers like a full disk (EFBIG)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(live_through_a_full_disk(Path(sys.argv[1])))) + "\n")
