"""A phone of a robot: one line with its account, its answer policy, its tone and its ears.

Only this module and robot.py touch PJSIP in the lab's robots. Everything here runs on the one thread that handles
PJSIP's events; sound is made and measured by C++ (ToneGenerator, ToneMeter), so Python never sits on the media clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pjsua2 as pj

from siplab.sdp import Direction, audio_direction, body_of, headers_named
from siplab.stack import CLOCK_RATE_HZ, accepts_invite, account_config, audio_of, audio_only, sip_step, steady_tone

THRESHOLD_DBFS = -24.0
"""Half way between a tone (-12) and what the sharp beginning or end of other tones spills into its band (below -30)."""
WINDOW_MS, HOP_MS = 40, 10
LONGEST_LOOK_MS = 50.0
"""Between two looks no more than this counts as heard: a paused process heard nothing."""
SOUND_DBFS = -45.0
"""Above this something is to be heard; an idle line is digital silence."""
WATCHED_HEADERS = ("From", "To", "Call-ID", "P-Asserted-Identity", "User-to-User", "Call-Info")
DECLINED, BUSY_HERE = 603, 486
REFUSES = 300
REFUSALS = {302: "Moved Temporarily", 486: "Busy Here", 603: "Decline"}

Emit = Callable[..., None]
"""`emit(event, line, **data)` writes one event of this robot."""


@dataclass(slots=True)
class LineConfig:
    """How a line is set up; parsed from the robot's start command.

    `answer` is one of auto, command, decline, busy, never. `speakers` maps party -> tone frequency in Hz to listen for.
    """

    line: str
    user: str
    tone_hz: int
    speakers: dict[str, int]
    display: str = ""
    server: str = ""
    """host:port of the registrar or trunk."""
    transport: str = "udp"
    password: str = ""
    """Empty: the line does not register."""
    answer: str = "command"
    answer_after_ms: int = 0
    ring: bool = True
    trace: bool = False
    """Tell every SIP message of its calls as an event `sip` (call, way, what)."""

    def uri(self, user: str) -> str:
        """Give the SIP URI of somebody at this line's server."""
        return f"sip:{user}@{self.server};transport={self.transport}"


@dataclass(slots=True)
class Ears:
    """Listens for the tones of all parties and notes when each began; gaps count from then on.

    Sound that is no party's tone (speech, music) is timed too, as long as no tone is there to cover it.
    """

    line: str
    speakers: tuple[str, ...]
    meter: Any
    sound_ms: float = 0.0
    sound_from: float | None = None
    sound_until: float | None = None
    _begun: set[int] = field(default_factory=set)
    _watched_at: float = 0.0

    @classmethod
    def create(
        cls, line: str, speakers: dict[str, int], threshold_dbfs: float = THRESHOLD_DBFS, hop_ms: int = HOP_MS
    ) -> Ears:
        """Put a tone meter on the bridge that listens for these speakers' tones, anew every `hop_ms`."""
        meter = pj.ToneMeter(f"ears-{line}", CLOCK_RATE_HZ, [float(hz) for hz in speakers.values()], WINDOW_MS, hop_ms)
        meter.setThresholdDbfs(threshold_dbfs)
        return cls(line, tuple(speakers), meter)

    def watch(self) -> None:
        """Start measuring gaps of tones that have just begun; called every few milliseconds."""
        for i in range(len(self.speakers)):
            if i not in self._begun and self.meter.firstHeardAt(i) >= 0:
                self._begun.add(i)
                self.meter.armGap(i)
        now = time.monotonic()
        passed_ms, self._watched_at = (now - self._watched_at) * 1000, now
        if self.meter.levelDbfs() > SOUND_DBFS and not any(map(self.meter.present, range(len(self.speakers)))):
            self.sound_ms += min(passed_ms, LONGEST_LOOK_MS)
            self.sound_from = self.sound_from or now
            self.sound_until = now

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._begun.clear()
        self.meter.reset()
        self.sound_ms, self.sound_from, self.sound_until = 0.0, None, None

    def sound(self) -> dict[str, Any]:
        """Tell how long something was heard that is no tone, from when to when."""
        return {"sound_ms": self.sound_ms, "sound_from": self.sound_from, "sound_until": self.sound_until}

    def arm(self) -> None:
        """Start measuring gaps anew, without forgetting what was heard."""
        for i in self._begun:
            self.meter.armGap(i)

    def readings(self) -> list[dict[str, Any]]:
        """Give what was heard, in the shape of prover.ToneReading."""
        return [self._reading(i, speaker) for i, speaker in enumerate(self.speakers)]

    def _reading(self, i: int, speaker: str) -> dict[str, Any]:
        first = self.meter.firstHeardAt(i)
        return {
            "speaker": speaker,
            "present": bool(self.meter.present(i)),
            "first_heard_at": first if first >= 0 else None,
            "longest_gap_ms": float(self.meter.longestGapMs(i)) if i in self._begun else 0.0,
            "heard_ms": float(self.meter.heardMs(i)),
        }


@dataclass(slots=True)
class HoldClock:
    """Keeps the time on hold, from the directions of the session descriptions that came in."""

    past_s: float = 0.0
    since: float | None = None

    def note(self, direction: Direction | None) -> bool:
        """Take a direction; tells whether a hold begins with it. None says nothing."""
        if direction is None:
            return False
        if direction.is_hold and self.since is None:
            self.since = time.monotonic()
            return True
        if not direction.is_hold:
            self.end()
        return False

    def so_far_s(self) -> float:
        """Give the seconds on hold, a running hold included."""
        return self.past_s + (time.monotonic() - self.since if self.since is not None else 0.0)

    def end(self) -> None:
        """The hold, if there is one, is over."""
        self.past_s, self.since = self.so_far_s(), None


class PhoneCall(pj.Call):
    """One call of a line. Notes every session description it receives, so a hold cannot go unnoticed."""

    def __init__(self, phone: Phone, call_id: int, name: str) -> None:
        super().__init__(phone.account, call_id)
        self._phone = phone
        self.name = name
        self.confirmed = False
        self.reinvites = 0
        self.hold = HoldClock()
        self._remote_reason = ""
        self._ended_by = "us"

    def onCallState(self, prm: Any) -> None:
        self._phone.guarded(self._on_state)

    def onCallMediaState(self, prm: Any) -> None:
        self._phone.guarded(self._on_media)

    def onCallTsxState(self, prm: Any) -> None:
        self._phone.guarded(lambda: self._on_transaction(prm))

    def onCallTransferStatus(self, prm: Any) -> None:
        code, final = int(prm.statusCode), bool(prm.finalNotify)
        self._phone.tell("refer_status", code=code, final=final)

    def _on_state(self) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            self._phone.tell("ringing", code=info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.confirmed = True
            self._phone.tell("confirmed", sip_call_id=info.callIdString)
            if info.role == pj.PJSIP_ROLE_UAS:
                self.trace("in", "ACK")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.hold.end()
            self._phone.tell(
                "ended",
                call=self.name,
                code=info.lastStatusCode,
                reason=info.lastReason,
                by=self._ended_by,
                reason_header=self._remote_reason,
                reinvites=self.reinvites,
                hold_s=self.hold.past_s,
            )
            self._phone.forget(self)

    def _on_media(self) -> None:
        info = self.getInfo()
        audio = audio_of(self, info)
        if audio is not None:
            self._phone.connect(audio)

    def trace(self, way: str, what: str) -> None:
        """Tell a SIP message, if this line is traced."""
        if self._phone.config.trace:
            self._phone.tell("sip", call=self.name, way=way, what=what)

    def _on_transaction(self, prm: Any) -> None:
        step = sip_step(prm) if self._phone.config.trace else None
        if step is not None:
            self.trace(*step)
            if accepts_invite(prm):
                self.trace("out", "ACK")
        change = prm.e.body.tsxState
        if change.type != pj.PJSIP_EVENT_RX_MSG:
            return
        message = change.src.rdata.wholeMsg
        asked = change.tsx.role == pj.PJSIP_ROLE_UAS and change.tsx.state == pj.PJSIP_TSX_STATE_TRYING
        if asked and change.tsx.method in ("BYE", "CANCEL"):
            self._ended_by = "them"
            self._remote_reason = headers_named(message, "Reason").get("Reason", "")
        direction = audio_direction(body_of(message))
        if (
            asked
            and self.confirmed
            and (change.tsx.method == "INVITE" or (change.tsx.method == "UPDATE" and direction))
        ):
            self.reinvites += 1
            self._phone.tell("reinvite", method=change.tsx.method, count=self.reinvites, direction=direction or "")
        self.note_direction(direction)

    def note_direction(self, direction: Direction | None) -> None:
        """Keep the time on hold, from the direction of a session description that came in."""
        if self.hold.note(direction):
            self._phone.tell("held", direction=direction)


class PhoneAccount(pj.Account):
    """The account of a line; hands what happens to its phone."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self._phone = phone

    def onRegState(self, prm: Any) -> None:
        self._phone.guarded(lambda: self._phone.on_registration(prm))

    def onIncomingCall(self, prm: Any) -> None:
        self._phone.guarded(lambda: self._phone.on_incoming(prm))

    def onInstantMessage(self, prm: Any) -> None:
        self._phone.guarded(lambda: self._phone.tell("text", text=prm.msgBody, sender=prm.fromUri))


class Phone:
    """One line: registers, calls, is called, sends its tone and listens. `later` runs a function after n seconds."""

    def __init__(
        self, config: LineConfig, address: str, emit: Emit, later: Callable[[float, Callable[[], None]], None]
    ):
        self.config = config
        self.calls: list[PhoneCall] = []
        self._emit = emit
        self._later = later
        self._hold_s = 0.0
        self._reinvites = 0
        self._calls_so_far = 0
        self.ears = Ears.create(config.line, config.speakers)
        self._voice: Any = steady_tone(config.tone_hz)
        self.account = PhoneAccount(self)
        self.account.create(_account_config(config, address))

    def tell(self, event: str, **data: Any) -> None:
        """Write an event of this line."""
        self._emit(event, self.config.line, **data)

    def guarded(self, act: Callable[[], None]) -> None:
        """Run a callback of PJSIP; an exception becomes an event, because it must not travel through C++."""
        try:
            act()
        except Exception as error:
            self.tell("fault", what=f"{type(error).__name__}: {error}")

    def on_registration(self, prm: Any) -> None:
        if prm.code // 100 == 2 and prm.expiration > 0:
            self.tell("registered", code=prm.code, expires_s=prm.expiration)
        elif prm.code // 100 == 2:
            self.tell("unregistered", code=prm.code)
        else:
            self.tell("registration_failed", code=prm.code, reason=prm.reason)

    def on_incoming(self, prm: Any) -> None:
        message = prm.rdata.wholeMsg
        call = self._new_call(prm.callId)
        self.tell("incoming", call=call.name, headers=headers_named(message, *WATCHED_HEADERS))
        call.trace("in", "INVITE")
        call.note_direction(audio_direction(body_of(message)))
        match self.config.answer:
            case "decline":
                self._respond(call, DECLINED)
            case "busy":
                self._respond(call, BUSY_HERE)
            case policy:
                if self.config.ring:
                    self._respond(call, pj.PJSIP_SC_RINGING)
                    self.tell("rang")
                if policy == "auto":
                    self._later(self.config.answer_after_ms / 1000.0, lambda: self._answer_if_there(call))

    def register(self) -> None:
        """Register with digest; the outcome comes as an event."""
        self.account.setRegistration(True)

    def unregister(self) -> None:
        """Take the registration back."""
        self.account.setRegistration(False)

    def call(self, to: str) -> None:
        """Call a number or user at this line's server, or any `sip:` URI."""
        call = self._new_call(pj.PJSUA_INVALID_ID)
        try:
            call.makeCall(to if to.startswith("sip:") else self.config.uri(to), audio_only())
        except pj.Error:
            self.calls.remove(call)
            raise

    def _new_call(self, call_id: int) -> PhoneCall:
        self._calls_so_far += 1
        call = PhoneCall(self, call_id, f"{self.config.line}#{self._calls_so_far}")
        self.calls.append(call)
        return call

    def answer(self) -> None:
        """Answer the oldest call that rings."""
        waiting = [call for call in self.calls if not call.confirmed]
        if waiting:
            self._answer_if_there(waiting[0])
        else:
            self.tell("fault", what="nothing to answer")

    def refuse(self, code: int, contact: str = "") -> None:
        """Refuse all calls that ring, with a status and, for a redirection, the SIP URI to try instead."""
        for call in [call for call in self.calls if not call.confirmed and call.isActive()]:
            self._respond(call, code, contact)

    def hang_up(self) -> None:
        """End all calls of this line."""
        for call in list(self.calls):
            call.hangup(pj.CallOpParam(True))

    def dial_digits(self, digits: str, method: str = "rtp") -> None:
        """Send DTMF digits in every call, in RTP (RFC 4733) or by INFO."""
        calls: list[Any] = list(self.calls)
        for call in calls:
            prm = pj.CallSendDtmfParam()
            prm.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if method == "info" else pj.PJSUA_DTMF_METHOD_RFC2833
            prm.digits = digits
            call.sendDtmf(prm)

    def refer(self, to: str) -> None:
        """Ask the far end of the first call to bring somebody in: REFER, as a phone's transfer key does."""
        if not self.calls:
            raise ValueError("no call to refer")
        first: Any = self.calls[0]
        first.xfer(to if to.startswith("sip:") else self.config.uri(to), pj.CallOpParam(True))

    def set_hold(self, on: bool) -> None:
        """Put all calls on hold by re-INVITE, or take them back: what a phone's hold key does."""
        for call in self.calls:
            prm = pj.CallOpParam(True)
            if on:
                call.setHold(prm)
            else:
                prm.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(prm)

    def mute(self, on: bool) -> None:
        """Stop or resume this line's tone, to make a gap of known length at the others."""
        for call in self.calls:
            audio = call.getAudioMedia(-1)
            (self._voice.stopTransmit if on else self._voice.startTransmit)(audio)

    def connect(self, audio: Any) -> None:
        """Link a call's sound with this line's voice and ears; repeating it changes nothing."""
        self._voice.startTransmit(audio)
        audio.startTransmit(self.ears.meter)

    def report(self) -> dict[str, Any]:
        """Say what this line has heard and how its calls went."""
        return {
            "readings": self.ears.readings(),
            **self.ears.sound(),
            "calls": len(self.calls),
            "reinvites": self._reinvites + sum(call.reinvites for call in self.calls),
            "hold_s": self._hold_s + sum(call.hold.so_far_s() for call in self.calls),
            "rtp": [counts for call in self.calls if call.confirmed and (counts := _rtp_counts(call))],
        }

    def forget(self, call: PhoneCall) -> None:
        """Let go of an ended call, keeping its counts; the object itself lives on until PJSIP is done with it."""
        self._hold_s += call.hold.past_s
        self._reinvites += call.reinvites
        self._later(0.0, lambda: self.calls.remove(call) if call in self.calls else None)

    def close(self) -> None:
        """Release account and media, before the library is destroyed."""
        self.calls.clear()
        self.account.shutdown()
        self.ears.meter.close()
        self._voice = None  # its destructor takes it off the bridge, which must still exist

    def _respond(self, call: PhoneCall, code: int, contact: str = "") -> None:
        prm = audio_only()
        prm.statusCode = code
        if contact:
            elsewhere = pj.SipHeader()
            elsewhere.hName, elsewhere.hValue = "Contact", f"<{contact}>"
            prm.txOption.headers.append(elsewhere)
        if code >= REFUSES:  # PJSIP tells nothing of the call after this
            call.trace("out", f"{code} {REFUSALS.get(code, '')}".strip())
        call.answer(prm)

    def _answer_if_there(self, call: PhoneCall) -> None:
        if call in self.calls and call.isActive() and not call.confirmed:
            self.tell("answered")
            self._respond(call, pj.PJSIP_SC_OK)


def _account_config(config: LineConfig, address: str) -> Any:
    host = config.server.rpartition(":")[0] or address
    display = f'"{config.display}" ' if config.display else ""
    account = account_config(f"{display}<sip:{config.user}@{host}>", address)
    if config.password:
        account.regConfig.registrarUri = f"sip:{config.server};transport={config.transport}"
        account.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", config.user, 0, config.password))
    return account


def _rtp_counts(call: PhoneCall) -> dict[str, int]:
    """Count packets; empty when the call's media is gone already, as while its BYE is on the way."""
    try:
        whole = call.getStreamStat(0)  # must outlive what is read from it
    except pj.Error:
        return {}
    stat = whole.rtcp
    return {"received": stat.rxStat.pkt, "lost": stat.rxStat.loss, "sent": stat.txStat.pkt}
