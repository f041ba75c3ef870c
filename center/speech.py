"""Says sentences: text becomes a recording that the switch can play, made by espeak-ng in a child process.

A sentence is rendered once and kept under a hash of it, so the same words cost nothing the next time; the folder is
bounded. Nothing in here can fail a call: without espeak-ng, or when it is slow, the fixed recording is played instead.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from telephony.model import PromptName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = structlog.get_logger(__name__)

CALL_BACK = PromptName("we-will-call-back")
"""The fixed recording for a customer who is promised something."""
RATE_HZ = 8_000
PEAK = 0.5
WORDS_PER_MINUTE = 150
MAX_TEXT = 400
"""Longer texts are cut; nobody listens to more than half a minute."""
RENDER_TIMEOUT_S = 2.0
KEPT = 500
"""Recordings kept, newest first; they may hold names, so old ones go."""
_FADE_S = 0.05


class Speech:
    """Recordings of sentences in one folder, which the switch must know as a folder of prompts. Loop thread only."""

    def __init__(self, folder: Path, *, program: str = "espeak-ng", voice: str = "en-gb") -> None:
        self._folder = folder
        self._program = program
        self._voice = voice
        self._turn = asyncio.Semaphore(2)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def cached(self, text: str, *, most_s: float = 30.0) -> PromptName | None:
        """The recording of a sentence, if it was said before."""
        name = self._name(text, most_s)
        return name if self._file(name).is_file() else None

    async def prompt(self, text: str, fallback: PromptName = CALL_BACK, *, most_s: float = 30.0) -> PromptName:
        """Give the recording of a sentence, at most `most_s` long, made now if need be; `fallback` if that fails."""
        name = self._name(text, most_s)
        async with self._turn:
            if self._file(name).is_file():
                return name
            try:
                async with asyncio.timeout(RENDER_TIMEOUT_S):
                    spoken = await self._speak(_speakable(text))
                await asyncio.to_thread(self._keep, name, spoken, most_s)
            except (OSError, ValueError, EOFError, wave.Error, TimeoutError) as error:
                log.warning("sentence_not_spoken", error=type(error).__name__)
                return fallback
        return name

    async def _speak(self, text: str) -> bytes:
        """Run espeak-ng; the text goes in by standard input, so that it can never be an option or a command."""
        child = await asyncio.create_subprocess_exec(
            self._program,
            *("-v", self._voice, "-s", str(WORDS_PER_MINUTE), "-b", "1", "-z", "--stdin", "--stdout"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            spoken, _ = await child.communicate(text.encode())
        finally:
            if child.returncode is None:
                child.kill()
                assert child.stdout is not None
                await child.stdout.read()  # a pipe whose reading is paused would never be closed
                await child.wait()
        return spoken

    def _keep(self, name: PromptName, spoken: bytes, most_s: float) -> None:
        """Write the recording whole or not at all, and let the oldest ones go."""
        unfinished = self._folder / f"{name}.part"
        unfinished.write_bytes(_telephone_wav(spoken, most_s))
        unfinished.replace(self._file(name))
        kept = sorted(self._folder.glob("*.wav"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in kept[KEPT:]:
            old.unlink(missing_ok=True)

    def _name(self, text: str, most_s: float) -> PromptName:
        said = f"{self._voice}/{WORDS_PER_MINUTE}/{most_s}/{_speakable(text)}"
        return PromptName(f"said-{hashlib.sha256(said.encode()).hexdigest()[:32]}")

    def _file(self, name: PromptName) -> Path:
        return self._folder / f"{name}.wav"


def _speakable(text: str) -> str:
    """One line of plain words: no control characters, none of the brackets that espeak-ng gives a meaning."""
    plain = "".join(c if c.isprintable() and c not in "[]<>{}|" else " " for c in text)
    return " ".join(plain.split())[:MAX_TEXT]


def _telephone_wav(spoken: bytes, most_s: float) -> bytes:
    """Turn espeak-ng's output into what a telephone line carries: 8 kHz, 16 bit, mono.

    Raises:
        ValueError, EOFError, wave.Error: This is no recording, or an empty one.
    """
    import numpy as np  # 14 MiB that only a node that speaks needs

    with wave.open(io.BytesIO(spoken)) as source:
        rate_hz = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.float64)
    samples = _resampled(samples, rate_hz)[: round(most_s * RATE_HZ)]
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0:
        raise ValueError("silence")
    fade = min(len(samples), round(_FADE_S * RATE_HZ))
    samples[len(samples) - fade :] *= np.linspace(1.0, 0.0, fade)
    result = io.BytesIO()
    with wave.open(result, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        target.writeframes((samples * (PEAK * 32_767 / peak)).astype("<i2").tobytes())
    return result.getvalue()


def _resampled(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """Change the sample rate to RATE_HZ by cutting the spectrum; enough for whole recordings."""
    import numpy as np

    count = round(len(samples) * RATE_HZ / rate_hz)
    if count == 0:
        raise ValueError("silence")
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.fft.irfft(spectrum, count)
