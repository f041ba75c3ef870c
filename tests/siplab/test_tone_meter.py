"""The C++ tone meter against a reference in numpy, on the same synthetic audio (mission 3.0, audio proof)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

RATE_HZ = 8000
WINDOW = RATE_HZ * 40 // 1000
HOP = RATE_HZ * 10 // 1000
HOP_MS = 10
THRESHOLD = 0.01
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    first_ms: float
    heard_ms: float
    gap_ms: float


def goertzel_amplitude(window: FloatArray, frequency_hz: float) -> float:
    """Give the amplitude of one frequency in a window, by Goertzel's recurrence with a Hann window.

    Source: G. Goertzel, An Algorithm for the Evaluation of Finite Trigonometric Series, 1958.
    """
    weighted = window * (1 - np.cos(2 * np.pi * (np.arange(len(window)) + 0.5) / len(window)))
    coefficient = 2 * np.cos(2 * np.pi * frequency_hz / RATE_HZ)
    a = b = 0.0
    for sample in weighted:
        a, b = sample + coefficient * a - b, a
    return float(2 * np.sqrt(max(0.0, a * a + b * b - coefficient * a * b)) / len(window))


def reference(audio: FloatArray, frequency_hz: float) -> Heard:
    """Measure a tone: present above the threshold and above half of what it recently was (halving in 500 ms)."""
    padded = np.concatenate([np.zeros(WINDOW), audio])
    recent, present = 0.0, []
    for end in range(WINDOW + HOP, len(padded) + 1, HOP):
        amplitude = goertzel_amplitude(padded[end - WINDOW : end], frequency_hz)
        present.append(amplitude >= max(THRESHOLD, recent / 2))
        recent = max(amplitude, recent * 0.5 ** (HOP_MS / 500))
    first = present.index(True)
    runs = "".join("x" if heard else "." for heard in present[first:]).rstrip(".").split("x")
    return Heard(first * HOP_MS, sum(present) * HOP_MS, max(map(len, runs)) * HOP_MS)


def sine(frequency_hz: float, seconds: float, amplitude: float = 0.25) -> FloatArray:
    return amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)


def measured(audio: FloatArray, *frequencies: float) -> list[Heard]:
    """What the C++ meter says about the same audio."""
    samples = (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()
    probe = Path(__file__).with_name("meter_probe.py")
    command = [sys.executable, str(probe), *map(str, frequencies)]
    outcome = subprocess.run(command, input=samples, capture_output=True, check=True, timeout=60)
    tones: list[dict[str, Any]] = json.loads(outcome.stdout)
    return [Heard(**tone) for tone in tones]


def given_conversation() -> FloatArray:
    """440 Hz for 1.6 s with a hole of 250 ms at 0.5 s; 880 Hz from 0.8 s on; noise at -46 dB."""
    customer = sine(440, 1.6)
    customer[int(0.5 * RATE_HZ) : int(0.75 * RATE_HZ)] = 0.0
    specialist = np.concatenate([np.zeros(int(0.8 * RATE_HZ)), sine(880, 0.8)])
    noise = np.random.default_rng(seed=7).normal(0.0, 0.005, len(customer))
    return np.asarray(customer + specialist + noise)


def test_reference_finds_the_amplitude_of_a_sine() -> None:
    assert goertzel_amplitude(sine(440, 0.04), 440) == pytest.approx(0.25, rel=0.02)
    assert goertzel_amplitude(sine(440, 0.04), 620) < 0.01


def test_reference_measures_the_hole_in_synthetic_audio() -> None:
    heard = reference(given_conversation(), 440)
    assert heard.gap_ms == pytest.approx(250, abs=40)


@pytest.mark.native
def test_meter_agrees_with_the_reference() -> None:
    """First heard, total and longest gap of each tone agree within one bridge frame."""
    audio = given_conversation()
    c, e1, nobody = measured(audio, 440, 880, 1150)
    expected_c, expected_e1 = reference(audio, 440), reference(audio, 880)
    assert e1.first_ms - c.first_ms == pytest.approx(expected_e1.first_ms - expected_c.first_ms, abs=20)
    assert c.heard_ms == pytest.approx(expected_c.heard_ms, abs=30)
    assert e1.heard_ms == pytest.approx(expected_e1.heard_ms, abs=30)
    assert c.gap_ms >= expected_c.gap_ms - 20
    assert (nobody.first_ms, nobody.heard_ms) == (-1, 0)
