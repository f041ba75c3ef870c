"""Escalating from the telephone: key sequences, REFER and speed-dial keys become the same request as the desk's (N5).

    *7 and a digit   the digit counts the skills that the call's queue wants, 1 the most wanted
    REFER            to sip:bring-in+<skill>@…; the phone is told 100, 180 and 200, or the failure (RFC 3515)
    speed dial       a call from the agent's own phone to bring-in+<skill>; a sentence tells what became of it

Whoever asks gets a clear answer on his own phone, and the conversation is untouched whatever the answer is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from center.directory import PREFIX
from center.documents import EscalationWork, Work
from center.errors import CenterError, WrongMoment
from center.escalation.model import Trigger
from vocabulary import InteractionId, LegId, PersonId

SEQUENCE_START = "*7"
SEQUENCE_TIMEOUT_S = 4.0
"""A sequence typed slower than this between two keys is forgotten."""

Ask = Callable[[PersonId, InteractionId, PersonId | None, str, str, Trigger], EscalationWork]
Say = Callable[[LegId, str], None]


@dataclass(slots=True)
class KeySequences:
    """Finds `*7<digit>` among the digits of each leg. Pure but for its memory; time is an argument."""

    _typed: dict[LegId, tuple[str, float]] = field(default_factory=dict)

    def typed(self, leg: LegId, digit: str, now: float) -> int | None:
        """Take one digit; the number after `*7` if this completed a sequence."""
        before, at = self._typed.pop(leg, ("", now))
        keys = (before if now - at <= SEQUENCE_TIMEOUT_S else "") + digit
        if keys[:-1] == SEQUENCE_START and digit.isdecimal():
            return int(digit)
        started = keys if SEQUENCE_START.startswith(keys) else digit
        if SEQUENCE_START.startswith(started):
            self._typed[leg] = (started, now)
        return None

    def forget(self, leg: LegId) -> None:
        self._typed.pop(leg, None)


class PhoneTriggers:
    """Turns what people do on their phones into escalation requests, and tells them on the phone what came of it."""

    def __init__(self, ask: Ask, say: Say) -> None:
        self._ask = ask
        self._say = say
        self._keys = KeySequences()

    def digit(self, work: Work, leg: LegId, digit: str, now: float) -> None:
        """A key pressed by somebody in a conversation."""
        number = self._keys.typed(leg, digit, now)
        participant = work.call.by_leg(leg)
        if number is None or participant is None or participant.person is None or not participant.talking:
            return
        skills = work.call.queue.specialist_skills
        if not 1 <= number <= len(skills):
            self._say(leg, f"There is no skill number {number} for this queue.")
            return
        self.request(participant.person, work.call.id, skills[number - 1], Trigger.DTMF, leg)

    def request(
        self, person: PersonId, interaction: InteractionId, skill: str, trigger: Trigger, leg: LegId | None
    ) -> EscalationWork | CenterError:
        """Ask; who has only a handset (`leg`) hears the answer, and nobody else does."""
        try:
            esc = self._ask(person, interaction, None, skill, "", trigger)
        except CenterError as error:
            if leg is not None:
                self._say(leg, error.message)
            return error
        if leg is not None:
            self._say(leg, f"Asking for {skill}.")
        return esc

    def forget(self, leg: LegId) -> None:
        self._keys.forget(leg)


def skill_of(target: str) -> str:
    """The skill in `bring-in+<skill>`.

    Raises:
        WrongMoment: The target is no such address.
    """
    if not target.startswith(PREFIX) or len(target) == len(PREFIX):
        raise WrongMoment("not_a_trigger", f"Only {PREFIX}<skill> can be asked for here.")
    return target.removeprefix(PREFIX)
