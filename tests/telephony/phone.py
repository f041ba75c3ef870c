"""A telephone for tests, written from RFC 3261 alone: raw sockets, digest, one call at a time, a tone of its own.

Nothing of the product's SIP code is in here except the digest arithmetic, which has the RFC's vectors as its tests.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from telephony.digest import Algorithm, ha1, parse_credentials, response_value
from tests.telephony.rtp import RtpAudio

TIMEOUT_S = 20.0


class Manner(StrEnum):
    """What the phone does when it rings."""

    ANSWER = "answer"
    RING = "ring"
    BUSY = "busy"
    DECLINE = "decline"
    MOVED = "moved"
    SILENT = "silent"


@dataclass
class Message:
    """A SIP message as it came: start line, headers in order, body."""

    start: str
    headers: list[tuple[str, str]]
    body: str = ""

    @classmethod
    def parse(cls, text: str) -> Message:
        head, _, body = text.partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return cls(start, pairs, body)

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]


@dataclass
class Talk:
    """The phone's one dialog."""

    call_id: str
    local: str
    remote: str
    target: str
    cseq: int = 1
    via: list[str] = field(default_factory=list)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[str], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data.decode("utf-8", "replace"))


class Phone:
    """One telephone at `host`, registered as `user` at a server on `host:port` over udp, tcp or tls."""

    def __init__(
        self, user: str, server: tuple[str, int], *, host: str = "127.0.0.1", transport: str = "udp", tone_hz: float = 0
    ) -> None:
        self.user = user
        self.server = server
        self.host = host
        self.transport = transport
        self.manner = Manner.ANSWER
        self.redirect_to = ""
        self.answers_when_cancelled = False
        self.offers_srtp = False
        self.notify_status = 200
        self.private_host = ""
        """The address a phone behind NAT writes into Contact and SDP."""
        self.direction = "sendrecv"
        self.tone_hz = tone_hz
        self.audio: RtpAudio
        self.invites: list[Message] = []
        self.requests: list[Message] = []
        self.strays: list[Message] = []
        """Answers to raw messages."""
        self.talk: Talk | None = None
        self._ringing: Message | None = None
        self._ringing_tag = ""
        self._replies: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        """Answers that are awaited, by Call-ID and CSeq."""
        self._answered: dict[tuple[str, str], tuple[str, list[tuple[str, str]], str] | None] = {}
        """The last answer to each request that came, by Via and method: who asks again gets it again."""
        self._changed = asyncio.Event()
        self.local_port = 0
        self._datagrams: asyncio.DatagramTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader_task: asyncio.Task[None] | None = None
        self._register_cseq = 0
        self._sdp_version = 0
        self._register_call_id = secrets.token_hex(8)
        self.remote_rtp: tuple[str, int] = ("", 0)

    async def start(self) -> Phone:
        """Open the sockets."""
        self.audio = await RtpAudio.open(self.host, self.tone_hz)
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self._receive), local_addr=(self.host, 0)
            )
            self._datagrams = datagrams
            self.local_port = int(datagrams.get_extra_info("sockname")[1])
            return self
        context = None
        if self.transport == "tls":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        reader, self._writer = await asyncio.open_connection(
            *self.server, ssl=context, local_addr=None if context else (self.host, 0)
        )
        self.local_port = int(self._writer.get_extra_info("sockname")[1])
        self._reader_task = loop.create_task(self._read_stream(reader))
        return self

    async def close(self) -> None:
        """Free everything; a running call is just forgotten."""
        self.audio.close()
        if self._datagrams is not None:
            self._datagrams.close()
        if self._writer is not None:
            self._writer.close()
        if self._reader_task is not None:
            self._reader_task.cancel()
            await asyncio.gather(self._reader_task, return_exceptions=True)

    async def register(
        self, password: str, *, expires: int = 600, algorithm: Algorithm | None = None, username: str | None = None
    ) -> Message:
        """Register (or with 0 unregister) and give the final answer."""
        extra = [("Contact", f"<{self.contact}>"), ("Expires", str(expires))]
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        name = username or self.user
        answer = await self._register_once(uri, extra)
        if answer.status == 401:
            answer = await self._register_once(
                uri, [*extra, self._prove(answer, "REGISTER", uri, password, algorithm, name)]
            )
        return answer

    async def call(self, number: str, *, password: str | None = None, host: str | None = None) -> Message:
        """Call a number and give the final answer; after 200 the tone runs."""
        uri = f"sip:{number}@{host or self.server[0]}:{self.server[1]}"
        call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
        local = f"<sip:{self.user}@{self.server[0]}>;tag={tag}"
        answer = await self._invite_once(uri, call_id, local, 1, [])
        cseq = 1
        if answer.status == 401 and password is not None:
            cseq = 2
            proof = self._prove(answer, "INVITE", uri, password, None, self.user)
            answer = await self._invite_once(uri, call_id, local, cseq, [proof])
        if answer.status == 200:
            target = _address(answer.get("contact"))
            self.talk = Talk(call_id, local, answer.get("to"), target, cseq)
            self._send_request("ACK", target, call_id, local, answer.get("to"), cseq)
            self._start_media(answer.body)
        return answer

    async def cancel_call(self, number: str) -> Message:
        """Call, wait until it rings, give up; gives the answer to the INVITE."""
        uri = f"sip:{number}@{self.server[0]}:{self.server[1]}"
        call_id, local = secrets.token_hex(8), f"<sip:{self.user}@{self.server[0]}>;tag={secrets.token_hex(4)}"
        replies = self._awaited(call_id, 1, "INVITE")
        branch = "z9hG4bK" + secrets.token_hex(8)
        self._send_request("INVITE", uri, call_id, local, f"<{uri}>", 1, body=self._sdp(), branch=branch)
        while True:
            answer = await asyncio.wait_for(replies.get(), TIMEOUT_S)
            if answer.status == 180:
                self._send_request("CANCEL", uri, call_id, local, f"<{uri}>", 1, branch=branch)
            elif answer.status >= 200:
                self._send_request("ACK", uri, call_id, local, answer.get("to"), 1, branch=branch)
                return answer

    async def options(self) -> Message:
        """Ask the server whether it lives."""
        uri, call_id, own = f"sip:{self.server[0]}", secrets.token_hex(8), f"<sip:{self.user}@{self.host}>"
        replies = self._awaited(call_id, 1, "OPTIONS")
        self._send_request("OPTIONS", uri, call_id, f"{own};tag=o", f"<{uri}>", 1)
        return await asyncio.wait_for(replies.get(), TIMEOUT_S)

    async def refer(self, to: str) -> Message:
        """Ask the far end to call somebody else (RFC 3515)."""
        return await self.request_in_dialog("REFER", extra=[("Refer-To", f"<{to}>"), ("Contact", f"<{self.contact}>")])

    async def request_in_dialog(
        self, method: str, body: str = "", content_type: str = "", extra: list[tuple[str, str]] | None = None
    ) -> Message:
        """Send BYE, INFO, ... in the running dialog and give the answer."""
        assert self.talk is not None
        talk = self.talk
        talk.cseq += 1
        replies = self._awaited(talk.call_id, talk.cseq, method)
        more = [*(extra or []), *([("Content-Type", content_type)] if content_type else [])]
        self._send_request(method, talk.target, talk.call_id, talk.local, talk.remote, talk.cseq, more, body)
        while (answer := await asyncio.wait_for(replies.get(), TIMEOUT_S)).status < 200:
            continue
        if method == "BYE":
            self._end()
        return answer

    async def ask(
        self,
        method: str,
        user: str,
        password: str | None = None,
        *,
        extra: list[tuple[str, str]] | None = None,
        body: str = "",
        talk: Talk | None = None,
    ) -> tuple[Message, Talk]:
        """Send SUBSCRIBE, PUBLISH, ... to a user's address, or again in the dialog of an earlier one."""
        uri = f"sip:{user}@{self.server[0]}:{self.server[1]}"
        if talk is None:
            own = f"<sip:{self.user}@{self.server[0]}>;tag={secrets.token_hex(4)}"
            talk = Talk(secrets.token_hex(8), own, f"<{uri}>", uri, 0)
        more = [*(extra or []), ("Contact", f"<{self.contact}>")]
        proof: list[tuple[str, str]] = []
        for _ in range(2):
            talk.cseq += 1
            replies = self._awaited(talk.call_id, talk.cseq, method)
            self._send_request(method, uri, talk.call_id, talk.local, talk.remote, talk.cseq, more + proof, body)
            answer = await asyncio.wait_for(replies.get(), TIMEOUT_S)
            if answer.status != 401 or password is None:
                break
            proof = [self._prove(answer, method, uri, password, None, self.user)]
        if answer.status == 200:
            talk.remote = answer.get("to")
        return answer, talk

    async def reinvite(self, direction: str) -> Message:
        """Put the call on hold (`inactive`, `sendonly`) or take it back (`sendrecv`); RFC 3264 §8.4."""
        assert self.talk is not None
        self.direction = direction
        extra = [("Contact", f"<{self.contact}>"), ("Content-Type", "application/sdp")]
        answer = await self.request_in_dialog("INVITE", self._sdp(), extra=extra)
        talk = self.talk
        self._send_request("ACK", talk.target, talk.call_id, talk.local, talk.remote, talk.cseq)
        return answer

    async def hang_up(self) -> None:
        """End the running call."""
        await self.request_in_dialog("BYE")

    def answer(self) -> None:
        """Lift the handset of a phone that rings."""
        assert self._ringing is not None
        self._accept(self._ringing)

    def press(self, key: str) -> None:
        """Press a key, sent as RFC 4733."""
        self.audio.press(key, self.remote_rtp)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of this phone."""
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.05)
                except TimeoutError:
                    continue

    async def until_hears(self, *tones_hz: float, deaf_to: tuple[float, ...] = ()) -> None:
        """Wait until exactly the right tones are heard."""
        await self.until(
            lambda: all(map(self.audio.hears, tones_hz)) and not any(self.audio.hears(tone) for tone in deaf_to)
        )

    @property
    def contact(self) -> str:
        """The phone's own address."""
        tail = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.user}@{self.private_host or self.host}:{self.local_port}{tail}"

    def send_raw(self, text: bytes) -> None:
        """Send any bytes over UDP."""
        assert self._datagrams is not None
        self._datagrams.sendto(text, self.server)

    def _prove(
        self, answer: Message, method: str, uri: str, password: str, algorithm: Algorithm | None, username: str
    ) -> tuple[str, str]:
        offers = [fields for value in answer.all("www-authenticate") if (fields := parse_credentials(value))]
        fields = next(offer for offer in offers if algorithm is None or offer["algorithm"] == algorithm)
        chosen = Algorithm(fields["algorithm"])
        known = ha1(username, fields["realm"], password, chosen)
        value = response_value(chosen, known, fields["nonce"], method, uri, "00000001", "abcd", "auth")
        return "Authorization", (
            f'Digest username="{username}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
            f'response="{value}", algorithm={chosen}, qop=auth, nc=00000001, cnonce="abcd"'
        )

    async def _register_once(self, uri: str, extra: list[tuple[str, str]]) -> Message:
        self._register_cseq += 1
        own = f"<sip:{self.user}@{self.server[0]}>"
        replies = self._awaited(self._register_call_id, self._register_cseq, "REGISTER")
        self._send_request("REGISTER", uri, self._register_call_id, f"{own};tag=r", own, self._register_cseq, extra)
        return await asyncio.wait_for(replies.get(), TIMEOUT_S)

    async def _invite_once(
        self, uri: str, call_id: str, local: str, cseq: int, extra: list[tuple[str, str]]
    ) -> Message:
        replies = self._awaited(call_id, cseq, "INVITE")
        branch = "z9hG4bK" + secrets.token_hex(8)
        self._send_request("INVITE", uri, call_id, local, f"<{uri}>", cseq, extra, self._sdp(), branch)
        while (answer := await asyncio.wait_for(replies.get(), TIMEOUT_S)).status < 200:
            continue
        if answer.status >= 300:
            self._send_request("ACK", uri, call_id, local, answer.get("to"), cseq, branch=branch)
        return answer

    def _awaited(self, call_id: str, cseq: int, method: str) -> asyncio.Queue[Message]:
        """Where the answers to a request will come; those to an earlier one, sent again, do not."""
        replies = self._replies[(call_id, f"{cseq} {method}")] = asyncio.Queue()
        return replies

    def _send_request(
        self,
        method: str,
        uri: str,
        call_id: str,
        local: str,
        remote: str,
        cseq: int,
        extra: list[tuple[str, str]] | None = None,
        body: str = "",
        branch: str = "",
    ) -> None:
        branch = branch or "z9hG4bK" + secrets.token_hex(8)
        kind = self.transport.upper()
        headers = [
            ("Via", f"SIP/2.0/{kind} {self.host}:{self.local_port};rport;branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", local),
            ("To", remote),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            *(extra or []),
        ]
        if method == "INVITE" and not any(name == "Contact" for name, _ in headers):
            headers += [("Contact", f"<{self.contact}>"), ("Content-Type", "application/sdp")]
        self._send(f"{method} {uri} SIP/2.0", headers, body)

    def _respond(
        self, request: Message, status: int, tag: str = "", extra: list[tuple[str, str]] | None = None, body: str = ""
    ) -> None:
        to = request.get("to")
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        headers = [("Via", via) for via in request.all("via")]
        headers += [("From", request.get("from")), ("To", to)]
        headers += [("Call-ID", request.get("call-id")), ("CSeq", request.get("cseq")), *(extra or [])]
        self._answered[_transaction(request)] = (f"SIP/2.0 {status} x", headers, body)
        self._send(f"SIP/2.0 {status} x", headers, body)

    def _send(self, start: str, headers: list[tuple[str, str]], body: str) -> None:
        lines = [
            start,
            *(f"{name}: {value}" for name, value in headers),
            f"Content-Length: {len(body.encode())}",
            "",
            body,
        ]
        data = "\r\n".join(lines).encode()
        if self._datagrams is not None and not self._datagrams.is_closing():
            self._datagrams.sendto(data, self.server)
        elif self._writer is not None:
            self._writer.write(data)

    async def _read_stream(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            size = int((re.search(r"(?im)^Content-Length:\s*(\d+)", head) or [0, 0])[1])
            body = (await reader.readexactly(size)).decode() if size else ""
            self._receive(head.lstrip("\r\n") + body)

    def _receive(self, text: str) -> None:
        message = Message.parse(text)
        if message.status:
            queue = self._replies.get((message.get("call-id"), message.get("cseq")))
            if queue is not None:
                queue.put_nowait(message)
            else:
                self.strays.append(message)
        else:
            self._handle(message)
        self._changed.set()

    def _handle(self, request: Message) -> None:
        known = _transaction(request)
        if known in self._answered:  # sent again, because we were slow (RFC 3261 §17.2)
            again = self._answered[known]
            if again is not None:
                self._send(*again)
            return
        self._answered[known] = None
        self.requests.append(request)
        match request.method:
            case "INVITE" if ";tag=" in request.get("to"):
                self._respond(request, 200, extra=[("Contact", f"<{self.contact}>")], body=self._sdp())
            case "INVITE":
                self._rung(request)
            case "CANCEL":
                self._respond(request, 200)
                if self._ringing is not None and self.answers_when_cancelled:
                    self._accept(self._ringing)
                elif self._ringing is not None:
                    self._respond(self._ringing, 487, self._ringing_tag)
                    self._ringing = None
            case "BYE":
                self._respond(request, 200)
                self._end()
            case "ACK":
                pass
            case "NOTIFY":
                self._respond(request, self.notify_status)
            case _:
                self._respond(request, 200)

    def _rung(self, request: Message) -> None:
        self.invites.append(request)
        self._ringing_tag = secrets.token_hex(4)
        match self.manner:
            case Manner.SILENT:
                return
            case Manner.BUSY:
                self._respond(request, 486, self._ringing_tag)
            case Manner.DECLINE:
                self._respond(request, 603, self._ringing_tag)
            case Manner.MOVED:
                self._respond(request, 302, self._ringing_tag, [("Contact", f"<{self.redirect_to}>")])
            case Manner.RING | Manner.ANSWER:
                self._ringing = request
                self._respond(request, 180, self._ringing_tag, [("Contact", f"<{self.contact}>")])
                if self.manner is Manner.ANSWER:
                    self._accept(request)

    def _accept(self, request: Message) -> None:
        self._ringing = None
        extra = [("Contact", f"<{self.contact}>"), ("Content-Type", "application/sdp")]
        self.audio.key_type = int((re.search(r"a=rtpmap:(\d+) telephone-event/8000", request.body) or [0, 101])[1])
        self._respond(request, 200, self._ringing_tag, extra, self._sdp())
        local = f"{request.get('to')};tag={self._ringing_tag}"
        self.talk = Talk(request.get("call-id"), local, request.get("from"), _address(request.get("contact")), 1)
        self._start_media(request.body)

    def _start_media(self, sdp: str) -> None:
        host = (re.search(r"(?m)^c=IN IP4 (\S+)", sdp) or ["", self.host])[1]
        port = int((re.search(r"(?m)^m=audio (\d+)", sdp) or ["", "0"])[1])
        self.remote_rtp = (host, port)
        self.audio.start(self.remote_rtp)

    def _end(self) -> None:
        self.talk = None
        self.audio.stop()
        self._changed.set()

    def _sdp(self) -> str:
        self._sdp_version += 1
        profile, crypto, host = "RTP/AVP", "", self.private_host or self.host
        keys = self.audio.key_type
        if self.offers_srtp:
            key = base64.b64encode(secrets.token_bytes(30)).decode()
            profile, crypto = "RTP/SAVP", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"
        return (
            f"v=0\r\no=- 1 {self._sdp_version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {self.audio.port} {profile} 0 {keys}\r\na=rtpmap:0 PCMU/8000\r\n{crypto}"
            f"a=rtpmap:{keys} telephone-event/8000\r\na=fmtp:{keys} 0-15\r\na={self.direction}\r\n"
        )


def _transaction(request: Message) -> tuple[str, str]:
    """What a request and its repetitions have in common."""
    return request.get("via"), request.method


def _address(contact: str) -> str:
    return (re.search(r"<([^>]+)>", contact) or ["", contact])[1]
