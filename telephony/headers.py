"""Reads the few SIP header forms that admission and the registrar need (RFC 3261 §7.3, §19.1, §20.10, §25.1).

PJSIP has already framed and checked the message; here its header values become plain data. Everything that does not
parse is a `HeaderError`, whose text names the header form and never repeats the sender's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

MAX_HEADER_CHARS = 8_000
MAX_HEADERS = 128
MAX_REMEMBERED_CHARS = 256

COMPACT_FORMS = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
    "o": "event",
    "x": "session-expires",
    "r": "refer-to",
}


class HeaderError(ValueError):
    """A header value breaks its grammar; the peer's fault, to be answered with 400."""


@dataclass(frozen=True, slots=True)
class SipUri:
    """A `sip:` or `sips:` URI. `host` is lower case without brackets; `user` is unescaped."""

    scheme: str
    user: str
    host: str
    port: int = 0
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str | None:
        """Give a URI parameter's value, "" for a bare one, None when absent."""
        return next((value for key, value in self.params if key == name), None)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact and P-Asserted-Identity: display name, URI as text, header parameters."""

    display: str
    uri: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a request really came from: the way back to a phone behind NAT or on a connection (RFC 5626)."""

    transport: str
    host: str
    port: int


NOWHERE = Flow("udp", "", 0)


@dataclass(frozen=True, slots=True)
class SipRequest:
    """One request as the gate saw it. Header names are lower case and in full form."""

    method: str
    uri: str
    source: Flow
    headers: Mapping[str, tuple[str, ...]]
    body: bytes = b""
    local: Flow = NOWHERE
    """Where we were reached."""

    def first(self, name: str, default: str = "") -> str:
        """Give the first value of a header."""
        values = self.headers.get(name)
        return values[0] if values else default

    def all(self, name: str) -> tuple[str, ...]:
        """Give every value of a header, in order."""
        return self.headers.get(name, ())


def parse_headers(block: str) -> dict[str, tuple[str, ...]]:
    """Read a header block (lines between start line and body) into lower-case full names -> values in order."""
    found: dict[str, list[str]] = {}
    for line in _unfold(block):
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if not colon or not key or " " in key:
            raise HeaderError("header line without a name")
        if len(value) > MAX_HEADER_CHARS:
            raise HeaderError("header value too long")
        found.setdefault(COMPACT_FORMS.get(key, key), []).append(value.strip())
    if sum(map(len, found.values())) > MAX_HEADERS:
        raise HeaderError("too many headers")
    return {key: tuple(values) for key, values in found.items()}


def parse_request(text: str, source: Flow, local: Flow = NOWHERE) -> SipRequest:
    """Read a whole request that arrived from `source`; the body is what follows the headers.

    Bytes that are no UTF-8 (surrogate escapes in `text`) become replacement characters, so no later step trips on them.
    """
    if not text.isascii():
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    wire_head, _, body = text.partition("\r\n\r\n")
    head = wire_head.replace("\r\n", "\n").partition("\n\n")[0]
    start, _, block = head.partition("\n")
    parts = start.split(" ")
    if len(parts) != 3 or parts[2] != "SIP/2.0" or not parts[0] or not parts[1]:
        raise HeaderError("start line is not a SIP request")
    return SipRequest(parts[0], parts[1], source, parse_headers(block), body.encode(), local)


def parse_uri(text: str) -> SipUri:
    """Read a SIP or SIPS URI; `tel:` is read as a user part without host (RFC 3966)."""
    return _remembered_uri(text) if len(text) <= MAX_REMEMBERED_CHARS else _read_uri(text)


def _read_uri(text: str) -> SipUri:
    scheme, colon, rest = text.strip().partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in ("sip", "sips", "tel"):
        raise HeaderError("URI scheme is not sip, sips or tel")
    rest, _, _ = rest.partition("?")
    if scheme == "tel":
        number, *params = rest.split(";")
        return SipUri("tel", unquote(number), "", 0, _params(params))
    user, at, host_part = rest.rpartition("@")
    host_port, *params = host_part.split(";")
    host, port = _host_port(host_port)
    name = unquote(user.partition(":")[0].partition(";")[0]) if at else ""
    return SipUri(scheme, name, host, port, _params(params))


# One REGISTER names the same few URIs six times, and phones repeat themselves every few minutes.
_remembered_uri = lru_cache(maxsize=4_096)(_read_uri)


def parse_name_addr(text: str) -> NameAddr:
    """Read one name-addr or addr-spec with its header parameters."""
    text = text.strip()
    display = ""
    if text.startswith('"'):
        end = _closing_quote(text)
        display = text[1:end].replace('\\"', '"').replace("\\\\", "\\")
        text = text[end + 1 :].strip()
        if not text.startswith("<"):
            raise HeaderError("display name without an address")
    if "<" in text:
        name, _, rest = text.partition("<")
        uri, closed, tail = rest.partition(">")
        if not closed:
            raise HeaderError("address without closing bracket")
        display = display or name.strip()
    else:
        uri, _, tail = text.partition(";")
    if not uri:
        raise HeaderError("empty address")
    return NameAddr(display, uri.strip(), dict(_params(tail.split(";"))))


def split_list(values: Iterable[str]) -> list[str]:
    """Split comma-separated header values, leaving commas in quotes and angle brackets alone."""
    parts: list[str] = []
    for value in values:
        if "," not in value:
            parts.append(value.strip())
            continue
        start, quoted, bracketed, escaped = 0, False, False, False
        for at, char in enumerate(value):
            if escaped:
                escaped = False
            elif quoted:
                escaped = char == "\\"
                quoted = char != '"'
            elif char == '"':
                quoted = True
            elif char in "<>":
                bracketed = char == "<"
            elif char == "," and not bracketed:
                parts.append(value[start:at].strip())
                start = at + 1
        parts.append(value[start:].strip())
    return [part for part in parts if part]


def quoted(text: str) -> str:
    """Write a quoted-string (RFC 3261 §25.1); control characters are dropped."""
    clean = "".join(char for char in text if char.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_number_text(text: str) -> bool:
    """Tell whether a user part is a telephone number (digits, with optional + and visual separators)."""
    digits = text.removeprefix("+").translate({ord(char): None for char in "-.()"})
    return digits.isascii() and digits.isdigit()


def _unfold(block: str) -> list[str]:
    lines: list[str] = []
    for line in block.split("\n"):
        line = line.rstrip("\r")
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += " " + line.strip()
        elif line:
            lines.append(line)
    return lines


def _params(parts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    pairs = (part.strip().partition("=") for part in parts if part.strip())
    return tuple((name.strip().lower(), value.strip().strip('"')) for name, _, value in pairs)


def _host_port(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed:
            raise HeaderError("IPv6 reference without closing bracket")
        port_text = rest.removeprefix(":")
    else:
        host, _, port_text = text.partition(":")
    if not host:
        raise HeaderError("URI without host")
    if port_text and not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text[:6]) < 65_536):
        raise HeaderError("port out of range")
    return host.lower(), int(port_text) if port_text else 0


def _closing_quote(text: str) -> int:
    at = 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            return at
        else:
            at += 1
    raise HeaderError("unterminated quoted string")
