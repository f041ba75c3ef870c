"""Digest authentication: the vectors of RFC 7616 §3.9.1, nonce life, replays and bounded memory."""

from __future__ import annotations

import pytest

from telephony.digest import (
    Algorithm,
    DigestAuthority,
    DigestSettings,
    Refused,
    Verified,
    ha1,
    parse_credentials,
    response_value,
)

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
SOURCE = "192.0.2.7"
URI = "sip:ringside.test"


def _lookup(username: str, algorithm: Algorithm) -> str | None:
    return ha1("ana", "ringside", "s3cret", algorithm) if username == "ana" else None


def _authority(**limits: float) -> DigestAuthority:
    settings = DigestSettings(
        nonce_life_s=limits.get("nonce_life_s", 300.0), remembered_nonces=int(limits.get("remembered_nonces", 1000))
    )
    return DigestAuthority("ringside", settings, secret=b"k" * 32)


def _credentials(
    challenge: str,
    *,
    username: str = "ana",
    password: str = "s3cret",
    nc: str = "00000001",
    method: str = "REGISTER",
    qop: str = "auth",
) -> str:
    fields = parse_credentials(challenge)
    assert fields is not None
    algorithm = Algorithm(fields["algorithm"])
    known = ha1(username, fields["realm"], password, algorithm)
    value = response_value(algorithm, known, fields["nonce"], method, URI, nc if qop else "", "c0ffee", qop)
    tail = f', qop={qop}, nc={nc}, cnonce="c0ffee"' if qop else ""
    return (
        f'Digest username="{username}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{URI}", '
        f'response="{value}", algorithm={algorithm}{tail}'
    )


def _verify(authority: DigestAuthority, header: str, now: float = 10.0, **more: str) -> Verified | Refused:
    return authority.verify(
        header, more.get("method", "REGISTER"), more.get("uri", URI), more.get("source", SOURCE), _lookup, now
    )


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (Algorithm.MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm.SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_response_equals_the_vector_of_rfc_7616_section_3_9_1(algorithm: Algorithm, expected: str) -> None:
    known = ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm)
    assert response_value(algorithm, known, NONCE, "GET", "/dir/index.html", "00000001", CNONCE, "auth") == expected


def test_response_without_qop_equals_the_form_of_rfc_2069() -> None:
    """The example of RFC 2069 §2.4 as corrected by its erratum."""
    known = ha1("Mufasa", "testrealm@host.com", "CircleOfLife", Algorithm.MD5)
    got = response_value(Algorithm.MD5, known, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "GET", "/dir/index.html")
    assert got == "1949323746fe6a43ef61f9606e7febea"


def test_sha_256_is_offered_before_md5() -> None:
    """RFC 8760 §2.1: the most preferred challenge comes first."""
    first, second = _authority().challenge(SOURCE, 10.0)
    assert "algorithm=SHA-256" in first
    assert "algorithm=MD5" in second


@pytest.mark.parametrize("offer", [0, 1])
@pytest.mark.parametrize("qop", ["auth", ""])
def test_right_password_is_verified_with_both_algorithms(offer: int, qop: str) -> None:
    authority = _authority()
    outcome = _verify(authority, _credentials(authority.challenge(SOURCE, 10.0)[offer], qop=qop))
    assert outcome == Verified("ana", list(Algorithm)[offer])


def test_wrong_password_and_unknown_user_are_refused_alike() -> None:
    authority = _authority()
    wrong = _verify(authority, _credentials(authority.challenge(SOURCE, 10.0)[0], password="guess"))
    unknown = _verify(authority, _credentials(authority.challenge(SOURCE, 10.0)[0], username="eve"))
    assert wrong == unknown == Refused("wrong_credentials", routable=True)


def test_nonce_is_worthless_from_another_address() -> None:
    authority = _authority()
    header = _credentials(authority.challenge(SOURCE, 10.0)[0])
    assert _verify(authority, header, source="192.0.2.8") == Refused("foreign_nonce", stale=True)


def test_old_nonce_is_stale_and_a_new_challenge_says_so() -> None:
    authority = _authority()
    outcome = _verify(authority, _credentials(authority.challenge(SOURCE, 10.0)[0]), now=311.0)
    assert outcome == Refused("stale_nonce", stale=True)
    assert all("stale=true" in value for value in authority.challenge(SOURCE, 311.0, stale=True))


def test_nonce_count_must_grow() -> None:
    """RFC 7616 §3.4: the server sees a replay by its nonce count."""
    authority = _authority()
    challenge = authority.challenge(SOURCE, 10.0)[0]
    assert isinstance(_verify(authority, _credentials(challenge, nc="00000002")), Verified)
    outcome = _verify(authority, _credentials(challenge, nc="00000001"))
    assert outcome == Refused("repeated_nonce_count", stale=True)
    assert isinstance(_verify(authority, _credentials(challenge, nc="00000003")), Verified)


def test_retransmission_is_answered_again_but_a_later_replay_is_not() -> None:
    authority = _authority()
    header = _credentials(authority.challenge(SOURCE, 10.0)[0])
    assert isinstance(_verify(authority, header, now=11.0), Verified)
    assert isinstance(_verify(authority, header, now=12.0), Verified)
    assert _verify(authority, header, now=60.0) == Refused("repeated_nonce_count", stale=True)


def test_signed_uri_must_name_the_requested_resource() -> None:
    authority = _authority()
    header = _credentials(authority.challenge(SOURCE, 10.0)[0])
    assert _verify(authority, header, uri="sip:other.test") == Refused("uri_mismatch", routable=True)


def test_method_is_part_of_the_proof() -> None:
    authority = _authority()
    header = _credentials(authority.challenge(SOURCE, 10.0)[0], method="REGISTER")
    assert _verify(authority, header, method="INVITE") == Refused("wrong_credentials", routable=True)


def test_memory_of_used_nonces_is_bounded_and_evicted_nonces_cannot_be_replayed() -> None:
    authority = _authority(remembered_nonces=3)
    headers = [_credentials(authority.challenge(SOURCE, 10.0 + at)[0]) for at in range(5)]
    for at, header in enumerate(headers):
        assert isinstance(_verify(authority, header, now=20.0 + at), Verified)
    assert _verify(authority, headers[0], now=100.0) == Refused("stale_nonce", stale=True)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic YW5hOnMzY3JldA==",
        "Digest",
        'Digest username="ana',
        'Digest username="ana", username="eve"',
        'Digest username="ana", realm="ringside", nonce="zz", uri="x", response="y"',
        'Digest username="ana", realm="elsewhere", nonce="00", uri="x", response="y"',
        'Digest username="ana", realm="ringside", nonce="' + "é" * 56 + '", uri="x", response="y"',
        'Digest username="ana", realm="ringside", nonce="' + "g" * 56 + '", uri="x", response="y"',
    ],
)
def test_malformed_credentials_are_refused(header: str) -> None:
    assert isinstance(_verify(_authority(), header), Refused)


def test_quoted_pairs_in_credentials_are_unescaped() -> None:
    assert parse_credentials('Digest username="a\\"b", nc=00000001') == {"username": 'a"b', "nc": "00000001"}
