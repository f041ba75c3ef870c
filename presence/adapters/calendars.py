"""Fetches people's calendars, files and URLs, aside from the event loop, and tells what they say as time goes by."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from presence.calendar import (
    MAX_CALENDAR_BYTES,
    CalendarWord,
    Stretch,
    calendar_word,
    next_turn,
    read_stretches,
)
from presence.errors import CalendarError
from presence.model import Status
from vocabulary import PersonId

if TYPE_CHECKING:
    import httpx2

_log = structlog.get_logger(__name__)
FILE_POLL_S = 5.0
URL_POLL_S = 300.0
FETCH_TIMEOUT_S = 10.0
MAX_REDIRECTS = 3
WORKERS = 2
EXPAND_EVERY = timedelta(hours=1)
"""Recurrences are expanded two days ahead; an unchanged calendar must be expanded again before they run out."""
TELL_EVERY_S = 300.0
"""An unchanged word is told again this often, as proof that the calendar is still read."""
LONGEST_NAP_S = 600.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A calendar as it came, and what tells next time whether it changed: file times, or ETag and Last-Modified."""

    ics: bytes
    stamp: tuple[str, ...]


@dataclass(slots=True)
class _Watched:
    location: str
    fetched: Fetched | None = None
    stretches: list[Stretch] = field(default_factory=list)
    expanded_at: datetime | None = None
    told: CalendarWord | None = None
    told_at: float = 0.0
    trouble: str = ""
    read_at: float | None = None
    silent: bool = False
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None


def is_url(location: str) -> bool:
    """True for http, https and webcal addresses; everything else is a file."""
    return location.partition("://")[0].lower() in ("http", "https", "webcal")


class CalendarWatch:
    """Watches one calendar per person. `on_word` is called on the loop with every new word, None after `unwatch`.

    A calendar that was never read, or not for `silent_after_s`, says *unknown*; until then the last reading holds.
    """

    def __init__(
        self,
        on_word: Callable[[PersonId, CalendarWord | None], None],
        *,
        zone: tzinfo = UTC,
        silent_after_s: float = 1_800.0,
        file_poll_s: float = FILE_POLL_S,
        url_poll_s: float = URL_POLL_S,
    ) -> None:
        self._on_word = on_word
        self._zone = zone
        self._silent_after_s = silent_after_s
        self._file_poll_s = file_poll_s
        self._url_poll_s = url_poll_s
        self._watched: dict[PersonId, _Watched] = {}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="calendar")

    def watch(self, person: PersonId, location: str) -> None:
        """Watch a file or an http, https or webcal URL from now on, instead of another one."""
        known = self._watched.get(person)
        if known is not None and known.location == location:
            return
        self.unwatch(person)
        watched = _Watched(location)
        watched.task = asyncio.create_task(self._keep_reading(person, watched), name="calendar-watch")
        self._watched[person] = watched

    def unwatch(self, person: PersonId) -> None:
        """Watch a person's calendar no more."""
        watched = self._watched.pop(person, None)
        if watched is None:
            return
        if watched.task is not None:
            watched.task.cancel()
        if watched.timer is not None:
            watched.timer.cancel()
        self._on_word(person, None)

    async def stop(self) -> None:
        """End all watching; a fetch that runs ends by its own time-out."""
        tasks = [watched.task for watched in self._watched.values() if watched.task is not None]
        for watched in self._watched.values():
            if watched.timer is not None:
                watched.timer.cancel()
        self._watched.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _keep_reading(self, person: PersonId, watched: _Watched) -> None:
        poll_s = self._url_poll_s if is_url(watched.location) else self._file_poll_s
        while True:
            try:
                await self._read(watched)
                watched.trouble, watched.silent = "", False
                watched.read_at = asyncio.get_running_loop().time()
                self._tell(person, watched)
            except CalendarError as error:
                self._note_trouble(person, watched, str(error))
            await asyncio.sleep(poll_s * random.uniform(0.9, 1.0))

    async def _read(self, watched: _Watched) -> None:
        loop, now = asyncio.get_running_loop(), datetime.now(UTC)
        fetched = await loop.run_in_executor(self._workers, fetch, watched.location, watched.fetched)
        old = watched.expanded_at is None or now - watched.expanded_at >= EXPAND_EVERY
        if fetched is watched.fetched and not old:
            return
        watched.stretches = await loop.run_in_executor(self._workers, read_stretches, fetched.ics, now, self._zone)
        watched.fetched, watched.expanded_at = fetched, now

    def _tell(self, person: PersonId, watched: _Watched) -> None:
        """Say the word if it is new or due again, and arrange the next look."""
        now, loop = datetime.now(UTC), asyncio.get_running_loop()
        word = calendar_word(watched.stretches, now)
        due = loop.time() - watched.told_at >= TELL_EVERY_S
        if watched.told is None or due or (word.status, word.until) != (watched.told.status, watched.told.until):
            watched.told, watched.told_at = word, loop.time()
            self._on_word(person, word)
        if watched.timer is not None:
            watched.timer.cancel()
        turn = next_turn(watched.stretches, now)
        if turn is not None:
            delay_s = min((turn - now).total_seconds() + 0.01, LONGEST_NAP_S)
            watched.timer = loop.call_later(delay_s, self._turn, person, watched)

    def _turn(self, person: PersonId, watched: _Watched) -> None:
        """Time went by: a stretch began or ended."""
        if not watched.silent:
            self._tell(person, watched)

    def _note_trouble(self, person: PersonId, watched: _Watched, trouble: str) -> None:
        if trouble != watched.trouble:  # the same failure again and again is one line
            _log.warning("calendar_not_read", person=person, cause=trouble)
            watched.trouble = trouble
        now = asyncio.get_running_loop().time()
        if not watched.silent and (watched.read_at is None or now - watched.read_at >= self._silent_after_s):
            watched.silent = True
            watched.told = CalendarWord(Status.UNKNOWN, datetime.now(UTC), None)
            self._on_word(person, watched.told)


def fetch(location: str, known: Fetched | None) -> Fetched:
    """Fetch a calendar; gives `known` itself back when it has not changed. Blocks: call it in a worker thread.

    Raises:
        CalendarError: It cannot be fetched, or is too large.
    """
    return _fetch_url(location, known) if is_url(location) else _fetch_file(Path(location), known)


def _fetch_file(path: Path, known: Fetched | None) -> Fetched:
    try:
        status = path.stat()
        stamp = (str(status.st_mtime_ns), str(status.st_size), str(status.st_ino))
        if known is not None and known.stamp == stamp:
            return known
        with path.open("rb") as file:
            ics = file.read(MAX_CALENDAR_BYTES + 1)
    except OSError as error:
        raise CalendarError(f"the file cannot be read: {error.strerror}") from None
    return Fetched(ics, stamp)


def _fetch_url(url: str, known: Fetched | None) -> Fetched:
    import httpx2  # not loaded by a node that fetches no calendars

    address = f"https{url[6:]}" if url.lower().startswith("webcal") else url
    etag, modified = known.stamp if known is not None else ("", "")
    asked = {"If-None-Match": etag, "If-Modified-Since": modified}
    headers = {name: value for name, value in asked.items() if value} | {"Accept": "text/calendar"}
    try:
        with (
            httpx2.Client(timeout=FETCH_TIMEOUT_S, follow_redirects=True, max_redirects=MAX_REDIRECTS) as client,
            client.stream("GET", address, headers=headers) as answer,
        ):
            if answer.status_code == 304 and known is not None:
                return known
            if answer.status_code != 200:
                raise CalendarError(f"the server answers {answer.status_code}")
            ics = _bounded(answer)
            return Fetched(ics, (answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CalendarError(f"the server cannot be reached ({type(error).__name__})") from None


def _bounded(answer: httpx2.Response) -> bytes:
    ics = bytearray()
    deadline = datetime.now(UTC) + timedelta(seconds=2 * FETCH_TIMEOUT_S)
    for chunk in answer.iter_bytes(65_536):
        ics += chunk
        if len(ics) > MAX_CALENDAR_BYTES:
            raise CalendarError(f"the calendar has more than {MAX_CALENDAR_BYTES} bytes")
        if datetime.now(UTC) > deadline:
            raise CalendarError("the server is too slow")
    return bytes(ics)
