"""Foreign clients are told what begins here, so that their own status can follow (DC-02, CE-20, S06 step 6)."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from presence.errors import MappingError
from presence.mapping_file import load_mapping, read_mapping
from presence.model import Availability, AvailabilityState, Kind
from presence.telling import Teller
from tests.presence.conftest import EVA, IVAN, PASSWORDS, first_message, open_company

MAPPING: dict[str, Any] = {
    "name": "busy-light",
    "topics": [{"topic": "light/{person}/button", "source": "uc", "values": {"red": "busy", "green": "available"}}],
    "tell": {
        "topic": "light/{person}/show",
        "values": {"reserved": "blink", "in_call": "red", "wrap_up": "red"},
        "otherwise": "off",
    },
}
AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


def shown(kind: Kind) -> Availability:
    return Availability(EVA, AvailabilityState.BUSY, AT, "because", None, (), kind)


def changed(**tell: object) -> dict[str, Any]:
    document = deepcopy(MAPPING)
    document["tell"] |= tell
    return document


def test_only_what_begins_here_is_told_and_once() -> None:
    """A client that reports back what it was told must not keep its person busy."""
    told: list[tuple[str, bytes]] = []
    teller = Teller([read_mapping(MAPPING)], lambda topic, word: told.append((topic, word)))
    for kind in (Kind.PLAIN, Kind.RESERVED, Kind.RESERVED, Kind.IN_CALL, Kind.WRAP_UP, Kind.PLAIN, Kind.OWN_CHOICE):
        teller.tell(shown(kind))
    assert [word for _, word in told] == [b"off", b"blink", b"red", b"off"]
    assert {topic for topic, _ in told} == {"light/eva/show"}
    teller.forget()
    teller.tell(shown(Kind.PLAIN))
    assert told[-1] == ("light/eva/show", b"off")


def test_a_client_that_calls_a_person_otherwise_is_told_under_that_name() -> None:
    mapping = read_mapping(MAPPING | {"people": {"4711": "eva"}})
    assert mapping.told(EVA, Kind.RESERVED) == ("light/4711/show", "blink")
    assert mapping.told(IVAN, Kind.RESERVED) is None


def test_teams_for_linux_has_no_topic_to_be_told_on() -> None:
    """Its commands switch microphone and camera and raise a hand; none sets a status."""
    assert load_mapping("teams-for-linux").told(EVA, Kind.RESERVED) is None


@pytest.mark.parametrize(
    ("tell", "complaint"),
    [
        ({"topic": "light/show"}, "one level {person}"),
        ({"topic": "light/{person}/+"}, "only {person}"),
        ({"topic": "light/{person}/button"}, "speaks on that topic itself"),
        ({"topic": "ringside/{person}/show"}, "our own contract"),
        ({"values": {"free": "green"}}, "unknown name free"),
        ({"values": {}}, "a table from our words"),
        ({"values": {"reserved": 7}}, "a text of at most"),
        ({"otherwise": None}, "a text of at most"),
        ({"colour": "red"}, "unknown name colour"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tell: dict[str, object], complaint: str) -> None:
    with pytest.raises(MappingError, match=f"busy-light: tell.*{complaint}"):
        read_mapping(changed(**tell))


async def test_a_reservation_reaches_the_persons_client_and_nobody_else_reads_it(tmp_path: Path) -> None:
    """On a real Mosquitto: the node may write there, the person may read his own."""
    async with open_company(tmp_path / "broker", mappings=(read_mapping(MAPPING),)) as company:
        for person, password in PASSWORDS.items():
            await company.service.add_account(person, password)
        async with company.client(EVA) as eva, company.client(IVAN) as ivan:
            await ivan.subscribe("light/eva/show", qos=1)
            await eva.subscribe("light/eva/show", qos=1)
            assert (await first_message(eva)).payload == b"off"
            company.service.reservation(EVA, "esc_1")
            assert (await first_message(eva)).payload == b"blink"
            company.service.reservation(EVA, None)
            assert (await first_message(eva)).payload == b"off"
            await ivan.subscribe("light/ivan/show", qos=1)
            heard = await asyncio.wait_for(first_message(ivan), 10)
            assert str(heard.topic) == "light/ivan/show"
