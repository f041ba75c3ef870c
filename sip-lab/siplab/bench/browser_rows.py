"""Browser phones: how fast a call connects, how late one hears the other, what a media worker needs for ten of them."""

from __future__ import annotations

import asyncio
import json
import sys

from siplab.bench.measure import Budget, Measured
from siplab.errors import LabError
from telephony.browser.workers import Codec

PEERS = 10
CODECS: tuple[Codec, ...] = ("opus", "G722", "PCMU")
TIMEOUT_S = 180.0

BROWSER_BUDGETS: dict[str, dict[str, Budget]] = {
    "browser": {
        "offer to connected p50": Budget("ms"),
        "offer to connected p95": Budget("ms", "<= 500", 500.0),
        "page to page, tone to tone, p50": Budget("ms"),
        "page to page, tone to tone, p95": Budget("ms", "<= 250", 250.0),
        **{f"CPU of a media worker per page, {codec}, {PEERS} pages": Budget("% core") for codec in CODECS},
        "memory of a media worker": Budget("MiB"),
    }
}


async def measure_browser() -> Measured:
    """Run `browser_child` and take its figures.

    Raises:
        LabError: It failed, or took too long.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "siplab.bench.browser_child", stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), TIMEOUT_S)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise LabError("measuring browser phones took too long") from None
    if child.returncode != 0:
        raise LabError("measuring browser phones failed; its errors stand above")
    figures: Measured = json.loads(output.splitlines()[-1])
    return figures
