"""Presence documents of the SIP world: PIDF with RPID in, PIDF and dialog-info out.

Sources: RFC 3863 (PIDF), RFC 4480 (RPID activities), RFC 4235 (dialog-info). Pure; the SIP side (PUBLISH by RFC 3903,
NOTIFY by RFC 3856) lives with the switch. Documents from outside are bounded in size, depth and number of elements
before anything is believed; document types and entities are refused.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from presence.contract import MAX_REASON_CHARS
from presence.errors import PublicationError
from presence.model import Availability, AvailabilityState, Kind, Status

PIDF_TYPE = "application/pidf+xml"
DIALOG_INFO_TYPE = "application/dialog-info+xml"
MAX_BYTES = 16_384
MAX_DEPTH = 16
MAX_ELEMENTS = 256
MAX_DIALOGS = 32

PIDF = "urn:ietf:params:xml:ns:pidf"
DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model"
RPID = "urn:ietf:params:xml:ns:pidf:rpid"
DIALOG_INFO = "urn:ietf:params:xml:ns:dialog-info"
for _prefix, _namespace in (("", PIDF), ("dm", DATA_MODEL), ("rpid", RPID)):
    register_namespace(_prefix, _namespace)

# RFC 4480 §3.2, by what they mean for somebody who wants to ring; those not listed change nothing.
_DND = frozenset({"do-not-disturb", "dnd", "presentation", "performance", "worship"})
_BUSY = frozenset({"on-the-phone", "busy", "meeting", "appointment", "playing"})
_AWAY = frozenset(
    "away breakfast dinner driving flying holiday in-transit lunch meal permanent-absence shopping sleeping "
    "spectator steering travel tv vacation".split()
)


@dataclass(frozen=True, slots=True)
class PublishedPresence:
    """What one presence document says of its person; `until` is an RPID activity's own end."""

    status: Status
    activities: tuple[str, ...] = ()
    note: str = ""
    until: datetime | None = None


class DialogState(StrEnum):
    """State of a call for busy lamp keys (RFC 4235 §3.7.1)."""

    TRYING = "trying"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class DialogEntry:
    """One call of a person as a busy lamp key sees it; no names or numbers of the other party leave the house."""

    id: str
    state: DialogState
    incoming: bool


def parse_pidf(body: bytes) -> PublishedPresence:
    """Read a PIDF document, with RPID activities if there are some.

    `closed` and no activity is offline; an activity decides over `open`, since phones on do not disturb say `open` too.

    Raises:
        PublicationError: Too large, too deep, not XML, with a document type, or not a presence document.
    """
    root = _read(body)
    if root.tag != f"{{{PIDF}}}presence":
        raise PublicationError("the document is not a PIDF presence document")
    basics = [text(element) for element in root.iter(f"{{{PIDF}}}basic")]
    if unknown := set(basics) - {"open", "closed"}:
        raise PublicationError(f"basic status is neither open nor closed but {sorted(unknown)[0][:20]!r}")
    activities, until = _activities(root)
    note = next((text(element) for element in root.iter() if _local(element) == "note"), "")
    status = _status(basics, activities)
    return PublishedPresence(status, activities, _shown(note), until)


def availability_pidf(availability: Availability, entity: str) -> bytes:
    """A person's availability as PIDF with RPID, for NOTIFY (RFC 3856). `entity` is the `sip:` URI of the person."""
    root = Element(f"{{{PIDF}}}presence", {"entity": _shown(entity)})
    tuple_ = SubElement(root, f"{{{PIDF}}}tuple", {"id": "ringside"})
    status = SubElement(tuple_, f"{{{PIDF}}}status")
    # Open for the free only: phones that read nothing but basic must light no green lamp for anybody else.
    free = availability.state is AvailabilityState.FREE
    SubElement(status, f"{{{PIDF}}}basic").text = "open" if free else "closed"
    SubElement(tuple_, f"{{{PIDF}}}timestamp").text = availability.since.isoformat(timespec="seconds")
    person = SubElement(root, f"{{{DATA_MODEL}}}person", {"id": "person"})
    if (activity := _activity_of(availability)) is not None:
        activities = SubElement(person, f"{{{RPID}}}activities")
        SubElement(activities, f"{{{RPID}}}{activity}")
    SubElement(person, f"{{{DATA_MODEL}}}note").text = _shown(availability.because)
    return _bytes(root)


def dialog_info(entity: str, version: int, dialogs: Sequence[DialogEntry]) -> bytes:
    """A person's calls for busy lamp keys (RFC 4235): a full state; `version` counts up within one subscription."""
    root = Element(
        "dialog-info",
        {"xmlns": DIALOG_INFO, "version": str(version), "state": "full", "entity": _shown(entity)},
    )
    for entry in list(dialogs)[:MAX_DIALOGS]:
        direction = "recipient" if entry.incoming else "initiator"
        dialog = SubElement(root, "dialog", {"id": _shown(entry.id), "direction": direction})
        SubElement(dialog, "state").text = entry.state.value
    return _bytes(root)


def text(element: Element) -> str:
    """The element's own text without the white space around it."""
    return (element.text or "").strip()


def _read(body: bytes) -> Element:
    if len(body) > MAX_BYTES:
        raise PublicationError(f"the document has {len(body)} bytes, at most {MAX_BYTES} are allowed")
    depth = count = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(body), events=("start", "end"), forbid_dtd=True):
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            count += event == "start"
            if depth > MAX_DEPTH or count > MAX_ELEMENTS:
                raise PublicationError(f"the document has more than {MAX_ELEMENTS} elements or {MAX_DEPTH} levels")
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # the last two: encodings
        raise PublicationError("the document is not XML, or has a document type") from None
    if root is None:
        raise PublicationError("the document is empty")
    return root


def _activities(root: Element) -> tuple[tuple[str, ...], datetime | None]:
    """Names of all RPID activities, also those of drafts in other namespaces, and the earliest end among them."""
    names: list[str] = []
    ends: list[datetime] = []
    for group in root.iter():
        if _local(group) != "activities":
            continue
        names += [_local(child).lower() for child in group]
        if (end := _moment(group.get("until", ""))) is not None:
            ends.append(end)
    return tuple(dict.fromkeys(names)), min(ends, default=None)


def _status(basics: Sequence[str], activities: Sequence[str]) -> Status:
    found = set(activities)
    if found & _DND:
        return Status.DND
    if found & _BUSY:
        return Status.BUSY
    if found & _AWAY:
        return Status.AWAY
    if "open" in basics:
        return Status.AVAILABLE
    return Status.OFFLINE if basics else Status.UNKNOWN


def _activity_of(availability: Availability) -> str | None:
    match availability.state:
        case AvailabilityState.FREE:
            return None
        case AvailabilityState.AWAY:
            return "away"
        case AvailabilityState.UNKNOWN:
            return "unknown"
        case AvailabilityState.BUSY:
            if availability.kind is Kind.IN_CALL:
                return "on-the-phone"
            meeting = availability.kind in (Kind.BUSY_BY_CALENDAR, Kind.BUSY_BY_CALENDAR_REACHABLE)
            return "meeting" if meeting else "busy"


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _shown(value: str) -> str:
    """Text that may stand on a screen or in XML."""
    return "".join(char for char in value if char.isprintable())[:MAX_REASON_CHARS]


def _bytes(root: Element) -> bytes:
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + document
