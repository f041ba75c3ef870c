"""Settings of a node: one typed object. Order: defaults, TOML file, environment (`RINGSIDE_…`), command line.

Each field says its unit, range and reason. Secrets come by the environment only; a TOML file that holds one is refused.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
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
    """A group of settings; unknown names are refused, so a typing mistake is told.

    Lengths are bounded by `max_length`, not inside a pattern: `\\S{3,2000}` alone compiles to 8 MB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class WebSettings(Section):
    """The desk: pages, HTTP API and WebSocket."""

    host: str = "127.0.0.1"
    """Address to listen on. Loopback by default: put a TLS proxy in front before opening it."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes a free port."""
    public_url: str | None = None
    """What phones are told in Call-Info and people in the browser's address line, if a proxy stands in front."""
    trusted_proxies: tuple[str, ...] = Field(default=(), max_length=100)
    """Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; from nobody else."""
    password_cost: str = Field(default="normal", pattern="^(normal|low)$")
    """Work of one password hash; `low` is for load tests and is refused unless bound to loopback."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for each in proxies:
            ip_network(each)  # raises ValueError, which names it
        return proxies


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
    outbound_uri: str | None = Field(default=None, pattern=r"^sips?:[^\s@]+$", max_length=200)
    """Where calls to customers go (`sip:carrier.example:5060`), for trunks that name no address of their own."""
    max_legs: int = Field(default=900, ge=3, le=2000)
    """Beyond it new calls get 503; running ones stay clean."""
    rtp_timeout_s: float = Field(default=5.0, ge=1, le=600)
    """A leg without a single RTP packet for so long, and not on hold, is ended as lost (N7). Raise it for phones which
    send nothing during silence."""


class OidcSection(Section):
    """An identity provider people may log in with, beside their passwords (OpenID Connect); off without an issuer."""

    issuer: str = Field(
        default="",
        pattern=r"^(|https://\S{3,}|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?)$",
        max_length=200,
    )
    """As its discovery document says it; TLS, except on this machine."""
    client_id: str = Field(default="", max_length=200)
    secret: SecretStr = SecretStr("")
    """By `RINGSIDE_OIDC__SECRET` only; empty for a public client."""
    name: str = Field(default="OpenID", min_length=1, max_length=40)
    """What stands on the log-in page's button."""
    claim: str = Field(default="preferred_username", pattern=r"^[A-Za-z0-9_:./-]{1,100}$")
    """Which claim of the id token is the person's id; `email` counts only when the provider has verified it."""
    domain: str = Field(default="", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)?$", max_length=200)
    """The claim must end with @ and this, which is cut off."""
    log_out: bool = True
    """Logging out here ends the log-in at the provider, too, where it offers that."""

    @model_validator(mode="after")
    def _whole(self) -> OidcSection:
        if self.issuer and not self.client_id:
            raise ValueError("oidc.client_id is missing")
        return self


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
    misses: int = Field(default=2, ge=1, le=20)
    """So many unanswered rings in a row (a count), and the person is shown unknown until he does something himself."""

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
    texts: Literal["none", "sip"] = "none"
    """Whether what was promised is also sent as text: by SIP MESSAGE through the trunk, as carriers take SMS."""

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


class WebhookSection(Section):
    """Another system (a CRM) that is told what happens; off without an address. Personal data goes there only.

    Addresses of this machine and of the company's own network are allowed: CRMs live there.
    """

    url: str = Field(default="", pattern=r"^(|https?://\S{3,})$", max_length=2000)
    secret: SecretStr = SecretStr("")
    """Signs every message; by `RINGSIDE_WEBHOOK__SECRET` only. At least 24 characters."""
    events: tuple[Literal["interaction.closed", "case.changed", "promise.made", "promise.kept"], ...] = (
        "interaction.closed",
        "case.changed",
        "promise.made",
        "promise.kept",
    )
    timeout_s: float = Field(default=10, ge=1, le=60)
    give_up_days: float = Field(default=3, gt=0, le=30)
    """A message that was not taken for so long is given up, and supervisors are told."""

    @model_validator(mode="after")
    def _signed(self) -> WebhookSection:
        if self.url and len(self.secret.get_secret_value()) < 24:
            raise ValueError("RINGSIDE_WEBHOOK__SECRET must have at least 24 characters")
        return self


class PhoneBookSection(Section):
    """Names for numbers that the store does not know: a CSV file or a web address; the store always comes first."""

    url: str = Field(default="", pattern=r"^(|https?://\S*\{number\}\S*)$", max_length=2000)
    """`{number}` becomes the caller's number; the answer is JSON with `name` and perhaps `company`."""
    file: Path | None = None
    """CSV, UTF-8, lines of `number,name,company`; read again when it changes."""
    timeout_s: float = Field(default=1.0, ge=0.1, le=5)

    @model_validator(mode="after")
    def _one(self) -> PhoneBookSection:
        if self.url and self.file is not None:
            raise ValueError("give either phone_book.url or phone_book.file")
        return self


class BrowserPhoneSection(Section):
    """Telephones in the desk's pages (WebRTC), carried by media workers beside the node."""

    enabled: bool = Field(default_factory=lambda: find_spec("aiortc") is not None)
    """Off where the media library (aiortc) is not installed."""
    codecs: tuple[Literal["opus", "G722", "PCMU"], ...] = Field(default=("opus", "G722", "PCMU"), min_length=1)
    """Most preferred first. Opus suits every network; PCMU needs the least work and twice the bits."""
    ice_servers: tuple[Annotated[str, Field(pattern=r"^(stuns?|turns?):\S+$", max_length=200)], ...] = Field(
        default=(), max_length=5
    )
    """`stun:` and `turn:` addresses for browsers behind NAT. None by default: nobody outside is asked about us."""
    turn_username: str = Field(default="", max_length=200)
    """User at the TURN server; empty makes credentials that expire from the secret both share (coturn)."""
    turn_secret: SecretStr = SecretStr("")
    """Password of that user, or the shared secret; by `RINGSIDE_BROWSER_PHONE__TURN_SECRET` only."""
    addresses: tuple[str, ...] = Field(default=(), max_length=10)
    """Addresses of this machine that browsers may send audio to; empty: all of them."""
    peers_per_worker: int = Field(default=12, ge=1, le=50)
    """Browsers per media worker (3 % of a core each). What stalls a worker is heard by all of them, so not too many."""
    most_workers: int = Field(default=4, ge=1, le=64)
    """Worker processes at most (80 MB each); beyond that calls at browsers are refused. About one per core."""

    @model_validator(mode="after")
    def _complete(self) -> BrowserPhoneSection:
        if any(url.startswith("turn") for url in self.ice_servers) and not self.turn_secret.get_secret_value():
            raise ValueError("a turn: server needs RINGSIDE_BROWSER_PHONE__TURN_SECRET")
        if self.enabled and find_spec("aiortc") is None:
            raise ValueError("browser phones need the Python package aiortc; install it, or set enabled = false")
        for address in self.addresses:
            ip_address(address)
        return self


class LabSection(Section):
    """Numbers for testers that need no people (`echo`, `answer`, `room-<k>`, `call-<user>`); on loopback only."""

    enabled: bool = False
    """Anybody on this machine may call them without a password, so the node must not be reachable from elsewhere."""
    phones: int = Field(default=20, ge=1, le=500)
    """How many people lab1 … labN there are, to register phones as."""
    password: SecretStr = SecretStr("")
    """Of all their phones; by `RINGSIDE_LAB__PASSWORD` only. Empty: one is made and printed at the first start."""


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
        use_attribute_docstrings=True,
    )

    state_dir: Path = Path("var")
    """Database, journal, certificates, broker state, logs. Created with access for the owner only."""
    company: str = Field(default="Harbour Insurance", max_length=80)
    """The name on every page."""
    web: WebSettings = WebSettings()
    oidc: OidcSection = OidcSection()
    sip: SipSettings = SipSettings()
    store: StoreSettings = StoreSettings()
    presence: PresenceSection = PresenceSection()
    escalation: EscalationSettings = EscalationSettings()
    promises: PromiseSettings = PromiseSettings()
    leases: LeaseSettings = LeaseSettings()
    webhook: WebhookSection = WebhookSection()
    phone_book: PhoneBookSection = PhoneBookSection()
    browser_phone: BrowserPhoneSection = BrowserPhoneSection()
    lab: LabSection = LabSection()

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


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_SECRETS = (
    ("store", "url"),
    ("presence", "password"),
    ("oidc", "secret"),
    ("webhook", "secret"),
    ("browser_phone", "turn_secret"),
    ("lab", "password"),
)


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
    if settings.web.password_cost == "low" and settings.web.host not in LOOPBACK:
        raise SettingsError("web.password_cost = low is for load tests on loopback only; web.host is not loopback.")
    if settings.lab.enabled and not {settings.web.host, settings.sip.address} <= LOOPBACK:
        raise SettingsError("lab.enabled is for loopback only: web.host and sip.address must be 127.0.0.1 or ::1.")
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
