"""What can be set at the desk: each value with its unit and the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """How people log in. Durations in seconds, all positive."""

    idle_s: float = 12 * 3600.0
    """A session ends after this long without a request: longer than a shift, shorter than a day."""
    extend_after_s: float = 300.0
    """A used session is written back at most this often."""
    recheck_s: float = 30.0
    """How often an open screen asks whether its session still stands (it may end on another node)."""
    attempts_per_person: int = 10
    person_window_s: int = 300
    """Guessing one person's password: 10 tries in 5 minutes; a right password clears the count."""
    attempts_per_address: int = 60
    address_window_s: int = 60
    """Guessing many people's: 60 tries a minute from one address, since a whole office may share one."""
    waiting: int = 50
    """Log-ins that may wait for their password check at once; each check takes about 0.1 s and 64 MiB."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The identity provider people may log in with (OpenID Connect), beside their passwords."""

    issuer: str
    """As in the provider's discovery document: `https://login.example.com/realms/office`."""
    client_id: str
    secret: str = field(default="", repr=False)
    """Empty for a public client: then PKCE alone binds the answer to us."""
    name: str = "OpenID"
    """What stands on the log-in page's button."""
    claim: str = "preferred_username"
    """Which claim of the id token names the person."""
    domain: str = ""
    """The claim must end with @ and this, which is cut off; empty takes the claim as it is."""
    scope: str = "openid profile email"
    redirect_uri: str = ""
    """Where the provider sends people back; empty: the host that the browser asked, which suits one machine only."""
    log_out: bool = True
    """Whether logging out here ends the log-in at the provider, too, where it offers that."""
    pending_s: float = 600.0
    """How long a person may take at the provider."""
    timeout_s: float = 5.0
    """For each request to the provider."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """How the web desk serves. Durations in seconds, sizes in bytes, all positive."""

    secure_cookie: bool = False
    """True when people reach the desk over TLS (also behind a TLS proxy): the cookie then never travels in clear."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins besides our own that pages may send commands from, such as `https://desk.example.com` of a proxy."""
    body_limit: int = 64 * 1024
    """The longest field is 4,000 characters; nothing needs more."""
    recording_limit: int = 5 * 1024 * 1024
    """A prompt of two minutes at CD quality is larger; a telephone carries a sixth of that."""
    body_timeout_s: float = 10.0
    """A request's body must be here by then."""
    requests_per_minute: int = 3_000
    """Requests of one person: 50 a second for a minute, ten times what a busy page with its autosave sends."""
    screens_per_person: int = 10
    """Open live connections of one person: a few windows on a few machines."""
    send_timeout_s: float = 10.0
    """A screen that does not take a message for this long is closed; it comes back and gets a fresh snapshot."""
    logins: LoginSettings = field(default_factory=LoginSettings)
