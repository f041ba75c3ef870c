"""What the robots read in SIP messages: hold shows in any session description (N3)."""

from __future__ import annotations

import pytest
from siplab.sdp import (
    Direction,
    audio_direction,
    audio_payload,
    audio_port,
    audio_ssrc,
    body_of,
    by_way_of,
    headers_named,
    offering_only,
)

SESSION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
AUDIO = "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"


@pytest.mark.parametrize(
    ("sdp", "direction", "is_hold"),
    [
        (SESSION + AUDIO, Direction.SENDRECV, False),
        (SESSION + AUDIO + "a=sendrecv\r\n", Direction.SENDRECV, False),
        (SESSION + AUDIO + "a=sendonly\r\n", Direction.SENDONLY, True),
        (SESSION + AUDIO + "a=inactive\r\n", Direction.INACTIVE, True),
        (SESSION + AUDIO + "a=recvonly\r\n", Direction.RECVONLY, False),
        (SESSION + "a=inactive\r\n" + AUDIO, Direction.INACTIVE, True),
        (SESSION + "a=inactive\r\n" + AUDIO + "a=sendrecv\r\n", Direction.SENDRECV, False),
        (SESSION + AUDIO + "c=IN IP4 0.0.0.0\r\n", Direction.INACTIVE, True),
        (SESSION + AUDIO.replace("4000", "0"), Direction.INACTIVE, True),
        (SESSION + "m=video 4002 RTP/AVP 99\r\na=inactive\r\n" + AUDIO, Direction.SENDRECV, False),
    ],
)
def test_direction_of_the_audio_line_is_found(sdp: str, direction: Direction, is_hold: bool) -> None:
    """RFC 3264 §5.1 and §8.4: the m-line's own attribute wins over the session's; other media do not count."""
    assert audio_direction(sdp) == direction
    assert direction.is_hold is is_hold


def test_session_without_audio_has_no_direction() -> None:
    assert audio_direction("") is None
    assert audio_direction(SESSION + "m=video 4002 RTP/AVP 99\r\n") is None


def test_headers_are_found_by_any_case_and_compact_form() -> None:
    message = (
        'INVITE sip:x SIP/2.0\r\nf: "Ana K." <sip:+385@h>\r\nuser-to-user: 61;encoding=hex\r\n'
        "From-Not: 1\r\n\r\nFrom: body\r\n"
    )
    found = headers_named(message, "From", "User-to-User", "Call-Info")
    assert found == {"From": '"Ana K." <sip:+385@h>', "User-to-User": "61;encoding=hex"}


def test_body_starts_after_the_empty_line() -> None:
    assert body_of("SIP/2.0 200 OK\r\nA: b\r\n\r\nv=0\r\n") == "v=0\n"
    assert body_of("SIP/2.0 200 OK\r\nA: b\r\n\r\n") == ""


OFFER = "\r\n".join(
    (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 8 96 120 121",
        "a=rtcp:4001 IN IP4 127.0.0.1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 useinbandfec=1",
        "a=rtpmap:120 telephone-event/8000",
        "a=rtpmap:121 telephone-event/48000",
        "a=fmtp:120 0-16",
        "a=ssrc:42 cname:x",
        "",
    )
)


def test_offer_keeps_one_codec_and_the_key_tones_of_its_clock() -> None:
    """Issue 6: a customer's codec is the plan's choice."""
    lines = offering_only(OFFER, "PCMA").split("\r\n")
    assert "m=audio 4000 RTP/AVP 8 120" in lines
    assert [line for line in lines if line.startswith("a=rtpmap:")] == [
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:120 telephone-event/8000",
    ]
    opus = offering_only(OFFER, "opus")
    assert "m=audio 4000 RTP/AVP 96 121" in opus
    assert "a=fmtp:96 useinbandfec=1" in opus
    assert "PCMU" not in opus


def test_answer_without_the_codec_stays_as_it_is() -> None:
    assert offering_only(OFFER, "G722") == OFFER


def test_audio_can_be_led_by_way_of_another_address() -> None:
    led = by_way_of(OFFER, "10.0.0.9", 5000)
    assert "m=audio 5000 RTP/AVP 0" in led
    assert "c=IN IP4 10.0.0.9" in led
    assert "a=rtcp:5001 IN IP4 10.0.0.9" in led
    assert "127.0.0.1" not in led.replace("o=- 1 1 IN IP4 127.0.0.1", "")
    assert (audio_port(led), audio_payload(led), audio_ssrc(led)) == (5000, 0, 42)


def test_description_without_audio_has_no_port() -> None:
    assert (audio_port("v=0"), audio_payload("v=0"), audio_ssrc("v=0")) == (0, 0, 0)
