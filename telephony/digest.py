"""Proves who sent a request: HTTP Digest for SIP (RFC 7616, RFC 8760; RFC 2617 and 2069 phones still work).

Nonces are stateless: issue time, a random part and an HMAC over both, the realm and the sender's address, keyed by a
secret that lives as long as the process. So a flood of unanswered challenges costs no memory, and a nonce that a
stranger overheard is worthless from another address. Only used nonces are remembered (highest count each), in a
bounded table; when it overflows, every nonce as old as the evicted one counts as stale and the phone just tries again.

`now` is monotonic seconds throughout.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from telephony.headers import HeaderError, parse_uri

RETRANSMISSION_S = 32.0
"""How long the very same request may come again: 64*T1, the life of a SIP transaction (RFC 3261 §17.1.1.2)."""

_QUOTED_PAIR = re.compile(r"\\(.)")
_PARAMETER = re.compile(r'\s*([A-Za-z][\w-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)\s*(?:,|$)')


class Algorithm(StrEnum):
    """Hash algorithms we offer, most preferred first."""

    SHA_256 = "SHA-256"
    MD5 = "MD5"


_HASHES = {Algorithm.SHA_256: hashlib.sha256, Algorithm.MD5: hashlib.md5}
_ALGORITHMS = {algorithm.value.lower(): algorithm for algorithm in Algorithm}


@dataclass(frozen=True, slots=True)
class Verified:
    """The sender knows the password of `username`."""

    username: str
    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class Refused:
    """The proof failed. `stale`: only the nonce is old, the sender may try again with the new one.

    `routable`: the sender used a nonce that we issued to this very address, so the failure is really his.
    """

    cause: str
    stale: bool = False
    routable: bool = False


@dataclass(frozen=True, slots=True)
class DigestSettings:
    """Limits of the nonce life."""

    nonce_life_s: float = 300.0
    """Long enough for a phone that refreshes every few minutes, short enough to bound a replay."""
    remembered_nonces: int = 65_536
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)
    """Offered and accepted, most preferred first. MD5 alone serves phones that give up at a first SHA-256 challenge."""


@dataclass(slots=True)
class _Use:
    count: int
    response: str
    at: float


def digest_hash(algorithm: Algorithm, text: str) -> str:
    """Hash text as the digest scheme does: lower-case hexadecimal."""
    return _HASHES[algorithm](text.encode()).hexdigest()


def ha1(username: str, realm: str, password: str, algorithm: Algorithm) -> str:
    """Hash what a credential record keeps instead of the password (RFC 7616 §3.4.2)."""
    return digest_hash(algorithm, f"{username}:{realm}:{password}")


def response_value(
    algorithm: Algorithm, ha1_hex: str, nonce: str, method: str, uri: str, nc: str = "", cnonce: str = "", qop: str = ""
) -> str:
    """Compute the response a client sends (RFC 7616 §3.4.1); without `qop` the form of RFC 2069."""
    ha2 = digest_hash(algorithm, f"{method}:{uri}")
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return digest_hash(algorithm, f"{ha1_hex}:{middle}:{ha2}")


def parse_credentials(header: str) -> dict[str, str] | None:
    """Read an Authorization value into its parameters (names lower case); None when it is not well-formed Digest."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    found: dict[str, str] = {}
    at = 0
    rest = rest.strip()
    while at < len(rest):
        match = _PARAMETER.match(rest, at)
        if match is None:
            return None
        name, value = match[1].lower(), match[2]
        if name in found:
            return None
        if value[0] == '"':
            value = _QUOTED_PAIR.sub(r"\1", value[1:-1]) if "\\" in value else value[1:-1]
        found[name] = value
        at = match.end()
    return found


class DigestAuthority:
    """Issues challenges for one realm and verifies the answers. One thread only."""

    def __init__(self, realm: str, settings: DigestSettings | None = None, secret: bytes | None = None) -> None:
        self.realm = realm
        self._settings = settings or DigestSettings()
        self._secret = secret or secrets.token_bytes(32)
        self._used: OrderedDict[str, _Use] = OrderedDict()
        self._floor = float("-inf")

    def challenge(self, source: str, now: float, *, stale: bool = False) -> list[str]:
        """Make the WWW-Authenticate values for a sender's address, one per algorithm, most preferred first."""
        nonce = self._nonce(source, now, secrets.token_hex(6))
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{tail}'
            for algorithm in self._settings.algorithms
        ]

    def verify(
        self,
        header: str,
        method: str,
        request_uri: str,
        source: str,
        ha1_of: Callable[[str, Algorithm], str | None],
        now: float,
    ) -> Verified | Refused:
        """Check one Authorization value; `ha1_of(username, algorithm)` looks the credential up, None when unknown.

        An unknown user costs the same hashing as a wrong password and is refused in the same words.
        """
        fields = parse_credentials(header)
        if fields is None:
            return Refused("malformed")
        algorithm = _algorithm(fields.get("algorithm", "MD5"))
        if algorithm is None or algorithm not in self._settings.algorithms:
            return Refused("other_realm_or_algorithm")
        if fields.get("realm") != self.realm or "username" not in fields:
            return Refused("other_realm_or_algorithm")
        issued = self._issued_at(fields.get("nonce", ""), source)
        if issued is None:
            return Refused("foreign_nonce", stale=True)
        if not _same_target(fields.get("uri", ""), request_uri):
            return Refused("uri_mismatch", routable=True)
        qop = fields.get("qop", "")
        if qop not in ("", "auth") or (qop and not _is_count(fields.get("nc", ""))):
            return Refused("malformed", routable=True)
        if not self._proves(fields, algorithm, method, qop, ha1_of):
            return Refused("wrong_credentials", routable=True)
        return self._fresh(fields, algorithm, issued, now)

    def _proves(
        self,
        fields: dict[str, str],
        algorithm: Algorithm,
        method: str,
        qop: str,
        ha1_of: Callable[[str, Algorithm], str | None],
    ) -> bool:
        known = ha1_of(fields["username"], algorithm)
        decoy = digest_hash(algorithm, fields["username"] + self._secret.hex())
        expected = response_value(
            algorithm,
            decoy if known is None else known,
            fields["nonce"],
            method,
            fields["uri"],
            fields.get("nc", ""),
            fields.get("cnonce", ""),
            qop,
        )
        given = fields.get("response", "").lower()
        return hmac.compare_digest(expected.encode(), given.encode()) and known is not None

    def _fresh(self, fields: dict[str, str], algorithm: Algorithm, issued: float, now: float) -> Verified | Refused:
        """Refuse old nonces and repeated counts; only proven senders get here, so strangers cannot fill the table."""
        nonce, count = fields["nonce"], int(fields.get("nc", "0") or "0", 16)
        verified = Verified(fields["username"], algorithm)
        use = self._used.get(nonce)
        if use is not None and use.response == fields["response"] and now - use.at <= RETRANSMISSION_S:
            return verified
        if not 0.0 <= now - issued <= self._settings.nonce_life_s or (use is None and issued <= self._floor):
            return Refused("stale_nonce", stale=True)
        if use is not None and count <= use.count:
            return Refused("repeated_nonce_count", stale=True)
        self._used[nonce] = _Use(count, fields["response"], now)
        while len(self._used) > self._settings.remembered_nonces:
            evicted, _ = self._used.popitem(last=False)
            self._floor = max(self._floor, _time_of(evicted))
        return verified

    def _nonce(self, source: str, issued: float, salt: str) -> str:
        stamp = f"{int(issued * 1000):012x}{salt}"
        return stamp + self._proof_of(stamp, source)

    def _proof_of(self, stamp: str, source: str) -> str:
        return hmac.digest(self._secret, f"{stamp}:{source}:{self.realm}".encode(), "sha256").hex()[:32]

    def _issued_at(self, nonce: str, source: str) -> float | None:
        if len(nonce) != 56 or not nonce.isascii():
            return None
        try:
            issued = _time_of(nonce)
        except ValueError:
            return None
        return issued if hmac.compare_digest(self._proof_of(nonce[:24], source), nonce[24:]) else None


def _time_of(nonce: str) -> float:
    return int(nonce[:12], 16) / 1000.0


def _algorithm(text: str) -> Algorithm | None:
    return _ALGORITHMS.get(text.lower())


def _is_count(text: str) -> bool:
    return len(text) == 8 and all(char in "0123456789abcdefABCDEF" for char in text)


def _same_target(uri: str, request_uri: str) -> bool:
    """Tell whether the signed URI names the requested resource; a proxy may have touched its parameters."""
    if uri == request_uri:
        return True
    try:
        signed, asked = parse_uri(uri), parse_uri(request_uri)
    except HeaderError:
        return False
    return (signed.scheme, signed.user, signed.host) == (asked.scheme, asked.user, asked.host)
