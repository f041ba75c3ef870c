"""Many callers in one process, run as `python -m siplab.load.caller`; each call has its own tone, ears and verdict.

Start command: `{"do": "start", "target": "sip:host:port;transport=udp", "number", "caller", "codec",
"answer_timeout_s", "max_calls"}`. Then `call` (number, talk_s), `hang_up` (all) and `quit`. Events: `ready`, `answered`
(number, setup_ms) and `over` (number, setup_ms or null, talked_s, cause, media, ladder, lag_ms: how late this process
itself was at worst); `idle` when the last is over.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from siplab.command_input import CommandInput, EventOutput

CLOCK_RATE_HZ = 8_000
PUMP_MS = 5
LOOK_S = 0.04
TONES_HZ = tuple(range(400, 2_000, 100))
TONE_VOLUME = 8_000
ECHO_DBFS, SOUND_DBFS = -30.0, -45.0
LADDER_LINES = 40
GOODBYE_S = 2.0
STREAM = 0


class Caller(pj.Call):
    """One caller: measures until the end, then tells."""

    def __init__(self, load: Callers, number: int, talk_s: float) -> None:
        super().__init__(load.account)
        self.number = number
        self.talk_s = talk_s
        self.began_at = time.monotonic()
        self.setup_ms: float | None = None
        self.over = False
        self._load = load
        self._answered_at = 0.0
        self._why = ""
        self._ladder: list[str] = []
        self._media: dict[str, float] = {}
        self._ears: Any = None
        self._sound_at: float | None = None
        self._silence_ms = self._sound_ms = 0.0
        self._loudest_dbfs = -120.0

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and self.setup_ms is None:
            self._answered_at = time.monotonic()
            self.setup_ms = (self._answered_at - self.began_at) * 1000
            self._load.answered(self)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.measure()
            self._ended(int(info.lastStatusCode), str(info.lastReason))

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # must outlive the loop: its media are references into it
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(index)
                self._load.voice(self.number).startTransmit(audio)
                if self._ears is None:
                    self._ears = self._load.ears(self.number)
                audio.startTransmit(self._ears)
                return

    def onCallTsxState(self, prm: Any) -> None:
        change = prm.e.body.tsxState
        if len(self._ladder) >= LADDER_LINES:
            return
        at_ms = (time.monotonic() - self.began_at) * 1000
        line = _ladder_line(change, change.tsx)
        if line:
            self._ladder.append(f"{at_ms:7.0f} ms {line}")

    def look(self, now: float) -> None:
        """Listen: called every few hundredths of a second."""
        if self._ears is None or self.over:
            return
        level = float(self._ears.levelDbfs())
        self._loudest_dbfs = max(self._loudest_dbfs, level)
        if level > SOUND_DBFS:
            if self._sound_at is not None:
                self._sound_ms += min(now - self._sound_at, 2 * LOOK_S) * 1000
            self._sound_at = now
        elif self._sound_at is not None:
            self._silence_ms = max(self._silence_ms, (now - self._sound_at) * 1000)

    def measure(self) -> None:
        """Take the stream's counts while it is there."""
        if self.setup_ms is None:
            return
        try:
            whole = self.getStreamStat(STREAM)  # must outlive what is read from it
        except pj.Error:
            return
        sent, received, buffer = whole.rtcp.txStat, whole.rtcp.rxStat, whole.jbuf
        self._media = {
            "sent": int(sent.pkt),
            "received": int(received.pkt),
            "lost": int(received.loss),
            "discarded": int(buffer.discard),
            "jitter_ms": received.jitterUsec.mean / 1000,
            "buffer_ms": float(buffer.avgDelayMsec),
            "rtt_ms": whole.rtcp.rttUsec.mean / 1000,
        }

    def give_up(self, why: str) -> None:
        """End the call from this side; `why` is empty for a call that is over as planned."""
        if self.over:
            return
        self._why = why
        self.measure()
        try:
            self.hangup(pj.CallOpParam(True))
        except pj.Error as error:
            self._ended(0, str(error.status))

    def _ended(self, code: int, reason: str) -> None:
        if self.over:
            return
        self.over = True
        now = time.monotonic()
        talked_s = now - self._answered_at if self.setup_ms is not None else 0.0
        cause = self._why
        if self.setup_ms is None and not cause:
            cause = f"{code} {reason}".strip()
        elif self.setup_ms is not None and not cause and talked_s < self.talk_s - 0.25:
            cause = "ended early by the far end"
        if self._ears is not None:
            heard = {"sound_ms": self._sound_ms, "longest_silence_ms": self._silence_ms}
            self._media |= heard | {"echo_ms": float(self._ears.heardMs(0)), "loudest_dbfs": self._loudest_dbfs}
        self._load.ended(self, talked_s, cause, self._media, self._ladder)

    def let_go(self) -> None:
        """Release what listens, after the call is over."""
        if self._ears is not None:
            self._ears.close()
            self._ears = None


def _ladder_line(change: Any, transaction: Any) -> str:
    """Give a message that came or went, as a line of a ladder; empty for anything else."""
    method, code = str(transaction.method), int(transaction.statusCode)
    match change.type:
        case pj.PJSIP_EVENT_RX_MSG if transaction.role == pj.PJSIP_ROLE_UAC:
            return f"<-- {code} ({method})"
        case pj.PJSIP_EVENT_RX_MSG:
            return f"<-- {method}"
        case pj.PJSIP_EVENT_TX_MSG if transaction.role == pj.PJSIP_ROLE_UAC:
            return f"--> {method}"
        case pj.PJSIP_EVENT_TX_MSG:
            return f"--> {code} ({method})"
        case pj.PJSIP_EVENT_TIMER | pj.PJSIP_EVENT_TRANSPORT_ERROR:
            return f"    no answer to {method}"
    return ""


class Callers:
    """Owns PJSIP and the calls of this process."""

    def __init__(self, config: dict[str, Any], output: EventOutput) -> None:
        self._emit = output.emit
        uri, _, parameters = str(config["target"]).partition(";")
        host = uri.removeprefix("sips:").removeprefix("sip:").rpartition("@")[2]
        self._transport = dict(p.partition("=")[::2] for p in parameters.split(";") if p).get("transport", "udp")
        self._uri = f"sip:{config['number']}@{host};transport={self._transport}"
        self._answer_timeout_s = float(config["answer_timeout_s"])
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._most = int(config["max_calls"])
        self._endpoint = _start_endpoint(self._most, str(config["codec"]))
        address = "::1" if host.startswith("[") else "127.0.0.1" if _is_loopback(host) else ""
        _open_transport(self._endpoint, self._transport, address)
        self._endpoint.libStart()
        self._endpoint.audDevManager().setNullDev()
        self.account = _account(str(config["caller"]), address)
        self._voices = [_voice(hz) for hz in TONES_HZ]
        self.calls: set[Caller] = set()
        self._gone: list[Caller] = []
        self._looked_at = 0.0
        self._ticked_at = time.monotonic()
        self._lag_ms = 0.0

    def run(self, commands: CommandInput) -> None:
        """Serve until `quit` or the end of input."""
        self._emit("ready")
        while not commands.ended:
            self._endpoint.libHandleEvents(PUMP_MS)
            self._tick()
            for command in commands.commands():
                match command["do"]:
                    case "quit":
                        return
                    case "call":
                        self._call(int(command["number"]), float(command["talk_s"]))
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
            for call in self.calls:
                call.look(now)
        for call in self._gone:  # outside of their own callbacks
            call.let_go()
        self._gone.clear()

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), act))

    def _call(self, number: int, talk_s: float) -> None:
        call = Caller(self, number, talk_s)
        self.calls.add(call)
        options = pj.CallOpParam(True)
        options.opt.audioCount, options.opt.videoCount, options.opt.textCount = 1, 0, 0
        try:
            call.makeCall(self._uri, options)
        except pj.Error as error:
            call._ended(0, f"not begun: {error.reason}")
            return
        self._later(self._answer_timeout_s, lambda: call.give_up("no answer") if call.setup_ms is None else None)

    def answered(self, call: Caller) -> None:
        """Let it talk as long as planned."""
        self._emit("answered", number=call.number, setup_ms=call.setup_ms)
        self._later(call.talk_s, lambda: call.give_up(""))

    def ended(self, call: Caller, talked_s: float, cause: str, media: dict[str, float], ladder: list[str]) -> None:
        """Tell how it went."""
        self.calls.discard(call)
        self._gone.append(call)
        kept = ladder if cause else []
        self._emit(
            "over",
            number=call.number,
            setup_ms=call.setup_ms,
            talked_s=talked_s,
            cause=cause,
            media=media,
            ladder=kept,
            lag_ms=self._lag_ms,
        )
        if not self.calls:
            self._emit("idle")

    def hang_up(self, why: str) -> None:
        """End all calls."""
        for call in tuple(self.calls):
            call.give_up(why)
        if not self.calls:
            self._emit("idle")

    def voice(self, number: int) -> Any:
        """Give the tone of a call; calls of one process share them in turn."""
        return self._voices[number % len(TONES_HZ)]

    def ears(self, number: int) -> Any:
        """Give a meter that listens for the call's own tone, and for anything."""
        ears: Any = pj.ToneMeter(f"ears-{number}", CLOCK_RATE_HZ, [float(TONES_HZ[number % len(TONES_HZ)])])
        ears.setThresholdDbfs(ECHO_DBFS)
        return ears

    def close(self) -> None:
        """Say goodbye to every far end within a bound, then destroy everything in order."""
        self.hang_up("stopped")
        deadline = time.monotonic() + GOODBYE_S
        while self.calls and time.monotonic() < deadline:
            self._endpoint.libHandleEvents(PUMP_MS)
        self._endpoint.hangupAllCalls()
        for call in (*self.calls, *self._gone):
            call.let_go()
        self.calls.clear()
        self._gone.clear()
        self.account.shutdown()
        self._voices.clear()
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)


def _is_loopback(host: str) -> bool:
    return host.startswith(("127.", "localhost"))


def _start_endpoint(most: int, codec: str) -> Any:
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.maxCalls = most
    settings.uaConfig.userAgent = "siplab"
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = CLOCK_RATE_HZ
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    settings.medConfig.sndAutoCloseTime = -1
    settings.medConfig.maxMediaPorts = 2 * most + 40
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(settings)
    endpoint.codecSetPriority(f"{codec}/8000", 255)
    return endpoint


def _open_transport(endpoint: Any, transport: str, address: str) -> None:
    kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
    settings = pj.TransportConfig()
    settings.boundAddress = address
    endpoint.transportCreate(kinds[transport], settings)


def _account(caller: str, address: str) -> Any:
    config = pj.AccountConfig()
    config.idUri = f'"Load" <sip:{caller}01@{address or "load.invalid"}>'
    config.mediaConfig.transportConfig.boundAddress = address
    config.mediaConfig.transportConfig.port = 0
    account = pj.Account()
    account.create(config)
    return account


def _voice(frequency_hz: int) -> Any:
    voice = pj.ToneGenerator()
    voice.createToneGenerator(CLOCK_RATE_HZ, 1)
    tone = pj.ToneDesc()
    tone.freq1, tone.freq2, tone.on_msec, tone.off_msec, tone.volume = frequency_hz, 0, 30_000, 0, TONE_VOLUME
    tones = pj.ToneDescVector()
    tones.append(tone)
    voice.play(tones, True)
    return voice


def main() -> None:
    """Wait for the start command, then be the callers it describes."""
    output = EventOutput.take_stdout()
    commands = CommandInput(sys.stdin.fileno())
    first = commands.first()
    if first is None:
        return
    callers = Callers(first, output)
    try:
        callers.run(commands)
    finally:
        callers.close()


if __name__ == "__main__":
    main()
