"""One caller of a load run: calls, listens, measures, and tells how it went."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pjsua2 as pj

from siplab.phone import Ears, HoldClock
from siplab.sdp import audio_direction, body_of, by_way_of, offering_only
from siplab.stack import accepts_invite, audio_of, audio_only, sip_step

if TYPE_CHECKING:
    from siplab.load.callers import Callers

LOOK_S = 0.04
SOUND_DBFS = -45.0
MOST_STEPS = 40
EARLY_S = 0.25
STREAM = 0


@dataclass(frozen=True, slots=True)
class Order:
    """A call to be made. `company_ends`: whoever is called hangs up, and `talk_s` is the customer's patience."""

    number: int
    talk_s: float
    caller: str
    codec: str
    transport: str
    srtp: bool = False
    weather: bool = False
    company_ends: bool = False


class Caller(pj.Call):
    """One caller: measures until the end, then tells."""

    def __init__(self, load: Callers, order: Order) -> None:
        super().__init__(load.account(order.srtp))
        self.order = order
        self.setup_ms: float | None = None
        self.over = False
        self._load = load
        self._began_at = time.monotonic()
        self._answered_at = 0.0
        self._why = ""
        self._steps = 0
        self._media: dict[str, float] = {}
        self._hold = HoldClock()
        self._reinvites = 0
        self._ears: Ears | None = None
        self._sound_at: float | None = None
        self._silence_ms = self._sound_ms = 0.0
        self._loudest_dbfs = -120.0

    @property
    def number(self) -> int:
        return self.order.number

    def begin(self, uri: str, caller_uri: str) -> None:
        """Send the INVITE."""
        options = audio_only()
        options.txOption.localUri = caller_uri
        self.makeCall(uri, options)

    # --- what PJSIP tells ----------------------------------------------------------------------------------------

    def onCallSdpCreated(self, prm: Any) -> None:
        """Offer the one codec of this customer, and, in bad weather, the relay's address."""
        sdp = offering_only(prm.sdp.wholeSdp, self.order.codec)
        if self.order.weather:
            host, port = self._load.relay_for(self.number, sdp)
            sdp = by_way_of(sdp, host, port)
        prm.sdp.wholeSdp = sdp

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and self.setup_ms is None:
            self._answered_at = time.monotonic()
            self.setup_ms = (self._answered_at - self._began_at) * 1000
            self._load.answered(self)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.measure()
            self.ended(int(info.lastStatusCode), str(info.lastReason))

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        audio = audio_of(self, info)
        if audio is None:
            return
        self._load.voice(self.number).startTransmit(audio)
        if self.order.weather:
            self._load.far_end_is(self.number, str(self.getStreamInfo(STREAM).remoteRtpAddress))
        if self._ears is None:
            self._ears = self._load.ears(self.number)
        audio.startTransmit(self._ears.meter)

    def onStreamDestroyed(self, prm: Any) -> None:
        """The far end hangs up: the last moment at which the stream has its counts."""
        self.measure()

    def onCallTsxState(self, prm: Any) -> None:
        step = sip_step(prm)
        if step is None:
            return
        self._step(*step)
        if accepts_invite(prm):
            self._step("out", "ACK")
        if step in (("in", "INVITE"), ("in", "UPDATE")):
            self._note_offer(audio_direction(body_of(prm.e.body.tsxState.src.rdata.wholeMsg)), step[1])

    def _note_offer(self, direction: Any, method: str) -> None:
        if method == "INVITE" or direction is not None:
            self._reinvites += 1
        self._hold.note(direction)

    def _step(self, way: str, what: str) -> None:
        if self._steps < MOST_STEPS:
            self._steps += 1
            self._load.tell("sip", number=self.number, way=way, what=what)

    # --- listening -----------------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Listen: called every few hundredths of a second."""
        if self._ears is None or self.over:
            return
        if self._load.listens_to_others:
            self._ears.watch()
        level = float(self._ears.meter.levelDbfs())
        self._loudest_dbfs = max(self._loudest_dbfs, level)
        if level > SOUND_DBFS:
            if self._sound_at is not None:
                self._sound_ms += min(now - self._sound_at, 2 * LOOK_S) * 1000
            self._sound_at = now
        elif self._sound_at is not None:
            self._silence_ms = max(self._silence_ms, (now - self._sound_at) * 1000)

    def reset(self) -> None:
        """Forget what was heard so far."""
        if self._ears is not None:
            self._ears.reset()

    def report(self) -> dict[str, Any]:
        """Say what is heard of whom, in the prover's terms, and how often and long this customer was on hold."""
        readings = self._ears.readings() if self._ears is not None else []
        return {"readings": readings, "hold_s": self._hold.so_far_s(), "reinvites": self._reinvites}

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

    # --- the end -------------------------------------------------------------------------------------------------

    def give_up(self, why: str) -> None:
        """End the call from this side; `why` is empty for a call that is over as planned."""
        if self.over:
            return
        self._why = why
        self.measure()
        self._step("out", "BYE" if self.setup_ms is not None else "CANCEL")  # PJSIP tells nothing after this
        try:
            self.hangup(pj.CallOpParam(True))
        except pj.Error as error:
            self.ended(0, str(error.status))

    def talked_enough(self) -> None:
        """The planned time is over."""
        self.give_up("lost patience: nobody ended the call" if self.order.company_ends else "")

    def ended(self, code: int, reason: str) -> None:
        """Tell how it went; once."""
        if self.over:
            return
        self.over = True
        self._hold.end()
        talked_s = time.monotonic() - self._answered_at if self.setup_ms is not None else 0.0
        if self._ears is not None:
            heard = {"sound_ms": self._sound_ms, "longest_silence_ms": self._silence_ms}
            own = float(self._ears.meter.heardMs(0))
            self._media |= heard | {"echo_ms": own, "loudest_dbfs": self._loudest_dbfs}
        self._load.ended(self, talked_s, self._cause(code, reason, talked_s), self._media)

    def _cause(self, code: int, reason: str, talked_s: float) -> str:
        if self._why:
            return self._why
        if self.setup_ms is None:
            return f"{code} {reason}".strip()
        if not self.order.company_ends and talked_s < self.order.talk_s - EARLY_S:
            return "ended early by the far end"
        return ""

    def let_go(self) -> None:
        """Release what listens, after the call is over."""
        if self._ears is not None:
            self._ears.meter.close()
            self._ears = None
