"""Documents on the wire."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from center.live import Change
from desk import wire
from desk.wire import Frames, encode
from vocabulary import DeskRole


def test_the_centres_own_types_have_a_json_form() -> None:
    document = MappingProxyType(
        {"at": datetime(2026, 11, 21, tzinfo=UTC), "roles": frozenset({DeskRole.AGENT}), "name": "Řípa\udce9"}
    )
    text = encode(document)
    assert text.isascii()
    assert json.loads(text) == {"at": "2026-11-21T00:00:00+00:00", "roles": ["agent"], "name": "Řípa\udce9"}


def test_numbers_that_browsers_cannot_read_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"load": float("inf")})


def test_a_document_is_encoded_once_for_many_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 people's availability on 100 screens costs one encoding per change."""
    encoded: list[object] = []

    def counting(value: object) -> str:
        encoded.append(value)
        return encode(value)

    frames, document = Frames(), {"id": "sam"}
    monkeypatch.setattr(wire, "encode", counting)
    seen = {frames.change(seq, [Change("person/sam", document)]) for seq in range(1, 6)}
    assert len(seen) == 5
    assert encoded.count(document) == 1
    newer = json.loads(frames.change(6, [Change("person/sam", {"id": "sam", "free": True})]))
    assert newer["set"] == {"person/sam": {"id": "sam", "free": True}}


def test_remembered_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REMEMBERED_DOCUMENTS", 3)
    frames = Frames()
    for seq in range(10):
        assert json.loads(frames.change(seq, [Change("k", {"n": seq})]))["set"] == {"k": {"n": seq}}
    assert len(frames._texts) == 3
