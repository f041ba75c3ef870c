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
class DeskSettings:
    """How the web desk serves. Durations in seconds, sizes in bytes, all positive."""

    secure_cookie: bool = False
    """True when people reach the desk over TLS (also behind a TLS proxy): the cookie then never travels in clear."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins besides our own that pages may send commands from, such as `https://desk.example.com` of a proxy."""
    body_limit: int = 64 * 1024
    """The longest field is 4,000 characters; nothing needs more."""
    body_timeout_s: float = 10.0
    """A request's body must be here by then."""
    screens_per_person: int = 10
    """Open live connections of one person: a few windows on a few machines."""
    send_timeout_s: float = 10.0
    """A screen that does not take a message for this long is closed; it comes back and gets a fresh snapshot."""
    logins: LoginSettings = field(default_factory=LoginSettings)
