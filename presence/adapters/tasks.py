"""Ends tasks for certain."""

from __future__ import annotations

import asyncio

ASK_AGAIN_S = 1.0


async def end_tasks(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended; their results and errors are dropped.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which the MQTT client uses for every acknowledgement, loses a
    cancellation that comes in the same moment as the result (python/cpython#86296).
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=ASK_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
