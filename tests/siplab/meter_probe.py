"""Plays 16-bit samples from stdin (8 kHz mono) into a ToneMeter and prints what it measured, as JSON.

Arguments: the frequencies to listen for. Runs in a process of its own, because PJSIP is one per process.
"""

from __future__ import annotations

import json
import os
import sys

import pjsua2 as pj

RATE_HZ = 8000


def main() -> None:
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    samples = sys.stdin.buffer.read()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = RATE_HZ
    settings.medConfig.sndAutoCloseTime = -1
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(settings)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    frequencies = [float(argument) for argument in sys.argv[1:]]
    meter = pj.ToneMeter("meter", RATE_HZ, frequencies)
    player = pj.PcmPort("player", RATE_HZ, 20, 8000)
    player.startTransmit(meter)
    player.write(samples)
    while player.queued() > 0:
        endpoint.libHandleEvents(5)
    end = meter.elapsedMs() + 100  # of the bridge's own clock
    while meter.elapsedMs() < end:
        endpoint.libHandleEvents(5)
    tones = [
        {"first_ms": meter.firstHeardMs(i), "heard_ms": meter.heardMs(i), "gap_ms": meter.longestGapMs(i)}
        for i in range(len(frequencies))
    ]
    player.close()
    meter.close()
    endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
    output.write(json.dumps(tones) + "\n")
    output.flush()


if __name__ == "__main__":
    main()
