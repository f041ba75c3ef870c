"""Presence documents of the SIP world (RFC 3863, RFC 4480, RFC 4235)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.errors import PublicationError
from presence.model import Availability, AvailabilityState, Kind, Status
from presence.pidf import (
    DIALOG_INFO,
    MAX_BYTES,
    PIDF,
    DialogEntry,
    DialogState,
    availability_pidf,
    dialog_info,
    parse_pidf,
)
from vocabulary import PersonId

AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


def pidf(basic: str = "open", person: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="{PIDF}" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:eva@ringside">
<tuple id="t1"><status><basic>{basic}</basic></status></tuple>{person}</presence>""".encode()


def doing(activity: str, attributes: str = "") -> str:
    return f"<dm:person id='p'><rpid:activities{attributes}><rpid:{activity}/></rpid:activities></dm:person>"


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (pidf(), Status.AVAILABLE),
        (pidf("closed"), Status.OFFLINE),
        (pidf("open", doing("on-the-phone")), Status.BUSY),
        (pidf("open", doing("meeting")), Status.BUSY),
        (pidf("open", doing("busy")), Status.BUSY),
        (pidf("open", doing("away")), Status.AWAY),
        (pidf("closed", doing("vacation")), Status.AWAY),
        (pidf("open", doing("dnd")), Status.DND),
        (pidf("open", doing("looking-for-work")), Status.AVAILABLE),
        (f"<presence xmlns='{PIDF}' entity='sip:eva@x'/>".encode(), Status.UNKNOWN),
    ],
)
def test_basic_and_activities_become_one_status(document: bytes, status: Status) -> None:
    assert parse_pidf(document).status is status


def test_note_and_end_of_an_activity_are_kept() -> None:
    person = doing("meeting", " until='2026-11-21T15:00:00Z'") + "<note>board\u202e</note>"
    published = parse_pidf(pidf("open", person))
    assert published.until == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert (published.activities, published.note) == (("meeting",), "board")


BAD = {
    "too large": pidf("open", f"<note>{'x' * MAX_BYTES}</note>"),
    "too deep": pidf("open", "<a>" * 20 + "</a>" * 20),
    "too many": pidf("open", "<a/>" * 300),
    "entities": b'<!DOCTYPE x [<!ENTITY a "b">]>' + pidf(),
    "not XML": b"open",
    "empty": b"",
    "cut": pidf()[:-5],
    "other root": b"<presence/>",
    "other basic": pidf("perhaps"),
    "strange encoding": b"<?xml version='1.0' encoding='klingon'?><presence/>",
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD.keys())
def test_bad_documents_are_refused(document: bytes) -> None:
    with pytest.raises(PublicationError):
        parse_pidf(document)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_whatever_is_published_nothing_else_is_raised(junk: bytes) -> None:
    for document in (junk, pidf().replace(b"<basic>", b"<basic>" + junk)):
        with suppress(PublicationError):
            parse_pidf(document)


@pytest.mark.parametrize(
    ("state", "kind", "status", "basic"),
    [
        (AvailabilityState.FREE, Kind.PLAIN, Status.AVAILABLE, "open"),
        (AvailabilityState.BUSY, Kind.IN_CALL, Status.BUSY, "closed"),
        (AvailabilityState.BUSY, Kind.BUSY_BY_CALENDAR, Status.BUSY, "closed"),
        (AvailabilityState.AWAY, Kind.PLAIN, Status.AWAY, "closed"),
        (AvailabilityState.UNKNOWN, Kind.SILENT, Status.OFFLINE, "closed"),
    ],
)
def test_availability_goes_out_as_pidf_and_only_the_free_are_open(
    state: AvailabilityState, kind: Kind, status: Status, basic: str
) -> None:
    """A busy lamp that reads nothing but basic is green for the free only."""
    document = availability_pidf(Availability(PersonId("eva"), state, AT, "why <&>", 1.0, (), kind), "sip:eva@ringside")
    said = parse_pidf(document)
    assert (said.status, said.note) == (status, "why <&>")
    assert f"<basic>{basic}</basic>".encode() in document


def test_dialog_info_lists_calls_for_busy_lamp_keys() -> None:
    """RFC 4235 §4: full state, version, direction, no remote party."""
    calls = [DialogEntry("leg_1", DialogState.EARLY, True), DialogEntry("leg_2", DialogState.CONFIRMED, False)]
    root = fromstring(dialog_info("sip:eva@ringside", 7, calls))
    assert root.tag == f"{{{DIALOG_INFO}}}dialog-info"
    assert (root.get("version"), root.get("state")) == ("7", "full")
    found = [(one.get("direction"), one.findtext(f"{{{DIALOG_INFO}}}state")) for one in root]
    assert found == [("recipient", "early"), ("initiator", "confirmed")]
    assert len(fromstring(dialog_info("sip:eva@ringside", 8, calls * 99))) == 32
