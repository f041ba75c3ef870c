"""Calendars: what they say, and that a bad or missing one harms nobody (S06 step 5)."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.adapters.calendars import CalendarWatch, fetch
from presence.calendar import MAX_CALENDAR_BYTES, CalendarWord, calendar_word, next_turn, read_stretches
from presence.errors import CalendarError
from presence.model import Status
from tests.presence.conftest import SetClock, until
from vocabulary import PersonId

EVA = PersonId("eva")
NOW = datetime(2026, 11, 23, 13, 10, tzinfo=UTC)  # a Monday
PRAGUE = ZoneInfo("Europe/Prague")
WAIT_S = 20.0


def ics(*events: str) -> bytes:
    body = "\n".join(
        f"BEGIN:VEVENT\nUID:{n}\nDTSTAMP:20261101T000000Z\n{event}\nEND:VEVENT" for n, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{body}\nEND:VCALENDAR\n".replace("\n", "\r\n").encode()


def event(start: str, end: str, *more: str) -> str:
    return "\n".join((f"DTSTART:{start}", f"DTEND:{end}", "SUMMARY:secret board meeting", *more))


def word(content: bytes, now: datetime = NOW) -> CalendarWord:
    return calendar_word(read_stretches(content, now, PRAGUE), now)


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_a_running_meeting_is_busy_until_its_end() -> None:
    """S06 step 5: "busy by calendar until 14:30"."""
    assert word(ics(event("20261123T130000Z", "20261123T143000Z"))) == CalendarWord(Status.BUSY, at(13), at(14, 30))


def test_nothing_on_says_until_when() -> None:
    assert word(ics(event("20261123T150000Z", "20261123T160000Z"))) == CalendarWord(Status.AVAILABLE, NOW, at(15))
    assert word(ics()) == CalendarWord(Status.AVAILABLE, NOW, None)


def test_meetings_without_a_break_are_one() -> None:
    content = ics(
        event("20261123T130000Z", "20261123T133000Z"),
        event("20261123T133000Z", "20261123T140000Z"),
        event("20261123T134500Z", "20261123T143000Z"),
        event("20261123T150000Z", "20261123T160000Z"),
    )
    assert word(content).until == at(14, 30)


def test_times_are_read_in_their_own_zone_or_ours() -> None:
    assert word(
        ics("DTSTART;TZID=Europe/Prague:20261123T140000\nDTEND;TZID=Europe/Prague:20261123T150000")
    ).until == at(14)
    assert word(ics(event("20261123T140000", "20261123T150000"))).until == at(14)


def test_a_weekly_meeting_over_the_change_of_the_clocks() -> None:
    content = ics(
        "DTSTART;TZID=Europe/Prague:20260706T140000\nDTEND;TZID=Europe/Prague:20260706T150000\n"
        "RRULE:FREQ=WEEKLY;BYDAY=MO\nEXDATE;TZID=Europe/Prague:20261130T140000"
    )
    assert word(content) == CalendarWord(Status.BUSY, at(13), at(14))
    assert word(content, NOW + timedelta(days=7)).status is Status.AVAILABLE
    assert word(content, datetime(2026, 7, 20, 12, 30, tzinfo=UTC)).status is Status.BUSY


@pytest.mark.parametrize(
    "line",
    [
        "TRANSP:TRANSPARENT",
        "STATUS:CANCELLED",
        "STATUS:TENTATIVE",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE",
    ],
)
def test_entries_that_take_nobody_away_do_not_count(line: str) -> None:
    assert word(ics(event("20261123T130000Z", "20261123T143000Z", line))).status is Status.AVAILABLE


def test_out_of_office_goes_before_meetings() -> None:
    content = ics(
        "DTSTART;VALUE=DATE:20261120\nDTEND;VALUE=DATE:20261126\nX-MICROSOFT-CDO-BUSYSTATUS:OOF",
        event("20261123T130000Z", "20261123T143000Z"),
    )
    assert word(content) == CalendarWord(Status.AWAY, at(23, day=19), at(23, day=25))


def test_next_turn_is_the_next_begin_or_end() -> None:
    stretches = read_stretches(ics(event("20261123T130000Z", "20261123T143000Z")), NOW, UTC)
    assert next_turn(stretches, NOW) == at(14, 30)
    assert next_turn(stretches, at(14, 30)) is None


BAD = {
    "not a calendar": b"hello",
    "too large": b"x" * (MAX_CALENDAR_BYTES + 1),
    "too many entries": b"BEGIN:VEVENT\n" * 20_001,
    "every second": ics(event("20200101T000000Z", "20200101T000001Z", "RRULE:FREQ=SECONDLY")),
    "every second, folded": ics(event("20200101T000000Z", "20200101T000001Z", "RRULE:FREQ=SECO\n NDLY")),
    "end before its start cut": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:yesterday\r\n",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_a_calendar_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(CalendarError):
        read_stretches(content, NOW, UTC)


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_whatever_stands_in_an_entry_nothing_else_is_raised(junk: bytes) -> None:
    with suppress(CalendarError):
        read_stretches(ics("DTSTART:20261123T130000Z\n").replace(b"DTSTART", junk), NOW, UTC)


class Words:
    """What a watch told, and a way to wait for more."""

    def __init__(self, poll_s: float = 0.02) -> None:
        self.told: list[CalendarWord | None] = []
        self._news = asyncio.Event()
        self.watch = CalendarWatch(self._hear, file_poll_s=poll_s, url_poll_s=poll_s, silent_after_s=0.0)

    def _hear(self, person: PersonId, said: CalendarWord | None) -> None:
        assert person == EVA
        self.told.append(said)
        self._news.set()

    async def until(self, status: Status) -> CalendarWord:
        async with asyncio.timeout(WAIT_S):
            while not (self.told and self.told[-1] is not None and self.told[-1].status is status):
                self._news.clear()
                await self._news.wait()
        assert self.told[-1] is not None
        return self.told[-1]


@pytest.fixture
async def words() -> AsyncIterator[Words]:
    opened = Words()
    yield opened
    await opened.watch.stop()


def around_now(minutes: int) -> bytes:
    start, end = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(minutes=minutes)
    return ics(event(f"{start:%Y%m%dT%H%M%SZ}", f"{end:%Y%m%dT%H%M%SZ}"))


async def test_a_file_is_read_again_when_it_changes(words: Words, tmp_path: Path) -> None:
    path = tmp_path / "eva.ics"
    path.write_bytes(ics())
    words.watch.watch(EVA, str(path))
    await words.until(Status.AVAILABLE)
    fresh = tmp_path / "new.ics"
    fresh.write_bytes(around_now(30))
    os.replace(fresh, path)
    await words.until(Status.BUSY)
    path.unlink()
    await words.until(Status.UNKNOWN)
    path.write_bytes(ics())
    await words.until(Status.AVAILABLE)
    words.watch.unwatch(EVA)
    assert words.told[-1] is None


async def test_a_meeting_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to touch or read the file for the person to be free again."""
    end = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    clock = SetClock(end - timedelta(seconds=0.2))
    monkeypatch.setattr("presence.adapters.calendars.datetime", clock)
    path = tmp_path / "eva.ics"
    path.write_bytes(ics(event("20261123T130000Z", "20261123T140000Z")))
    words = Words(poll_s=3_600.0)
    words.watch.watch(EVA, str(path))
    await words.until(Status.BUSY)
    clock.at = end
    await words.until(Status.AVAILABLE)
    await words.watch.stop()


async def test_a_missing_calendar_says_unknown_at_once(words: Words, tmp_path: Path) -> None:
    words.watch.watch(EVA, str(tmp_path / "nothing.ics"))
    await words.until(Status.UNKNOWN)


class CalendarServer(BaseHTTPRequestHandler):
    """One calendar with an ETag; counts what it is asked."""

    content = b""
    status = 200
    answers: list[int] = []  # noqa: RUF012

    def do_GET(self) -> None:
        unchanged = self.headers.get("If-None-Match") == '"1"'
        status = 304 if unchanged and self.status == 200 else self.status
        self.answers.append(status)
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.end_headers()
        if status == 200:
            self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[tuple[str, type[CalendarServer]]]:
    handler = type("Handler", (CalendarServer,), {"answers": []})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/eva.ics", handler
    running.shutdown()
    running.server_close()
    thread.join()


async def test_a_url_is_asked_with_its_etag(words: Words, server: tuple[str, type[CalendarServer]]) -> None:
    url, handler = server
    handler.content = around_now(30)
    words.watch.watch(EVA, url)
    assert (await words.until(Status.BUSY)).until is not None
    await until(lambda: 304 in handler.answers)
    assert handler.answers.count(200) == 1
    handler.status = 503
    await words.until(Status.UNKNOWN)


def test_an_endless_calendar_is_cut(server: tuple[str, type[CalendarServer]]) -> None:
    url, handler = server
    handler.content = b"x" * (MAX_CALENDAR_BYTES + 1)
    with pytest.raises(CalendarError, match="more than"):
        fetch(url, None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/eva.ics", "http://[", "webcal://127.0.0.1:1/x"])
def test_an_address_that_does_not_answer_is_told(url: str) -> None:
    with pytest.raises(CalendarError):
        fetch(url, None)
