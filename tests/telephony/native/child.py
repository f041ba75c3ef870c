"""The child process of a native test: one SIP endpoint on loopback, and what a test needs to talk to it."""

from __future__ import annotations

import importlib.util
import math
import os
import socket
import struct
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path

import pjsua2 as pj

TIMEOUT_S = 20.0


class Leg(pj.Call):
    """One call object; remembers its state and never hangs up by garbage collection while the stack holds it."""

    def __init__(self, account: pj.Account, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.confirmed = False
        self.ended = False
        self.media_up = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        state = self.getInfo().state
        self.confirmed = self.confirmed or state == pj.PJSIP_INV_STATE_CONFIRMED
        self.ended = state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.media_up = True

    def audio(self) -> pj.AudioMedia:
        return self.getAudioMedia(-1)

    def packets_received(self) -> int:
        return int(self.getStreamStat(0).rtcp.rxStat.pkt)


class Answerer(pj.Account):
    """Answers every incoming call at once."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        leg = Leg(self, prm.callId)
        self.stack.answered.append(leg)
        leg.answer(self.stack.ok)


class Stack:
    """One endpoint on 127.0.0.1, driven by the calling thread: nothing happens outside `run()`."""

    def __init__(self) -> None:
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 2048
        config.medConfig.sndAutoCloseTime = -1
        config.medConfig.noVad = True
        config.medConfig.clockRate = 8000
        config.medConfig.ecTailLen = 0
        config.logConfig.level = config.logConfig.consoleLevel = 0
        self.endpoint.libInit(config)
        self.ok = pj.CallOpParam(True)
        self.ok.statusCode = 200
        self.legs: list[Leg] = []
        self.answered: list[Leg] = []
        self.port = 0
        self.closed = False
        self.account = Answerer(self)

    def start(self, srtp: int = pj.PJMEDIA_SRTP_DISABLED) -> Stack:
        """Listen on a free UDP port and answer calls, with PCMU only."""
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        number = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.port = int(self.endpoint.transportGetInfo(number).localName.rsplit(":", 1)[1])
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU") else 0)
        account = pj.AccountConfig()
        account.idUri = self.uri("ringside")
        account.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        account.mediaConfig.transportConfig.port = 0
        account.mediaConfig.srtpUse = srtp
        account.mediaConfig.srtpSecureSignaling = 0
        self.account.create(account, True)
        return self

    def uri(self, user: str) -> str:
        return f"sip:{user}@127.0.0.1:{self.port}"

    def run(self, until: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
        """Handle events until the condition holds."""
        deadline = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
            self.endpoint.libHandleEvents(5)

    def run_for(self, seconds: float) -> None:
        """Handle events for a while."""
        end = time.monotonic() + seconds
        self.run(lambda: time.monotonic() >= end, "passing time", seconds + TIMEOUT_S)

    def call(self, user: str = "ringside") -> Leg:
        """Call ourselves; the other end appears in `answered`."""
        leg = Leg(self.account)
        self.legs.append(leg)
        leg.makeCall(self.uri(user), pj.CallOpParam(True))
        return leg

    def call_pair(self) -> tuple[Leg, Leg]:
        """Call ourselves and wait until both legs have media."""
        before = len(self.answered)
        leg = self.call()
        self.run(lambda: leg.media_up and len(self.answered) > before and self.answered[-1].confirmed, "call up")
        self.run(lambda: self.answered[-1].media_up, "media up")
        return leg, self.answered[-1]

    def close(self) -> None:
        """Hang up, wait for the end of all legs, and destroy the endpoint; once."""
        if self.closed:
            return
        self.closed = True
        self.endpoint.hangupAllCalls()
        every = self.legs + self.answered
        self.run(lambda: all(leg.ended for leg in every), "hanging up")
        every.clear()
        self.legs.clear()
        self.answered.clear()
        self.account.shutdown()
        self.endpoint.libDestroy()


class Peer:
    """A bare UDP socket that speaks SIP by hand."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.call_id = uuid.uuid4().hex
        self.cseq = 0

    def message(self, method: str, headers: str = "", body: str = "", to_tag: str = "", branch: str = "") -> str:
        """Write a request; headers are whole lines ending in CRLF."""
        self.cseq += 1
        host, port = self.socket.getsockname()
        return (
            f"{method} sip:ringside@127.0.0.1:{self.stack.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{branch or uuid.uuid4().hex}\r\n"
            f'From: "Ann" <sip:ann@example.org>;tag=a1\r\n'
            f"To: <sip:ringside@example.org>{';tag=' + to_tag if to_tag else ''}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:ann@{host}:{port}>\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def send(self, message: str) -> None:
        self.socket.sendto(message.encode(), ("127.0.0.1", self.stack.port))

    def receive(self, timeout_s: float = TIMEOUT_S) -> str:
        """Wait for one datagram; the stack runs meanwhile. "" when none came."""
        received: list[str] = []

        def try_receive() -> bool:
            try:
                received.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return False
            return True

        end = time.monotonic() + timeout_s
        self.stack.run(lambda: try_receive() or time.monotonic() > end, "answer", timeout_s + TIMEOUT_S)
        return received[0] if received else ""

    def final_answer(self, message: str) -> str:
        """Send a request and wait for an answer that is not provisional."""
        self.send(message)
        answer = self.receive()
        while answer.startswith("SIP/2.0 1"):
            answer = self.receive()
        return answer


def tone(frequency_hz: float, seconds: float, clock_rate_hz: int = 8000, amplitude: float = 0.3) -> bytes:
    """A sine as s16le samples."""
    step = 2 * math.pi * frequency_hz / clock_rate_hz
    count = round(seconds * clock_rate_hz)
    return struct.pack(f"<{count}h", *(round(32767 * amplitude * math.sin(step * n)) for n in range(count)))


def tone_amplitude(samples: bytes, frequency_hz: float, clock_rate_hz: int = 8000) -> float:
    """Amplitude of one frequency, 1.0 = full scale (Goertzel)."""
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    coefficient = 2 * math.cos(2 * math.pi * frequency_hz / clock_rate_hz)
    a = b = 0.0
    for value in values:
        a, b = value / 32768 + coefficient * a - b, a
    return 2 * math.sqrt(max(0.0, a * a + b * b - coefficient * a * b)) / max(1, len(values))


def main(path: str, name: str) -> None:
    """Import the test module by path and run one of its tests on a stack that is not started yet."""
    sys.path.insert(0, str(Path(__file__).parents[3]))
    sys.modules["tests.telephony.native.child"] = sys.modules["__main__"]
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[Path(path).stem] = module
    spec.loader.exec_module(module)
    stack = Stack()
    try:
        getattr(module, name)(stack)
        stack.close()
    except BaseException as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True, limit=-3)
        sys.stderr.writelines(report.format())  # with values, as these asserts are not rewritten by pytest
        sys.stderr.flush()
        os._exit(1)  # half a stack cannot be taken down in order; what it says while dying hides the reason


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
