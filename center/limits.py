"""A person's own limits on interruptions (N14), between the desk's JSON and presence's rules.

`{"per_hour": 4, "quiet": [{"weekday": 0, "from": "12:00", "to": "13:00"}], "focus_until": time, "zone": "UTC"}`,
each of them optional; weekday 0 is Monday; without a zone the node's own counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any, TypeVar

from center.errors import BadRequest
from presence.budget import BadRules, InterruptionRules, QuietWindow, check_focus

T = TypeVar("T")


def parse_limits(limits: Mapping[str, Any], now: datetime | None = None) -> InterruptionRules:
    """Read a person's limits; with `now` (aware) also whether a focus that is set then is not too long.

    Raises:
        BadRequest: They make no sense; `field` says which of them.
    """
    zone = _read("zone", limits, _zone)
    return InterruptionRules(
        per_hour=_read("per_hour", limits, _per_hour),
        quiet=_read("quiet", limits, _quiet),
        focus_until=_read("focus_until", limits, lambda value: _focus(value, now)),
        zone=zone,
    )


def _read(field: str, limits: Mapping[str, Any], read: Callable[[Any], T]) -> T:
    try:
        return read(limits.get(field))
    except BadRules as error:
        raise BadRequest("bad_limits", f"These limits cannot be kept: {error}.", field=field) from None
    except (ValueError, KeyError, TypeError):
        raise BadRequest("bad_limits", "These limits cannot be read.", field=field) from None


# Each rule is checked by itself first, so that the answer can name it.


def _zone(value: Any) -> str:
    return InterruptionRules(zone=value or own_zone()).zone


def _per_hour(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError
    return InterruptionRules(per_hour=value).per_hour


def _quiet(value: Any) -> tuple[QuietWindow, ...]:
    return InterruptionRules(quiet=tuple(_window(each) for each in value or ())).quiet


def _focus(value: Any, now: datetime | None) -> datetime | None:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment is not None and not isinstance(moment, datetime):
        raise TypeError
    focus_until = InterruptionRules(focus_until=moment).focus_until
    if focus_until is not None and now is not None:
        check_focus(focus_until, now)
    return focus_until


def _window(window: Mapping[str, Any]) -> QuietWindow:
    start, end = time.fromisoformat(window["from"]), time.fromisoformat(window["to"])
    return QuietWindow(frozenset({int(window["weekday"])}), start, end)


def own_zone() -> str:
    """The machine's time zone by name; UTC where it has none."""
    link = Path("/etc/localtime").resolve()
    _, found, name = str(link).partition("zoneinfo/")
    return name if found else "UTC"
