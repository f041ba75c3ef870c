"""One browser's audio connection: aiortc on one side, a shared PCM ring on the other. Media worker processes only.

Inbound: RTP ─► decoder ─► resampler ─► ring ─► bridge. Outbound: bridge ─► ring ─► encoder ─► RTP, a frame every 20 ms
of the monotonic clock. Both ways the ring is kept short (`Slack`); what is too late is left out, never queued.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction

import structlog
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket
from av import AudioCodecContext, AudioFrame, AudioResampler, AudioStream, CodecContext, Packet

from telephony.browser.sdp import first_codec
from telephony.browser.slack import Slack
from telephony.native.shared_ring import SharedRing

log = structlog.get_logger(__name__)

RESERVE_FRAMES, LIMIT_FRAMES = 1, 5
"""In the ring towards the bridge 20 ms are left at the lowest moment, and never more than 100 ms wait."""
OPUS_BITS_PER_S = 32_000
LATE_S = 0.1
"""A pacer that is later than this (a stalled machine) starts anew instead of hurrying."""
_HALF = 1 << 15


class PromptBuffer(JitterBuffer):
    """Hands every packet on at once, in order; a packet that was overtaken is dropped.

    aiortc's own holds four packets back (80 ms), and after each lost one another dozen for good. The ring behind us
    evens out jitter, so nothing has to wait here.
    """

    def __init__(self) -> None:
        super().__init__(capacity=2)
        self._newest: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        number = packet.sequence_number
        if self._newest is not None and not 0 < (number - self._newest) & 0xFFFF < _HALF:
            return False, None
        self._newest = number
        data: bytes = packet._data  # type: ignore[attr-defined]
        return False, JitterFrame(data, packet.timestamp)


def hand_on_at_once(receiver: RTCRtpReceiver) -> None:
    """Let a receiver hold nothing back. aiortc has no setting for it; a test notices when the name is gone."""
    name = "_RTCRtpReceiver__jitter_buffer"
    if not hasattr(receiver, name):
        raise AttributeError(name)
    setattr(receiver, name, PromptBuffer())


class FromBridge(MediaStreamTrack):
    """What the bridge mixed for this person, a frame every 20 ms; silence where there is none.

    With Opus it gives encoded packets: aiortc would first make 48 kHz stereo of our telephone band, at four times the
    bits and twice the work.
    """

    kind = "audio"

    def __init__(self, ring: SharedRing) -> None:
        super().__init__()
        self._ring = ring
        self._rate, self._frame = ring.clock_rate_hz, ring.frame_samples
        self._frame_s = self._frame / self._rate
        self._slack = _slack(ring)
        self._silence = bytes(2 * self._frame)
        self._due: float | None = None
        self._pts = 0
        self._opus: AudioCodecContext | None = None
        self.muted = False

    def encode_opus(self) -> None:
        """Give Opus packets from now on."""
        self._opus = _opus_encoder(self._rate)

    async def recv(self) -> AudioFrame | Packet[AudioStream]:
        """Give the next frame when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        await self._wait()
        frame = AudioFrame(format="s16", layout="mono", samples=self._frame)
        plane = frame.planes[0]
        plane.update(self._read().ljust(plane.buffer_size, b"\0"))
        frame.pts, frame.sample_rate, frame.time_base = self._pts, self._rate, Fraction(1, self._rate)
        self._pts += self._frame
        if self._opus is None:
            return frame
        (packet,) = self._opus.encode(frame)  # its frame size is ours
        packet.pts = frame.pts
        return packet

    async def _wait(self) -> None:
        now = time.monotonic()
        if self._due is None or now - self._due > LATE_S:
            self._ring.skip(self._ring.available() - self._frame)
            self._due = now
        self._due += self._frame_s
        await asyncio.sleep(max(0.0, self._due - now))

    def _read(self) -> bytes:
        ring = self._ring
        if self._slack.is_surplus(ring.available()):
            ring.skip(self._frame)
        if ring.available() < self._frame:
            return self._silence
        samples = ring.read(self._frame)
        return samples if len(samples) == len(self._silence) and not self.muted else self._silence


class Peer:
    """One connection of one line. `tell(what, **more)` reports `answered`, `connected`, `failed`."""

    def __init__(self, ring: SharedRing, codecs: tuple[str, ...], tell: Callable[..., None]) -> None:
        self._ring = ring
        self._tell = tell
        self._codecs = codecs
        # Without it aiortc asks a public STUN server. We are reached at our own addresses, or through a browser's TURN.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._outbound = FromBridge(ring)
        self._reading: asyncio.Task[None] | None = None
        self._held = False
        self._connection.on("track", self._track)
        self._connection.on("connectionstatechange", self._state_changed)

    async def connect(self, offer: str) -> None:
        """Answer the offer; the rest goes by events."""
        connection = self._connection
        connection.addTrack(self._outbound)
        (transceiver,) = connection.getTransceivers()
        transceiver.setCodecPreferences(_wanted(self._codecs))
        hand_on_at_once(transceiver.receiver)
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        answer = await connection.createAnswer()
        if first_codec(answer.sdp) == "opus":
            self._outbound.encode_opus()
        await connection.setLocalDescription(answer)
        self._tell("answered", sdp=connection.localDescription.sdp)

    def hold(self, on: bool) -> None:
        """Let neither side hear the other."""
        self._held = self._outbound.muted = on

    async def close(self) -> None:
        """Hang up and stop touching the ring."""
        self._connection.remove_all_listeners()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._connection.close()

    def _track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read(track))

    def _state_changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._tell("connected")
        elif state == "failed":
            self._tell("failed", reason="no connection (ICE or DTLS)")

    async def _read(self, track: MediaStreamTrack) -> None:
        """Carry what the browser sends to the bridge until it ends."""
        ring = self._ring
        slack = _slack(ring)
        resampler: AudioResampler | None = None
        kind: tuple[str, int] | None = None
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            if resampler is None or kind != (frame.layout.name, frame.sample_rate):
                kind = (frame.layout.name, frame.sample_rate)  # the browser may change the codec at any time
                resampler = _resampler(ring)
            ring.beat()
            for part in resampler.resample(frame):
                if not slack.is_surplus(ring.queued()) and not self._held:
                    ring.write(bytes(part.planes[0])[: 2 * part.samples])


def _opus_encoder(rate_hz: int) -> AudioCodecContext:
    """A mono encoder for speech; each packet carries the one before in short, in case it is lost (RFC 6716 §2.1.7)."""
    encoder = CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.bit_rate = OPUS_BITS_PER_S
    encoder.format, encoder.layout, encoder.sample_rate = "s16", "mono", rate_hz
    encoder.time_base = Fraction(1, rate_hz)
    encoder.options = {"application": "voip", "frame_duration": "20", "fec": "1", "packet_loss": "5"}
    return encoder


def _slack(ring: SharedRing) -> Slack:
    frame = ring.frame_samples
    return Slack(frame, RESERVE_FRAMES * frame, LIMIT_FRAMES * frame)


def _resampler(ring: SharedRing) -> AudioResampler:
    return AudioResampler(format="s16", layout="mono", rate=ring.clock_rate_hz, frame_size=ring.frame_samples)


def _wanted(codecs: tuple[str, ...]) -> list[RTCRtpCodecCapability]:
    """aiortc's capabilities of these codecs, in this order."""
    capabilities = RTCRtpReceiver.getCapabilities("audio")
    assert capabilities is not None
    by_name = {codec.mimeType.lower(): codec for codec in capabilities.codecs}
    return [by_name[name] for name in (f"audio/{codec}".lower() for codec in codecs) if name in by_name]
