"""A tiny conference for tests of the robots: answers every call and links all callers, run as a process.

Reads lines on stdin: `part N` unlinks the first two callers for N milliseconds (a gap of known length), `quit` ends.
Writes its SIP address as the first line of stdout, and for each `part` how many milliseconds it really was.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, TextIO

import pjsua2 as pj

LEGS: list[Any] = []


class Leg(pj.Call):
    def __init__(self, account: Any, call_id: int) -> None:
        super().__init__(account, call_id)
        self.audio: Any = None

    def onCallMediaState(self, prm: Any) -> None:
        self.audio = self.getAudioMedia(-1)
        for other in LEGS:
            if other is not self and other.audio is not None:
                link(self, other)

    def onCallState(self, prm: Any) -> None:
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.audio = None


class Account(pj.Account):
    def onIncomingCall(self, prm: Any) -> None:
        leg = Leg(self, prm.callId)
        LEGS.append(leg)
        answer = pj.CallOpParam(True)
        answer.statusCode = 200
        leg.answer(answer)


def link(one: Any, other: Any) -> None:
    one.audio.startTransmit(other.audio)
    other.audio.startTransmit(one.audio)


def unlink(one: Any, other: Any) -> None:
    one.audio.stopTransmit(other.audio)
    other.audio.stopTransmit(one.audio)


def main() -> None:
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    settings.medConfig.sndAutoCloseTime = -1
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    opened = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    config = pj.AccountConfig()
    config.idUri = "sip:bridge@127.0.0.1"
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    config.mediaConfig.transportConfig.port = 0
    account = Account()
    account.create(config)
    output.write(endpoint.transportGetInfo(opened).localName + "\n")
    output.flush()
    serve(endpoint, output)
    LEGS.clear()
    account.shutdown()
    endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)


def serve(endpoint: Any, output: TextIO) -> None:
    os.set_blocking(0, False)
    parted_at, rejoin_at = 0.0, float("inf")
    while True:
        endpoint.libHandleEvents(5)
        if time.monotonic() >= rejoin_at:
            rejoin_at = float("inf")
            link(LEGS[0], LEGS[1])
            output.write(f"{(time.monotonic() - parted_at) * 1000}\n")
            output.flush()
        try:
            words = os.read(0, 1000).decode().split()
        except BlockingIOError:
            continue
        if not words or words[0] == "quit":
            return
        unlink(LEGS[0], LEGS[1])
        parted_at = time.monotonic()
        rejoin_at = parted_at + int(words[1]) / 1000


if __name__ == "__main__":
    main()
    sys.exit(0)
