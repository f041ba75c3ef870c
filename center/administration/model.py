"""The company's set-up as administrators see it: things of eight kinds, each a plain JSON object, and their changes.

A thing's version is the number of the change that made it so; 0 means that it is from before the first change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from center.settings import Settings
from context.model import CaseTemplate, FieldKind, FieldSpec
from routing.model import Channel, Person, ServiceQueue
from telephony.admission import Trunk
from vocabulary import DeskRole, PersonId, QueueId

Content = Mapping[str, Any]
Things = Mapping[str, Content]


class Kind(StrEnum):
    """What can be changed; also the word in the address of the API."""

    PEOPLE = "people"
    SKILLS = "skills"
    QUEUES = "queues"
    NUMBERS = "numbers"
    TEMPLATES = "templates"
    TRUNKS = "trunks"
    PROMPTS = "prompts"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Company:
    """The whole set-up at one moment. `settings` are those the node was started with."""

    things: Mapping[Kind, Things]
    settings: Settings = field(default_factory=Settings)
    shipped_prompts: frozenset[str] = frozenset()

    def of(self, kind: Kind) -> Things:
        return self.things.get(kind, {})

    def get(self, kind: Kind, subject: str) -> Content | None:
        return self.of(kind).get(subject)

    def having(self, kind: Kind, subject: str, content: Content | None) -> Company:
        """The company with this thing replaced, or without it (None)."""
        others = {key: each for key, each in self.of(kind).items() if key != subject}
        changed = others if content is None else {**others, subject: content}
        return replace(self, things={**self.things, kind: changed})

    def prompts(self) -> frozenset[str]:
        """Names of everything that can be played."""
        return self.shipped_prompts | frozenset(self.of(Kind.PROMPTS))

    def numbers(self) -> dict[str, str]:
        """Every service number with its queue."""
        main = {str(queue["number"]): name for name, queue in self.of(Kind.QUEUES).items()}
        return main | {number: str(each["queue"]) for number, each in self.of(Kind.NUMBERS).items()}

    def administrators(self) -> frozenset[str]:
        role = DeskRole.ADMINISTRATOR.value
        return frozenset(name for name, person in self.of(Kind.PEOPLE).items() if role in person["roles"])

    def skill_uses(self) -> dict[str, tuple[list[str], list[str]]]:
        """For every skill that is listed or used: the people who have it, and the queues that want it."""
        uses: dict[str, tuple[list[str], list[str]]] = {skill: ([], []) for skill in self.of(Kind.SKILLS)}
        for name, person in self.of(Kind.PEOPLE).items():
            for skill in person["skills"]:
                uses.setdefault(skill, ([], []))[0].append(name)
        for name, queue in self.of(Kind.QUEUES).items():
            for skill in dict.fromkeys((queue["skill"], *queue["specialist_skills"])):
                uses.setdefault(skill, ([], []))[1].append(name)
        return uses

    def template_of(self, queue: str) -> str:
        """The id of the template that a queue's cases have."""
        content = self.of(Kind.QUEUES)[queue]
        return str(content.get("template") or queue)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who made a thing what it is, and when; `version` is the number of that change."""

    version: int
    by: PersonId
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing. `before` None: it was made; `after` None: it was removed. Secrets are in neither."""

    id: int
    at: datetime
    by: PersonId
    kind: Kind
    subject: str
    before: Content | None
    after: Content | None
    note: str = ""
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What an administrator asks for. `version` is the one he had on his screen; `after` None removes the thing."""

    kind: Kind
    subject: str
    after: Content | None
    version: int = 0
    note: str = ""
    make: bool = False
    """It must not be there yet."""


@dataclass(frozen=True, slots=True)
class Book:
    """The company, who changed what last, and the number of the last change of all."""

    company: Company
    stamps: Mapping[tuple[Kind, str], Stamp] = field(default_factory=dict)
    last: int = 0

    def version(self, kind: Kind, subject: str) -> int:
        stamp = self.stamps.get((kind, subject))
        return stamp.version if stamp is not None else 0


# -- things as the running parts know them --------------------------------------------------------------------------


def person_of(name: str, content: Content) -> Person:
    return Person(
        PersonId(name),
        content["name"],
        content["title"],
        frozenset(DeskRole(role) for role in content["roles"]),
        dict(content["skills"]),
        {Channel(channel): level for channel, level in content["channels"].items()},
        tuple(content["languages"]),
        content["off_hook_accepts"],
    )


def person_content(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "title": person.title,
        "roles": sorted(role.value for role in person.roles),
        "skills": dict(person.skills),
        "channels": {channel.value: level for channel, level in person.channels.items()},
        "languages": list(person.languages),
        "off_hook_accepts": person.off_hook_accepts,
    }


def queue_of(name: str, content: Content) -> ServiceQueue:
    deputy = content["deputy"]
    rule = {key: value for key, value in content.items() if key != "hours"}  # those are the promises'
    changed = {"specialist_skills": tuple(content["specialist_skills"]), "deputy": PersonId(deputy) if deputy else None}
    return ServiceQueue(QueueId(name), **{**rule, **changed})


def template_of(queue: str, content: Content | None) -> CaseTemplate:
    fields = content["fields"] if content is not None else ()
    return CaseTemplate(
        QueueId(queue),
        tuple(
            FieldSpec(each["key"], each["label"], each["required"], FieldKind(each["kind"]), tuple(each["choices"]))
            for each in fields
        ),
    )


def trunk_of(name: str, content: Content, default_uri: str | None) -> Trunk:
    return Trunk(name, tuple(content["addresses"]), content["outbound_uri"] or default_uri or "")


def network_of(text: str) -> IPv4Network | IPv6Network | None:
    """A single address or a block of them; None for anything else."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None
