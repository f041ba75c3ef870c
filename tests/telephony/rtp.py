"""The audio side of the test phone: sends a tone and key presses as RTP, keeps what it hears, finds tones in it."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import cast

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8_000
FRAME_SAMPLES = 160
WINDOW_SAMPLES = 1_600
TELEPHONE_EVENT = 101
KEYS = "0123456789*#ABCD"


def mulaw_table() -> NDArray[np.float64]:
    """Decode table of G.711 mu-law (ITU-T G.711), to -1..1."""
    codes = ~np.arange(256, dtype=np.int64) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
    decoded: NDArray[np.float64] = np.where(codes & 0x80, -magnitude, magnitude) / 32_768.0
    return decoded


_DECODE = mulaw_table()
_ORDER = np.argsort(_DECODE)


def encode_mulaw(samples: NDArray[np.float64]) -> bytes:
    """Encode samples of -1..1 to the nearest mu-law codes."""
    found = np.searchsorted(_DECODE[_ORDER], samples).clip(0, 255)
    encoded: bytes = _ORDER[found].astype(np.uint8).tobytes()
    return encoded


class RtpAudio(asyncio.DatagramProtocol):
    """One RTP socket. `tone_hz` is what it sends once started; 0 sends silence."""

    def __init__(self, tone_hz: float) -> None:
        self.tone_hz = tone_hz
        self.packets = 0
        self.key_type = TELEPHONE_EVENT
        """RTP payload type of key presses; the offer decides."""
        self._heard: deque[int] = deque(maxlen=WINDOW_SAMPLES)
        self.recording: bytearray | None = None
        """Everything heard from when this is set; mu-law."""
        self._sequence = 0
        self._stamp = 0
        self._sender: asyncio.Task[None] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str, tone_hz: float) -> RtpAudio:
        """Bind a free port."""
        loop = asyncio.get_running_loop()
        _, audio = await loop.create_datagram_endpoint(lambda: cls(tone_hz), local_addr=(host, 0))
        return audio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.packets += 1
        if len(data) > 12 and data[1] & 0x7F == 0:
            self._heard.extend(data[12:])
            if self.recording is not None:
                self.recording += data[12:]

    @property
    def port(self) -> int:
        """The port to name in SDP."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def start(self, remote: tuple[str, int]) -> None:
        """Send the tone from now on."""
        self.stop()
        self._sender = asyncio.get_running_loop().create_task(self._send_tone(remote))

    def stop(self) -> None:
        """Fall silent: no packets at all."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    def close(self) -> None:
        """Stop and free the port."""
        self.stop()
        if self._transport is not None:
            self._transport.close()

    def press(self, key: str, remote: tuple[str, int]) -> None:
        """Send one key as RFC 4733 telephone-event: three updates, three ends, one timestamp."""
        event, stamp = KEYS.index(key), self._stamp
        for at in range(6):
            end = 0x80 if at >= 3 else 0
            duration = FRAME_SAMPLES * (min(at, 3) + 1)
            payload = struct.pack("!BBH", event, end | 10, duration)
            self._send(payload, self.key_type | (0x80 if at == 0 else 0), stamp, remote)

    def hears(self, tone_hz: float) -> bool:
        """Whether this tone is in the last 200 ms, at a twentieth of full scale or more."""
        if len(self._heard) < WINDOW_SAMPLES:
            return False
        samples = _DECODE[np.fromiter(self._heard, dtype=np.uint8)] * np.hanning(WINDOW_SAMPLES)
        phase = np.exp(-2j * np.pi * tone_hz / RATE_HZ * np.arange(WINDOW_SAMPLES))
        return bool(4 * abs(np.dot(samples, phase)) / WINDOW_SAMPLES > 0.05)

    def recorded_ms(self, tone_hz: float) -> float:
        """How long this tone was heard in the recording, measured every 10 ms in windows of 20 ms."""
        window, hop = 160, 80
        samples = _DECODE[np.frombuffer(bytes(self.recording or b""), dtype=np.uint8)]
        wave = np.hanning(window) * np.exp(-2j * np.pi * tone_hz / RATE_HZ * np.arange(window))
        starts = range(0, len(samples) - window, hop)
        return sum(10.0 for at in starts if 4 * abs(np.dot(samples[at : at + window], wave)) / window > 0.05)

    def flood(self, remote: tuple[str, int], packets: int) -> None:
        """Send many packets of the tone at once, as somebody does who wants to take a call over."""
        for _ in range(packets):
            self._send(encode_mulaw(self._frame()), 0, self._stamp, remote)
            self._stamp += FRAME_SAMPLES

    def level(self) -> float:
        """Root mean square of the last 200 ms, 1 being full scale; 0 before anything came."""
        samples = _DECODE[np.fromiter(self._heard, dtype=np.uint8)]
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0

    def forget(self) -> None:
        """Judge only what comes from now on."""
        self._heard.clear()

    async def _send_tone(self, remote: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        start, sent = loop.time(), 0
        while True:
            self._send(encode_mulaw(self._frame()), 0, self._stamp, remote)
            self._stamp += FRAME_SAMPLES
            sent += 1
            await asyncio.sleep(max(0.0, start + sent * FRAME_SAMPLES / RATE_HZ - loop.time()))

    def _frame(self) -> NDArray[np.float64]:
        at = np.arange(FRAME_SAMPLES) + self._stamp
        wave: NDArray[np.float64] = 0.25 * np.sin(2 * np.pi * self.tone_hz / RATE_HZ * at)
        return wave

    def _send(self, payload: bytes, kind: int, stamp: int, remote: tuple[str, int]) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, kind, self._sequence, stamp & 0xFFFFFFFF, 0x1234)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(header + payload, remote)
