"""Media workers by themselves: real processes, a robot browser on one side, the end of a ring on the other."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiortc.rtp import RtpPacket
from siplab.browser_peer import BrowserPage

from telephony.browser import words
from telephony.browser.effects import ClosePeer, OpenPeer
from telephony.browser.events import PeerAnswered, PeerConnected, PeerEvent, PeerFailed, WorkerLost
from telephony.browser.model import Line, PhoneId
from telephony.browser.peer import PromptBuffer
from telephony.browser.workers import MediaWorkers, WorkerSettings
from tests.telephony.browser.fake_bridge import CAPACITY, FRAME, FakeBridge
from tests.telephony.browser.offers import OFFER
from vocabulary import LegId

pytestmark = pytest.mark.loopback

IN_HZ, OUT_HZ = 440, 600


class Rig:
    """Workers, what they reported, and robots that are connected to them without any switch."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.events: list[PeerEvent] = []
        self.workers = MediaWorkers(settings, self._happened)
        self._pages: dict[Line, BrowserPage] = {}
        self._news = asyncio.Event()

    def _happened(self, event: PeerEvent) -> None:
        self.events.append(event)
        if isinstance(event, PeerAnswered):
            self._pages[event.line].send(words.answer(event.line.leg, event.sdp))
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def until_ready(self, workers: int, but: int = 0) -> None:
        """Wait until so many workers run, and that one does not."""
        async with asyncio.timeout(20):
            while len(self.workers.pids) != workers or but in self.workers.pids:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def connect(self, name: str, ring: str, tone_hz: float = 0.0) -> tuple[Line, BrowserPage]:
        """A robot browser whose audio is joined to a ring."""
        line = Line(PhoneId(f"phone_{name}"), LegId(f"leg_{name}"))

        def say(message: Mapping[str, Any]) -> None:
            self.workers.perform(OpenPeer(line, ring, str(message["sdp"])))

        page = self._pages[line] = BrowserPage(say, tone_hz)
        await page.answer(line.leg)
        await self.until(lambda: PeerConnected(line) in self.events)
        return line, page

    async def stop(self) -> None:
        for page in self._pages.values():
            await page.leave()
        await self.workers.stop()


@asynccontextmanager
async def rig_of(settings: WorkerSettings) -> AsyncIterator[Rig]:
    rig = Rig(settings)
    try:
        yield rig
    finally:
        await rig.stop()


MakeBridge = Callable[[str, float], Awaitable[FakeBridge]]


@pytest.fixture
async def bridge() -> AsyncIterator[MakeBridge]:
    async with AsyncExitStack() as open_bridges:

        async def make(name: str, tone_hz: float) -> FakeBridge:
            made = FakeBridge(name, tone_hz)
            open_bridges.push_async_callback(made.close)
            return made

        yield make


def test_packets_are_handed_on_at_once_in_order_and_one_that_was_overtaken_is_dropped() -> None:
    """Numbers wrap at 2**16 (RFC 3550 §5.1)."""
    buffer, handed_on = PromptBuffer(), []
    for number in (65_534, 65_535, 1, 0, 1, 2):
        packet = RtpPacket(sequence_number=number, timestamp=number)
        packet._data = b"x"  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        handed_on.append(frame.timestamp if frame is not None else None)
    assert handed_on == [65_534, 65_535, 1, None, None, 2]


@pytest.mark.parametrize("codec", ["opus", "G722", "PCMU"])
async def test_audio_flows_both_ways_in_every_codec_and_little_of_it_waits(bridge: MakeBridge, codec: str) -> None:
    """Issue 5: Opus, G.722, PCMU; the ring towards the bridge never holds more than 100 ms (and one frame)."""
    async with rig_of(WorkerSettings(codecs=(codec,))) as rig:  # type: ignore[arg-type]
        far = await bridge(codec, OUT_HZ)
        _line, page = await rig.connect(codec, far.name, IN_HZ)
        await page.until_hears(OUT_HZ, deaf_to=(IN_HZ,))
        await far.until_hears(IN_HZ, deaf_to=OUT_HZ)
        (answer,) = [event.sdp for event in rig.events if isinstance(event, PeerAnswered)]
        assert f" {codec}/" in answer
        assert answer.count("a=rtpmap:") == 1
        assert far.most_waiting <= 6 * FRAME < CAPACITY


async def test_a_bad_offer_a_foreign_ring_and_a_closed_line_concern_only_themselves(bridge: MakeBridge) -> None:
    async with rig_of(WorkerSettings()) as rig:
        far = await bridge("good", OUT_HZ)
        line, page = await rig.connect("good", far.name)
        bad, lost = Line(PhoneId("phone_bad"), LegId("leg_bad")), Line(PhoneId("phone_x"), LegId("leg_x"))
        other = await bridge("other", 0)
        rig.workers.perform(OpenPeer(bad, other.name, OFFER.replace("a=ice-ufrag:abcd", "a=ice-ufrag")))
        rig.workers.perform(OpenPeer(lost, "ringside-no-such-ring", OFFER))
        await rig.until(lambda: {e.line for e in rig.events if isinstance(e, PeerFailed)} >= {bad, lost})
        for over in (bad, lost):
            rig.workers.perform(ClosePeer(over))
        await page.until_hears(OUT_HZ)
        assert rig.workers.lines == 1
        assert len(rig.workers.pids) == 1
        rig.workers.perform(ClosePeer(line))
        assert rig.workers.lines == 0


async def test_a_worker_is_warm_before_the_first_call_and_a_dead_one_is_replaced() -> None:
    async with rig_of(WorkerSettings()) as rig:
        rig.workers.phones_on(True)
        await rig.until_ready(1)
        (first,) = rig.workers.pids
        os.kill(first, signal.SIGKILL)
        await rig.until_ready(1, but=first)
        assert not any(isinstance(event, WorkerLost) for event in rig.events)
    assert rig.workers.pids == ()
