"""A robot: one process with its own PJSIP and one or more phones, run as `python -m siplab.robot`.

It reads commands as JSON lines on stdin and writes events as JSON lines on stdout. The first command sets it up:
`{"do": "start", "address": "127.0.0.1", "port": 0, "log_level": 0, "lines": [LineConfig as JSON, ...]}`. After `ready`
it obeys `register`, `unregister`, `call` (to), `answer`, `refuse` (code, contact), `hang_up`, `policy` (answer,
answer_after_ms), `dtmf` (digits, method: rtp or info), `refer` (to), `hold` (on), `mute` (on), `reset`, `arm`, `report`
(ref) and `quit`; each names its `line` (default: the first).

Each event carries `t`, CLOCK_MONOTONIC seconds, comparable between the processes of one machine. One thread does
everything; end of input means quit, so no robot outlives its master.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from siplab.command_input import CommandInput, EventOutput
from siplab.phone import LineConfig, Phone
from siplab.stack import PUMP_MS, open_transport, run_endpoint, serve, start_endpoint

GOODBYE_S = 1.0


class Robot:
    """Owns PJSIP's endpoint and the phones; `run` pumps events until told to quit."""

    def __init__(self, config: dict[str, Any], output: EventOutput) -> None:
        self.emit = output.emit
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._running = True
        calls = max(8, 2 * len(config["lines"]))
        self._endpoint = start_endpoint(calls, log_level=int(config.get("log_level", 0)))
        address = str(config.get("address", "127.0.0.1"))
        lines = [LineConfig(**line) for line in config["lines"]]
        transports = sorted({line.transport for line in lines})
        port = int(config.get("port", 0))
        self._listening = {name: open_transport(self._endpoint, name, address, port) for name in transports}
        run_endpoint(self._endpoint)
        self.phones = {line.line: Phone(line, address, self.emit, self.later) for line in lines}

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Run a function on this thread after a while, outside of any callback."""
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), act))

    def run(self, commands: CommandInput) -> None:
        """Serve PJSIP and the commands until `quit` or the end of input."""
        self.emit("ready", "", listening=self._listening)
        while self._running and not commands.ended:
            self._pump()
            for command in commands.commands():
                self._obey(command)
            for phone in self.phones.values():
                if phone.calls:
                    phone.ears.watch()

    def _pump(self) -> None:
        self._endpoint.libHandleEvents(PUMP_MS)
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _obey(self, command: dict[str, Any]) -> None:
        line = str(command.get("line") or next(iter(self.phones)))
        try:
            self._perform(self.phones[line], command)
        except (pj.Error, KeyError, ValueError) as error:
            said = error.info() if isinstance(error, pj.Error) else repr(error)
            self.emit("fault", line, what=f"{command.get('do')}: {said}")

    def _perform(self, phone: Phone, command: dict[str, Any]) -> None:
        match command["do"]:
            case "register":
                phone.register()
            case "unregister":
                phone.unregister()
            case "call":
                phone.call(str(command["to"]))
            case "answer":
                phone.answer()
            case "refuse":
                phone.refuse(int(command["code"]), str(command.get("contact", "")))
            case "hang_up":
                phone.hang_up()
            case "policy":
                phone.config.answer = str(command["answer"])
                phone.config.answer_after_ms = int(command.get("answer_after_ms", 0))
            case "dtmf":
                phone.dial_digits(str(command["digits"]), str(command.get("method", "rtp")))
            case "refer":
                phone.refer(str(command["to"]))
            case "hold":
                phone.set_hold(bool(command["on"]))
            case "mute":
                phone.mute(bool(command["on"]))
                phone.tell("muted" if command["on"] else "unmuted")
            case "reset":
                phone.ears.reset()
            case "arm":
                phone.ears.arm()
            case "report":
                phone.tell("report", ref=command.get("ref"), **phone.report())
            case "quit":
                self._running = False
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")

    def close(self) -> None:
        """Hang up, unregister and destroy the library, in this order and within a bound."""
        for phone in self.phones.values():
            phone.hang_up()
            if phone.config.password:
                phone.guarded(phone.unregister)
        deadline = time.monotonic() + GOODBYE_S
        while time.monotonic() < deadline and any(self._busy(phone) for phone in self.phones.values()):
            self._pump()
        for phone in self.phones.values():
            phone.close()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)

    @staticmethod
    def _busy(phone: Phone) -> bool:
        return bool(phone.calls) or bool(phone.config.password and phone.account.getInfo().regIsActive)


def main() -> None:
    """Be the robot that the start command describes."""
    serve(Robot)


if __name__ == "__main__":
    main()
