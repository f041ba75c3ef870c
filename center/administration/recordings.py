"""The company's own recordings: checked and converted when they come, and lying where the switch plays them from."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from center.errors import BadRequest
from store.configuration import Configuration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE_HZ = 8_000
MOST_BYTES = 5 * 1024 * 1024
MOST_S = 120.0
LEAST_S = 0.1
RATES_HZ = (8_000, 96_000)


def telephone_recording(upload: bytes) -> tuple[bytes, float]:
    """Turn an uploaded WAV (PCM, 8 to 32 bit, mono or stereo) into what a line carries; returns it and its seconds.

    The result is 8 kHz, 16 bit, mono. The loudness stays, apart from what would be clipped.

    Raises:
        BadRequest: It is no such recording, or longer than two minutes.
    """
    import numpy as np  # 14 MiB that only a node with uploads needs

    samples, rate_hz = _samples(upload)
    seconds = len(samples) / rate_hz
    if not LEAST_S <= seconds <= MOST_S:
        raise _wrong("recording_length", f"A recording lasts from {LEAST_S:g} to {MOST_S:g} seconds.")
    samples = _resampled(samples, rate_hz)
    peak = float(np.max(np.abs(samples), initial=0.0))
    whole = (samples / max(peak, 1.0) * 32_767).astype("<i2")
    result = io.BytesIO()
    with wave.open(result, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE_HZ)
        target.writeframes(whole.tobytes())
    return result.getvalue(), round(len(whole) / RATE_HZ, 2)


def _samples(upload: bytes) -> tuple[NDArray[np.float64], int]:
    """Samples of both channels' mean, from -1 to 1, and their rate."""

    if len(upload) > MOST_BYTES:
        raise _wrong("recording_size", f"A recording has at most {MOST_BYTES // 1024 // 1024} MB.")
    try:
        with wave.open(io.BytesIO(upload)) as source:
            channels, width, rate_hz = source.getnchannels(), source.getsampwidth(), source.getframerate()
            frames = source.readframes(source.getnframes())
    except (wave.Error, EOFError, ValueError):
        raise _wrong("not_a_wav", "This is no WAV recording (PCM). Save it as WAV and try again.") from None
    if channels not in (1, 2) or not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise _wrong("wav_form", "A recording has one or two channels and 8 to 96 kHz.")
    frames = frames[: len(frames) // (width * channels) * width * channels]
    return _as_floats(frames, width).reshape(-1, channels).mean(axis=1), rate_hz


def _as_floats(frames: bytes, width: int) -> NDArray[np.float64]:
    """PCM of 8 bit (unsigned), 16, 24 or 32 bit as numbers from -1 to 1."""
    import numpy as np

    if width == 1:
        return (np.frombuffer(frames, "u1").astype(np.float64) - 128) / 128
    if width == 3:
        octets = np.frombuffer(frames, "u1").reshape(-1, 3)
        padded = np.zeros((len(octets), 4), "u1")
        padded[:, 1:] = octets
        return padded.reshape(-1).view("<i4").astype(np.float64) / 2**31
    return np.frombuffer(frames, f"<i{width}").astype(np.float64) / float(2 ** (8 * width - 1))


def _resampled(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """Change the sample rate to RATE_HZ by cutting the spectrum; enough for whole recordings."""
    import numpy as np

    count = round(len(samples) * RATE_HZ / rate_hz)
    if rate_hz == RATE_HZ:
        return samples
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.fft.irfft(spectrum, count) * (count / len(samples))


def _wrong(code: str, message: str) -> BadRequest:
    return BadRequest(code, message, field="audio")


def digest_of(audio: bytes) -> str:
    return hashlib.sha256(audio).hexdigest()


class PromptFolder:
    """The folder that the switch plays the company's own recordings from; the store holds all their versions."""

    def __init__(self, folder: Path, shipped: Path, stored: Configuration) -> None:
        self._folder = folder
        self._shipped = shipped
        self._stored = stored
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def shipped(self) -> frozenset[str]:
        return frozenset(path.stem for path in self._shipped.glob("*.wav"))

    async def put(self, name: str, digest: str | None) -> None:
        """Let this recording be played under the name; None: the shipped one again."""
        path = self._folder / f"{name}.wav"
        if digest is None:
            path.unlink(missing_ok=True)
            return
        if path.is_file() and digest_of(await asyncio.to_thread(path.read_bytes)) == digest:
            return
        audio = await self._stored.recording(digest)
        if audio is not None:
            await asyncio.to_thread(_write_whole, path, audio)

    async def audio(self, name: str, digest: str | None) -> bytes | None:
        """What is heard: a recording by its digest, else the shipped one of that name."""
        if digest is not None:
            return await self._stored.recording(digest)
        path = self._shipped / f"{name}.wav"
        return await asyncio.to_thread(path.read_bytes) if name in self.shipped() else None


def _write_whole(path: Path, audio: bytes) -> None:
    """Replace the file at once: a call that plays the old one plays it to its end."""
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(audio)
    unfinished.replace(path)
