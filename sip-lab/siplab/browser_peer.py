"""A robot that is a browser phone: speaks `/api/phone` and WebRTC (aiortc), sends a tone, finds tones in what it hears.

async with browser_phone(web, cookie, tone_hz=440) as page:
    ring = await page.message("ring")
    await page.answer(ring["leg"])
    await page.until_hears(600)
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from typing import Any

import aioice.ice
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler
from numpy.typing import NDArray
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from telephony.browser.peer import hand_on_at_once

RATE_HZ, FRAME_SAMPLES, WINDOW_SAMPLES = 48_000, 960, 9_600
HEARD_FROM = 0.03
"""Amplitude, of full scale, from which a tone counts as heard."""
TIMEOUT_S = 20.0

Message = Mapping[str, Any]


def amplitude(samples: NDArray[np.float64], tone_hz: float, rate_hz: int = RATE_HZ) -> float:
    """How loud a tone is in a piece of audio, 1 being full scale; one Hann-weighted Fourier term."""
    count = len(samples)
    wave = np.hanning(count) * np.exp(-2j * np.pi * tone_hz / rate_hz * np.arange(count))
    return float(4 * abs(np.dot(samples, wave)) / count)


class Microphone(MediaStreamTrack):
    """Sends a tone, or silence (0 Hz), 20 ms at a time. `tone_hz` may be changed; `switched_at` is when it began."""

    kind = "audio"

    def __init__(self, tone_hz: float) -> None:
        super().__init__()
        self._tone_hz = tone_hz
        self.switched_at: float | None = None
        self._start = time.monotonic()
        self._at = 0

    @property
    def tone_hz(self) -> float:
        return self._tone_hz

    @tone_hz.setter
    def tone_hz(self, tone_hz: float) -> None:
        self._tone_hz, self.switched_at = tone_hz, None

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(max(0.0, self._start + self._at / RATE_HZ - time.monotonic()))
        if self.switched_at is None:
            self.switched_at = time.monotonic()
        at = np.arange(FRAME_SAMPLES) + self._at
        samples = (8_000 * np.sin(2 * np.pi * self._tone_hz / RATE_HZ * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = self._at, RATE_HZ, Fraction(1, RATE_HZ)
        self._at += FRAME_SAMPLES
        return frame


class BrowserPage:
    """One page with its phone on. `say` brings a message to the node; `take` takes what the node says."""

    def __init__(self, say: Callable[[Message], None], tone_hz: float = 0.0) -> None:
        self._say = say
        self._tone_hz = tone_hz
        self.messages: list[Message] = []
        self.microphone: Microphone | None = None
        self.close_code: int | None = None
        self.frames = 0
        self.heard_since: dict[float, float] = {}
        """When each tone in `listen_for` was first heard, monotonic seconds."""
        self.listen_for: tuple[float, ...] = ()
        self._heard: deque[NDArray[np.float64]] = deque(maxlen=WINDOW_SAMPLES // FRAME_SAMPLES)
        self._connection: RTCPeerConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    def send(self, message: Message) -> None:
        """The node says something (the page's side of `PageSocket`)."""
        self.messages.append(message)
        if message["type"] == "sdp" and self._connection is not None:
            self._spawn(self._connection.setRemoteDescription(RTCSessionDescription(message["sdp"], "answer")))
        self._news.set()

    def close(self, code: int) -> None:
        """The node hung the socket up."""
        self.close_code = code
        self._news.set()

    # -- what a person does ----------------------------------------------------------------------------------------

    def register(self, **more: str) -> None:
        self._say({"type": "register", **more})

    def ringing(self, leg: str) -> None:
        self._say({"type": "ringing", "leg": leg})

    async def answer(self, leg: str) -> None:
        """Accept; returns when the offer is sent."""
        self._say({"type": "answer", "leg": leg, "sdp": await self._offer()})

    async def call(self, called: str) -> None:
        self._say({"type": "call", "called": called, "sdp": await self._offer()})

    async def reconnect(self, leg: str) -> None:
        """Drop the connection and make a new one for the same leg, as after a network change."""
        self._say({"type": "reconnect", "leg": leg, "sdp": await self._offer()})

    def decline(self, leg: str, reason: str = "declined") -> None:
        self._say({"type": "decline", "leg": leg, "reason": reason})

    def hang_up(self, leg: str) -> None:
        self._say({"type": "hang_up", "leg": leg})

    def press(self, leg: str, digit: str) -> None:
        self._say({"type": "dtmf", "leg": leg, "digit": digit})

    def hold(self, leg: str, on: bool) -> None:
        self._say({"type": "hold", "leg": leg, "on": on})

    def measured(self, leg: str, rtt_ms: float, jitter_ms: float, lost_percent: float) -> None:
        figures = {"rtt_ms": rtt_ms, "jitter_ms": jitter_ms, "lost_percent": lost_percent}
        self._say({"type": "quality", "leg": leg, **figures})

    # -- what it notices -------------------------------------------------------------------------------------------

    async def message(self, kind: str, fits: Callable[[Message], bool] = lambda message: True) -> Message:
        """Wait for a message of a type that fits; what came already counts, the newest first.

        Who waits for news of a certain leg says so by `fits`: an older leg has had its ring and its end, too.
        """
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                self._news.clear()
                found = [each for each in self.messages if each["type"] == kind and fits(each)]
                if found:
                    return found[-1]
                await self._news.wait()

    async def until_closed(self) -> int:
        """Wait until the node hangs the socket up; gives the code."""
        async with asyncio.timeout(TIMEOUT_S):
            while self.close_code is None:
                self._news.clear()
                await self._news.wait()
        return self.close_code

    def hears(self, tone_hz: float) -> bool:
        """Whether this tone is in the last 200 ms."""
        if len(self._heard) < (self._heard.maxlen or 0):
            return False
        return amplitude(np.concatenate(self._heard), tone_hz) > HEARD_FROM

    async def until_hears(
        self, tone_hz: float, *, deaf_to: tuple[float, ...] = (), timeout_s: float = TIMEOUT_S
    ) -> None:
        """Wait until a tone is heard, and none of the others at that moment."""
        async with asyncio.timeout(timeout_s):
            while not (self.hears(tone_hz) and not any(self.hears(other) for other in deaf_to)):
                self._news.clear()
                await self._news.wait()

    async def until_silent(self) -> None:
        """Wait until the last 200 ms were silent."""
        async with asyncio.timeout(TIMEOUT_S):
            while not self._heard or self.level() > 0.01:
                self._news.clear()
                await self._news.wait()

    async def until_sounds(self) -> None:
        """Wait until anything is heard."""
        async with asyncio.timeout(TIMEOUT_S):
            while self.level() < 0.02:
                self._news.clear()
                await self._news.wait()

    def level(self) -> float:
        """The highest sample of the last 200 ms, 1 being full scale."""
        return float(np.abs(np.concatenate(self._heard)).max()) if self._heard else 0.0

    async def leave(self) -> None:
        """Drop the media, as a page that is closed or reloaded does."""
        connection, self._connection = self._connection, None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if connection is not None:
            await connection.close()

    # -- media -----------------------------------------------------------------------------------------------------

    async def _offer(self) -> str:
        await self.leave()
        use_loopback_if_alone()
        connection = self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.microphone = Microphone(self._tone_hz)
        connection.addTrack(self.microphone)
        hand_on_at_once(connection.getTransceivers()[0].receiver)
        connection.on("track", lambda track: self._spawn(self._listen(track)))
        await connection.setLocalDescription(await connection.createOffer())
        return str(connection.localDescription.sdp)

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE_HZ, frame_size=FRAME_SAMPLES)
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                for part in resampler.resample(frame):
                    self._hear(part.to_ndarray().reshape(-1).astype(np.float64) / 32_768.0)

    def _hear(self, samples: NDArray[np.float64]) -> None:
        self.frames += 1
        self._heard.append(samples)
        for tone_hz in self.listen_for:
            if tone_hz not in self.heard_since and amplitude(samples, tone_hz) > HEARD_FROM:
                self.heard_since[tone_hz] = time.monotonic()
        self._news.set()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def use_loopback_if_alone() -> None:
    """Let ICE use 127.0.0.1 on a machine that has no other address."""
    every = aioice.ice.get_host_addresses
    if not every(use_ipv4=True, use_ipv6=True):
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


@asynccontextmanager
async def browser_phone(
    web: str, cookie: str, *, tone_hz: float = 0.0, register: bool = True
) -> AsyncIterator[BrowserPage]:
    """A page over a real WebSocket.

    Args:
        web: The desk's address, `http://127.0.0.1:8080`.
        cookie: `name=value` of a log-in.
        register: Switch the phone on at once and wait until it is.
    """
    headers = {"Cookie": cookie, "Origin": web}
    async with connect(f"{web.replace('http', 'ws', 1)}/api/phone", additional_headers=headers, proxy=None) as socket:
        loop = asyncio.get_running_loop()
        sending: set[asyncio.Task[None]] = set()

        def say(message: Message) -> None:
            task = loop.create_task(_send(socket, message))
            sending.add(task)
            task.add_done_callback(sending.discard)

        page = BrowserPage(say, tone_hz)
        reading = loop.create_task(_read(socket, page))
        try:
            if register:
                page.register()
                await page.message("registered")
            yield page
        finally:
            await page.leave()
            await asyncio.gather(*sending, return_exceptions=True)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _send(socket: Any, message: Message) -> None:
    with suppress(ConnectionClosed):
        await socket.send(json.dumps(message))


async def _read(socket: Any, page: BrowserPage) -> None:
    try:
        async for text in socket:
            page.send(json.loads(text))
    except ConnectionClosed:
        pass
    finally:
        page.close(socket.close_code or 1006)
