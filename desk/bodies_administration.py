"""What an administrator's page may send: each kind of thing with its shape. The rules are the centre's own
(`center.administration.validation`), so that every problem of a form is told at once, at its field."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, Field, JsonValue, StrictBool, StrictFloat, StrictInt

from center.administration.model import Kind
from context.model import FieldKind
from desk.bodies import ID_CHARS, LARGEST_VERSION, REASON_CHARS, Body, Reason, _printable
from vocabulary import DeskRole

Line = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Name = Annotated[str, Field(max_length=ID_CHARS), AfterValidator(_printable)]
Seconds = Annotated[StrictInt | StrictFloat, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Level = Annotated[StrictInt, Field(ge=-1_000, le=1_000)]
Version = Annotated[StrictInt, Field(ge=0, le=LARGEST_VERSION)]
"""The version on the screen when the person began to type; 0: never changed on the page."""

Subject = Annotated[str, Path(max_length=ID_CHARS, pattern=r"^[A-Za-z0-9_.@+*#-][A-Za-z0-9_.@+*# -]*$")]
ChangeNumber = Annotated[int, Path(ge=1, le=LARGEST_VERSION)]
SeenVersion = Annotated[int, Query(ge=0, le=LARGEST_VERSION)]
NoteQuery = Annotated[str, Query(max_length=REASON_CHARS), AfterValidator(_printable)]
Filter = Annotated[str, Query(max_length=ID_CHARS), AfterValidator(_printable)]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_VERSION)]
PageSize = Annotated[int, Query(ge=1, le=200)]
Recording = Annotated[str | None, Query(pattern=r"^([0-9a-f]{64}|shipped)$")]


class PersonContent(Body):
    """A colleague. His passwords are no part of it."""

    name: Line
    title: Line = ""
    roles: list[DeskRole] = Field(max_length=4)
    skills: dict[Name, Level] = Field(default_factory=dict, max_length=100)
    channels: dict[Annotated[str, Field(pattern="^(voice|chat|email)$")], Level] = Field(default_factory=dict)
    languages: list[Name] = Field(default_factory=list, max_length=100)
    off_hook_accepts: StrictBool = True


class SkillContent(Body):
    name: Line
    description: Line = ""


class HoursContent(Body):
    """Business hours: days from 1 (Monday), spans such as 08:00-12:00, and days such as 2026-12-25 without any."""

    weekdays: list[Level] = Field(max_length=7)
    open: list[Name] = Field(max_length=24)
    holidays: list[Name] = Field(default_factory=list, max_length=366)


class QueueContent(Body):
    """A queue with its main number, its rule, its hours and its escalations' limits (null: as in the settings)."""

    name: Line
    number: Name
    skill: Name
    least_level: Level = 1
    ring_timeout_s: Seconds = 15.0
    wrap_up_s: Seconds = 30.0
    greeting: Name = "greeting"
    specialist_skills: list[Name] = Field(default_factory=list, max_length=100)
    deputy: Name | None = None
    template: Name
    target_s: Seconds | None = None
    ceiling_s: Seconds | None = None
    specialist_ring_s: Seconds | None = None
    hours: HoursContent | None = None


class NumberContent(Body):
    """A number that leads to a queue besides its main one."""

    queue: Name
    note: Line = ""


class TemplateField(Body):
    key: Name
    label: Line
    required: StrictBool = False
    kind: FieldKind = FieldKind.LINE
    choices: list[Line] = Field(default_factory=list, max_length=100)


class TemplateContent(Body):
    """The fields of a case, in their order."""

    name: Line
    fields: list[TemplateField] = Field(max_length=100)


class TrunkContent(Body):
    """A carrier's line: the addresses it calls from, and where calls to customers go."""

    addresses: list[Name] = Field(max_length=100)
    outbound_uri: Line | None = None


class SettingContent(Body):
    value: JsonValue


Content = TypeVar("Content", bound=Body)


class Made(Body, Generic[Content]):
    """A new thing."""

    id: Name
    content: Content
    note: Reason = ""
    """Why, for the log of changes."""


class Changed(Body, Generic[Content]):
    """A thing as it shall be."""

    version: Version
    content: Content
    note: Reason = ""


class Undone(Body):
    note: Reason = ""


CONTENTS: dict[Kind, type[Body]] = {
    Kind.PEOPLE: PersonContent,
    Kind.SKILLS: SkillContent,
    Kind.QUEUES: QueueContent,
    Kind.NUMBERS: NumberContent,
    Kind.TEMPLATES: TemplateContent,
    Kind.TRUNKS: TrunkContent,
    Kind.SETTINGS: SettingContent,
}
"""Prompts are recordings and have a route of their own."""


def as_content(content: Body) -> dict[str, Any]:
    """A thing's content as the centre keeps it: plain JSON, texts without blanks around them."""
    trimmed = _trimmed(content.model_dump(mode="json"))
    assert isinstance(trimmed, dict)
    return trimmed


def _trimmed(value: Any) -> Any:
    match value:
        case str():
            return value.strip()
        case list():
            return [_trimmed(each) for each in value]
        case dict():
            return {key: _trimmed(each) for key, each in value.items()}
        case _:
            return value
