"""Admission: no call without an identity, one uniform refusal, no relaying, a ban that forgets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony.admission import Admission, Directory, SipCredential, Trunk
from telephony.decisions import Answer, Decision, Drop, Moment, Pass
from telephony.digest import Algorithm, DigestAuthority, ha1
from telephony.events import PhoneRegistered
from telephony.failure_limiter import FailureLimiter, LimiterSettings
from telephony.headers import Flow, SipRequest
from telephony.model import CallerIdentity, PersonOrigin, TrunkOrigin
from telephony.registrar import LocationTable, RegistrarSettings
from tests.telephony import requests
from vocabulary import PersonId

ANA = PersonId("ana")
NOW = Moment(100.0, 1_700_000_000.0)
CARRIER = Flow("udp", "198.51.100.20", 5060)
STRANGER = Flow("udp", "203.0.113.66", 5060)
ALLOWED_FAILURES = 5


def _credential(username: str, person: PersonId, password: str) -> SipCredential:
    return SipCredential(
        username,
        person,
        ha1(username, "ringside", password, Algorithm.MD5),
        ha1(username, "ringside", password, Algorithm.SHA_256),
    )


DIRECTORY = Directory(
    credentials={"ana": _credential("ana", ANA, "s3cret"), "ben": _credential("ben", PersonId("ben"), "other")},
    trunks=(Trunk("carrier", ("198.51.100.0/24", "2001:db8::1")),),
    service_numbers=frozenset({"100", "+38515000100"}),
    domains=frozenset({"ringside.test"}),
)


def _admission() -> Admission:
    return Admission(
        DIRECTORY,
        DigestAuthority("ringside", secret=b"k" * 32),
        LocationTable(RegistrarSettings()),
        FailureLimiter(LimiterSettings(failures=ALLOWED_FAILURES, one_back_every_s=6.0, ban_s=60.0)),
    )


def _challenge(decision: Decision) -> str:
    assert isinstance(decision, Answer)
    assert decision.status == 401
    return next(value for name, value in decision.headers if name == "WWW-Authenticate")


def _prove(admission: Admission, made: SipRequest, username: str, password: str, at: Moment = NOW) -> Decision:
    challenge = _challenge(admission.decide(made, at))
    return admission.decide(requests.answered(made, challenge, username, password), at)


def _visible(decision: Decision) -> tuple[int, list[str]]:
    """What the sender sees, with the random nonce cut out."""
    assert isinstance(decision, Answer)
    return decision.status, [value.split("nonce=")[0] for _, value in decision.headers]


def test_person_registers_with_his_password() -> None:
    decision = _prove(_admission(), requests.register(1, "<sip:ana@10.0.0.5>"), "ana", "s3cret")
    assert isinstance(decision, Answer)
    assert decision.status == 200
    assert decision.events == (PhoneRegistered(ANA),)


def test_nobody_registers_for_somebody_else() -> None:
    decision = _prove(_admission(), requests.register(1, "<sip:x@10.0.0.5>", user="ben"), "ana", "s3cret")
    assert isinstance(decision, Answer)
    assert decision.status == 403


def test_unknown_user_and_wrong_password_get_the_same_answer() -> None:
    admission = _admission()
    wrong = _prove(admission, requests.register(1, "<sip:ana@10.0.0.5>"), "ana", "guess")
    unknown = _prove(admission, requests.register(1, "<sip:eve@10.0.0.5>", user="eve"), "eve", "guess")
    assert _visible(wrong) == _visible(unknown)
    assert _visible(wrong)[0] == 401


def test_trunk_call_to_a_service_number_passes_with_the_asserted_caller() -> None:
    """RFC 3325 §9.1: the trunk's P-Asserted-Identity names the caller."""
    made = requests.request(
        "INVITE",
        "sip:100@ringside.test",
        source=CARRIER,
        from_='"K" <sip:anonymous@carrier.test>;tag=1',
        p_asserted_identity='"Ana K." <sip:+38591234567@carrier.test>, <tel:+38591234567>',
    )
    expected = Pass(TrunkOrigin("carrier"), CallerIdentity("Ana K.", "+38591234567"), "100")
    assert _admission().decide(made, NOW) == expected


def test_private_caller_stays_anonymous() -> None:
    made = requests.request(
        "INVITE", "sip:100@ringside.test", source=CARRIER, privacy="id", p_asserted_identity="<sip:+385@c.test>"
    )
    decision = _admission().decide(replace_from(made, "<sip:+385@c.test>;tag=1"), NOW)
    assert isinstance(decision, Pass)
    assert decision.caller == CallerIdentity("Anonymous", "anonymous")


def replace_from(made: SipRequest, value: str) -> SipRequest:
    """Give the request with another From."""
    return replace(made, headers={**made.headers, "from": (value,)})


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("sip:999@ringside.test", 404),
        ("sip:nobody@192.0.2.1", 404),
        ("sip:+38598000000@ringside.test", 403),
        ("sip:0038598000000@ringside.test", 403),
        ("sip:100@elsewhere.test", 403),
        ("sip:ana@ringside.test", 404),
    ],
)
def test_trunk_reaches_nothing_but_service_numbers(uri: str, status: int) -> None:
    made = requests.request("INVITE", uri, source=CARRIER, from_="<sip:+385911@carrier.test>;tag=1")
    decision = _admission().decide(made, NOW)
    assert isinstance(decision, Answer)
    assert decision.status == status


@pytest.mark.parametrize("uri", ["sip:100@ringside.test", "sip:999@ringside.test", "sip:+385980@ringside.test"])
def test_stranger_gets_one_uniform_challenge_whatever_he_calls(uri: str) -> None:
    made = requests.request("INVITE", uri, source=STRANGER, from_="<sip:+385911@x.test>;tag=1")
    seen = _visible(_admission().decide(made, NOW))
    assert seen == _visible(_admission().decide(requests.request("INVITE", "sip:1@x.test", source=STRANGER), NOW))
    assert seen[0] == 401


def test_person_calls_with_his_password_and_his_own_from() -> None:
    made = requests.request("INVITE", "sip:100@ringside.test")
    decision = _prove(_admission(), made, "ana", "s3cret")
    assert decision == Pass(PersonOrigin(ANA), CallerIdentity("", "ana"), "100")


def test_person_cannot_call_under_another_name() -> None:
    made = requests.request("INVITE", "sip:100@ringside.test", user="ben")
    decision = _prove(_admission(), made, "ana", "s3cret")
    assert isinstance(decision, Answer)
    assert decision.status == 403


@pytest.mark.parametrize(
    ("uri", "status"), [("sip:404@ringside.test", 404), ("sip:+385980@ringside.test", 403), ("sip:100@x.test", 403)]
)
def test_person_cannot_call_outside(uri: str, status: int) -> None:
    decision = _prove(_admission(), requests.request("INVITE", uri), "ana", "s3cret")
    assert isinstance(decision, Answer)
    assert decision.status == status


def test_one_of_ours_behind_the_trunk_address_must_prove_himself() -> None:
    made = requests.request("INVITE", "sip:100@ringside.test", source=CARRIER, user="ana")
    assert _prove(_admission(), made, "ana", "s3cret") == Pass(PersonOrigin(ANA), CallerIdentity("", "ana"), "100")


def test_guessing_is_banned_and_the_ban_forgets() -> None:
    admission = _admission()
    made = requests.register(1, "<sip:ana@10.0.0.5>")
    outcomes = [_prove(admission, made, "ana", f"guess{attempt}") for attempt in range(ALLOWED_FAILURES)]
    assert outcomes[-1] == Drop("banned")
    assert admission.decide(requests.request("OPTIONS"), Moment(159.0, NOW.utc_s)) == Drop("banned")
    later = Moment(161.0, NOW.utc_s)
    decision = _prove(admission, made, "ana", "s3cret", later)
    assert isinstance(decision, Answer)
    assert decision.status == 200


def test_made_up_nonces_cannot_get_an_innocent_address_banned() -> None:
    """Over UDP anybody can write anybody's source address, but not answer the challenge sent there."""
    admission = _admission()
    made = requests.register(1, "<sip:ana@10.0.0.5>")
    for _ in range(3 * ALLOWED_FAILURES):
        forged = requests.answered(made, f'Digest realm="ringside", nonce="{"0" * 56}", algorithm=MD5', "ana", "x")
        assert isinstance(admission.decide(forged, NOW), Answer)
    decision = _prove(admission, made, "ana", "s3cret")
    assert isinstance(decision, Answer)
    assert decision.status == 200


def test_trunk_calls_pass_while_a_phone_behind_its_address_is_banned() -> None:
    admission = _admission()
    guess = requests.register(1, "<sip:ana@10.0.0.5>", source=CARRIER)
    for attempt in range(ALLOWED_FAILURES):
        _prove(admission, guess, "ana", f"guess{attempt}")
    made = requests.request("INVITE", "sip:100@ringside.test", source=CARRIER, from_="<sip:+385@c.test>;tag=1")
    assert isinstance(admission.decide(made, NOW), Pass)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("SUBSCRIBE", 489),
        ("PUBLISH", 489),
        ("MESSAGE", 405),
        ("BYE", 481),
        ("INFO", 481),
        ("XYZ", 405),
    ],
)
def test_every_other_method_gets_a_clear_answer(method: str, status: int) -> None:
    decision = _admission().decide(requests.request(method, source=STRANGER), NOW)
    assert isinstance(decision, Answer)
    assert decision.status == status


def test_malformed_addresses_are_bad_requests() -> None:
    made = requests.request("INVITE", "sip:100@ringside.test", source=CARRIER, from_='"open <sip:a@b>')
    decision = _admission().decide(made, NOW)
    assert isinstance(decision, Answer)
    assert decision.status == 400


def test_new_directory_takes_effect_at_once() -> None:
    admission = _admission()
    admission.directory = Directory()
    made = requests.request("INVITE", "sip:100@ringside.test", source=CARRIER, from_="<sip:+385@c.test>;tag=1")
    assert _visible(admission.decide(made, NOW))[0] == 401


def test_limiter_table_is_bounded() -> None:
    limiter = FailureLimiter(LimiterSettings(addresses=10))
    for host in range(50):
        limiter.failed(f"192.0.2.{host}", 0.0)
    assert len(limiter) == 10


def test_limiter_gives_failures_back_with_time() -> None:
    limiter = FailureLimiter(LimiterSettings(failures=2, one_back_every_s=6.0))
    assert not limiter.failed("192.0.2.1", 0.0)
    assert not limiter.failed("192.0.2.1", 12.0)
    assert limiter.failed("192.0.2.1", 12.1)


def test_trunk_with_a_wrong_address_is_refused_where_it_is_configured() -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        Directory(trunks=(Trunk("carrier", ("carrier.test",)),))
