"""The effect that every machine of the centre has: an entry of the interaction's event log."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Record:
    """Append to the event log of the interaction it is about; personal data only under `pii_` keys."""

    name: str
    data: dict[str, object] = field(default_factory=dict)
