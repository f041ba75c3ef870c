"""Settings of the presence service, each with unit, default and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from presence.fusion import FusionRules
from presence.mapping import ClientMapping


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """Where the broker is and what counts as old.

    Without `host` a private Mosquitto is started: it lives in `state_dir`, listens on `listen_address` and `port`.
    """

    state_dir: Path
    """Folder of the private broker: configuration, accounts, retained messages, log."""
    host: str | None = None
    """Broker to use; None starts a private one."""
    port: int = 1883
    """TCP port of the broker, configured or private; 0 lets the private one choose a free port."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    """Account at a configured broker; by environment only. The private broker makes its own."""
    ca_file: Path | None = None
    """Certificate authority of a configured broker; given means TLS. The private broker has none."""
    listen_address: str = "127.0.0.1"
    """Where the private broker listens; loopback, so that it is opened to the network on purpose only."""
    websocket_port: int | None = None
    """Port for MQTT over WebSocket at the private broker; None: off."""
    prefix: str = "ringside/v1"
    """First levels of every topic."""
    node: str = "node"
    """Name of this node: its account at the private broker and its topic `<prefix>/node/<name>`."""
    shared: bool = False
    """Whether other nodes use the same broker: then each says what keeps its people busy, and hears the others."""
    uc_age_s: float = 300.0
    """A UC status counts this long without a refresh or proof of life; clients refresh at least every 120 s."""
    manual_age_s: float = 43_200.0
    """An own "available" without an end counts this long: one long working day."""
    phone_required: bool = True
    """Nobody without a registered phone is free; off only where all specialists are rung through a trunk."""
    uc_name: str = "UC"
    """How the agent's screen calls the UC system, such as "Teams"."""
    zone: tzinfo = UTC
    """Time zone of the times in phrases such as "in a call since 14:02"."""
    phone_age_s: float = 3_600.0
    """A phone on another PBX (source `phone`) counts this long without a refresh: a usual registration's life."""
    calendar_age_s: float = 1_800.0
    """A calendar that could not be read for so long is silent."""
    calendar_silence_is_unknown: bool = True
    """Whether a silent calendar makes a free person unknown (false: only the details show it)."""
    retained_age_s: float = 0.0
    """So long an "available" from the broker's memory counts without a live word of its client. 0 is safe; more only
    where clients neither repeat their status nor answer pings, at the price of ghosts after a crash of the broker."""
    mappings: tuple[ClientMapping, ...] = ()
    """Foreign MQTT clients, such as teams-for-linux (`presence.mapping_file.load_mapping`)."""
    case_expiry_s: float = 60.0
    """A pushed case that was not delivered after this time is dropped by the broker."""

    def rules(self) -> FusionRules:
        """The part that the fusion needs."""
        return FusionRules(
            self.uc_age_s,
            self.manual_age_s,
            self.phone_required,
            self.uc_name,
            self.zone,
            self.phone_age_s,
            self.calendar_age_s,
            self.calendar_silence_is_unknown,
            self.retained_age_s,
        )

    def foreign_subscriptions(self) -> tuple[str, ...]:
        """Topics of mapped clients, each once."""
        return tuple(dict.fromkeys(topic for mapping in self.mappings for topic in mapping.subscriptions()))
