"""What in the rest of the company stands against a thing being so, or being gone: uniqueness and references. Pure.

A company without conflicts stays without them whatever change comes that has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from center.administration.model import Company, Content, Kind, network_of
from center.administration.problems import Problem
from center.administration.tunable import usable

Problems = Iterator[Problem]


def conflicts(company: Company, kind: Kind, subject: str, after: Content | None) -> list[Problem]:
    """What in the rest of the company stands against the thing being so, or being gone."""
    then = company.having(kind, subject, after)
    match kind:
        case Kind.PEOPLE:
            return [*_last_administrator(company, then, after), *(_deputy_of(then, subject) if after is None else ())]
        case Kind.SKILLS:
            return []  # a word: one that is used and not listed is known all the same
        case Kind.QUEUES:
            return list(_numbers_of(then, subject) if after is None else _queue_among(company, then, subject, after))
        case Kind.NUMBERS:
            return [] if after is None else list(_number_among(company, subject, after))
        case Kind.TEMPLATES:
            return list(_template_in_use(then, subject)) if after is None else []
        case Kind.TRUNKS:
            return [] if after is None else list(_addresses_among(company, subject, after))
        case Kind.PROMPTS:
            return list(_prompt_in_use(then, subject)) if after is None else []
        case Kind.SETTINGS:
            return list(_settings_together(then, subject))
        case _:
            assert_never(kind)


def _last_administrator(company: Company, then: Company, after: Content | None) -> Problems:
    if company.administrators() and not then.administrators():
        words = "Somebody must be able to administer: this is the last administrator."
        yield Problem("roles" if after is not None else "", "last_administrator", words)


def _deputy_of(then: Company, person: str) -> Problems:
    yield from _refers([name for name, queue in then.of(Kind.QUEUES).items() if queue["deputy"] == person])


def _refers(queues: list[str], people: Iterable[str] = ()) -> Problems:
    people = sorted(people)
    who = ", ".join([*sorted(queues), *people[:10]]) + ("…" if len(people) > 10 else "")
    if who:
        yield Problem("", "in_use", f"Others refer to it: {who}.", {"who": who})


def unlisting(company: Company, kind: Kind, skill: str) -> Problems:
    if kind is Kind.SKILLS:
        people, queues = company.skill_uses().get(skill, ([], []))
        yield from _refers(queues, people)


def _template_in_use(then: Company, template: str) -> Problems:
    yield from _refers([queue for queue in then.of(Kind.QUEUES) if then.template_of(queue) == template])


def _prompt_in_use(then: Company, prompt: str) -> Problems:
    if prompt not in then.shipped_prompts:
        yield from _refers([name for name, queue in then.of(Kind.QUEUES).items() if queue["greeting"] == prompt])


def _numbers_of(then: Company, queue: str) -> Problems:
    yield from _refers([number for number, each in then.of(Kind.NUMBERS).items() if each["queue"] == queue])


def _queue_among(company: Company, then: Company, subject: str, after: Content) -> Problems:
    owner = company.having(Kind.QUEUES, subject, None).numbers().get(after["number"])
    if owner is not None or after["number"] in company.of(Kind.NUMBERS):
        name = owner or subject
        yield Problem("number", "number_taken", f"This number leads to {name} already.", {"who": name})
    if then.template_of(subject) not in then.of(Kind.TEMPLATES):
        yield Problem("template", "no_template", "Choose a template: without one a case has no fields.")
    if after["greeting"] not in then.prompts():
        yield Problem("greeting", "unknown_prompt", "There is no such prompt.")
    if after["deputy"] is not None and after["deputy"] not in then.of(Kind.PEOPLE):
        yield Problem("deputy", "unknown_person", "There is no such person.")
    yield from _times_in_order(then, subject, after)


def _times_in_order(company: Company, queue: str, content: Content, field: str = "target_s") -> Problems:
    """Ring limit < target < ceiling, with what the queue leaves to the settings."""
    general = usable(company.settings, company.of(Kind.SETTINGS))[0].escalation
    target = content["target_s"] or general.target_s
    ceiling = content["ceiling_s"] or general.ceiling_s
    ring = content["specialist_ring_s"] or general.ring_s
    if not ring < target < ceiling:
        values = {"who": queue, "ring": f"{ring:g}", "target": f"{target:g}", "ceiling": f"{ceiling:g}"}
        words = f"{queue}: ring limit ({ring:g} s) < target ({target:g} s) < ceiling ({ceiling:g} s) must hold."
        yield Problem(field, "times_order", words, values)


def _number_among(company: Company, number: str, after: Content) -> Problems:
    if after["queue"] not in company.of(Kind.QUEUES):
        yield Problem("queue", "unknown_queue", "There is no such queue.")
    main = {str(queue["number"]): name for name, queue in company.of(Kind.QUEUES).items()}
    if number in main:
        yield Problem("id", "number_taken", f"This number leads to {main[number]} already.", {"who": main[number]})


def _addresses_among(company: Company, trunk: str, after: Content) -> Problems:
    ours = [network for text in after["addresses"] if (network := network_of(text)) is not None]
    for name, other in company.of(Kind.TRUNKS).items():
        theirs = [network for text in other["addresses"] if (network := network_of(text)) is not None]
        if name != trunk and any(a.version == b.version and a.overlaps(b) for a in ours for b in theirs):
            words = f"The trunk {name} has some of these addresses already."
            yield Problem("addresses", "address_taken", words, {"who": name})


def _settings_together(then: Company, key: str) -> Problems:
    _, trouble = usable(then.settings, then.of(Kind.SETTINGS))
    if trouble:
        yield Problem("value", "settings_together", f"This does not fit the other settings: {trouble}.")
    elif key.startswith("escalation."):
        for queue, content in then.of(Kind.QUEUES).items():
            yield from _times_in_order(then, queue, content, "value")
