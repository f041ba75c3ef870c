"""The files a private Mosquitto reads: configuration, access rules, passwords.

Passwords are hashed here in Mosquitto's own format `$7$<iterations>$<salt>$<hash>` (PBKDF2, SHA-512), so no plain
password ever touches the disk or a command line.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from presence.contract import is_person_name
from presence.errors import AccountRefused
from presence.mapping import ClientMapping

PBKDF2_ITERATIONS = 1_000
"""Mosquitto checks passwords on its only thread: about 1 ms per log-in, so a reconnecting company is no outage."""
SALT_BYTES = 12
MAX_PACKET_BYTES = 262_144
MAX_QUEUED_MESSAGES = 100_000
"""Per subscriber. The retained snapshot of a node must fit: four topics for each of 25,000 people."""
AUTOSAVE_INTERVAL_S = 30
MAX_KEEPALIVE_S = 120
MAX_CONNECTIONS = 20_000


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where everything of one private broker lies, below its state directory."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "mosquitto.conf"

    @property
    def access(self) -> Path:
        return self.directory / "access"

    @property
    def passwords(self) -> Path:
        return self.directory / "passwords"

    @property
    def log(self) -> Path:
        return self.directory / "mosquitto.log"

    @property
    def database(self) -> Path:
        return self.directory / "mosquitto.db"


def config_text(files: BrokerFiles, host: str, port: int, websocket_port: int | None) -> str:
    """Configuration of a broker that listens on one address and lets nobody in without an account."""
    lines = [
        "per_listener_settings false",
        "allow_anonymous false",
        f"password_file {files.passwords}",
        f"acl_file {files.access}",
        # Without this the last small packet waits for the receiver's delayed acknowledgement: p99 37 ms, not 1.6 ms.
        "set_tcp_nodelay true",
        "persistence true",
        f"persistence_location {files.directory}/",
        f"persistence_file {files.database.name}",
        f"autosave_interval {AUTOSAVE_INTERVAL_S}",
        f"max_packet_size {MAX_PACKET_BYTES}",
        f"max_queued_messages {MAX_QUEUED_MESSAGES}",
        # A client that fell silent is found dead after 1.5 times this, whatever it asked for.
        f"max_keepalive {MAX_KEEPALIVE_S}",
        "persistent_client_expiration 1d",
        f"log_dest file {files.log}",
        "log_type error",
        "log_type warning",
        "log_type notice",
        # As root Mosquitto would change to an account that may not read the state directory.
        f"user {getpass.getuser()}",
        f"listener {port} {host}",
        f"max_connections {MAX_CONNECTIONS}",
    ]
    if websocket_port is not None:
        # Without the domain Mosquitto 2.0 ignores the host of this listener and opens it on every address.
        domain = "ipv6" if ":" in host else "ipv4"
        lines += [f"listener {websocket_port} {host}", f"socket_domain {domain}", "protocol websockets"]
        lines += [f"max_connections {MAX_CONNECTIONS}"]
    return "\n".join(lines) + "\n"


def access_text(prefix: str, node_account: str, mappings: Sequence[ClientMapping] = ()) -> str:
    """Access rules: the node may do everything below the prefix, a person only his own part. `%u` is the account.

    Mapped foreign topics: the node reads them, and only who they are about (or the mapping's gateway) writes them.
    """
    rules = [mapping.access_rules() for mapping in mappings]
    lines = [
        f"user {node_account}",
        f"topic readwrite {prefix}/#",
        *(line for reading, _ in rules for line in reading),
        "",
        f"pattern write {prefix}/presence/%u/+",
        f"pattern write {prefix}/presence/%u/+/+",
        f"pattern write {prefix}/command/%u/escalate",
        f"pattern write {prefix}/case/%u/rendered",
        f"pattern write {prefix}/pong/%u",
        f"pattern read {prefix}/ping/%u",
        f"pattern read {prefix}/case/%u",
        f"pattern read {prefix}/answer/%u",
        f"pattern read {prefix}/availability/#",
        f"pattern read {prefix}/node/#",
        *(line for _, writing in rules for line in ("", *writing)),
    ]
    return "\n".join(lines) + "\n"


def password_hash(password: str) -> str:
    """Hash a password the way mosquitto_passwd does."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ITERATIONS)
    return f"$7${PBKDF2_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


class PasswordFile:
    """Accounts of the private broker; the file itself is the store, so accounts survive restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> frozenset[str]:
        return frozenset(self._read())

    def put(self, name: str, password: str) -> None:
        """Add or change an account.

        Raises:
            AccountRefused: The name cannot stand in a topic, or the password is empty.
        """
        if not is_person_name(name):
            raise AccountRefused("an account name has 1 to 64 letters, digits, dots, hyphens or underscores")
        if not password:
            raise AccountRefused("an account needs a password")
        self._write({**self._read(), name: password_hash(password)})

    def remove(self, name: str) -> None:
        self._write({known: digest for known, digest in self._read().items() if known != name})

    def _read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        lines = self._path.read_text().splitlines()
        return {name: digest for name, separator, digest in (line.partition(":") for line in lines) if separator}

    def _write(self, accounts: dict[str, str]) -> None:
        write_private(self._path, "".join(f"{name}:{digest}\n" for name, digest in accounts.items()))


def write_private(path: Path, text: str) -> None:
    """Replace a file at one stroke; only its owner may read it."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
