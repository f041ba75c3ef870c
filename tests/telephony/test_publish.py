"""PUBLISH as a table of requests and answers (RFC 3903 §6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from telephony.decisions import Answer
from telephony.events import PresencePublished, PresenceWithdrawn
from telephony.headers import SipRequest
from telephony.publish import PublicationTable, PublishSettings
from tests.telephony import requests
from vocabulary import PersonId

EVA = PersonId("eva")


def publish(cseq: int = 1, body: bytes = b"<presence/>", **headers: str) -> SipRequest:
    given: dict[str, Any] = {"event": "presence", "content_type": "application/pidf+xml", "expires": "600"} | headers
    made = requests.request("PUBLISH", "sip:eva@ringside.test", user="eva", cseq=f"{cseq} PUBLISH", **given)
    return replace(made, body=body)


def etag(answer: Answer) -> str:
    return dict(answer.headers)["SIP-ETag"]


def test_one_client_keeps_one_name_through_changes_and_refreshes() -> None:
    table = PublicationTable()
    first = table.publish(EVA, publish(1), 0.0)
    changed = table.publish(EVA, publish(2, b"<presence>busy</presence>", sip_if_match=etag(first)), 10.0)
    refreshed = table.publish(EVA, publish(3, b"", sip_if_match=etag(changed)), 20.0)
    told = [event for answer in (first, changed, refreshed) for event in answer.events]
    assert [type(event) for event in told] == [PresencePublished] * 3
    assert len({event.publication for event in told if isinstance(event, PresencePublished)}) == 1
    last = told[-1]
    assert isinstance(last, PresencePublished)
    assert last.body == b"<presence>busy</presence>"
    assert len(table) == 1


def test_repeated_request_gets_the_same_tag_and_is_told_once() -> None:
    table = PublicationTable()
    first, repeated = table.publish(EVA, publish(1), 0.0), table.publish(EVA, publish(1), 0.5)
    assert etag(first) == etag(repeated)
    assert repeated.events == ()
    assert len(table) == 1


def test_publication_that_is_not_refreshed_is_withdrawn() -> None:
    table = PublicationTable()
    answer = table.publish(EVA, publish(expires="60"), 0.0)
    assert table.expire(59.0) == ()
    (gone,) = table.expire(60.0)
    assert isinstance(gone, PresenceWithdrawn)
    assert table.publish(EVA, publish(2, b"", sip_if_match=etag(answer)), 61.0).status == 412


def test_another_persons_tag_is_unknown_to_him() -> None:
    table = PublicationTable()
    answer = table.publish(EVA, publish(), 0.0)
    assert table.publish(PersonId("ben"), publish(2, sip_if_match=etag(answer)), 1.0).status == 412


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"event": "dialog"}, b"<x/>", 489),
        ({"event": ""}, b"<x/>", 489),
        ({"expires": "5"}, b"<x/>", 423),
        ({"expires": "soon"}, b"<x/>", 400),
        ({"content_type": "text/plain"}, b"<x/>", 415),
        ({}, b"", 400),
        ({}, b"x" * 20_000, 413),
        ({"sip_if_match": "unknown"}, b"<x/>", 412),
    ],
)
def test_publications_that_are_refused(headers: dict[str, str], body: bytes, status: int) -> None:
    table = PublicationTable()
    answer = table.publish(EVA, publish(1, body, **headers), 0.0)
    assert (answer.status, answer.events, len(table)) == (status, (), 0)


def test_one_person_cannot_fill_the_table() -> None:
    table = PublicationTable(PublishSettings(per_person=2))
    answers = [table.publish(EVA, publish(cseq), 0.0) for cseq in (1, 2, 3)]
    assert len(table) == 2
    assert [type(event) for event in answers[-1].events] == [PresenceWithdrawn, PresencePublished]


def test_removed_account_takes_its_publications_along() -> None:
    table = PublicationTable()
    table.publish(EVA, publish(), 0.0)
    assert [type(event) for event in table.retain(frozenset())] == [PresenceWithdrawn]
    assert len(table) == 0
