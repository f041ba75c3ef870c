"""Network weather: loss, jitter and reordering on the media of callers, the same for the same seed.

Each leg under weather has a relay between the far end and the caller: its address stands in the caller's session
description, so the far end sends there; the caller answers to where sound comes from. `Weather` decides, purely, what
happens to each packet of a direction; the relay does it. RTCP passes with the delay alone.

The caller's first packets go past the relay, because they leave before any sound came. Far ends that answer to where
they are spoken to from would send past it from then on; so the relay speaks to the far end, with packets of silence,
until the caller's own come its way.

The relays live in a process of their own, `python -m siplab.load.weather`. Start command: `{"do": "start", "legs",
"address", "seed", "weather": Climate as JSON}`. Event `ready` names the RTP `ports` (RTCP is the next) and the
`control` port: a datagram `{"port", "host", "rtp", "leg", "payload", "ssrc"}` gives a relay to a caller's leg, and
`{"port", "far"}` tells it where the far end is.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import random
import selectors
import socket
import struct
import time
from dataclasses import asdict, dataclass
from typing import Any

from siplab.command_input import CommandInput, EventOutput
from siplab.stack import serve

LATE_MS = 40.0
"""A reordered packet comes so much later: behind the next two of 20 ms."""
MAX_QUEUED = 20_000
MAX_PACKET = 2_048
IDLE_S = 0.02
MOST_GREETINGS = 25
PAIR_TRIES = 200
RTP_HEAD, SILENCE = struct.Struct("!BBHII"), b"\xff" * 160
"""An RTP packet (RFC 3550 §5.1) of 20 ms of silence."""


@dataclass(frozen=True, slots=True)
class Climate:
    """How bad the network is, one way."""

    loss_percent: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Spread of the delay: normal, cut at three times and at zero."""
    reorder_percent: float = 0.0

    @property
    def is_clear(self) -> bool:
        return not any(asdict(self).values())


class Weather:
    """What happens to one direction of one leg's packets, in the order they come."""

    def __init__(self, climate: Climate, seed: int, leg: int, direction: int) -> None:
        self._climate = climate
        self._chance = random.Random(f"{seed}/{leg}/{direction}")

    def delay_s(self) -> float | None:
        """Decide on the next packet: how long it is held up, or None when it is lost."""
        climate, chance = self._climate, self._chance
        lost, late, spread = chance.random(), chance.random(), chance.gauss(0.0, 1.0)  # always three: reproducible
        if lost * 100 < climate.loss_percent:
            return None
        delay_ms = climate.delay_ms + climate.jitter_ms * max(-3.0, min(3.0, spread))
        if late * 100 < climate.reorder_percent:
            delay_ms += LATE_MS
        return max(0.0, delay_ms) / 1000


class Relay:
    """One leg: forwards what comes from the far end to the caller, and from the caller to the far end."""

    def __init__(self, address: str) -> None:
        self.rtp, self.rtcp = _pair(address)
        self.port = int(self.rtp.getsockname()[1])
        self._caller: tuple[str, int] | None = None
        self._far: dict[socket.socket, tuple[str, int]] = {}
        self._weather: tuple[Weather, Weather] | None = None
        self._steady_s = 0.0
        self._payload = self._ssrc = self._greetings = 0
        self._passes = False

    def take(self, order: dict[str, Any], climate: Climate, seed: int) -> None:
        """Serve a new leg; packets of the former one have nowhere to go any more."""
        self._caller, leg = (str(order["host"]), int(order["rtp"])), int(order["leg"])
        self._payload, self._ssrc = int(order["payload"]), int(order["ssrc"])
        self._far.clear()
        self._weather = (Weather(climate, seed, leg, 0), Weather(climate, seed, leg, 1))
        self._steady_s = climate.delay_ms / 1000

    def reach(self, far: tuple[str, int]) -> None:
        """Take the far end's address."""
        self._far[self.rtp] = far
        self._passes, self._greetings = False, MOST_GREETINGS

    def greet(self) -> bool:
        """Speak to the far end unless the caller does it through here; tells whether to do that again."""
        far = self._far.get(self.rtp)
        if self._passes or far is None or not self._greetings:
            return False
        self._greetings -= 1
        with contextlib.suppress(OSError):
            self.rtp.sendto(
                RTP_HEAD.pack(0x80, self._payload, MOST_GREETINGS - self._greetings, 0, self._ssrc) + SILENCE, far
            )
        return True

    def route(self, via: socket.socket, source: tuple[str, int]) -> tuple[tuple[str, int], float] | None:
        """Say where a packet goes and how much later; None when it is lost or nobody is known."""
        if self._caller is None or self._weather is None:
            return None
        caller = self._caller if via is self.rtp else (self._caller[0], self._caller[1] + 1)
        outward = source == caller
        if not outward:
            self._far[via] = source
        elif via is self.rtp:
            self._passes = True
        towards = self._far.get(via) if outward else caller
        delay_s = self._steady_s if via is self.rtcp else self._weather[outward].delay_s()
        return (towards, delay_s) if towards is not None and delay_s is not None else None


def _pair(address: str) -> tuple[socket.socket, socket.socket]:
    """Bind an even port and the next one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(PAIR_TRIES):
        rtp, rtcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            rtp.bind((address, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0 and port < 65_535:
                rtcp.bind((address, port + 1))
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return rtp, rtcp
        rtp.close()
        rtcp.close()
    raise OSError("no two free ports side by side")


class Station:
    """All relays of one process."""

    def __init__(self, config: dict[str, Any], output: EventOutput) -> None:
        address = str(config["address"])
        self._emit = output.emit
        self._climate, self._seed = Climate(**config["weather"]), int(config["seed"])
        self._relays = {relay.port: relay for relay in (Relay(address) for _ in range(int(config["legs"])))}
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control.bind(("127.0.0.1", 0))
        self._control.setblocking(False)
        self._queue: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self._order = itertools.count()
        self._greeting: set[Relay] = set()
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._control, selectors.EVENT_READ, None)
        for relay in self._relays.values():
            for via in (relay.rtp, relay.rtcp):
                self._ready.register(via, selectors.EVENT_READ, relay)

    def run(self, commands: CommandInput) -> None:
        """Forward until told to quit."""
        self._emit("ready", ports=list(self._relays), control=self._control.getsockname()[1])
        looked_at = 0.0
        while not commands.ended:
            now = time.monotonic()
            if now - looked_at > IDLE_S:
                looked_at = now
                self._greeting = {relay for relay in self._greeting if relay.greet()}
                if any(command["do"] == "quit" for command in commands.commands()):
                    return
            wait_s = min(IDLE_S, max(0.0, self._queue[0][0] - now)) if self._queue else IDLE_S
            for key, _events in self._ready.select(wait_s):
                if key.data is None:
                    self._assign()
                else:
                    self._take_packets(key.fileobj, key.data)  # type: ignore[arg-type]
            self._send_due()

    def _assign(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                order = json.loads(self._control.recv(MAX_PACKET))
                relay = self._relays[order["port"]]
                if "far" in order:
                    relay.reach((str(order["far"][0]), int(order["far"][1])))
                    self._greeting.add(relay)
                else:
                    relay.take(order, self._climate, self._seed)

    def _take_packets(self, via: socket.socket, relay: Relay) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, source = via.recvfrom(MAX_PACKET)
                route = relay.route(via, source[:2])
                if route is not None and len(self._queue) < MAX_QUEUED:
                    entry = (time.monotonic() + route[1], next(self._order), via, packet, route[0])
                    heapq.heappush(self._queue, entry)

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._queue and self._queue[0][0] <= now:
            _at, _order, via, packet, towards = heapq.heappop(self._queue)
            with contextlib.suppress(OSError):  # a full buffer, or a caller who has gone, is weather, too
                via.sendto(packet, towards)

    def close(self) -> None:
        """Close all sockets."""
        self._ready.close()
        self._control.close()
        for relay in self._relays.values():
            relay.rtp.close()
            relay.rtcp.close()


if __name__ == "__main__":
    serve(Station)
