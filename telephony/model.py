"""Telephony's words: identities, origins, legs' sources and the mixing matrix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from vocabulary import LegId, PersonId

MOST_TEXT_BYTES = 1_000

PromptName = NewType("PromptName", str)
"""A recording the switch can play, by file name without suffix (`greeting`, `please-wait`)."""


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Who the called party is told is calling: display name and number or user part."""

    display: str
    number: str


@dataclass(frozen=True, slots=True)
class TrunkOrigin:
    """The leg came over a trunk, known by its source address."""

    trunk: str


@dataclass(frozen=True, slots=True)
class PersonOrigin:
    """The leg came from a person's own phone, which proved its password."""

    person: PersonId


Origin = TrunkOrigin | PersonOrigin


ReferId = NewType("ReferId", str)
"""One REFER a leg sent us; how its NOTIFYs know where they belong."""


class DtmfMethod(StrEnum):
    """How a digit came: in RTP (RFC 4733), in a SIP INFO request, or over a page's WebSocket."""

    RTP = "rtp"
    INFO = "info"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class HoldMusic:
    """A mixing source that is not a leg: the looping music for callers who wait in a queue."""


Speaker = LegId | HoldMusic
MixingMatrix = frozenset[tuple[Speaker, LegId]]
"""Who is heard by whom: (speaker, listener) pairs. Nobody is ever paired with himself."""
EMPTY_MATRIX: MixingMatrix = frozenset()


def everyone_hears_everyone(legs: frozenset[LegId]) -> MixingMatrix:
    """Link every ordered pair of legs: a bridge for two, a conference for three or more (RFC 4353)."""
    return frozenset((speaker, listener) for speaker in legs for listener in legs if speaker != listener)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a leg is dialled: a person's registered phones, or a number through a trunk."""

    person: PersonId | None = None
    number: str | None = None
    trunk: str | None = None


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A short text to a number, sent as SIP MESSAGE through its trunk. RFC 3428 §8 bounds it: 1,000 bytes at most.

    Raises:
        ValueError: It is longer.
    """

    to: Destination
    shown: CallerIdentity
    text: str

    def __post_init__(self) -> None:
        if len(self.text.encode()) > MOST_TEXT_BYTES:
            raise ValueError(f"a text message has at most {MOST_TEXT_BYTES} bytes")
