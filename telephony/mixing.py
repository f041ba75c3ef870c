"""Turns a wanted mixing matrix into the fewest changes of the running one.

All unlinks come before all links, so a bridge port that is being reused is never heard by its former listeners for a
frame. Links that both matrices have are not touched: the survivors of a change hear no gap (N3).
"""

from __future__ import annotations

from dataclasses import dataclass

from telephony.model import HoldMusic, MixingMatrix, Speaker
from vocabulary import LegId


@dataclass(frozen=True, slots=True)
class Link:
    """Let `listener` hear `speaker`."""

    speaker: Speaker
    listener: LegId


@dataclass(frozen=True, slots=True)
class Unlink:
    """Stop `listener` from hearing `speaker`."""

    speaker: Speaker
    listener: LegId


MixOperation = Link | Unlink


def changes(running: MixingMatrix, wanted: MixingMatrix) -> tuple[MixOperation, ...]:
    """Give the operations that lead from `running` to `wanted`, in the order they must be applied."""
    unlinks = tuple(Unlink(*pair) for pair in _sorted(running - wanted))
    links = tuple(Link(*pair) for pair in _sorted(wanted - running))
    return (*unlinks, *links)


def about(matrix: MixingMatrix, legs: frozenset[LegId]) -> MixingMatrix:
    """Give the pairs of `matrix` that touch any of `legs`."""
    return frozenset(pair for pair in matrix if pair[0] in legs or pair[1] in legs)


def restricted(matrix: MixingMatrix, present: frozenset[LegId]) -> MixingMatrix:
    """Give the pairs whose legs all have running media; hold music is always there."""
    return frozenset(
        (speaker, listener)
        for speaker, listener in matrix
        if listener in present and (isinstance(speaker, HoldMusic) or speaker in present)
    )


def _sorted(matrix: MixingMatrix) -> list[tuple[Speaker, LegId]]:
    return sorted(matrix, key=lambda pair: ("" if isinstance(pair[0], HoldMusic) else pair[0], pair[1]))
