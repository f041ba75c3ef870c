"""How the scenarios fill in a case over the API: which fields, and with what."""

from __future__ import annotations

from siplab.desk import DeskClient, Document

FILLED, FIELDS = 9, 12
_BY_KIND = {
    "date": "2026-11-18",
    "number": "1250",
    "text": "Said on the phone, noted by the agent.",
    "line": "as the customer said",
}


def is_filled(field: Document) -> bool:
    """Tell whether a field has a value with text."""
    return any(str(value["text"]).strip() for value in field["values"])


def empty_keys(case: Document) -> list[str]:
    """Give the keys of empty fields, in the form's order."""
    return [str(field["key"]) for field in case["fields"] if not is_filled(field)]


def sample_text(field: Document, remark: str = "") -> str:
    """Give a value that the field's kind allows."""
    if field["kind"] == "choice":
        return str(field["choices"][0])
    text = _BY_KIND[str(field["kind"])]
    return f"{text} ({remark})" if remark and field["kind"] in ("line", "text") else text


def fields_to_fill(case: Document, filled: int = FILLED) -> list[Document]:
    """Choose the fields that bring the form to `filled` values; required ones stay empty for the specialist to ask."""
    already = sum(map(is_filled, case["fields"]))
    empty = [field for field in case["fields"] if not is_filled(field)]
    empty.sort(key=lambda field: bool(field["required"]))
    return empty[: max(0, filled - already)]


def field_of(case: Document, key: str) -> Document:
    """Give a field of a case document."""
    return next(dict(field) for field in case["fields"] if field["key"] == key)


async def edit(desk: DeskClient, case: Document, key: str, text: str) -> int:
    """Edit one field as the person at this desk; gives the case's new version."""
    answer = await desk.command(
        f"cases/{case['id']}/edits", {"field": key, "text": text, "base_version": case["version"]}
    )
    return int(answer["version"])
