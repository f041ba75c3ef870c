"""A person's own limits on interruptions (N14), between the desk's JSON and presence's rules.

`{"per_hour": 4, "quiet": [{"weekday": 0, "from": "12:00", "to": "13:00"}], "focus_until": time, "zone": "UTC"}`,
each of them optional; weekday 0 is Monday; without a zone the node's own counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any

from center.errors import BadRequest
from presence.budget import BadRules, InterruptionRules, QuietWindow


def parse_limits(limits: Mapping[str, Any]) -> InterruptionRules:
    """Read a person's limits.

    Raises:
        BadRequest: They make no sense; `field` says where.
    """
    focus = limits.get("focus_until")
    try:
        return InterruptionRules(
            per_hour=limits.get("per_hour"),
            quiet=tuple(_window(each) for each in limits.get("quiet", ())),
            focus_until=datetime.fromisoformat(focus) if isinstance(focus, str) else focus,
            zone=limits.get("zone") or own_zone(),
        )
    except BadRules as error:
        raise BadRequest("bad_limits", f"These limits cannot be kept: {error}.", field="limits") from None
    except (ValueError, KeyError, TypeError):
        raise BadRequest("bad_limits", "These limits cannot be read.", field="limits") from None


def _window(window: Mapping[str, Any]) -> QuietWindow:
    start, end = time.fromisoformat(window["from"]), time.fromisoformat(window["to"])
    return QuietWindow(frozenset({int(window["weekday"])}), start, end)


def own_zone() -> str:
    """The machine's time zone by name; UTC where it has none."""
    link = Path("/etc/localtime").resolve()
    _, found, name = str(link).partition("zoneinfo/")
    return name if found else "UTC"
