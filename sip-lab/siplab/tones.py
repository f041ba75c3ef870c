"""The tones that prove who is heard: each party sends its own, everybody listens for all (mission 3.0)."""

from __future__ import annotations

PARTY_TONES_HZ: dict[str, int] = {"C": 440, "A": 620, "E1": 880, "E2": 1150, "E3": 1490, "E4": 1750}
"""Party -> frequency. None is near a multiple of another, so a distorted tone is not taken for a neighbour's."""

DTMF_COLUMN_HZ = 1209
"""In the tones of the keys 1, 4, 7 and * (ITU-T Q.23); to be heard by nobody."""

SPARE_TONE_HZ = 2050
"""For lines that are no party of a scenario."""


def tone_of(party: str) -> int:
    """Give a party's frequency in Hz; unknown parties share the spare one."""
    return PARTY_TONES_HZ.get(party, SPARE_TONE_HZ)


LOAD_CLASS = 5
_LOAD_BASE_HZ, _LOAD_STEP_HZ = 440, 170


def load_tones(role: str) -> list[tuple[str, int]]:
    """Give the tones that people of a role (C, A or S) take in turn under load: C1 … C5, A1 …, S1 … with their Hz.

    Fifteen in all, because a ToneMeter listens for sixteen at most; two customers out of five sound alike, so one voice
    in the wrong conference is noticed four times in five.
    """
    first = "CAS".index(role)
    return [(f"{role}{n + 1}", _LOAD_BASE_HZ + _LOAD_STEP_HZ * (3 * n + first)) for n in range(LOAD_CLASS)]


def load_tone(role: str, number: int) -> tuple[str, int]:
    """Give name and Hz of the tone of the n-th person of a role."""
    return load_tones(role)[number % LOAD_CLASS]
