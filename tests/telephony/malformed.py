"""Messages no phone should send; each is a whole datagram. `{port}` and `{n}` are filled in by the test."""

from __future__ import annotations

_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
_AUDIO = _SDP + "m=audio 40000 RTP/AVP 0\r\n"


def _request(
    method: str = "INVITE",
    uri: str = "sip:100@127.0.0.1",
    *,
    via: str = "Via: SIP/2.0/UDP 127.0.0.2:{port};branch=z9hG4bK{n}",
    sender: str = "From: <sip:+385911111@127.0.0.2>;tag=t{n}",
    to: str = "To: <sip:100@127.0.0.1>",
    call_id: str = "Call-ID: fuzz-{n}",
    cseq: str = "",
    extra: str = "Contact: <sip:x@127.0.0.2:{port}>",
    body: str = _AUDIO,
    content_type: str = "application/sdp",
    length: str = "",
    version: str = "SIP/2.0",
) -> bytes:
    lines = [
        f"{method} {uri} {version}",
        via,
        "Max-Forwards: 70",
        sender,
        to,
        call_id,
        cseq or f"CSeq: 1 {method}",
        extra,
    ]
    lines += [f"Content-Type: {content_type}", length or f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank lines": b"\r\n\r\n\r\n",
    "zeros": bytes(200),
    "noise": bytes(range(256)) * 4,
    "only a start line": b"INVITE sip:100@127.0.0.1 SIP/2.0\r\n\r\n",
    "cut in a header": _request()[:120],
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "response without a request": b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKx\r\n\r\n",
    "response status out of range": b"SIP/2.0 99999 X\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKx\r\n\r\n",
    "version 3": _request(version="SIP/3.0"),
    "no version": _request(version=""),
    "uri is not a uri": _request(uri="%%%"),
    "uri with a huge port": _request(uri="sip:100@127.0.0.1:999999999999"),
    "no from": _request(sender="X: y"),
    "two froms": _request(extra="From: <sip:other@127.0.0.2>;tag=2"),
    "from without closing bracket": _request(sender="From: <sip:a@b;tag=1"),
    "from with an open quote": _request(sender='From: "abc <sip:a@b>;tag=1'),
    "from that is not utf-8": _request(sender='From: "\udcff\udcfe" <sip:\udcff@127.0.0.2>;tag=1'),
    "no call-id": _request(call_id="X: y"),
    "cseq of another method": _request(cseq="CSeq: 1 BYE"),
    "cseq out of range": _request(cseq="CSeq: 99999999999999999999 INVITE"),
    "cseq without number": _request(cseq="CSeq: INVITE"),
    "content length too long": _request(length="Content-Length: 999999"),
    "content length negative": _request(length="Content-Length: -1"),
    "two content lengths": _request(extra="Content-Length: 0"),
    "header of 20,000 characters": _request(extra="X: " + "a" * 20_000),
    "500 headers": _request(extra="\r\n".join(f"X-{at}: y" for at in range(500))),
    "deep via": _request(via="\r\n".join("Via: SIP/2.0/UDP 127.0.0.2:{port};branch=z9hG4bKv" for _ in range(200))),
    "unknown method": _request("FROBNICATE"),
    "method of 1,000 characters": _request("A" * 1_000),
    "max-forwards is a word": _request(extra="Max-Forwards: many"),
    "sdp payload type 300": _request(body=_SDP + "m=audio 40000 RTP/AVP 300\r\n"),
    "sdp with 100 media": _request(body=_SDP + "m=audio 40000 RTP/AVP 0\r\n" * 100),
    "sdp savpf": _request(body=_SDP + "m=audio 40000 UDP/TLS/RTP/SAVPF 0\r\na=setup:actpass\r\n"),
    "sdp without lines": _request(body="v"),
    "sdp of zeros": _request(body="\0" * 100),
    "sdp ptime 0": _request(body=_AUDIO + "a=ptime:0\r\n"),
    "sdp without connection": _request(body="v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n"),
    "multipart without boundary": _request(content_type="multipart/mixed"),
    "replaces nothing": _request(extra="Contact: <sip:x@127.0.0.2:{port}>\r\nReplaces: nothing;to-tag=1;from-tag=2"),
    "unknown require": _request(extra="Contact: <sip:x@127.0.0.2:{port}>\r\nRequire: teleportation"),
    "register with a broken digest": _request("REGISTER", extra='Authorization: Digest username="ana, nonce=', body=""),
    "register with a foreign digest": _request(
        "REGISTER", extra='Authorization: Digest username="ana", realm="x", nonce="y", uri="z", response="w"', body=""
    ),
    "register with an endless contact": _request("REGISTER", extra="Contact: " + "<sip:a@b>," * 500, body=""),
    "ack for nothing": _request("ACK", body=""),
    "cancel for nothing": _request("CANCEL", body=""),
    "bye for nothing": _request("BYE", to="To: <sip:100@127.0.0.1>;tag=none", body=""),
}
