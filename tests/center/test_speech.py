"""Sentences become recordings the switch can play; without espeak-ng a fixed one is played (S03, S04)."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import pytest

from center import speech
from center.speech import CALL_BACK, Speech

SENTENCE = "Eva Horvat will call you back by 15:30 today."


async def test_a_sentence_becomes_a_telephone_recording_once(tmp_path: Path) -> None:
    says = Speech(tmp_path / "speech")
    assert says.cached(SENTENCE) is None
    name = await says.prompt(SENTENCE)
    assert name == says.cached(SENTENCE) == await says.prompt(SENTENCE)
    with wave.open(str(tmp_path / "speech" / f"{name}.wav")) as recording:
        assert (recording.getframerate(), recording.getsampwidth(), recording.getnchannels()) == (8_000, 2, 1)
        assert 1.5 < recording.getnframes() / 8_000 < 6.0
    assert len(list((tmp_path / "speech").iterdir())) == 1


async def test_a_recording_is_cut_to_its_longest_time(tmp_path: Path) -> None:
    says = Speech(tmp_path)
    name = await says.prompt("word " * 100, most_s=2.0)
    with wave.open(str(tmp_path / f"{name}.wav")) as recording:
        assert recording.getnframes() == 16_000


@pytest.mark.parametrize("text", ["", "   ", "\x00\x07"])
async def test_nothing_to_say_is_the_fixed_recording(text: str, tmp_path: Path) -> None:
    assert await Speech(tmp_path).prompt(text) == CALL_BACK


@pytest.mark.parametrize("text", ["--help", "-v de; touch /x", "[[k@n'trOl]] <say-as>", "$(id) `id` ž 漢字 😀"])
async def test_odd_texts_are_only_spoken(text: str, tmp_path: Path) -> None:
    name = await Speech(tmp_path).prompt(text)
    assert (tmp_path / f"{name}.wav").stat().st_size > 1_000


async def test_without_the_program_the_fixed_recording_is_played(tmp_path: Path) -> None:
    assert await Speech(tmp_path, program="no-such-program").prompt(SENTENCE) == CALL_BACK


async def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "RENDER_TIMEOUT_S", 0.2)
    program = tmp_path / "hangs"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    says = Speech(tmp_path / "speech", program=str(program))
    assert await asyncio.wait_for(says.prompt(SENTENCE), 10) == CALL_BACK


async def test_the_oldest_recordings_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "KEPT", 2)
    says = Speech(tmp_path)
    for number in range(4):
        await says.prompt(f"Number {number}.")
    assert [says.cached(f"Number {number}.") is not None for number in range(4)] == [False, False, True, True]
