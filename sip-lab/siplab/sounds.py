"""Recordings made for scenarios: silence that takes no time, tones that prove how long an announcement was heard."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

RATE_HZ, AMPLITUDE = 8_000, 8_000


def write_sound(path: Path, length_ms: int, tone_hz: int = 0) -> None:
    """Write a recording, 16 bit at 8 kHz: a steady tone, or silence (0 Hz)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    angles = (2 * math.pi * tone_hz * n / RATE_HZ for n in range(length_ms * RATE_HZ // 1000))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(array("h", (round(AMPLITUDE * math.sin(angle)) for angle in angles)).tobytes())
