"""The live record of a case: pure merge of edits (N9).

Every edit says which version of the case its author had seen. A value that came after that version was not seen, so
the edit cannot mean to replace it:

- different fields never touch each other, whatever the versions;
- same field, all its values seen: the edit replaces them (this is also how a person settles a conflict);
- same field, some value unseen: both are kept, newest last, until somebody who has seen both decides;
- an author's own unseen value is replaced by himself: his screen merely had not heard the acknowledgement yet.

So no edit is ever lost: each is in the record until somebody who saw it replaced it.
"""

from __future__ import annotations

from dataclasses import replace

from context.errors import NotAChoice, UnknownField, ValueTooLong, VersionAhead
from context.model import MAX_VALUE_CHARS, Case, CaseEdit, CaseValue, FieldKind, FieldSpec


def apply_edit(case: Case, edit: CaseEdit) -> Case:
    """Return the case after the edit, one version further; unchanged if the edit says what already stands.

    Raises:
        ContextError: The edit is refused (see context/errors.py).
    """
    check_edit(case, edit)
    current = case.values.get(edit.field, ())
    if len(current) == 1 and current[0].text == edit.text and current[0].author == edit.author:
        return case
    unseen = tuple(v for v in current if v.version > edit.base_version and v.author != edit.author)
    version = case.version + 1
    value = CaseValue(edit.text, edit.source, edit.author, edit.at, version, edit.confidence)
    agreeing = [v for v in unseen if v.text == edit.text]
    values = unseen if agreeing else (*unseen, value)
    return replace(case, version=version, values={**case.values, edit.field: values})


def check_edit(case: Case, edit: CaseEdit) -> None:
    """Refuse an edit that the template or the bounds do not allow."""
    spec = field_spec(case, edit.field)
    if spec is None:
        raise UnknownField(f"This case has no field '{edit.field[:60]}'.")
    if len(edit.text) > MAX_VALUE_CHARS:
        raise ValueTooLong(f"At most {MAX_VALUE_CHARS} characters fit here; this text has {len(edit.text)}.")
    if spec.kind is FieldKind.CHOICE and edit.text and edit.text not in spec.choices:
        raise NotAChoice(f"Choose one of: {', '.join(spec.choices)}.")
    if edit.base_version > case.version:
        raise VersionAhead(f"The case is at version {case.version}; version {edit.base_version} does not exist yet.")


def field_spec(case: Case, key: str) -> FieldSpec | None:
    return next((spec for spec in case.template.fields if spec.key == key), None)


def is_filled(case: Case, key: str) -> bool:
    """Whether a field holds any text. Emptied fields count as empty."""
    return any(value.text.strip() for value in case.values.get(key, ()))


def open_required(case: Case) -> tuple[str, ...]:
    """Keys of required fields that are still empty, in the template's order: what the specialist asks for."""
    return tuple(spec.key for spec in case.template.fields if spec.required and not is_filled(case, spec.key))


def completeness(case: Case) -> dict[str, object]:
    """How many fields are required, and the keys of those still empty: what is reported at join and close (N9)."""
    return {"required": sum(spec.required for spec in case.template.fields), "empty": list(open_required(case))}


def in_conflict(case: Case, key: str) -> bool:
    """Whether several people's values stand side by side in a field."""
    return len(case.values.get(key, ())) > 1
