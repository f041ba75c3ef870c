"""Documents on the wire: JSON text, made once per document however many screens show it."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import structlog
from starlette.responses import JSONResponse

from center.live import Change, Document

REMEMBERED_DOCUMENTS = 2_000

log = structlog.get_logger()


def encode(value: object) -> str:
    """JSON text in ASCII (odd characters from foreign phones stay harmless), without spaces."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return dict(value)
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
        case set() | frozenset():
            return sorted(value)
        case _:
            raise TypeError(f"a {type(value).__name__} has no JSON form")


class DocumentAnswer(JSONResponse):
    """An answer of JSON documents, encoded without a second look at their shape: the centre made them."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode(content).encode("ascii")


class Frames:
    """Makes the messages of live connections. A document shown on many screens is encoded once.

    The cache keeps the documents themselves, so an identity cannot come to mean another document.
    """

    def __init__(self) -> None:
        self._texts: OrderedDict[int, tuple[Document, str]] = OrderedDict()

    def snapshot(self, seq: int, documents: Mapping[str, Document]) -> str:
        return f'{{"type":"snapshot","seq":{seq},"docs":{{{self._members(documents.items())}}}}}'

    def change(self, seq: int, changes: list[Change]) -> str:
        present = [(change.key, change.document) for change in changes if change.document is not None]
        gone = [change.key for change in changes if change.document is None]
        return f'{{"type":"change","seq":{seq},"set":{{{self._members(present)}}},"remove":{encode(gone)}}}'

    def _members(self, documents: Iterable[tuple[str, Document]]) -> str:
        texts = ((key, self._text(key, document)) for key, document in documents)
        return ",".join(f"{json.dumps(key)}:{text}" for key, text in texts if text)

    def _text(self, key: str, document: Document) -> str:
        """The document's JSON; empty for one that has none, which is logged and left out: other documents matter."""
        known = self._texts.get(id(document))
        if known is not None:
            self._texts.move_to_end(id(document))
            return known[1]
        try:
            text = encode(document)
        except (TypeError, ValueError):
            log.exception("live_document_not_encoded", kind=key.partition("/")[0])
            return ""
        self._texts[id(document)] = (document, text)
        while len(self._texts) > REMEMBERED_DOCUMENTS:
            self._texts.popitem(last=False)
        return text
