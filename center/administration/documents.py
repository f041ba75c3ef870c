"""The company's things and changes as JSON for the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from center.administration.hours import hours_without
from center.administration.machine import is_as_made
from center.administration.model import Book, Change, Company, Content, Kind, Stamp
from center.administration.tunable import TUNABLES, usable, value_in
from center.directory import CompanyDirectory
from center.live import Document
from context.bundle import utc_text
from vocabulary import PersonId

Names = Mapping[PersonId, str]


def thing_documents(book: Book, kind: Kind, directory: CompanyDirectory, started_with: Company) -> list[Document]:
    """Everything of a kind in the order of its names."""
    company = book.company
    match kind:
        case Kind.SKILLS:
            shown = _skills(company)
        case Kind.NUMBERS:
            shown = _numbers(company)
        case Kind.TEMPLATES:
            shown = _with(company.of(kind), lambda name, _: {"uses": _queues_with_template(company, name)})
        case Kind.TRUNKS:
            default = directory.default_outbound_uri or ""
            shown = _with(company.of(kind), lambda _name, _content: {"default_uri": default})
        case Kind.PROMPTS:
            shown = _prompts(company)
        case Kind.SETTINGS:
            shown = _settings(company, started_with)
        case Kind.PEOPLE:
            shown = _with(company.of(kind), lambda name, _: {"registered": directory.registered.get(PersonId(name))})
        case Kind.QUEUES:
            promises = usable(company.settings, company.of(Kind.SETTINGS))[0].promises
            shown = _with(company.of(kind), lambda name, _: {"other_hours": hours_without(name, promises)})
    return [
        {"id": name, "version": book.version(kind, name), "changed": _stamp(book, kind, name, directory.names), **each}
        for name, each in (shown.items() if kind is Kind.SETTINGS else sorted(shown.items()))
    ]


def _with(
    things: Mapping[str, Content], more: Callable[[str, Content], Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    return {name: {"content": dict(content), **more(name, content)} for name, content in things.items()}


def _stamp(book: Book, kind: Kind, name: str, names: Names) -> Document | None:
    stamp = book.stamps.get((kind, name))
    return _by(stamp, names) if stamp is not None else None


def _by(stamp: Stamp, names: Names) -> Document:
    return {"by": stamp.by, "by_name": names.get(stamp.by, stamp.by), "at": utc_text(stamp.at)}


def _skills(company: Company) -> dict[str, dict[str, Any]]:
    listed = company.of(Kind.SKILLS)
    return {
        skill: {
            "content": dict(listed.get(skill, {"name": skill, "description": ""})),
            "listed": skill in listed,
            "people": people,
            "uses": queues,
        }
        for skill, (people, queues) in company.skill_uses().items()
    }


def _numbers(company: Company) -> dict[str, dict[str, Any]]:
    """Queues' main numbers, which are changed at the queue, and those besides."""
    main = {
        str(queue["number"]): {"content": {"queue": name, "note": ""}, "main": True}
        for name, queue in company.of(Kind.QUEUES).items()
    }
    return main | _with(company.of(Kind.NUMBERS), lambda _name, _content: {"main": False})


def _queues_with_template(company: Company, template: str) -> list[str]:
    return [queue for queue in company.of(Kind.QUEUES) if company.template_of(queue) == template]


def _prompts(company: Company) -> dict[str, dict[str, Any]]:
    own = company.of(Kind.PROMPTS)
    queues = company.of(Kind.QUEUES).items()
    return {
        name: {
            "content": dict(own.get(name, {"recording": None, "seconds": None})),
            "shipped": name in company.shipped_prompts,
            "uses": [queue for queue, content in queues if content["greeting"] == name],
        }
        for name in company.prompts()
    }


def _settings(company: Company, started_with: Company) -> dict[str, dict[str, Any]]:
    stored = company.of(Kind.SETTINGS)
    now = usable(company.settings, stored)[0]
    begun = usable(started_with.settings, started_with.of(Kind.SETTINGS))[0]
    return {
        key: {
            "content": {"value": value_in(now, key)},
            "is_own": key in stored,
            "default": value_in(company.settings, key),
            "unit": each.unit,
            "form": each.form,
            "least": each.least,
            "most": each.most,
            "reason": each.reason,
            "restart": each.restart,
            "waits_for_restart": each.restart and value_in(now, key) != value_in(begun, key),
        }
        for key, each in TUNABLES.items()
    }


def change_document(change: Change, book: Book, names: Names) -> Document:
    """One change of the log; whether it can be undone is only a first look, for the button."""
    return {
        "id": change.id,
        "at": utc_text(change.at),
        "by": change.by,
        "by_name": names.get(change.by, change.by),
        "kind": change.kind.value,
        "subject": change.subject,
        "before": None if change.before is None else dict(change.before),
        "after": None if change.after is None else dict(change.after),
        "note": change.note,
        "undoes": change.undoes,
        "can_undo": is_as_made(book, change),
    }
