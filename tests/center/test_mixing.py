"""Who hears whom, as a table over roles (N3, CE-03; supervisors: three separate acts)."""

from __future__ import annotations

import pytest

from center.interaction.mixing import matrix
from center.interaction.model import Participant, SupervisionMode
from telephony.model import HoldMusic
from vocabulary import LegId, ParticipantRole, PersonId

C = Participant(ParticipantRole.CUSTOMER, LegId("C"), None, 0.0, talking=True)
A = Participant(ParticipantRole.AGENT, LegId("A"), PersonId("anna"), 0.0, talking=True)
E = Participant(ParticipantRole.SPECIALIST, LegId("E"), PersonId("eva"), 0.0, talking=True)


def supervisor(mode: SupervisionMode) -> Participant:
    return Participant(ParticipantRole.SUPERVISOR, LegId("S"), PersonId("sara"), 0.0, talking=True, mode=mode)


def said(participants: list[Participant], *, consulting: bool = False) -> set[str]:
    """Pairs as `speaker>listener`; music is M."""
    pairs = matrix(participants, consulting=consulting)
    return {f"{'M' if isinstance(speaker, HoldMusic) else speaker}>{listener}" for speaker, listener in pairs}


TALK = {"C>A", "A>C"}
CONFERENCE = {"C>A", "A>C", "C>E", "E>C", "A>E", "E>A"}


@pytest.mark.parametrize(
    ("who", "consulting", "expected"),
    [
        ([], False, set()),
        ([C], False, {"M>C"}),
        ([C, A], False, TALK),
        ([C, A, E], False, CONFERENCE),
        ([C, A, E], True, {"M>C", "A>E", "E>A"}),
        ([C, A, supervisor(SupervisionMode.LISTEN)], False, TALK | {"C>S", "A>S"}),
        ([C, A, supervisor(SupervisionMode.WHISPER)], False, TALK | {"C>S", "A>S", "S>A"}),
        ([C, A, supervisor(SupervisionMode.JOIN)], False, TALK | {"C>S", "A>S", "S>A", "S>C"}),
        ([C, A, E, supervisor(SupervisionMode.LISTEN)], False, CONFERENCE | {"C>S", "A>S", "E>S"}),
        ([C, A, E, supervisor(SupervisionMode.LISTEN)], True, {"M>C", "A>E", "E>A", "C>S", "A>S", "E>S"}),
        ([C, A, E, supervisor(SupervisionMode.JOIN)], True, {"M>C", "A>E", "E>A", "C>S", "A>S", "E>S", "S>A", "S>E"}),
        ([C, supervisor(SupervisionMode.LISTEN)], False, {"C>S", "M>C"}),
    ],
)
def test_the_matrix_follows_from_the_roster(who: list[Participant], consulting: bool, expected: set[str]) -> None:
    assert said(who, consulting=consulting) == expected


@pytest.mark.parametrize("consulting", [True, False])
@pytest.mark.parametrize("roster", [[C], [C, A], [C, A, E], [A, E]])
def test_a_listening_supervisor_is_heard_by_nobody(roster: list[Participant], consulting: bool) -> None:
    """Listening cannot open the microphone, whatever the call looks like."""
    pairs = said([*roster, supervisor(SupervisionMode.LISTEN)], consulting=consulting)
    assert not any(pair.startswith("S>") for pair in pairs)
