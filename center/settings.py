"""Settings of a node: one typed object. Order: defaults, TOML file, environment (`RINGSIDE_…`), command line.

Each field says its unit, range and reason. Secrets come by the environment only; a TOML file that holds one is refused.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from center.escalation.model import Timing
from center.leases import LeaseTiming
from center.promise.calendar import BusinessHours
from center.promise.model import PromiseRules
from vocabulary import QueueId

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"
_SPAN = rf"^(?:{_CLOCK})-(?:{_CLOCK})$"


class SettingsError(Exception):
    """The settings cannot be used; the message says which one and why."""


class Section(BaseModel):
    """A group of settings; unknown names are refused, so a typing mistake is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebSettings(Section):
    """The desk: pages, HTTP API and WebSocket."""

    host: str = "127.0.0.1"
    """Address to listen on. Loopback by default: put a TLS proxy in front before opening it."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes a free port."""
    public_url: str | None = None
    """What phones are told in Call-Info and people in the browser's address line, if a proxy stands in front."""
    password_cost: str = Field(default="normal", pattern="^(normal|low)$")
    """Work of one password hash; `low` is for load tests and is refused unless bound to loopback."""


class SipSettings(Section):
    """Phones and trunks."""

    address: str = "127.0.0.1"
    """Address to listen on and to name in SDP: this machine's own address in the phones' network."""
    udp_port: int = Field(default=5060, ge=0, le=65535)
    tcp_port: int = Field(default=5060, ge=0, le=65535)
    tls_port: int = Field(default=5061, ge=0, le=65535)
    rtp_port: int = Field(default=20000, ge=1024, le=57000)
    """First of 8,000 UDP ports for media; two per leg. Open them in the firewall."""
    realm: str = Field(default="ringside", pattern=r"^[A-Za-z0-9.-]{1,64}$")
    """Digest realm. Changing it makes all phone passwords invalid."""
    digest: str = Field(default="sha256+md5", pattern=r"^(sha256\+md5|md5)$")
    """Challenges offered. `md5` is for old phones that give up when SHA-256 is offered beside it (baresip 1.0)."""
    outbound_uri: str | None = Field(default=None, pattern=r"^sips?:[^\s@]{1,200}$")
    """Where calls to customers go (`sip:carrier.example:5060`), for trunks that name no address of their own."""
    max_legs: int = Field(default=900, ge=3, le=2000)
    """Beyond it new calls get 503; running ones stay clean."""
    rtp_timeout_s: float = Field(default=5.0, ge=1, le=600)
    """A leg without a single RTP packet for so long, and not on hold, is ended as lost (N7). Raise it for phones which
    send nothing during silence."""


class StoreSettings(Section):
    """The database."""

    url: SecretStr | None = None
    """PostgreSQL URL (`postgresql+asyncpg://…`); without one an SQLite file in the state directory."""
    default_region: str = Field(default="HR", pattern="^[A-Z]{2}$")
    """Country of telephone numbers that come without a country code."""


class PresenceSection(Section):
    """The MQTT broker: one that is there, or (host unset) a private Mosquitto of our own."""

    host: str | None = None
    port: int = Field(default=1883, ge=1, le=65535)
    username: str = "ringside"
    password: SecretStr = SecretStr("")
    prefix: str = Field(default="ringside/v1", pattern=r"^[A-Za-z0-9_./-]{1,64}$")
    mappings: tuple[str, ...] = ()
    """Foreign UC clients: `teams-for-linux`, or files that map their topics to ours."""
    calendars: dict[str, str] = {}
    """iCalendar file or URL of a person, by id: `"eva.horvat" = "https://…/eva.ics"`."""
    uc_name: str = Field(default="UC", max_length=40)
    """How the agent's screen calls the UC system, such as Teams."""
    private_address: str = "127.0.0.1"
    private_port: int = Field(default=1884, ge=0, le=65535)


class EscalationSettings(Section):
    """Limits of one escalation, seconds."""

    target_s: float = Field(default=20.0, ge=5, le=120)
    """A specialist who answers within the ring limit is in the conversation by then."""
    ceiling_s: float = Field(default=30.0, ge=8, le=180)
    """By then the customer has a person or a promise, without exception."""
    screen_cap_s: float = Field(default=0.5, ge=0, le=5)
    """How long the INVITE waits for the specialist's screen."""
    ring_s: float = Field(default=8.0, ge=1, le=60)
    """How long one phone rings at most."""
    accept_s: float = Field(default=3.0, ge=1, le=60)
    """How long an answered phone may stay without click or key, where lifting it is not enough."""
    reflex_s: float = Field(default=0.4, ge=0, le=3)
    """A phone that answers faster than this after its first ring was not lifted by a person."""

    def timing(self) -> Timing:
        return Timing(
            target_s=self.target_s,
            ceiling_s=self.ceiling_s,
            screen_cap_s=self.screen_cap_s,
            ring_s=self.ring_s,
            least_ring_s=min(3.0, self.ring_s),
            accept_s=self.accept_s,
            reflex_s=self.reflex_s,
        )

    @model_validator(mode="after")
    def _in_order(self) -> EscalationSettings:
        if not self.ring_s < self.target_s < self.ceiling_s:
            raise ValueError("ring_s < target_s < ceiling_s must hold")
        return self


class HoursSettings(Section):
    """When the people of a queue work; what is promised is due then."""

    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    """1 is Monday."""
    open: tuple[Annotated[str, Field(pattern=_SPAN)], ...] = ("08:00-18:00",)
    """Local times, such as `["08:00-12:00", "13:00-17:00"]`; `00:00-24:00` is round the clock."""
    holidays: tuple[date, ...] = Field(default=(), max_length=366)

    def hours(self, zone: ZoneInfo) -> BusinessHours:
        """The calendar of these hours.

        Raises:
            ValueError: They overlap, are not in order, or there are none.
        """
        spans = tuple((_minute(text[:5]), _minute(text[6:])) for text in self.open)
        return BusinessHours(zone, frozenset(day - 1 for day in self.weekdays), spans, frozenset(self.holidays))


class PromiseSettings(Section):
    """What a customer gets instead of a person: callbacks and tasks (seconds)."""

    zone: str = "Europe/Zagreb"
    """Time zone of the business hours (IANA name)."""
    hours: HoursSettings = HoursSettings()
    queue_hours: dict[str, HoursSettings] = Field(default={}, max_length=1_000)
    """Hours of single queues, by queue id."""
    callback_s: float = Field(default=7_200, ge=300, le=7 * 86_400)
    """Business time within which a callback is promised."""
    slot_s: float = Field(default=900, ge=60, le=14_400)
    """How much of the owner's time one callback reserves."""
    due_soon_s: float = Field(default=1_800, ge=60, le=86_400)
    """Owner and supervisors are reminded so long before it is due."""
    offer_s: float = Field(default=60, ge=5, le=3_600)
    """How long one person may think about an offered task."""
    attempts: int = Field(default=3, ge=1, le=20)
    """How often a customer is called who does not answer."""
    attempt_again_s: float = Field(default=900, ge=5, le=86_400)

    def rules(self) -> PromiseRules:
        return PromiseRules(
            callback_s=self.callback_s,
            slot_s=self.slot_s,
            due_soon_s=self.due_soon_s,
            offer_s=self.offer_s,
            attempts=self.attempts,
            attempt_again_s=self.attempt_again_s,
        )

    def calendar(self) -> Callable[[QueueId], BusinessHours]:
        """Which hours a queue has."""
        zone = ZoneInfo(self.zone)
        default = self.hours.hours(zone)
        own = {QueueId(queue): hours.hours(zone) for queue, hours in self.queue_hours.items()}
        return lambda queue: own.get(queue, default)

    @model_validator(mode="after")
    def _usable(self) -> PromiseSettings:
        try:
            self.calendar()
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(f"unknown time zone {self.zone!r}") from error
        return self


class LeaseSettings(Section):
    """Reservations of people, so that nobody is rung twice (seconds)."""

    node: str = Field(default="", pattern=r"^[A-Za-z0-9.-]{0,64}$")
    """Name of this node, no other's; empty makes one at the first start and keeps it in the state directory."""
    nodes: int = Field(default=1, ge=1, le=100)
    """How many nodes share the database. With one, calls go on while it is down; with more, nobody new is rung then."""
    ttl_s: float = Field(default=4.5, ge=1, le=60)
    """A node that died frees its people so long after its last renewal."""
    renew_every_s: float = Field(default=1.5, ge=0.2, le=20)

    def timing(self) -> LeaseTiming:
        return LeaseTiming(ttl_s=self.ttl_s, renew_every_s=self.renew_every_s)

    @model_validator(mode="after")
    def _often_enough(self) -> LeaseSettings:
        if self.renew_every_s * 2 > self.ttl_s:
            raise ValueError("renew_every_s must be at most half of ttl_s")
        return self


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


class Settings(BaseSettings):
    """Everything a node can be told."""

    model_config = SettingsConfigDict(
        env_prefix="RINGSIDE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    state_dir: Path = Path("var")
    """Database, journal, certificates, broker state, logs. Created with access for the owner only."""
    company: str = Field(default="Harbour Insurance", max_length=80)
    web: WebSettings = WebSettings()
    sip: SipSettings = SipSettings()
    store: StoreSettings = StoreSettings()
    presence: PresenceSection = PresenceSection()
    escalation: EscalationSettings = EscalationSettings()
    promises: PromiseSettings = PromiseSettings()
    leases: LeaseSettings = LeaseSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment beats the file, whose content arrives as the initial values."""
        return env_settings, init_settings

    @property
    def store_url(self) -> str:
        if self.store.url is not None:
            return self.store.url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.state_dir.absolute()}/ringside.db"


_SECRETS = (("store", "url"), ("presence", "password"))


def load_settings(file: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.

    Args:
        file: TOML file; without one, `ringside.toml` in the working directory if it is there.
        overrides: Flags of the command line, by field name; they beat everything.

    Raises:
        SettingsError: Not found, not TOML, an unknown name, a value out of range, or a secret in the file.
    """
    path = file or Path("ringside.toml")
    content: dict[str, Any] = {}
    if file is not None or path.exists():
        content = _read_toml(path)
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise SettingsError(_in_words(error)) from None
    if overrides:
        settings = settings.model_copy(update=overrides)
    if settings.web.password_cost == "low" and settings.web.host not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsError("web.password_cost = low is for load tests on loopback only; web.host is not loopback.")
    return settings


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {os.strerror(error.errno or 0)}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    for section, name in _SECRETS:
        given = content.get(section)
        if isinstance(given, dict) and name in given:
            variable = f"RINGSIDE_{section}__{name}".upper()
            raise SettingsError(
                f"{path}: {section}.{name} is a secret. Give it as the environment variable {variable}."
            )
    return content


def _in_words(error: ValidationError) -> str:
    problems = []
    for each in error.errors(include_input=False):
        says = "there is no setting of that name" if each["type"] == "extra_forbidden" else each["msg"]
        problems.append(f"{'.'.join(str(part) for part in each['loc'])}: {says}")
    return "Settings: " + "; ".join(problems)
