"""Who hears whom in a call: a pure function of the roster (N3; RFC 4353 calls it the mixing policy).

- Customer, agent and specialist hear each other.
- A private consult takes the customer out: agent and specialist hear each other, the customer hears music.
- A supervisor hears everybody. Listening he is heard by nobody, whispering by the staff, joined by all.
- A customer with nobody to talk to hears music.
"""

from __future__ import annotations

from center.interaction.model import Interaction, Participant, SupervisionMode
from telephony.effects import SetMix
from telephony.model import HoldMusic, MixingMatrix, Speaker
from vocabulary import LegId, ParticipantRole

_HEARD_BY_STAFF = (SupervisionMode.WHISPER, SupervisionMode.JOIN)


def mix(call: Interaction) -> SetMix:
    """The whole matrix of a call's talking legs."""
    talking = [p for p in call.participants if p.talking]
    return SetMix(frozenset(p.leg for p in talking), matrix(talking, consulting=call.consulting))


def matrix(talking: list[Participant], *, consulting: bool) -> MixingMatrix:
    """Pairs of (speaker, listener) for these participants."""
    pairs: set[tuple[Speaker, LegId]] = {
        (speaker.leg, listener.leg)
        for speaker in talking
        for listener in talking
        if speaker is not listener and _hears(listener, speaker, consulting)
    }
    for customer in talking:
        if customer.role is ParticipantRole.CUSTOMER and not any(listener == customer.leg for _, listener in pairs):
            pairs.add((HoldMusic(), customer.leg))
    return frozenset(pairs)


def _hears(listener: Participant, speaker: Participant, consulting: bool) -> bool:
    if speaker.role is ParticipantRole.SUPERVISOR:
        if listener.role is ParticipantRole.CUSTOMER:
            return speaker.mode is SupervisionMode.JOIN and not consulting
        return speaker.mode in _HEARD_BY_STAFF
    if listener.role is ParticipantRole.SUPERVISOR:
        return True
    return not (consulting and ParticipantRole.CUSTOMER in (listener.role, speaker.role))
