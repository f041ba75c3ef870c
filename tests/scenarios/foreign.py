"""Programs of other people as phones: SIPp as a customer, baresip in a network namespace as a desk phone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import wave
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from siplab.tones import tone_of

SIPP_CUSTOMER = Path(__file__).parent / "sipp" / "customer.xml"
RATE_HZ, TONE_S, LEVEL = 8_000, 120, 8_000
PRESENT_SHARE = 0.05
"""A tone is in a recording when its band holds this share of the energy; noise spreads over hundreds of bands."""
BARESIP_MODULES = Path("/usr/lib/baresip/modules")
LEAVE_TIMEOUT_S = 5.0


def program(name: str, package: str) -> str:
    """A foreign program; missing ones fail the test with the package to install."""
    found = shutil.which(name)
    assert found, f"{name} is missing: install the package {package}"
    return found


@asynccontextmanager
async def foreign_program(*command: str, log: Path, cwd: Path) -> AsyncIterator[Process]:
    """A foreign program, ended by its own pid when the test is over."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=output, stderr=STDOUT, cwd=cwd)
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), LEAVE_TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await process.wait()


def sipp_customer(number: str, node: tuple[str, int], media_port: int) -> tuple[str, ...]:
    """The command of one SIPp call from the trunk's address; its exit status is 0 when all went by the scenario."""
    return (
        program("sipp", "sip-tester"), f"{node[0]}:{node[1]}", "-sf", str(SIPP_CUSTOMER), "-s", number,
        "-i", "127.0.0.1", "-mi", "127.0.0.1", "-mp", str(media_port), "-rtp_echo", "-m", "1",
        "-nostdin", "-timeout", "60s", "-timeout_error",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OtherMachine:
    """A network namespace that sees this machine through a cable of its own."""

    name: str
    here: str
    """This machine's address on the cable."""
    there: str

    def inside(self, *command: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name, *command)


@contextmanager
def other_machine() -> Iterator[OtherMachine]:
    """Make a namespace with a veth pair, and take both away whatever happens."""
    assert os.geteuid() == 0, "a network namespace needs root: run the tests as root, or `unshare -rn make test`"
    number = os.getpid() % 60_000
    machine = OtherMachine(f"ringside-{number}", *(f"10.{200 + number // 4_000}.{number % 250}.{n}" for n in (1, 2)))
    near, far = f"rs{number}a", f"rs{number}b"
    try:
        _ip("netns", "add", machine.name)
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", machine.name)
        _ip("addr", "add", f"{machine.here}/30", "dev", near)
        _ip("link", "set", near, "up")
        for arguments in (("addr", "add", f"{machine.there}/30", "dev", far), ("link", "set", far, "up")):
            _ip("-n", machine.name, *arguments)
        yield machine
    finally:
        for leftover in (("link", "del", near), ("netns", "del", machine.name)):
            subprocess.run(["ip", *leftover], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}"


def baresip_phone(folder: Path, user: str, password: str, registrar: str, party: str) -> tuple[str, ...]:
    """The command of a baresip that registers, answers by itself, sends its party's tone and records what it hears."""
    folder.mkdir()
    tone = folder / "tone.wav"
    _write_tone(tone, tone_of(party))
    (folder / "accounts").write_text(
        f"<sip:{user}@{registrar};transport=udp>;auth_user={user};auth_pass={password};answermode=auto;"
        f"audio_codecs=PCMU/8000/1;regint=60\n"
    )
    modules = ("g711.so", "aufile.so", "sndfile.so")
    (folder / "config").write_text(
        "\n".join(
            [
                "poll_method epoll",
                f"audio_source aufile,{tone}",
                "audio_player aufile,none",
                "ausrc_srate 8000",
                "auplay_srate 8000",
                f"snd_path {folder}",
                f"module_path {BARESIP_MODULES}",
                *(f"module {name}" for name in modules),
                "module_tmp account.so",
                "module_app menu.so",
                "",
            ]
        )
    )
    return (program("baresip", "baresip-core"), "-f", str(folder), "-v")


def _write_tone(path: Path, frequency_hz: int) -> None:
    times = np.arange(RATE_HZ * TONE_S) / RATE_HZ
    samples = (LEVEL * np.sin(2 * np.pi * frequency_hz * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


def heard_in(recording: Path, *parties: str) -> dict[str, bool]:
    """Whether each party's tone is in the last second of a recording; none is while it is still being written."""
    try:
        file = wave.open(str(recording), "rb")  # noqa: SIM115
    except (wave.Error, EOFError):
        return dict.fromkeys(parties, False)
    with file:
        assert file.getsampwidth() == 2
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")[:: file.getnchannels()]
        rate_hz = file.getframerate()
    if len(frames) == 0:
        return dict.fromkeys(parties, False)
    last = frames[-rate_hz:].astype(float)
    energy = np.abs(np.fft.rfft(last * np.hanning(len(last)))) ** 2
    hz_per_band = rate_hz / len(last)
    whole = energy.sum() or 1.0

    def share(frequency_hz: int) -> float:
        band = round(frequency_hz / hz_per_band)
        return float(energy[band - 2 : band + 3].sum() / whole)

    return {party: share(tone_of(party)) > PRESENT_SHARE for party in parties}
