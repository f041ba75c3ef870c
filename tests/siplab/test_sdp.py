"""What the robots read in SIP messages: hold shows in any session description (N3)."""

from __future__ import annotations

import pytest
from siplab.sdp import Direction, audio_direction, body_of, headers_named

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
