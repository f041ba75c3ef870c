"""The door as a table: message in, verdict out. Pure, no endpoint."""

from __future__ import annotations

import pytest

pj = pytest.importorskip(
    "pjsua2", reason="build it: python3 telephony/native/build.py --wheel-dir DIR, then pip install"
)
pytestmark = pytest.mark.native

SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
AUDIO = "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def message(
    method: str = "INVITE",
    cseq: str = "1 INVITE",
    extra: str = "",
    body: str = "",
    kind: str = "application/sdp",
    length: int | None = None,
    version: str = "SIP/2.0",
) -> str:
    """A well-formed request, except for what the caller changes."""
    content = f"Content-Type: {kind}\r\n" if body else ""
    return (
        f"{method} sip:b@example.org {version}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
        f"From: <sip:a@example.org>;tag=1\r\nTo: <sip:b@example.org>\r\nCall-ID: x\r\nCSeq: {cseq}\r\n"
        f"{extra}{content}Content-Length: {len(body) if length is None else length}\r\n\r\n{body}"
    )


def sdp(lines: str) -> str:
    return message(body=SDP + lines)


def multipart(*parts: str) -> str:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return message(body=body, kind='multipart/mixed;boundary="b"')


PASSES = {
    "plain INVITE": message(),
    "audio offer": sdp(AUDIO),
    "compact names": message()
    .replace("From:", "f:")
    .replace("To:", "t:")
    .replace("Call-ID:", "i:")
    .replace("Via:", "v:"),
    "folded header": message(extra="Subject: a\r\n  b\r\n"),
    "SRTP offer": sdp("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"),
    "browser profile": sdp("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"),
    "refused video": sdp(AUDIO + "m=video 0 TCP/WHATEVER 200\r\n"),
    "data channel beside audio": sdp(AUDIO + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"),
    "REGISTER": message("REGISTER", "7 REGISTER"),
    "multipart": multipart(
        "Content-Type: application/sdp\r\n\r\n" + SDP + AUDIO, "Content-Type: text/plain\r\n\r\nhello"
    ),
    "leading empty lines": "\r\n\r\n" + message(),
    "response": "SIP/2.0 200 OK\r\n\r\n",
    "trailing bytes of a datagram": message() + "more",
}

REFUSED = {
    "no request line": ("hello\r\n\r\n", 400, "bad_start_line"),
    "future version": (message(version="SIP/3.0"), 505, "bad_version"),
    "long header": (message(extra=f"Subject: {'x' * 9000}\r\n"), 400, "header_too_long"),
    "long folded header": (message(extra="Subject: x\r\n" + " xxxx\r\n" * 2000), 400, "header_too_long"),
    "many headers": (message(extra="Subject: x\r\n" * 130), 400, "too_many_headers"),
    "two From": (message(extra="From: <sip:c@example.org>;tag=2\r\n"), 400, "doubled_header"),
    "two To, one compact": (message(extra="t: <sip:c@example.org>\r\n"), 400, "doubled_header"),
    "two Call-ID": (message(extra="i: y\r\n"), 400, "doubled_header"),
    "two CSeq": (message(extra="CSeq: 2 INVITE\r\n"), 400, "doubled_header"),
    "two Content-Length": (message(extra="Content-Length: 0\r\n"), 400, "doubled_header"),
    "no Call-ID": (message().replace("Call-ID", "X-ID"), 400, "missing_header"),
    "CSeq of another method": (message(cseq="1 BYE"), 400, "cseq_mismatch"),
    "CSeq without number": (message(cseq="INVITE"), 400, "cseq_mismatch"),
    "Content-Length beyond the datagram": (message(body="v=0\r\n", length=99), 400, "bad_content_length"),
    "negative Content-Length": (message(length=-1), 400, "bad_content_length"),
    "large body": (message(body="x" * 70000, kind="text/plain"), 413, "body_too_large"),
    "empty part": (multipart("Content-Type: text/plain\r\n\r\n"), 415, "multipart_empty"),
    "no part": (message(body="--b--\r\n", kind="multipart/mixed;boundary=b"), 415, "multipart_empty"),
    "no boundary": (message(body="x", kind="multipart/mixed"), 415, "multipart_empty"),
    "many parts": (multipart(*["\r\nx"] * 20), 415, "multipart_deep"),
    "nested multipart": (
        message(
            body="--a\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n"
            "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n--a--\r\n",
            kind="multipart/mixed;boundary=a",
        ),
        415,
        "multipart_deep",
    ),
    "bad SDP inside multipart": (
        multipart("Content-Type: application/sdp\r\n\r\n" + SDP + "m=audio 4000 RTP/AVP 200\r\n"),
        488,
        "sdp_payload_type",
    ),
    "payload type 128": (sdp("m=audio 4000 RTP/AVP 0 128\r\n"), 488, "sdp_payload_type"),
    "payload type of rtpmap": (sdp(AUDIO + "a=rtpmap:300 x/8000\r\n"), 488, "sdp_payload_type"),
    "payload type no number": (sdp("m=audio 4000 RTP/AVP x\r\n"), 488, "sdp_payload_type"),
    "17 crypto lines": (sdp(AUDIO + "a=crypto:1 A inline:x\r\n" * 17), 488, "sdp_too_many_crypto"),
    "9 media lines": (sdp(AUDIO * 9), 488, "sdp_too_many_media"),
    "unknown profile": (sdp("m=audio 4000 TCP/RTP/AVP 0\r\n"), 488, "sdp_profile"),
    "RED": (sdp("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 red/8000\r\n"), 488, "sdp_red"),
    "ptime 0": (sdp(AUDIO + "a=ptime:0\r\n"), 488, "sdp_ptime"),
    "ptime 17": (sdp(AUDIO + "a=ptime:17\r\n"), 488, "sdp_ptime"),
    "unknown method": (message("FROBNICATE", "1 FROBNICATE"), 501, "unknown_method"),
}


@pytest.mark.parametrize("text", PASSES.values(), ids=PASSES.keys())
def test_well_formed_requests_pass(text: str) -> None:
    verdict = pj.inspectMessage(text)
    assert (verdict.status, verdict.cause) == (0, "")


@pytest.mark.parametrize(("text", "status", "cause"), REFUSED.values(), ids=REFUSED.keys())
def test_door_refuses_with_a_cause(text: str, status: int, cause: str) -> None:
    verdict = pj.inspectMessage(text)
    assert (verdict.status, verdict.cause) == (status, cause)
    assert verdict.reason


def test_content_length_on_a_stream_is_pjsips_affair() -> None:
    """PJSIP cuts a stream by Content-Length, so only a datagram can be shorter than it says."""
    assert pj.inspectMessage(message(body="v=0\r\n", length=99), False).status == 0


def test_bytes_and_broken_utf8_are_accepted() -> None:
    assert pj.inspectMessage(b"\xff\x00\xfe").cause == "bad_start_line"
    assert pj.inspectSdp(b"m=audio 1 RTP/AVP 129\n").cause == "sdp_payload_type"
    with pytest.raises(TypeError):
        pj.inspectMessage(3)


def test_every_prefix_of_a_message_gets_a_verdict() -> None:
    """Cut anywhere, the door reads no further than the text."""
    text = multipart("Content-Type: application/sdp\r\n\r\n" + SDP + AUDIO).encode()
    assert all(pj.inspectMessage(text[:end]).status in (0, 400, 415, 505) for end in range(len(text)))
