"""Settings that may be changed on the page: what each is, its range, and whether it needs a restart.

Range, reason and default are those of `center.settings`; a value from the page counts more than the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import annotated_types
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from center.administration.model import Things
from center.settings import Settings

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Tunable:
    """One such setting. `key` is its path in the settings; `form` is how it is typed in."""

    key: str
    unit: str = ""
    form: str = "number"
    restart: bool = False

    @property
    def info(self) -> FieldInfo:
        model: type[BaseModel] = Settings
        *sections, name = self.key.split(".")
        for section in sections:
            model = cast("type[BaseModel]", model.model_fields[section].annotation)
        return model.model_fields[name]

    @property
    def reason(self) -> str:
        return " ".join((self.info.description or "").split())

    def limit(self, kind: type[annotated_types.BaseMetadata], name: str) -> float | None:
        found = (getattr(each, name) for each in self.info.metadata if isinstance(each, kind))
        return next(found, None)

    @property
    def least(self) -> float | None:
        return self.limit(annotated_types.Ge, "ge")

    @property
    def most(self) -> float | None:
        return self.limit(annotated_types.Le, "le")

    @property
    def longest(self) -> int:
        length = self.limit(annotated_types.MaxLen, "max_length")
        return int(length) if length is not None else 64


TUNABLES = {
    each.key: each
    for each in (
        Tunable("escalation.target_s", "s"),
        Tunable("escalation.ceiling_s", "s"),
        Tunable("escalation.ring_s", "s"),
        Tunable("escalation.accept_s", "s"),
        Tunable("escalation.screen_cap_s", "s"),
        Tunable("escalation.reflex_s", "s"),
        Tunable("escalation.misses", form="integer"),
        Tunable("promises.callback_s", "s"),
        Tunable("promises.slot_s", "s"),
        Tunable("promises.due_soon_s", "s"),
        Tunable("promises.offer_s", "s"),
        Tunable("promises.attempts", form="integer"),
        Tunable("promises.attempt_again_s", "s"),
        Tunable("promises.zone", form="text"),
        Tunable("promises.hours.weekdays", form="weekdays"),
        Tunable("promises.hours.open", form="spans"),
        Tunable("promises.hours.holidays", form="dates"),
        Tunable("company", form="text", restart=True),
        Tunable("sip.max_legs", form="integer", restart=True),
        Tunable("sip.rtp_timeout_s", "s", restart=True),
    )
}


def value_in(settings: Settings, key: str) -> Any:
    """A setting's value as JSON."""
    value: Any = settings.model_dump(mode="json")
    for name in key.split("."):
        value = value[name]
    return value


def effective(settings: Settings, stored: Things) -> Settings:
    """The settings with the page's values in them.

    Raises:
        ValidationError: They do not go together.
    """
    changes: dict[str, Any] = {}
    for key, content in stored.items():
        if key not in TUNABLES:
            continue  # a newer version's setting in this older one
        *sections, name = key.split(".")
        place = changes
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = content["value"]
    return _with(settings, changes)


def _with(model: S, changes: Mapping[str, Any]) -> S:
    inner = {
        name: _with(getattr(model, name), change) if isinstance(change, Mapping) else change
        for name, change in changes.items()
    }
    return model.model_copy(update=_checked(model, inner)) if inner else model


def _checked(model: BaseModel, changes: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(model, Settings):  # its own sources, such as the environment, must not be read again
        return dict(changes)
    whole = type(model).model_validate({**{name: getattr(model, name) for name in type(model).model_fields}, **changes})
    return {name: getattr(whole, name) for name in changes}


def usable(settings: Settings, stored: Things) -> tuple[Settings, str]:
    """As `effective`, with what is wrong in words; then the settings are those without the page's values."""
    try:
        return effective(settings, stored), ""
    except ValidationError as error:
        return settings, str(error.errors(include_input=False)[0]["msg"]).removeprefix("Value error, ")
