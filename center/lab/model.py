"""The lab's words: which services its numbers give, and the legs that use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from telephony.model import PromptName
from vocabulary import LegId

NUMBERS = frozenset({"echo", "answer"})
PREFIXES = ("room-", "call-")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,32}")

TONE = PromptName("lab-tone")
"""What `answer` plays, again and again."""
MOST_IN_A_ROOM = 64
"""Everybody hears everybody: a room of n has n * (n - 1) links on the bridge."""


class Service(StrEnum):
    """What a lab number does with its caller."""

    ECHO = "echo"
    """He hears himself."""
    ANSWER = "answer"
    """He hears a tone."""
    ROOM = "room"
    """He is mixed with all others in the room of that key."""
    CALL = "call"
    """A second leg to a person's phone, bridged as soon as it answers."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A called number, understood. `key`: the room, or the person to call."""

    service: Service
    key: str = ""


@dataclass(frozen=True, slots=True)
class LabLeg:
    """One leg of the lab."""

    leg: LegId
    wanted: Wanted
    caller_number: str = ""
    sip_call_id: str = ""
    partner: LegId | None = None
    """CALL only: the leg at the other end, as long as it lives."""
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class LabCalls:
    """All legs that the lab serves; those of a bridged call are handed to the centre's engine."""

    legs: Mapping[LegId, LabLeg] = field(default_factory=lambda: MappingProxyType({}))

    def in_room(self, key: str) -> list[LabLeg]:
        return [each for each in self.legs.values() if each.wanted == Wanted(Service.ROOM, key)]


def wanted_by(called: str) -> Wanted | None:
    """Understand a called number: `echo`, `answer`, `room-<k>`, `call-<user>`; None for any other."""
    if called in NUMBERS:
        return Wanted(Service(called))
    service, _, key = called.partition("-")
    if f"{service}-" not in PREFIXES or not _KEY.fullmatch(key):
        return None
    return Wanted(Service(service), key)
