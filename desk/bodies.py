"""What a browser may send: every body with its bounds. Unknown fields are refused, so a typing error is seen."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from center.escalation.model import Choice
from center.interaction.model import SupervisionMode
from context.model import MAX_VALUE_CHARS
from presence.model import Status
from routing.model import AgentStatus
from vocabulary import CaseId, DeskRole, EscalationId, InteractionId, PersonId, TaskId

REASON_CHARS = 200
NOTE_CHARS = 2_000
ID_CHARS = 64
PASSWORD_CHARS = 200
DIGEST_CHARS = 128
LARGEST_VERSION = 2**31 - 1

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"
ID_PATTERN = r"^[A-Za-z0-9_.@+-]+$"
_ID = Path(max_length=ID_CHARS, pattern=ID_PATTERN)


def _printable(text: str) -> str:
    """Databases and screens choke on control characters; line ends and tabs are fine."""
    if _CONTROL.search(text):
        raise ValueError("Control characters are not allowed")
    return text


def _is_text(value: object) -> object:
    """A bare number is not taken for seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("Give the time as RFC 3339 text, such as 2026-11-21T17:00:00Z")
    return value


def _to_utc(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 2200:
        raise ValueError("The time lies too far away")
    return moment.astimezone(UTC)


Word = Annotated[str, Field(max_length=ID_CHARS), AfterValidator(_printable)]
Reason = Annotated[str, Field(max_length=REASON_CHARS), AfterValidator(_printable)]
Note = Annotated[str, Field(max_length=NOTE_CHARS), AfterValidator(_printable)]
Value = Annotated[str, Field(max_length=MAX_VALUE_CHARS), AfterValidator(_printable)]
Moment = Annotated[AwareDatetime, BeforeValidator(_is_text), AfterValidator(_to_utc)]
PersonName = Annotated[PersonId, Field(min_length=1, max_length=ID_CHARS), AfterValidator(_printable)]

InteractionPath = Annotated[InteractionId, _ID]
InteractionQuery = Annotated[InteractionId | None, Query(max_length=ID_CHARS, pattern=ID_PATTERN)]
EscalationPath = Annotated[EscalationId, _ID]
CasePath = Annotated[CaseId, _ID]
TaskPath = Annotated[TaskId, _ID]


class Body(BaseModel):
    """A JSON object with known fields only."""

    model_config = ConfigDict(extra="forbid")


class Empty(Body):
    """`{}`: the path says it all."""


class Login(Body):
    person: PersonName
    password: str = Field(min_length=1, max_length=PASSWORD_CHARS)


class ChosenAgentStatus(Body):
    status: AgentStatus
    reason: Reason = ""


class ChosenAvailability(Body):
    status: Literal[Status.AVAILABLE, Status.BUSY, Status.AWAY, Status.DND, "automatic"]
    """`automatic` takes an own choice back: phone, client and calendar decide; reason and until are not looked at."""
    reason: Reason = ""
    until: Moment | None = None
    """When the choice ends by itself; null: when it is changed."""


class FinishedWrapUp(Body):
    disposition: Word = ""
    note: Note = ""


class QuietHours(Body):
    """One quiet window a week; an end that is not after the start lies on the next day."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    weekday: int = Field(ge=0, le=6)
    """0 is Monday."""
    start: str = Field(alias="from", pattern=CLOCK_PATTERN)
    end: str = Field(alias="to", pattern=CLOCK_PATTERN)


class Limits(Body):
    """A person's own limits on interruptions; an empty object lifts them."""

    per_hour: int | None = Field(default=None, ge=1, le=60)
    quiet: list[QuietHours] = Field(default_factory=list, max_length=28)
    focus_until: Moment | None = None
    zone: Annotated[str, Field(max_length=64)] | None = None


class Enrolled(Body):
    """A new colleague."""

    id: Annotated[str, Field(min_length=3, max_length=ID_CHARS)]
    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]
    title: Annotated[str, Field(max_length=80), AfterValidator(_printable)] = ""
    roles: list[DeskRole] = Field(min_length=1, max_length=4)
    skills: dict[Annotated[str, Field(max_length=40)], Annotated[int, Field(ge=1, le=5)]] = Field(
        default_factory=dict, max_length=20
    )
    languages: list[Annotated[str, Field(pattern="^[a-z]{2,3}$")]] = Field(default_factory=list, max_length=10)
    off_hook_accepts: StrictBool = True


class NewEscalation(Body):
    """Name a person, or a skill, or neither: then the queue's own wanted skills count."""

    specialist: PersonName | None = None
    skill: Annotated[str, Field(max_length=ID_CHARS)] = ""
    reason: Reason = ""
    override_reason: Reason = ""
    """Why a person who rests by his own limits is asked all the same; recorded."""


class Supervising(Body):
    mode: SupervisionMode


class Consulting(Body):
    on: StrictBool


class FinishedTask(Body):
    outcome: Annotated[Reason, Field(min_length=1)]
    resolved: StrictBool


class Choosing(Body):
    choice: Choice


class Closing(Body):
    outcome: Reason
    resolved: StrictBool
    note: Note = ""


class Rendered(Body):
    digest: str = Field(min_length=1, max_length=DIGEST_CHARS, pattern=r"^[A-Za-z0-9:+/=_-]+$")


class Declining(Body):
    reason: Reason = ""


class Rating(Body):
    rating: Annotated[StrictInt, Field(ge=1, le=5)]
    """5 is best."""
    words: Reason = ""
    """What the customer said."""


class Postponing(Body):
    minutes: Annotated[StrictInt, Field(ge=1, le=240)]
    """From now until I have time."""


class CaseFieldEdit(Body):
    field: Word
    text: Value
    base_version: Annotated[StrictInt, Field(ge=0, le=LARGEST_VERSION)]
    """The version of the case on the screen when the person typed."""
