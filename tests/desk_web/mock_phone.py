"""The centre's side of phones in pages, for the mock desk: scripted rings, and a WebRTC peer that sings and listens."""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import AudioFrame
from starlette.websockets import WebSocket, WebSocketDisconnect

Doc = dict[str, Any]
ANA: Doc = {"display": "Ana Kovač", "number": "+385 1 555 0142"}
LEG, TONE_HZ, RATE_HZ, FRAME = "leg_1", 880, 48_000, 960


class _Tone(AudioStreamTrack):
    """A steady tone at the pace of a sound card."""

    _sent = 0
    _began = 0.0

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(self._began + self._sent / RATE_HZ - loop.time())
        phase = 2 * np.pi * TONE_HZ * (np.arange(FRAME) + self._sent) / RATE_HZ
        frame = AudioFrame.from_ndarray((8_000 * np.sin(phase)).astype(np.int16)[None, :], layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._sent, fractions.Fraction(1, RATE_HZ)
        self._sent += FRAME
        return frame


@dataclass
class MockPhones:
    """What pages said, and what the centre says to them. One page at a time is enough here."""

    said: list[Doc] = field(default_factory=list)
    socket: WebSocket | None = None
    loudness: float = 0.0
    """Of the last 20 ms that came from the page, 0 to 1."""
    peers: list[RTCPeerConnection] = field(default_factory=list)
    leg: str | None = None
    """The leg that has a peer."""
    refusal: int | None = None
    """Close code for pages that want to connect."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        if self.refusal is not None:
            return await socket.close(self.refusal)
        self.socket = socket
        try:
            while True:
                await self._take(await socket.receive_json())
        except WebSocketDisconnect:
            pass
        finally:
            if self.socket is socket:
                self.socket = None
            self.news.set()

    async def tell(self, type_: str, **content: object) -> None:
        assert self.socket is not None
        await self.socket.send_json({"type": type_, **content})

    async def ring(self, escalation: str | None = None, interaction: str | None = None, leg: str = LEG) -> None:
        await self.tell("ring", leg=leg, caller=ANA, escalation=escalation, interaction=interaction)

    async def end(self, reason: str, message: str = "") -> None:
        await self.tell("ended", leg=self.leg or LEG, reason=reason, message=message)
        await self.close()

    async def cut(self) -> None:
        """Lose the page's link as a restart or a bad network does."""
        assert self.socket is not None
        await self.socket.close(1012)

    async def close(self) -> None:
        self.leg = None
        for peer in self.peers:
            await peer.close()
        self.peers.clear()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def wait_said(self, type_: str, count: int = 1) -> Doc:
        """The message of a type that came as the `count`th."""
        found: Callable[[], list[Doc]] = lambda: [one for one in self.said if one["type"] == type_]  # noqa: E731
        await self.until(lambda: len(found()) >= count)
        return found()[count - 1]

    async def _take(self, message: Doc) -> None:
        self.said.append(message)
        self.news.set()
        leg = message.get("leg", LEG)
        match message["type"]:
            case "register":
                codecs = ["opus", "G722", "PCMU"]
                await self.tell("registered", phone="phone_1", resumed=self.leg, ice_servers=[], codecs=codecs)
            case "call":
                await self.tell("calling", leg=LEG)
                await self._open(LEG, message["sdp"])
            case "answer" | "reconnect":
                await self._open(leg, message["sdp"])
            case "hang_up":
                await self.end("hung_up")

    async def _open(self, leg: str, offer: str) -> None:
        self.leg = leg
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        peer.addTrack(_Tone())
        peer.on("track", lambda track: self._tasks.add(asyncio.create_task(self._listen(track))))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        await self.tell("sdp", leg=leg, sdp=peer.localDescription.sdp)
        await self.tell("connected", leg=leg)

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def _listen(self, track: Any) -> None:
        try:
            while True:
                samples = (await track.recv()).to_ndarray().astype(float) / 32_768
                self.loudness = float(np.sqrt(np.mean(samples**2)))
                self.news.set()
        except MediaStreamError:
            pass
