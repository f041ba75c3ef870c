"""Names for numbers that the store does not know: from a CSV file, or from another program over HTTP.

Asked when a call arrives, beside the call and never in its way: there is a time limit, few questions run at once, and
any failure is the same as an unknown number. Answers, "unknown" too, are remembered for a while.
"""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import structlog

from context.model import Listing
from store.numbers import normalise_number

log = structlog.get_logger(__name__)

REMEMBERED = 10_000
REMEMBERED_S = 3_600.0
AT_ONCE = 32
"""More questions at once are not asked: a slow program must not pile them up."""
LARGEST_FILE = 64 * 1024 * 1024
LARGEST_ANSWER = 64 * 1024
LOOK_AGAIN_S = 5.0
"""How often a file is looked at for changes."""
NAME_CHARS = 120


class Source(Protocol):
    """Where names come from."""

    async def look_up(self, number: str) -> Listing | None:
        """The entry of a number in E.164 form. May raise whatever it likes."""
        ...

    async def close(self) -> None: ...


class PhoneBook:
    """One phone book with its memory. Loop thread only."""

    def __init__(
        self,
        source: Source,
        *,
        region: str,
        timeout_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._region = region
        self._timeout_s = timeout_s
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Listing | None]] = OrderedDict()
        self._asking = 0

    async def name_of(self, number: str) -> Listing | None:
        """Who a number belongs to; None when that is not known, or not in time. Never raises."""
        normal = normalise_number(number, self._region)
        if not normal.startswith("+"):
            return None
        known = self._known.get(normal)
        if known is not None and self._clock() - known[0] < REMEMBERED_S:
            self._known.move_to_end(normal)
            return known[1]
        if self._asking >= AT_ONCE:
            log.warning("phone_book_busy")
            return None
        self._asking += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._source.look_up(normal)
        except Exception as error:
            log.warning("phone_book_failed", error=type(error).__name__)
            return None
        finally:
            self._asking -= 1
        self._remember(normal, found)
        return found

    async def close(self) -> None:
        await self._source.close()

    def _remember(self, number: str, found: Listing | None) -> None:
        self._known[number] = self._clock(), found
        self._known.move_to_end(number)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


class WebBook:
    """Another program that answers `{"name": …, "company": …}`, or 404 or 204 for a number it does not know."""

    def __init__(self, template: str, timeout_s: float) -> None:
        import httpx2  # not loaded by a node that asks nobody

        self._template = template
        self._client = httpx2.AsyncClient(timeout=timeout_s, follow_redirects=False)

    async def look_up(self, number: str) -> Listing | None:
        url = self._template.replace("{number}", quote(number, safe=""))
        async with self._client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
            if answer.status_code in (204, 404):
                return None
            answer.raise_for_status()
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise ValueError("the answer is too long")
        content = json.loads(body)
        return _listing(content.get("name"), content.get("company")) if isinstance(content, dict) else None

    async def close(self) -> None:
        await self._client.aclose()


class FileBook:
    """A CSV file, `number,name,company`; read in a thread, again when it has changed. Wrong lines are left out."""

    def __init__(self, path: Path, region: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._region = region
        self._clock = clock
        self._turn = asyncio.Lock()
        self._looked_at: float | None = None
        self._stamp: tuple[int, int] | None = None
        self._entries: dict[str, Listing] = {}

    async def look_up(self, number: str) -> Listing | None:
        """What the file says; one that cannot be read any more goes on saying what it said."""
        async with self._turn:
            if self._looked_at is None or self._clock() - self._looked_at >= LOOK_AGAIN_S:
                self._looked_at = self._clock()
                await self._read_if_changed()
        return self._entries.get(number)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _read_if_changed(self) -> None:
        try:
            stat = await asyncio.to_thread(self._path.stat)
            stamp = stat.st_mtime_ns, stat.st_size
            if stamp == self._stamp:
                return
            if stat.st_size > LARGEST_FILE:
                raise ValueError("the file is too large")
            self._entries, wrong = await asyncio.to_thread(read_entries, self._path, self._region)
            self._stamp = stamp
            log.info("phone_book_read", entries=len(self._entries), wrong_lines=wrong)
        except (OSError, ValueError, csv.Error) as error:
            log.warning("phone_book_unreadable", error=type(error).__name__)


def read_entries(path: Path, region: str) -> tuple[dict[str, Listing], int]:
    """The entries of a CSV file by number in E.164 form, the first of each number; and how many lines are wrong.

    A first line of titles is a wrong line like any other: its number is none.
    """
    entries: dict[str, Listing] = {}
    wrong = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            number = normalise_number(row[0], region) if row else ""
            found = _listing(*row[1:3]) if len(row) > 1 else None
            if found is None or not number.startswith("+"):
                wrong += bool(row)
                continue
            entries.setdefault(number, found)
    return entries, wrong


def _listing(name: object, company: object = "") -> Listing | None:
    """An entry of whatever was found, without control characters; None without a name."""
    words = [
        "".join(char for char in text if char.isprintable()).strip()[:NAME_CHARS] if isinstance(text, str) else ""
        for text in (name, company)
    ]
    return Listing(*words) if words[0] else None
