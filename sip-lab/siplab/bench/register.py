"""A flood of honest registrations: each a REGISTER, its challenge, and a REGISTER with the digest (RFC 7616).

Plain UDP from one socket, a bounded number at a time; a lost answer is asked for again. It runs in a thread.
"""

from __future__ import annotations

import hashlib
import re
import select
import socket
import time
from collections import deque
from dataclasses import dataclass

from siplab.errors import LabError

PARALLEL = 64
PATIENCE_S = 0.5
_CHALLENGE = re.compile(r'realm="([^"]*)".*?nonce="([^"]*)"', re.DOTALL)


@dataclass(slots=True)
class _Registration:
    """One phone's registration under way."""

    user: str
    password: str
    sequence: int = 0
    sent_at: float = 0.0
    message: bytes = b""


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """How a flood went: finished registrations, refused ones, and the time it took."""

    done: int
    refused: int
    took_s: float


def register_flood(host: str, port: int, people: dict[str, str], duration_s: float, most: int = 0) -> RegisterOutcome:
    """Register these people over and over for a while, `PARALLEL` at a time; with `most` no longer than until so many
    are finished or refused.

    Raises:
        LabError: Nothing answered at all.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect((host, port))
        sock.setblocking(False)
        flood = _Flood(sock, people)
        outcome = flood.run(duration_s, most)
    if not outcome.done and not outcome.refused:
        raise LabError(f"no registrar answers at {host}:{port}")
    return outcome


class _Flood:
    def __init__(self, sock: socket.socket, people: dict[str, str]) -> None:
        self._sock = sock
        self._mine = sock.getsockname()[1]
        self._server = f"{sock.getpeername()[0]}:{sock.getpeername()[1]}"
        self._idle = deque(_Registration(user, password) for user, password in people.items())
        self._running: dict[str, _Registration] = {}
        self._done = self._refused = 0

    def run(self, duration_s: float, most: int) -> RegisterOutcome:
        began_at = time.monotonic()
        while (now := time.monotonic()) < began_at + duration_s:
            if most and self._done + self._refused >= most:
                break
            while self._idle and len(self._running) < PARALLEL:
                phone = self._idle.popleft()
                self._running[phone.user] = phone
                self._send(phone, "")
            if select.select([self._sock], [], [], 0.05)[0]:
                self._receive()
            for phone in self._running.values():
                if now - phone.sent_at > PATIENCE_S:
                    self._resend(phone)
        return RegisterOutcome(self._done, self._refused, time.monotonic() - began_at)

    def _receive(self) -> None:
        while True:
            try:
                answer = self._sock.recv(8192).decode("utf-8", "replace")
            except BlockingIOError:
                return
            self._take(answer)

    def _take(self, answer: str) -> None:
        user = answer.partition("\r\nCall-ID: bench-")[2].partition("\r\n")[0]
        phone = self._running.get(user)
        if phone is None or f"CSeq: {phone.sequence} " not in answer:
            return
        status = answer[8:11]
        if status == "401" and b"\r\nAuthorization:" not in phone.message:
            self._send(phone, digest_authorization(phone.user, phone.password, answer, f"sip:{self._server}"))
            return
        self._done += status == "200"
        self._refused += status != "200"
        self._idle.append(self._running.pop(user))

    def _send(self, phone: _Registration, authorization: str) -> None:
        phone.sequence += 1
        identity, contact = f"<sip:{phone.user}@{self._server}>", f"<sip:{phone.user}@127.0.0.1:{self._mine}>"
        phone.message = (
            f"REGISTER sip:{self._server} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._mine};rport;branch=z9hG4bK-{phone.user}-{phone.sequence}\r\n"
            f"Max-Forwards: 70\r\nFrom: {identity};tag=1\r\nTo: {identity}\r\nCall-ID: bench-{phone.user}\r\n"
            f"CSeq: {phone.sequence} REGISTER\r\nContact: {contact}\r\nExpires: 600\r\n"
            f"{authorization}Content-Length: 0\r\n\r\n"
        ).encode()
        self._resend(phone)

    def _resend(self, phone: _Registration) -> None:
        phone.sent_at = time.monotonic()
        self._sock.send(phone.message)


def digest_authorization(user: str, password: str, answer: str, uri: str) -> str:
    """Answer the best challenge of a 401 to REGISTER, SHA-256 before MD5 (RFC 8760); gives the whole header line."""
    challenges = [line for line in answer.split("\r\n") if line.startswith("WWW-Authenticate:")]
    chosen = next((line for line in challenges if "SHA-256" in line), challenges[0] if challenges else "")
    found = _CHALLENGE.search(chosen)
    if found is None:
        raise LabError(f"a challenge without realm and nonce: {chosen[:80]!r}")
    realm, nonce = found.groups()
    algorithm = "SHA-256" if "SHA-256" in chosen else "MD5"

    def digest(text: str) -> str:
        return hashlib.new("sha256" if algorithm == "SHA-256" else "md5", text.encode()).hexdigest()

    secret, target = digest(f"{user}:{realm}:{password}"), digest(f"REGISTER:{uri}")
    response = digest(f"{secret}:{nonce}:00000001:c0ffee:auth:{target}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}, cnonce="c0ffee", qop=auth, nc=00000001\r\n'
    )
