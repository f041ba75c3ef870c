"""S06 step 1: situations of one expert, and what every list must show of each (rows of docs/presence.md)."""

from __future__ import annotations

from dataclasses import dataclass

Word = tuple[str, str]
"""What a source says, in order: `uc`, `in_call`, `microphone`, `calendar`, `phone` by the UC client, `desk` by the own
page, `mobile` by a second client, `raw` something unreadable in place of a status, `line` the own phone."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is said, and what is to be shown: the state, and a phrase of its because."""

    name: str
    words: tuple[Word, ...]
    state: str
    because: str


UC = ("uc", "available")

SITUATIONS = (
    Situation("only a phone", (), "unknown", "client connected, no status yet"),
    Situation("free", (UC,), "free", "UC status: available"),
    Situation("UC busy", (("uc", "busy"),), "busy", "UC status: busy"),
    Situation("UC do not disturb", (("uc", "dnd"),), "busy", "UC status: do not disturb"),
    Situation("UC away", (("uc", "away"),), "away", "UC status: away"),
    Situation("UC signed off", (("uc", "offline"),), "unknown", "UC status: offline"),
    Situation("UC does not know", (("uc", "unknown"),), "unknown", "UC status: unknown"),
    Situation("in a call of the client", (UC, ("in_call", "busy")), "busy", "in a UC call since"),
    Situation("microphone in use", (UC, ("microphone", "busy")), "busy", "microphone in use since"),
    Situation(
        "microphone against call state",
        (UC, ("in_call", "available"), ("microphone", "busy")),
        "unknown",
        "microphone in use, but no call is reported",
    ),
    Situation("call state not known", (UC, ("in_call", "unknown")), "unknown", "whether a call runs is not known"),
    Situation("no call, microphone off", (UC, ("in_call", "available"), ("microphone", "available")), "free", "UC"),
    Situation("own choice busy", (UC, ("desk", "busy")), "busy", "own choice: busy"),
    Situation("own choice away", (UC, ("desk", "away")), "away", "own choice: away"),
    Situation("own choice do not disturb", (UC, ("desk", "dnd")), "busy", "own choice: do not disturb"),
    Situation("own choice beats a call", (("in_call", "busy"), ("desk", "away")), "away", "own choice: away"),
    Situation("own available is newer", (("uc", "busy"), ("desk", "available")), "free", "own choice: available"),
    Situation(
        "own available is older", (("desk", "available"), ("uc", "away")), "unknown", "own choice available, but"
    ),
    Situation("own choice taken back", (UC,), "free", "UC status: available"),
    Situation("do not disturb on the phone only", (UC, ("phone", "dnd")), "busy", "phone: do not disturb"),
    Situation("another phone in a call", (UC, ("phone", "busy")), "busy", "in a call since"),
    Situation("out of office", (UC, ("calendar", "away")), "away", "out of office until"),
    Situation("meeting, nothing else known", (("calendar", "busy"),), "busy", "busy by calendar until"),
    Situation("meeting, but do not disturb", (("uc", "dnd"), ("calendar", "busy")), "busy", "do not disturb"),
    Situation("calendar cannot be read", (UC, ("calendar", "unknown")), "unknown", "calendar cannot be read"),
    Situation("second client busy", (UC, ("mobile", "busy")), "busy", "UC status: busy"),
    Situation("second client does not know", (UC, ("mobile", "unknown")), "unknown", "another client is silent"),
    Situation("available, then garbage", (UC, ("raw", "{")), "unknown", "UC status: unknown (unreadable message)"),
    Situation("phone not registered", (UC, ("line", "gone")), "unknown", "phone not registered"),
    Situation("phone back", (UC,), "free", "UC status: available"),
)
