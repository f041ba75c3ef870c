"""The verdict on a call's sound: MOS by the E-model (ITU-T G.107), one-way audio, gaps. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from siplab.load.escalation import EscalationResult
from siplab.load.ladder import LadderStep

R_DEFAULT = 93.2
"""G.107 with all parameters at their defaults: what a line without delay, loss and codec damage gives."""
BPL = 25.1
"""Packet-loss robustness of G.711 with concealment (ITU-T G.113, Appendix I). G.722 and Opus are taken for the same:
there is no value for Opus, and those of G.722 belong to the wideband scale. Compare only runs with the same mix."""
PACKET_MS = 20.0
STOPPED = "stopped"
CLIPPED_DBFS = -3.05
"""RMS of a full-scale sine: more than that cannot be an unclipped voice."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a caller measured of one call's sound."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    discarded: int = 0
    """Packets that came, but too late for the jitter buffer."""
    jitter_ms: float = 0.0
    buffer_ms: float = 0.0
    rtt_ms: float = 0.0
    sound_ms: float = 0.0
    echo_ms: float = 0.0
    longest_silence_ms: float = 0.0
    loudest_dbfs: float = -120.0


@dataclass(frozen=True, slots=True)
class CallResult:
    """How one call went. `cause` is empty when it was answered and ended as planned."""

    number: int
    at_s: float
    setup_ms: float | None = None
    talked_s: float = 0.0
    cause: str = ""
    mos: float | None = None
    faults: tuple[str, ...] = ()
    media: MediaFacts = field(default_factory=MediaFacts)
    ladder: tuple[LadderStep, ...] = ()
    """The SIP messages of all parties; kept for calls that broke, and for the first that did not."""
    kind: str = ""
    """Codec, transport and encryption of the customer."""
    agent: str = ""
    waited_s: float | None = None
    """From the answer by the target until an agent was there."""
    deaf: tuple[str, ...] = ()
    """Who did not hear whom, and who heard somebody of another call."""
    escalation: EscalationResult | None = None

    @property
    def answered(self) -> bool:
        return self.setup_ms is not None

    @property
    def failed(self) -> bool:
        """A call that we ended because the run was stopped has not failed."""
        return bool(self.cause) and self.cause != STOPPED

    @property
    def broken(self) -> bool:
        """Tell whether there is anything to look into."""
        promises = self.escalation is not None and bool(self.escalation.broken)
        return self.failed or bool(self.faults) or bool(self.deaf) or promises


def rating(loss_share: float, delay_ms: float) -> float:
    """Give R of the E-model for random loss (0 to 1) and one-way delay; G.107 §7.3 and §7.4, echo not regarded."""
    percent = 100.0 * min(1.0, max(0.0, loss_share))
    equipment = 95.0 * percent / (percent + BPL)
    return R_DEFAULT - _delay_impairment(delay_ms) - equipment


def _delay_impairment(delay_ms: float) -> float:
    """Idd of G.107 (7-27, 7-28): nothing up to 100 ms."""
    if delay_ms <= 100.0:
        return 0.0
    x = math.log2(delay_ms / 100.0)
    return 25.0 * (_sixth_root(1 + x**6) - 3 * _sixth_root(1 + (x / 3) ** 6) + 2)


def _sixth_root(value: float) -> float:
    return math.pow(value, 1 / 6)


def mos_of(r: float) -> float:
    """Turn R into the mean opinion score (G.107 Annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def estimated_mos(media: MediaFacts) -> float | None:
    """Estimate the MOS of what was received; None when nothing was."""
    expected = media.received + media.lost
    if not media.received or not expected:
        return None
    delay_ms = media.rtt_ms / 2 + PACKET_MS + max(media.buffer_ms, 2 * media.jitter_ms)
    return mos_of(rating((media.lost + media.discarded) / expected, delay_ms))


def faults_of(media: MediaFacts, hears: str, max_silence_ms: float) -> tuple[str, ...]:
    """Say what is wrong with a call's sound: one_way, silent, no_echo, gap, clipped."""
    if media.sent and not media.received:
        return ("one_way",)
    faults = []
    if hears != "nothing" and media.sound_ms <= 0:
        faults.append("silent")
    if hears == "echo" and media.echo_ms <= 0:
        faults.append("no_echo")
    if hears != "nothing" and media.longest_silence_ms > max_silence_ms:
        faults.append("gap")
    if media.loudest_dbfs > CLIPPED_DBFS:
        faults.append("clipped")
    return tuple(faults)


def media_from_json(content: dict[str, Any]) -> MediaFacts:
    """Read what a caller's process wrote."""
    return MediaFacts(**content)
