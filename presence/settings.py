"""Settings of the presence service, each with unit, default and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from presence.fusion import FusionRules


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
    case_expiry_s: float = 60.0
    """A pushed case that was not delivered after this time is dropped by the broker."""

    def rules(self) -> FusionRules:
        """The part that the fusion needs."""
        return FusionRules(self.uc_age_s, self.manual_age_s, self.phone_required, self.uc_name, self.zone)
