"""Settings of browser phones, and the credentials browsers get for a TURN server."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from pydantic import ValidationError

from center.browser_phones import TURN_S, ice_servers
from center.settings import BrowserPhoneSection
from vocabulary import PersonId

EVA = PersonId("eva.horvat")


def test_nobody_outside_is_asked_about_us_by_default() -> None:
    section = BrowserPhoneSection()
    assert ice_servers(section, EVA) == []
    assert (section.codecs, section.peers_per_worker) == (("opus", "G722", "PCMU"), 12)


def test_turn_credentials_are_made_for_the_person_and_expire() -> None:
    """As coturn checks them with use-auth-secret: HMAC-SHA1 of `<expiry>:<name>`."""
    section = BrowserPhoneSection.model_validate(
        {"ice_servers": ["stun:stun.example:3478", "turn:turn.example:3478?transport=udp"], "turn_secret": "shared"}
    )
    stun, turn = ice_servers(section, EVA, clock=lambda: 1_000.0)
    assert stun == {"urls": ["stun:stun.example:3478"]}
    name = f"{1_000 + TURN_S}:{EVA}"
    digest = hmac.new(b"shared", name.encode(), hashlib.sha1).digest()
    assert turn == {
        "urls": ["turn:turn.example:3478?transport=udp"],
        "username": name,
        "credential": base64.b64encode(digest).decode(),
    }


def test_a_fixed_turn_user_is_given_as_it_is() -> None:
    section = BrowserPhoneSection.model_validate(
        {"ice_servers": ["turn:turn.example"], "turn_username": "office", "turn_secret": "word"}
    )
    assert ice_servers(section, EVA) == [{"urls": ["turn:turn.example"], "username": "office", "credential": "word"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ice_servers": ["turn:turn.example"]},
        {"ice_servers": ["http://stun.example"]},
        {"codecs": []},
        {"codecs": ["iLBC"]},
        {"addresses": ["server.example"]},
        {"peers_per_worker": 0},
        {"most_workers": 65},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BrowserPhoneSection.model_validate(wrong)
