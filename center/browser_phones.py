"""Puts the browser phones together: settings, what is known about a leg that rings, and TURN credentials."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from center.engine import Engine
from center.live import Audience, LiveDocuments
from center.settings import BrowserPhoneSection
from telephony.browser.model import Quality
from telephony.browser.runner import BrowserLineSwitch, BrowserPhones
from telephony.browser.workers import WorkerSettings
from vocabulary import DeskRole, LegId, PersonId

TURN_S = 12 * 3_600
"""How long a browser may use the TURN credentials it was given: a shift."""


def make_browser_phones(
    section: BrowserPhoneSection, switch: BrowserLineSwitch, engine: Engine, live: LiveDocuments
) -> BrowserPhones | None:
    """The browser phones of a node; None where they are switched off."""
    if not section.enabled:
        return None

    def names(leg: LegId) -> tuple[str | None, str | None]:
        owner = engine.owner_of_leg(leg)
        return (owner.interaction, owner.escalation) if owner is not None else (None, None)

    def show_quality(leg: LegId, person: PersonId, quality: Quality | None) -> None:
        key = f"quality/{leg}"
        if quality is None:
            live.drop(key)
            return
        document = {"leg": leg, "person": person, "interaction": names(leg)[0], **asdict(quality)}
        live.put(key, document, Audience(people=frozenset({person}), roles=frozenset({DeskRole.SUPERVISOR})))

    workers = WorkerSettings(
        codecs=section.codecs,
        addresses=section.addresses,
        peers_per_worker=section.peers_per_worker,
        most_workers=section.most_workers,
    )
    return BrowserPhones(workers, switch, names, lambda person: ice_servers(section, person), show_quality)


def no_numbers() -> dict[str, float]:
    """What a node without browser phones has to tell monitoring."""
    return {"browser_calls": 0, "media_workers": 0}


def ice_servers(
    section: BrowserPhoneSection, person: PersonId, clock: Callable[[], float] = time.time
) -> list[Mapping[str, Any]]:
    """The STUN and TURN servers as RTCIceServer dictionaries.

    A TURN server gets the fixed user of the settings, or credentials made for this person that expire: the name is
    `<expiry>:<person>`, the password its HMAC-SHA1 by the secret that the TURN server knows (coturn: use-auth-secret).
    """
    servers: list[Mapping[str, Any]] = []
    secret = section.turn_secret.get_secret_value()
    for url in section.ice_servers:
        if not url.startswith("turn"):
            servers.append({"urls": [url]})
            continue
        name = section.turn_username or f"{int(clock()) + TURN_S}:{person}"
        digest = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
        password = secret if section.turn_username else base64.b64encode(digest).decode()
        servers.append({"urls": [url], "username": name, "credential": password})
    return servers
