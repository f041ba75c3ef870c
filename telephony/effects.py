"""What shall be done with legs. Every effect may fail; the failure comes back as `LegEnded`."""

from __future__ import annotations

from dataclasses import dataclass, field

from telephony.model import CallerIdentity, Destination, MixingMatrix, PromptName, ReferId
from vocabulary import EndReason, LegId


@dataclass(frozen=True, slots=True)
class RingLeg:
    """Tell an arrived caller that it rings (180)."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class AnswerLeg:
    """Answer an arrived leg (200)."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class DialLeg:
    """Ring a phone. The leg id is ours to choose, so its events can be awaited before it exists.

    `headers` are extra SIP headers of the INVITE, such as User-to-User (RFC 7433) and Call-Info (RFC 3261 §20.9).
    `fencing_token` is that of the reservation in whose name a person is rung; one older than the newest seen for him is
    refused (N4). 0: no reservation.
    """

    leg: LegId
    to: Destination
    shown: CallerIdentity
    headers: tuple[tuple[str, str], ...] = field(default=())
    fencing_token: int = 0


@dataclass(frozen=True, slots=True)
class EndLeg:
    """End a leg in whatever state: refuse (with `sip_status`), CANCEL or BYE with a Reason header (RFC 3326)."""

    leg: LegId
    end: EndReason
    sip_status: int = 0


@dataclass(frozen=True, slots=True)
class SetMix:
    """Make `matrix` the whole truth about who hears whom among `legs`; the switch applies the difference."""

    legs: frozenset[LegId]
    matrix: MixingMatrix


@dataclass(frozen=True, slots=True)
class PlayPrompt:
    """Play a recording to one leg; it ends with `PromptEnded`."""

    leg: LegId
    prompt: PromptName


@dataclass(frozen=True, slots=True)
class StopPrompt:
    """Cut whatever prompt plays to this leg."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class ReportRefer:
    """Tell the phone that sent a REFER how it goes: 180 while somebody rings, last 200 or why not (`final`)."""

    leg: LegId
    refer: ReferId
    status: int
    final: bool


LegEffect = RingLeg | AnswerLeg | DialLeg | EndLeg | SetMix | PlayPrompt | StopPrompt | ReportRefer
