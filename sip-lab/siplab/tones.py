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
