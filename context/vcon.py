"""An interaction as a vCon, the IETF's container for conversations: who talked when, and the context bundle.

What we do not have is not pretended: no recording is made, so the dialog of a conversation has times, parties and their
coming and going, and no media; a call in which nobody talked is `incomplete`. Nothing was analysed, so there is no
analysis. The bundle is attached as the very text that its digest is the SHA-256 of.

Source: draft-ietf-vcon-vcon-core-04 and its JSON schema; uuid by RFC 9562 §5.8.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from context.bundle import bundle_text, utc_text
from context.model import ContextBundle
from vocabulary import InteractionId, ParticipantRole, PersonId

SYNTAX = "0.5.0"
"""The draft's syntax version; its parameter is on the way out, readers of older drafts want it."""
MEDIA_TYPE = "application/vcon+json"
HUNG_UP, FAILED = "hung-up", "failed"


@dataclass(frozen=True, slots=True)
class Stay:
    """One party's time in the conversation. `left_at` None: still there."""

    role: ParticipantRole
    person: PersonId | None
    joined_at: datetime
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What happened in one interaction, as far as others may be told."""

    interaction: InteractionId
    started_at: datetime
    service: str
    company: str
    customer_name: str
    number: str
    stays: tuple[Stay, ...]
    """In the order of joining; somebody who came back has several."""
    names: dict[PersonId, str]
    ended_at: datetime | None = None
    customer_left: bool = False
    """Whether it was the customer who ended it."""


def make_vcon(talk: Conversation, bundle: ContextBundle, made_at: datetime) -> dict[str, Any]:
    """The unsigned form as a JSON object. The same interaction always gets the same uuid."""
    staff = list(dict.fromkeys(stay.person for stay in talk.stays if stay.person is not None))
    roles = {stay.person: stay.role for stay in talk.stays}
    parties = [_customer(talk)] + [
        {"name": talk.names.get(person, person), "type": roles[person].value, "org": talk.company} for person in staff
    ]
    index = {None: 0} | {person: at for at, person in enumerate(staff, start=1)}
    return {
        "vcon": SYNTAX,
        "uuid": str(_uuid(talk.interaction)),
        "created_at": utc_text(made_at),
        "subject": talk.service,
        "parties": parties,
        "dialog": [_dialog(talk, index)],
        "attachments": [_attachment(bundle, made_at, index.get(bundle.requested_by, 0))],
        "analysis": [],
    }


def _customer(talk: Conversation) -> dict[str, Any]:
    number = {"tel": f"tel:{talk.number}"} if talk.number.startswith("+") else {}
    return {**number, **({"name": talk.customer_name} if talk.customer_name else {}), "type": "customer"}


def _dialog(talk: Conversation, index: dict[PersonId | None, int]) -> dict[str, Any]:
    staff = [stay for stay in talk.stays if stay.role in (ParticipantRole.AGENT, ParticipantRole.SPECIALIST)]
    base = {"parties": sorted(index.values()), "originator": 0}
    if not staff:
        why = HUNG_UP if talk.customer_left else FAILED
        return {"type": "incomplete", "start": utc_text(talk.started_at), "disposition": why, **base}
    start = min(stay.joined_at for stay in staff)
    whole = {"duration": round((talk.ended_at - start).total_seconds(), 3)} if talk.ended_at is not None else {}
    history = sorted(_history(talk, index), key=lambda event: (event["time"], event["event"] == "drop"))
    return {"type": "recording", "start": utc_text(start), **whole, **base, "party_history": history}


def _history(talk: Conversation, index: dict[PersonId | None, int]) -> Iterator[dict[str, Any]]:
    for stay in talk.stays:
        party = index[stay.person]
        yield {"party": party, "event": "join", "time": utc_text(stay.joined_at)}
        if stay.left_at is not None:
            yield {"party": party, "event": "drop", "time": utc_text(stay.left_at)}


def _attachment(bundle: ContextBundle, made_at: datetime, party: int) -> dict[str, Any]:
    return {
        "purpose": "context-bundle",
        "start": utc_text(made_at),
        "party": party,
        "dialog": 0,
        "mediatype": "application/json",
        "filename": "context-bundle.json",
        "encoding": "none",
        "body": bundle_text(bundle),
        "content_hash": "sha256-" + base64.urlsafe_b64encode(bytes.fromhex(bundle.digest)).decode().rstrip("="),
    }


def _uuid(interaction: InteractionId) -> UUID:
    """A version 8 UUID made from the interaction's id."""
    value = int.from_bytes(hashlib.sha256(f"ringside:{interaction}".encode()).digest()[:16])
    value = value & ~(0xF << 76) | 0x8 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
