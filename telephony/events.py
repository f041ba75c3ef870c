"""What happened to legs. The switch posts these to the event loop, in order per leg."""

from __future__ import annotations

from dataclasses import dataclass

from telephony.model import CallerIdentity, DtmfMethod, Origin, PromptName, ReferId
from vocabulary import EndReason, LegId, PersonId


@dataclass(frozen=True, slots=True)
class LegArrived:
    """A caller whose identity was proved asks for `called` (user part of the request URI). Not answered yet."""

    leg: LegId
    sip_call_id: str
    caller: CallerIdentity
    called: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class LegDialled:
    """The INVITE of a leg we dial has left; `sip_call_id` is its Call-ID."""

    leg: LegId
    sip_call_id: str


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The dialled phone alerts (first 180 or 183)."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The leg is confirmed and its media runs. `by_person`: a click in a page answered it, no mailbox does (N8)."""

    leg: LegId
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is gone, whoever ended it; the last event of a leg. `sip_status` is 0 when no SIP response ended it."""

    leg: LegId
    end: EndReason
    sip_status: int = 0


@dataclass(frozen=True, slots=True)
class DtmfReceived:
    """One digit (0-9, *, #, A-D) from a leg."""

    leg: LegId
    pii_digit: str
    method: DtmfMethod


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """A prompt was played to its end (or cut by StopPrompt, or could not be played)."""

    leg: LegId
    prompt: PromptName


LegEvent = LegArrived | LegDialled | LegRinging | LegAnswered | LegEnded | DtmfReceived | PromptEnded


@dataclass(frozen=True, slots=True)
class PhoneRegistered:
    """A person's first phone registered: the person can be rung."""

    person: str


@dataclass(frozen=True, slots=True)
class PhoneUnregistered:
    """A person's last binding ended or expired: the person cannot be rung."""

    person: str


PhoneEvent = PhoneRegistered | PhoneUnregistered
SwitchEvent = LegEvent | PhoneEvent


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """A phone asks from within its call to bring somebody in (RFC 3515). `target`: user part, `bring-in+claims`.

    It has its 202 and the first NOTIFY (100 Trying) already; answer with `ReportRefer`, the last time with `final`.
    """

    leg: LegId
    refer: ReferId
    target: str


@dataclass(frozen=True, slots=True)
class PresencePublished:
    """A person's phone or client says how he is (RFC 3903): a new document, or the old one for longer.

    `publication` stays the same while one client goes on publishing; a person may have several.
    """

    person: PersonId
    publication: str
    body: bytes
    content_type: str
    expires_s: int


@dataclass(frozen=True, slots=True)
class PresenceWithdrawn:
    """What was published under this name no longer counts: withdrawn, or not refreshed in time."""

    person: PersonId
    publication: str


PhoneRequest = ReferReceived | PresencePublished | PresenceWithdrawn
"""What phones ask of the centre beside calls; goes to `on_request`, in order with the events."""
