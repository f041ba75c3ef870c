"""SIP written by hand and sent from any loopback address: what a stranger, a scanner or a broken phone would send."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from telephony.digest import Algorithm, ha1, parse_credentials, response_value
from vocabulary import new_id

ANSWER_TIMEOUT_S = 20.0
BRANCH = "z9hG4bK"
SDP = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 {host}",
        "s=-",
        "c=IN IP4 {host}",
        "t=0 0",
        "m=audio 40000 RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "",
    ]
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A SIP response: status code and the whole text."""

    status: int
    text: str

    def header(self, name: str) -> list[str]:
        lines = (line.partition(":") for line in self.text.split("\r\n")[1:])
        return [value.strip() for key, colon, value in lines if colon and key.strip().lower() == name.lower()]


class Stranger:
    """A UDP socket on a loopback address of its own, which nobody at the node knows."""

    def __init__(self, host: str, node: tuple[str, int]) -> None:
        self.host = host
        self.node = node
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(ANSWER_TIMEOUT_S)
        self.port = int(self._socket.getsockname()[1])

    def close(self) -> None:
        self._socket.close()

    def send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self.node)

    def final_answer(self) -> Answer | None:
        """The next final response; None when none comes."""
        try:
            while True:
                text = self._socket.recv(65_535).decode(errors="replace")
                status = int(text.split(" ", 2)[1]) if text.startswith("SIP/2.0 ") else 0
                if status >= 200:
                    return Answer(status, text)
        except TimeoutError:
            return None

    def ask(self, method: str, user: str = "", sender: str = "stranger", *extra: str, body: str = "") -> Answer | None:
        """Send a request that is well formed and wait for its final answer."""
        self.send(self.request(method, user, sender, *extra, body=body))
        return self.final_answer()

    def request(self, method: str, user: str, sender: str, *extra: str, body: str = "") -> bytes:
        target = f"sip:{user + '@' if user else ''}{self.node[0]}:{self.node[1]}"
        called = f"sip:{user or sender}@{self.node[0]}"
        here = f"{self.host}:{self.port}"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch={BRANCH}{new_id('t')};rport",
            "Max-Forwards: 70",
            f"From: <sip:{sender}@{self.node[0]}>;tag={new_id('tag')}",
            f"To: <{called}>",
            f"Call-ID: {new_id('call')}@{self.host}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{sender}@{here}>",
            *extra,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def invite(self, number: str, sender: str = "stranger") -> Answer | None:
        return self.ask("INVITE", number, sender, body=SDP.format(host=self.host))

    def register(self, user: str, password: str) -> Answer | None:
        """REGISTER as a phone does: ask, be challenged, answer the SHA-256 challenge. Gives the second answer."""
        first = self.ask("REGISTER", sender=user)
        if first is None or first.status != 401:
            return first
        offered = [parse_credentials(value) for value in first.header("WWW-Authenticate")]
        fields = next(each for each in offered if each is not None and each["algorithm"] == Algorithm.SHA_256)
        uri = f"sip:{self.node[0]}:{self.node[1]}"
        known = ha1(user, fields["realm"], password, Algorithm.SHA_256)
        value = response_value(Algorithm.SHA_256, known, fields["nonce"], "REGISTER", uri, "00000001", "c0ffee", "auth")
        proof = (
            f'Authorization: Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", '
            f'uri="{uri}", response="{value}", algorithm={Algorithm.SHA_256}, qop=auth, nc=00000001, cnonce="c0ffee"'
        )
        return self.ask("REGISTER", "", user, proof, "Expires: 60")
