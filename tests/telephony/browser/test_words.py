"""Messages of pages, and offers: what cannot be read is refused with a code, whatever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.browser import words
from telephony.browser.sdp import first_codec, what_is_wrong
from telephony.browser.slack import Slack
from telephony.browser.workers import WorkerSettings, wanted_workers
from telephony.events import PhoneRegistered, PhoneUnregistered
from telephony.reachable import Reachable
from tests.telephony.browser.offers import OFFER


@pytest.mark.parametrize(
    "message",
    [
        {"type": "register"},
        {"type": "register", "phone": "phone_1", "resume": "leg_1"},
        {"type": "unregister"},
        {"type": "ringing", "leg": "leg_1"},
        {"type": "answer", "leg": "leg_1", "sdp": OFFER},
        {"type": "decline", "leg": "leg_1", "reason": "busy"},
        {"type": "call", "called": "5001", "sdp": OFFER},
        {"type": "hang_up", "leg": "leg_1"},
        {"type": "dtmf", "leg": "leg_1", "digit": "#"},
        {"type": "hold", "leg": "leg_1", "on": True},
        {"type": "reconnect", "leg": "leg_1", "sdp": OFFER},
        {"type": "quality", "leg": "leg_1", "rtt_ms": 12, "jitter_ms": 1.5, "lost_percent": 0},
    ],
)
def test_every_message_of_the_contract_is_read(message: dict[str, object]) -> None:
    assert words.parse(json.dumps(message)).type == message["type"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"sing"}', "unknown_type"),
        ('{"type":5}', "unknown_type"),
        ("{}", "bad_message"),
        ("", "bad_message"),
        ("[1]", "bad_message"),
        ('{"type":"dtmf","leg":"leg_1","digit":"12"}', "bad_message"),
        ('{"type":"hold","leg":"leg_1","on":"yes"}', "bad_message"),
        ('{"type":"answer","leg":"leg_1","sdp":"%s"}' % ("x" * (words.SDP_CHARS + 1)), "bad_message"),
        ('{"type":"quality","leg":"l","rtt_ms":NaN}', "bad_message"),
    ],
)
def test_what_is_no_message_is_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(words.Unreadable) as refused:
        words.parse(text)
    assert refused.value.code == code
    assert words.error(code)["message"]


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    with pytest.raises(words.Unreadable):
        words.parse(text)


def test_a_browsers_offer_may_be_tried() -> None:
    assert what_is_wrong(OFFER) is None
    assert what_is_wrong(OFFER.replace("\r\n", "\n")) is None


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        ("hello", "no SDP"),
        (OFFER + "a=x\r\n" * 400, "no SDP"),
        (OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "one m= line"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "DTLS-SRTP"),
        (OFFER.replace("a=fingerprint", "a=print"), "a=fingerprint is missing"),
        (OFFER.replace("a=ice-pwd", "a=pwd"), "a=ice-pwd is missing"),
    ],
)
def test_an_offer_that_is_not_one_secure_audio_connection_is_refused(offer: str, why: str) -> None:
    assert why in (what_is_wrong(offer) or "")


def test_the_first_codec_of_a_description_is_the_one_that_will_be_sent() -> None:
    assert first_codec(OFFER) == "opus"
    assert first_codec(OFFER.replace("SAVPF 111 9 0", "SAVPF 9 111\r\na=rtpmap:9 G722/8000")) == "g722"
    assert first_codec("v=0") == ""


def test_a_queue_that_stays_long_loses_what_it_never_needed_and_a_short_one_nothing() -> None:
    """Half a second is looked at; what was there even at the lowest moment, beyond the reserve, is left out."""
    slack = Slack(frame=160, reserve=160, limit=800)
    assert not any(slack.is_surplus(queued) for queued in [160, 320] * 50)
    long = [slack.is_surplus(queued) for queued in [640] * 25 + [480] * 3 + [160] * 50]
    assert long == [False] * 25 + [True] * 3 + [False] * 50
    assert slack.is_surplus(801)


def test_workers_are_started_ahead_of_need_and_none_without_phones() -> None:
    settings = WorkerSettings(peers_per_worker=12, most_workers=3)
    wanted = [wanted_workers(lines, True, settings) for lines in (0, 1, 11, 12, 23, 24, 36, 100)]
    assert wanted == [1, 1, 1, 2, 2, 3, 3, 3]
    assert wanted_workers(0, False, settings) == 0
    assert wanted_workers(1, False, settings) == 1


def test_a_person_can_be_rung_from_the_first_phone_of_either_kind_to_the_last() -> None:
    people = Reachable()
    assert people.pages_changed("eva", True) == PhoneRegistered("eva")
    assert people.sip_changed(PhoneRegistered("eva")) is None
    assert people.pages_changed("eva", False) is None
    assert "eva" in people
    assert not people.has_page("eva")
    assert people.sip_changed(PhoneUnregistered("eva")) == PhoneUnregistered("eva")
    assert people.sip_changed(PhoneUnregistered("eva")) is None
    assert "eva" not in people
