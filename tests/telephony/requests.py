"""Builds SIP requests as the gate would hand them over, for the tests of pure code."""

from __future__ import annotations

from telephony.digest import Algorithm, ha1, parse_credentials, response_value
from telephony.headers import Flow, SipRequest

PHONE_FLOW = Flow("udp", "192.0.2.7", 5062)


def request(
    method: str,
    uri: str = "sip:ringside.test",
    *,
    source: Flow = PHONE_FLOW,
    user: str = "ana",
    **headers: str | tuple[str, ...],
) -> SipRequest:
    """Make a request of `user`; keyword names are header names with _ for -."""
    found: dict[str, tuple[str, ...]] = {
        "from": (f"<sip:{user}@ringside.test>;tag=1",),
        "to": (f"<sip:{user}@ringside.test>",),
        "call-id": ("call-1@phone",),
        "cseq": (f"1 {method}",),
    }
    for name, value in headers.items():
        found[name.rstrip("_").replace("_", "-")] = (value,) if isinstance(value, str) else value
    return SipRequest(method, uri, source, found)


def register(
    cseq: int = 1,
    *contacts: str,
    call_id: str = "call-1@phone",
    expires: str | None = None,
    source: Flow = PHONE_FLOW,
    user: str = "ana",
) -> SipRequest:
    """Make a REGISTER with these Contact values."""
    made = request("REGISTER", source=source, user=user, call_id=call_id, cseq=f"{cseq} REGISTER", contact=contacts)
    if expires is None:
        return made
    return SipRequest(made.method, made.uri, made.source, {**made.headers, "expires": (expires,)})


def answered(made: SipRequest, challenge: str, username: str, password: str, realm: str = "ringside") -> SipRequest:
    """Give the same request with the digest answer to a challenge."""
    fields = parse_credentials(challenge)
    assert fields is not None
    algorithm = Algorithm(fields["algorithm"])
    known = ha1(username, realm, password, algorithm)
    value = response_value(algorithm, known, fields["nonce"], made.method, made.uri, "00000001", "c0ffee", "auth")
    header = (
        f'Digest username="{username}", realm="{realm}", nonce="{fields["nonce"]}", uri="{made.uri}", '
        f'response="{value}", algorithm={algorithm}, qop=auth, nc=00000001, cnonce="c0ffee"'
    )
    return SipRequest(made.method, made.uri, made.source, {**made.headers, "authorization": (header,)})
