"""PJSIP as the lab's processes use it: endpoint, transports, tones, accounts, and the frame of such a process.

One thread does everything (no worker threads, no sound device); sound is made and measured by C++, so Python never sits
on the media clock.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pjsua2 as pj

from siplab.command_input import CommandInput, EventOutput

CLOCK_RATE_HZ = 8_000
PUMP_MS = 5
"""Longest sleep of an event loop: how late a command may be noticed. Packets wake it at once."""
TONE_MS = 30_000
TONE_VOLUME = 8_000
"""Peak of each tone: four of them together stay below full scale (32,767)."""
CODECS = {"PCMU": "PCMU/8000", "PCMA": "PCMA/8000", "G722": "G722/16000", "opus": "opus/48000"}
"""Name in a session description -> name in PJSIP."""
_KINDS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}


class Process(Protocol):
    """What lives in a process of the lab: serves until told to quit, then takes itself apart."""

    def run(self, commands: CommandInput) -> None: ...

    def close(self) -> None: ...


def serve(build: Callable[[dict[str, Any], EventOutput], Process]) -> None:
    """Wait for the start command on stdin, then be what it describes. The master sends more only after `ready`.

    `cores` in the start command pins the process and all its threads to these cores.
    """
    output = EventOutput.take_stdout()
    commands = CommandInput(sys.stdin.fileno())
    first = commands.first()
    if first is None:
        return
    if first.get("cores"):
        os.sched_setaffinity(0, first["cores"])
    allow_open_files()
    process = build(first, output)
    try:
        process.run(commands)
    finally:
        process.close()


def allow_open_files() -> None:
    """Raise the soft limit of open files to the hard one: each call has two sockets."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def start_endpoint(
    most_calls: int, codecs: Sequence[str] = ("PCMU", "PCMA"), *, ports: int = 0, log_level: int = 0
) -> Any:
    """Create PJSIP's endpoint; it runs once `run_endpoint` is called.

    Args:
        most_calls: Calls at the same time.
        codecs: Names of `CODECS`, preferred first. Others stay on offer behind them, as PJSIP orders them.
        ports: Ports of the audio bridge; 0: PJSIP's own number.
    """
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.maxCalls = most_calls
    settings.uaConfig.userAgent = "siplab"
    settings.logConfig.level = settings.logConfig.consoleLevel = log_level
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = CLOCK_RATE_HZ
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    settings.medConfig.sndAutoCloseTime = -1
    if ports:
        settings.medConfig.maxMediaPorts = ports
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(settings)
    for rank, codec in enumerate(codecs):
        endpoint.codecSetPriority(CODECS[codec], 255 - rank)
    return endpoint


def run_endpoint(endpoint: Any) -> None:
    """Let it run without a sound device."""
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()


def open_transport(endpoint: Any, transport: str, address: str, port: int = 0) -> str:
    """Listen on a port (0: a free one); gives `host:port`."""
    if transport not in _KINDS:
        raise ValueError(f"unknown transport {transport!r}; udp, tcp or tls")
    settings = pj.TransportConfig()
    settings.boundAddress = address
    settings.port = port
    opened = endpoint.transportCreate(_KINDS[transport], settings)
    return str(endpoint.transportGetInfo(opened).localName)


def account_config(uri: str, address: str, srtp: bool = False) -> Any:
    """Set up an account whose media uses free ports of an address; with `srtp` only SRTP, keyed by SDES."""
    config = pj.AccountConfig()
    config.idUri = uri
    config.regConfig.registerOnAdd = False
    config.mediaConfig.transportConfig.boundAddress = address
    config.mediaConfig.transportConfig.publicAddress = address
    config.mediaConfig.transportConfig.port = 0
    if srtp:
        keyings = pj.IntVector()
        keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
        config.mediaConfig.srtpSecureSignaling = 0
        config.mediaConfig.srtpOpt.keyings = keyings
    return config


def audio_only() -> Any:
    """Options of a call without the text stream (T.140) that PJSIP offers by default; phones have none."""
    options = pj.CallOpParam(True)
    options.opt.audioCount, options.opt.videoCount, options.opt.textCount = 1, 0, 0
    return options


def steady_tone(frequency_hz: int) -> Any:
    """Give a generator of an endless tone, on the bridge."""
    voice = pj.ToneGenerator()
    voice.createToneGenerator(CLOCK_RATE_HZ, 1)
    tone = pj.ToneDesc()
    tone.freq1, tone.freq2, tone.on_msec, tone.off_msec, tone.volume = frequency_hz, 0, TONE_MS, 0, TONE_VOLUME
    tones = pj.ToneDescVector()
    tones.append(tone)
    voice.play(tones, True)
    return voice


def audio_of(call: Any, info: Any) -> Any:
    """Give the sound of a call that is up, else None. `info` must be the caller's own: its media refer into it."""
    for index, media in enumerate(info.media):
        if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status != pj.PJSUA_CALL_MEDIA_NONE:
            return call.getAudioMedia(index)
    return None


def accepts_invite(prm: Any) -> bool:
    """Tell whether a 2xx to our INVITE came; the ACK that follows at once belongs to no transaction."""
    change = prm.e.body.tsxState
    asks = change.type == pj.PJSIP_EVENT_RX_MSG and change.tsx.role == pj.PJSIP_ROLE_UAC
    return bool(asks and change.tsx.method == "INVITE" and 200 <= change.tsx.statusCode < 300)


def sip_step(prm: Any) -> tuple[str, str] | None:
    """Name the SIP message of a transaction's change: ("out" or "in", what); None when it is about none.

    `prm` is what PJSIP gives to `onCallTsxState`. A time-out reads as ("lost", "no answer to INVITE").
    """
    change = prm.e.body.tsxState
    transaction = change.tsx
    method, asks = str(transaction.method), transaction.role == pj.PJSIP_ROLE_UAC
    match change.type:
        case pj.PJSIP_EVENT_RX_MSG:
            return ("in", f"{int(transaction.statusCode)} {transaction.statusText}") if asks else ("in", method)
        case pj.PJSIP_EVENT_TX_MSG:
            return ("out", method) if asks else ("out", f"{int(transaction.statusCode)} {transaction.statusText}")
        case pj.PJSIP_EVENT_TIMER | pj.PJSIP_EVENT_TRANSPORT_ERROR if asks:
            return "lost", f"no answer to {method}"
    return None
