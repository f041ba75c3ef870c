"""Makes the recordings beside this file: `python telephony/prompts/make_prompts.py`. Needs espeak-ng and numpy.

Speech comes from espeak-ng's own voices, music from the chord table below, so no foreign recording is in here. All are
8 kHz, 16 bit, mono: what a telephone line carries. The results are committed; run this only to change them.
"""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RATE_HZ = 8_000
PEAK_DBFS = -6.0
WORDS_PER_MINUTE = 150
SPEECH = {
    "greeting": "Welcome. You are being connected.",
    "we-will-call-back": "Nobody is free at this moment. A specialist will call you back, and will know your case.",
    "one-moment": "One moment please. A colleague is joining you.",
    "please-press-one": "A colleague asks for your help. Press one to join.",
}
BAR_S = 2.0
MUSIC_DBFS = -20.0
CHORDS_HZ = (
    (261.63, 329.63, 392.00),
    (220.00, 261.63, 329.63),
    (174.61, 220.00, 261.63),
    (196.00, 246.94, 293.66),
)
"""C, A minor, F, G: two seconds each, arpeggiated; eight seconds that loop without a seam."""


def speak(text: str) -> FloatArray:
    """Speak a sentence, in samples of -1..1 at RATE_HZ."""
    command = ["espeak-ng", "-v", "en-gb", "-s", str(WORDS_PER_MINUTE), "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(spoken)) as source:
        rate_hz = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.float64) / 32_768
    return resampled(samples, rate_hz)


def resampled(samples: FloatArray, rate_hz: int) -> FloatArray:
    """Change the sample rate to RATE_HZ by cutting the spectrum; enough for whole recordings."""
    count = round(len(samples) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.fft.irfft(spectrum, count) * (count / len(samples))


def music() -> FloatArray:
    """Play the chords as soft plucked notes."""
    note_s = BAR_S / 8
    length = np.arange(round(note_s * 3 * RATE_HZ)) / RATE_HZ
    envelope = np.minimum(length / 0.01, 1.0) * np.exp(-length * 4.0)
    result = np.zeros(round(len(CHORDS_HZ) * BAR_S * RATE_HZ))
    for bar, chord in enumerate(CHORDS_HZ):
        for step, tone in enumerate((0, 1, 2, 1, 0, 1, 2, 1)):
            pitch = 2 * np.pi * chord[tone] * length
            note = (np.sin(pitch) + 0.3 * np.sin(2 * pitch)) * envelope
            start = round((bar * BAR_S + step * note_s) * RATE_HZ)
            places = (start + np.arange(len(note))) % len(result)
            result[places] += note
    return result


def write(name: str, samples: FloatArray, peak_dbfs: float) -> None:
    """Write one recording with its peak at `peak_dbfs`."""
    scaled = samples / np.max(np.abs(samples)) * 10 ** (peak_dbfs / 20)
    with wave.open(str(Path(__file__).parent / f"{name}.wav"), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        target.writeframes((scaled * 32_767).astype("<i2").tobytes())


def main() -> None:
    """Make all recordings."""
    for name, text in SPEECH.items():
        write(name, speak(text), PEAK_DBFS)
    write("hold-music", music(), MUSIC_DBFS)


if __name__ == "__main__":
    main()
