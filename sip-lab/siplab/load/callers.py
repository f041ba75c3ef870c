"""Many callers in one process, run as `python -m siplab.load.callers`; each call has its own tone, ears and verdict.

Start command: `{"do": "start", "targets": {transport: "host:port"}, "address", "number", "codecs",
"answer_timeout_s", "max_calls", "tones": [[name, Hz], …] (the calls' own, in turn), "others": {name: Hz} (whom they
listen for besides), "relays": null or {"control", "ports"}}`. Then `call` (order: an Order), `reset` and `report`
(number), `hang_up` (all) and `quit`.

Events: `ready`, `sip` (number, way, what), `answered` (number, setup_ms), `report` (number, readings, hold_s,
reinvites; readings are null when the call is gone), `over` (number, setup_ms or null, talked_s, cause, media, hold_s,
reinvites, lag_ms: how late this process itself was at worst), and `idle` when the last is over.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from siplab.command_input import CommandInput, EventOutput
from siplab.load.caller import LOOK_S, Caller, Order
from siplab.phone import Ears
from siplab.sdp import audio_payload, audio_port, audio_ssrc
from siplab.stack import PUMP_MS, account_config, open_transport, run_endpoint, serve, start_endpoint, steady_tone

ECHO_DBFS = -30.0
COARSE_HOP_MS = 20
"""For callers who prove nobody's presence to ten milliseconds; the meters are what costs most in 600 of them."""
GOODBYE_S = 2.0


class Relays:
    """The weather's relays, given to calls and taken back."""

    def __init__(self, host: str, control: int, ports: list[int]) -> None:
        self._host = host
        self._free = list(ports)
        self._taken: dict[int, int] = {}
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control.connect(("127.0.0.1", control))

    def give(self, number: int, sdp: str) -> tuple[str, int]:
        """Put a relay before the RTP port of a call's session description; the same again for the same call."""
        if number not in self._taken:
            port = self._taken[number] = self._free.pop()
            rtp, payload, ssrc = audio_port(sdp), audio_payload(sdp), audio_ssrc(sdp)
            self._tell(port, {"host": self._host, "rtp": rtp, "leg": number, "payload": payload, "ssrc": ssrc})
            hear_only(self._host, rtp, port)
        return self._host, self._taken[number]

    def far_end_is(self, number: int, host: str, port: int) -> None:
        """Tell a call's relay where the far end is, so that the caller's packets find their way from the first on."""
        if number in self._taken:
            self._tell(self._taken[number], {"far": [host, port]})

    def _tell(self, port: int, order: dict[str, Any]) -> None:
        self._control.send(json.dumps({"port": port, **order}).encode())

    def take_back(self, number: int) -> None:
        """The call is over."""
        port = self._taken.pop(number, None)
        if port is not None:
            self._free.insert(0, port)  # used again last: late packets of the former call find nobody


def hear_only(host: str, own_port: int, port: int) -> None:
    """Connect the socket of this process that is bound to `own_port`: it hears nobody but `host`:`port` any more.

    PJSIP believes the address of the session description before all others, so a packet that comes past the relay would
    keep the relay's out. Sending to other addresses goes on as before.
    """
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # no socket, or closed meanwhile
            found = socket.socket(fileno=os.dup(int(name)))
            with found:
                if found.type == socket.SOCK_DGRAM and found.getsockname()[1:2] == (own_port,):
                    found.connect((host, port))
                    return


class Callers:
    """Owns PJSIP and the calls of this process."""

    def __init__(self, config: dict[str, Any], output: EventOutput) -> None:
        self.tell = output.emit
        self._targets: dict[str, str] = config["targets"]
        self._number = str(config["number"])
        self._answer_timeout_s = float(config["answer_timeout_s"])
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        most = int(config["max_calls"])
        self._endpoint = start_endpoint(most, config["codecs"], ports=2 * most + 40)
        self._address = str(config["address"])
        for transport in self._targets:
            open_transport(self._endpoint, transport, self._address)
        run_endpoint(self._endpoint)
        self._accounts: dict[bool, Any] = {}
        self._tones: list[tuple[str, int]] = [(str(name), int(hz)) for name, hz in config["tones"]]
        self._voices = [steady_tone(hz) for _name, hz in self._tones]
        self._others: dict[str, int] = config["others"]
        relays = config.get("relays")
        self._relays = Relays(self._address, relays["control"], relays["ports"]) if relays else None
        self.calls: dict[int, Caller] = {}
        self._gone: list[Caller] = []
        self._looked_at = 0.0
        self._ticked_at = time.monotonic()
        self._lag_ms = 0.0

    @property
    def listens_to_others(self) -> bool:
        return bool(self._others)

    def run(self, commands: CommandInput) -> None:
        """Serve until `quit` or the end of input."""
        self.tell("ready")
        while not commands.ended:
            self._endpoint.libHandleEvents(PUMP_MS)
            self._tick()
            for command in commands.commands():
                if command["do"] == "quit":
                    return
                self._obey(command)

    def _obey(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "call":
                self._call(Order(**command["order"]))
            case "reset":
                call = self.calls.get(int(command["number"]))
                if call is not None:
                    call.reset()
            case "report":
                number = int(command["number"])
                call = self.calls.get(number)
                self.tell("report", number=number, **(call.report() if call is not None else {"readings": None}))
            case "hang_up":
                self.hang_up("stopped")

    def _tick(self) -> None:
        now = time.monotonic()
        self._lag_ms = max(self._lag_ms, (now - self._ticked_at) * 1000 - PUMP_MS)
        self._ticked_at = now
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            for call in self.calls.values():
                call.look(now)
        for call in self._gone:  # outside of their own callbacks
            call.let_go()
        self._gone.clear()

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), act))

    def _call(self, order: Order) -> None:
        call = Caller(self, order)
        self.calls[order.number] = call
        uri = f"sip:{self._number}@{self._targets[order.transport]};transport={order.transport}"
        try:
            call.begin(uri, f'"Load" <sip:{order.caller}@{self._shown_address()}>')
        except pj.Error as error:
            call.ended(0, f"not begun: {error.reason}")
            return
        self._later(self._answer_timeout_s, lambda: call.give_up("no answer") if call.setup_ms is None else None)

    def _shown_address(self) -> str:
        return f"[{self._address}]" if ":" in self._address else self._address or "load.invalid"

    def account(self, srtp: bool) -> Any:
        """Give the account of callers with or without SRTP."""
        if srtp not in self._accounts:
            account = pj.Account()
            account.create(account_config(f"sip:load@{self._shown_address()}", self._address, srtp))
            self._accounts[srtp] = account
        return self._accounts[srtp]

    def relay_for(self, number: int, sdp: str) -> tuple[str, int]:
        """Put bad weather before a call."""
        assert self._relays is not None, "a call with weather needs relays"
        return self._relays.give(number, sdp)

    def far_end_is(self, number: int, address: str) -> None:
        """Let the weather reach the far end of a call, at `host:port`."""
        host, _, port = address.rpartition(":")
        if self._relays is not None:
            self._relays.far_end_is(number, host.strip("[]"), int(port))

    def answered(self, call: Caller) -> None:
        """Let it talk as long as planned."""
        self.tell("answered", number=call.number, setup_ms=call.setup_ms)
        self._later(call.order.talk_s, call.talked_enough)

    def ended(self, call: Caller, talked_s: float, cause: str, media: dict[str, float]) -> None:
        """Tell how it went."""
        self.calls.pop(call.number, None)
        self._gone.append(call)
        if self._relays is not None:
            self._relays.take_back(call.number)
        told = call.report()
        self.tell(
            "over",
            number=call.number,
            setup_ms=call.setup_ms,
            talked_s=talked_s,
            cause=cause,
            media=media,
            hold_s=told["hold_s"],
            reinvites=told["reinvites"],
            lag_ms=self._lag_ms,
        )
        if not self.calls:
            self.tell("idle")

    def hang_up(self, why: str) -> None:
        """End all calls."""
        for call in tuple(self.calls.values()):
            call.give_up(why)
        if not self.calls:
            self.tell("idle")

    def voice(self, number: int) -> Any:
        """Give the tone of a call; calls of one process share them in turn."""
        return self._voices[number % len(self._voices)]

    def ears(self, number: int) -> Ears:
        """Give ears for the call's own tone, for those of others, and for anything."""
        name, hz = self._tones[number % len(self._tones)]
        if self._others:
            return Ears.create(str(number), {name: hz, **self._others})
        return Ears.create(str(number), {name: hz}, ECHO_DBFS, COARSE_HOP_MS)

    def close(self) -> None:
        """Say goodbye to every far end within a bound, then destroy everything in order."""
        self.hang_up("stopped")
        deadline = time.monotonic() + GOODBYE_S
        while self.calls and time.monotonic() < deadline:
            self._endpoint.libHandleEvents(PUMP_MS)
        self._endpoint.hangupAllCalls()
        for call in (*self.calls.values(), *self._gone):
            call.let_go()
        self.calls.clear()
        self._gone.clear()
        for account in self._accounts.values():
            account.shutdown()
        self._voices.clear()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)


if __name__ == "__main__":
    serve(Callers)
