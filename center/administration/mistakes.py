"""What is wrong with one thing by itself: lengths, signs, ranges, words that nobody knows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, assert_never

from center.administration.hours import mistakes_in_hours
from center.administration.model import Company, Content, Kind, network_of
from center.administration.problems import Problem
from center.administration.tunable import TUNABLES, Tunable
from context.model import FieldKind
from telephony.headers import HeaderError, parse_uri
from vocabulary import DeskRole

PERSON_ID = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]")
THING_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
PROMPT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SKILL = re.compile(r"[a-z0-9][a-z0-9 _-]{0,39}")
NUMBER = re.compile(r"\+?[0-9*#]{2,20}")
FIELD_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
LANGUAGE = re.compile(r"[a-z]{2,3}")
OUTBOUND = re.compile(r"sips?:[^\s@]{1,200}")
LEVELS = (1, 5)
NAME_CHARS = 80
MOST_SKILLS, MOST_LANGUAGES, MOST_FIELDS, MOST_CHOICES, MOST_ADDRESSES = 20, 10, 60, 30, 32
WIDEST = {4: 8, 6: 16}
"""A trunk may call without a password, so a block of addresses wider than this is surely a slip."""
Problems = Iterator[Problem]


def mistakes(company: Company, kind: Kind, subject: str, after: Content) -> list[Problem]:
    """What is wrong with the thing by itself. The name of one that is there already is not questioned any more."""
    is_new = company.get(kind, subject) is None
    return [problem for problem in _mistakes(company, kind, subject, after) if is_new or problem.field != "id"]


def _mistakes(company: Company, kind: Kind, subject: str, after: Content) -> list[Problem]:
    match kind:
        case Kind.PEOPLE:
            return list(_person(company, subject, after))
        case Kind.SKILLS:
            return [*_id(SKILL, subject), *_text(after, "name"), *_text(after, "description", least=0, most=200)]
        case Kind.QUEUES:
            return list(_queue(company, subject, after))
        case Kind.NUMBERS:
            return [*_number(subject, "id"), *_text(after, "note", least=0)]
        case Kind.TEMPLATES:
            return [*_id(THING_ID, subject), *_text(after, "name"), *_fields(after["fields"])]
        case Kind.TRUNKS:
            return list(_trunk(subject, after))
        case Kind.PROMPTS:
            return list(_id(PROMPT_NAME, subject))
        case Kind.SETTINGS:
            return list(_setting(subject, after["value"]))
        case _:
            assert_never(kind)


def _id(pattern: re.Pattern[str], subject: str) -> Problems:
    if not pattern.fullmatch(subject):
        yield Problem("id", "bad_id", "Small letters, digits, dots, hyphens or underscores, beginning with a letter.")


def _text(content: Content, name: str, *, least: int = 1, most: int = NAME_CHARS) -> Problems:
    length = len(str(content[name]).strip())
    if length < least:
        yield Problem(name, "empty", "This must not be empty.")
    elif length > most:
        yield Problem(name, "too_long", f"At most {most} characters.", {"most": str(most)})


def _between(field: str, value: float, least: float, most: float) -> Problems:
    if not least <= value <= most:
        limits = {"least": f"{least:g}", "most": f"{most:g}"}
        yield Problem(field, "out_of_range", f"From {least:g} to {most:g}.", limits)


def _most(field: str, values: Iterable[object], most: int) -> Problems:
    if len(list(values)) > most:
        yield Problem(field, "too_many", f"At most {most}.", {"most": str(most)})


def _number(number: str, field: str) -> Problems:
    if not NUMBER.fullmatch(number):
        yield Problem(field, "bad_number", "A number has 2 to 20 digits, with a + in front if need be.")


def _known_skill(company: Company, skill: str, field: str) -> Problems:
    if not SKILL.fullmatch(skill):
        yield Problem(field, "bad_skill", f"A skill has a short name in small letters: {skill}.", {"skill": skill})
    elif skill not in company.skill_uses():
        words = f"There is no skill {skill}. Add it to the list of skills first."
        yield Problem(field, "unknown_skill", words, {"skill": skill})


def _person(company: Company, subject: str, after: Content) -> Problems:
    if not PERSON_ID.fullmatch(subject):
        yield Problem("id", "bad_person_id", "3 to 64 small letters, digits, dots, hyphens or underscores.")
    yield from _text(after, "name")
    yield from _text(after, "title", least=0)
    known = {role.value for role in DeskRole}
    if not after["roles"] or not set(after["roles"]) <= known:
        yield Problem("roles", "no_role", "Choose at least one role.")
    yield from _most("skills", after["skills"], MOST_SKILLS)
    had = (company.get(Kind.PEOPLE, subject) or {"skills": {}})["skills"]
    for skill, level in after["skills"].items():
        if skill not in had:
            yield from _known_skill(company, skill, f"skills.{skill}")
        if type(level) is not int or not LEVELS[0] <= level <= LEVELS[1]:
            yield Problem(f"skills.{skill}", "bad_level", "A level is a number from 1 to 5.", {"skill": skill})
    for channel, level in after["channels"].items():
        yield from _between(f"channels.{channel}", level, 0, LEVELS[1])
    yield from _most("languages", after["languages"], MOST_LANGUAGES)
    for language in after["languages"]:
        if not LANGUAGE.fullmatch(language):
            words = f"A language is its code of two or three letters, such as en or hr: {language}."
            yield Problem("languages", "bad_language", words, {"language": language})


def _queue(company: Company, subject: str, after: Content) -> Problems:
    yield from _id(THING_ID, subject)
    yield from _text(after, "name")
    yield from _number(after["number"], "number")
    had = company.get(Kind.QUEUES, subject)
    wanted = {had["skill"], *had["specialist_skills"]} if had is not None else set()
    if after["skill"] not in wanted:
        yield from _known_skill(company, after["skill"], "skill")
    for skill in after["specialist_skills"]:
        if skill not in wanted:
            yield from _known_skill(company, skill, "specialist_skills")
    yield from _most("specialist_skills", after["specialist_skills"], MOST_SKILLS)
    if len(set(after["specialist_skills"])) < len(after["specialist_skills"]):
        yield Problem("specialist_skills", "twice", "Each only once.")
    yield from _between("least_level", after["least_level"], *LEVELS)
    yield from _between("ring_timeout_s", after["ring_timeout_s"], 5, 120)
    yield from _between("wrap_up_s", after["wrap_up_s"], 0, 900)
    for name, key in _TIMES.items():
        limits = TUNABLES[key]
        if after[name] is not None:
            yield from _between(name, after[name], limits.least or 0, limits.most or 0)
    if after.get("hours") is not None:
        yield from mistakes_in_hours(after["hours"])


_TIMES = {
    "target_s": "escalation.target_s",
    "ceiling_s": "escalation.ceiling_s",
    "specialist_ring_s": "escalation.ring_s",
}


def _fields(fields: list[dict[str, Any]]) -> Problems:
    if not fields:
        yield Problem("fields", "no_field", "A template has at least one field.")
    yield from _most("fields", fields, MOST_FIELDS)
    seen: set[str] = set()
    for place, each in enumerate(fields):
        at = f"fields.{place}"
        if not FIELD_KEY.fullmatch(each["key"]):
            words = "A key has small letters, digits and underscores, and begins with a letter."
            yield Problem(f"{at}.key", "bad_key", words)
        elif each["key"] in seen:
            yield Problem(f"{at}.key", "twice", "Each only once.")
        seen.add(each["key"])
        for problem in _text(each, "label"):
            yield Problem(f"{at}.label", problem.code, problem.message, problem.values)
        yield from _choices(f"{at}.choices", each)


def _choices(field: str, spec: dict[str, Any]) -> Problems:
    choices = [str(choice).strip() for choice in spec["choices"]]
    if spec["kind"] != FieldKind.CHOICE.value:
        if choices:
            yield Problem(field, "no_choices_here", "Only a field with a choice has things to choose from.")
        return
    if len(choices) < 2 or not all(choices):
        yield Problem(field, "too_few_choices", "Give at least two things to choose from.")
    elif len(set(choices)) < len(choices):
        yield Problem(field, "twice", "Each only once.")
    yield from _most(field, choices, MOST_CHOICES)
    if any(len(choice) > NAME_CHARS for choice in choices):
        yield Problem(field, "too_long", f"At most {NAME_CHARS} characters.", {"most": str(NAME_CHARS)})


def _trunk(subject: str, after: Content) -> Problems:
    yield from _id(THING_ID, subject)
    if not after["addresses"]:
        yield Problem("addresses", "no_address", "A trunk is known by at least one address that it calls from.")
    yield from _most("addresses", after["addresses"], MOST_ADDRESSES)
    for text in after["addresses"]:
        network = network_of(text)
        if network is None:
            words = f"This is no IP address or block of addresses: {text}."
            yield Problem("addresses", "bad_address", words, {"address": text})
        elif network.prefixlen < WIDEST[network.version]:
            words = f"{text} covers too many addresses: whoever calls from there needs no password."
            yield Problem("addresses", "wide_address", words, {"address": text})
    uri = after["outbound_uri"]
    if uri is not None and not _is_uri(uri):
        words = "An address for calls out looks like sip:carrier.example:5060."
        yield Problem("outbound_uri", "bad_uri", words)


def _is_uri(text: str) -> bool:
    if not OUTBOUND.fullmatch(text):
        return False
    try:
        return bool(parse_uri(text).host)
    except HeaderError:
        return False


def _setting(key: str, value: Any) -> Problems:
    tunable = TUNABLES.get(key)
    if tunable is None:
        yield Problem("id", "unknown_setting", "There is no setting of that name.")
        return
    yield from _value(tunable, value)


def _value(tunable: Tunable, value: Any) -> Problems:
    if tunable.form in ("number", "integer"):
        is_number = type(value) is int or (type(value) is float and tunable.form == "number")
        if not is_number or (type(value) is float and value != value):
            yield Problem("value", "no_number", "Type a number.")
        else:
            yield from _between("value", value, tunable.least or 0, tunable.most or 0)
    elif tunable.form == "text":
        if not isinstance(value, str) or not value.strip():
            yield Problem("value", "empty", "This must not be empty.")
        elif len(value) > tunable.longest:
            yield Problem("value", "too_long", f"At most {tunable.longest} characters.", {"most": str(tunable.longest)})
    elif not isinstance(value, list):
        yield Problem("value", "bad_value", "This is a list.")
