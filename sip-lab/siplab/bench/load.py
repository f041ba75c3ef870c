"""Many callers in one process, each with a tone, run as `python -m siplab.bench.load`.

Start command: `{"do": "start", "target": "host:port", "number": "5001"}`. Then `call` (count; parallel, how many at
once; keep, else each hangs up when answered), `report`, `hang_up` and `quit`. Events: `ready`, `called` (failures and
set-up times in ms), `report` (calls, RTP received and lost), `idle` (all calls ended).
"""

from __future__ import annotations

import time
from typing import Any

import pjsua2 as pj

from siplab.command_input import CommandInput, EventOutput
from siplab.stack import (
    PUMP_MS,
    account_config,
    audio_only,
    open_transport,
    run_endpoint,
    serve,
    start_endpoint,
    steady_tone,
)

ADDRESS = "127.0.0.1"
MAX_CALLS = 1_000
TONE_HZ = 440


class LoadCall(pj.Call):
    """One caller."""

    def __init__(self, load: Load) -> None:
        super().__init__(load.account)
        self._load = load
        self.started_at = time.monotonic()
        self.answered = False

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.answered = True
            self._load.answered(self, (time.monotonic() - self.started_at) * 1000)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._load.ended(self, int(info.lastStatusCode))

    def onCallMediaState(self, prm: Any) -> None:
        if self.getInfo().state != pj.PJSIP_INV_STATE_DISCONNECTED and not self._load.silent:
            self._load.voice.startTransmit(self.getAudioMedia(-1))


class Load:
    """Owns PJSIP, the callers and the one tone they all send."""

    def __init__(self, config: dict[str, Any], output: EventOutput) -> None:
        self._output = output
        self._uri = f"sip:{config['number']}@{config['target']};transport=udp"
        self.silent = False
        self._endpoint = start_endpoint(MAX_CALLS, ("PCMU",), ports=MAX_CALLS + 20)
        open_transport(self._endpoint, "udp", ADDRESS)
        run_endpoint(self._endpoint)
        self.account = pj.Account()
        self.account.create(account_config(f'"Load" <sip:+385915550199@{ADDRESS}>', ADDRESS))
        self.voice: Any = steady_tone(TONE_HZ)
        self.calls: set[LoadCall] = set()
        self._gone: list[LoadCall] = []
        self._setups_ms: list[float] = []
        self._failures: dict[str, int] = {}
        self._left = self._pending = 0
        self._began_at = self._last_at = 0.0
        self._keep = True
        self._parallel = 1

    def run(self, commands: CommandInput) -> None:
        """Serve until `quit` or the end of input."""
        self._output.emit("ready")
        while not commands.ended:
            self._endpoint.libHandleEvents(PUMP_MS)
            self._gone.clear()  # destroyed here, outside of their own callbacks
            self._call_more()
            for command in commands.commands():
                if command["do"] == "quit":
                    return
                self._obey(command)

    def _obey(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "call":
                self._setups_ms, self._failures = [], {}
                self._left, self._pending = min(int(command["count"]), MAX_CALLS * 100), 0
                self._parallel, self._keep = int(command["parallel"]), bool(command["keep"])
                self.silent = bool(command.get("silent", False))
                self._began_at = self._last_at = time.monotonic()
            case "report":
                self._report()
            case "hang_up":
                for call in tuple(self.calls):
                    call.hangup(pj.CallOpParam(True))
                if not self.calls:
                    self._output.emit("idle")

    def _call_more(self) -> None:
        while self._left and self._pending < self._parallel and len(self.calls) < MAX_CALLS:
            self._left -= 1
            self._pending += 1
            call = LoadCall(self)
            self.calls.add(call)
            call.makeCall(self._uri, audio_only())

    def answered(self, call: LoadCall, setup_ms: float) -> None:
        """Note a caller who is connected."""
        self._setups_ms.append(setup_ms)
        self._settled()
        if not self._keep:
            call.hangup(pj.CallOpParam(True))

    def ended(self, call: LoadCall, code: int) -> None:
        """Note a caller who is gone; before an answer that is a failure."""
        self.calls.discard(call)
        self._gone.append(call)
        if not call.answered:
            self._failures[str(code)] = self._failures.get(str(code), 0) + 1
            self._settled()
        if not self.calls and not self._left:
            self._output.emit("idle")

    def _settled(self) -> None:
        self._pending -= 1
        self._last_at = time.monotonic()
        if not self._left and not self._pending:
            took_s = self._last_at - self._began_at
            self._output.emit("called", setup_ms=self._setups_ms, failures=self._failures, took_s=took_s)

    def _report(self) -> None:
        received = lost = 0
        for call in self.calls:
            if call.answered:
                whole = call.getStreamStat(0)  # must outlive what is read from it
                rx = whole.rtcp.rxStat
                received, lost = received + int(rx.pkt), lost + int(rx.loss)
        self._output.emit("report", calls=len(self.calls), received=received, lost=lost)

    def close(self) -> None:
        """Destroy everything in order, without words to the far end: it is told by `hang_up` before."""
        self._endpoint.hangupAllCalls()
        self.calls.clear()
        self._gone.clear()
        self.account.shutdown()
        self.voice = None
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)


def main() -> None:
    """Be the load that the start command describes."""
    serve(Load)


if __name__ == "__main__":
    main()
