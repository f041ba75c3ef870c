"""The verdict on an escalation under load: how it ended, how long the hand-over took, which promises it broke. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from siplab import prover
from siplab.prover import HearingReport

TARGET_S, CEILING_S = 20.0, 30.0
"""N2: by when a specialist should be there, and by when the customer has a person or a promise."""
GAP_MS = 100.0
SCREEN_CAP_MS = 450.0
"""N1: the phone waits half a second for a silent screen; who rings sooner did not wait."""
SLACK_S = 0.5
"""A document needs a moment to the screen."""
CROSSTALK_MS = 300.0
JOINED, PROMISED = "joined", "promised"


@dataclass(frozen=True, slots=True)
class EscalationResult:
    """How one escalation went. `end` is joined, promised, or the cause that the target gave."""

    end: str
    handover_s: float | None = None
    """From the request until a specialist was in, or the promise stood."""
    specialist: str = ""
    asked: tuple[tuple[str, str], ...] = ()
    """Who was asked, in order, and what came of it."""
    gap_ms: float | None = None
    """Longest time customer and agent lost each other from the request until three talked."""
    broken: tuple[str, ...] = ()
    """Promises that were not kept, each as a sentence that begins with its number."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of an escalation: its last document, when it was settled, and what the parties' phones say."""

    document: dict[str, Any]
    handover_s: float | None
    joined: bool
    gap_ms: float | None = None
    customer_hold_s: float = 0.0
    customer_reinvites: int = 0
    answered_by: str = ""
    """What the specialist who joined had done: `answers`, or `mailbox` …"""


def judge(seen: Observed) -> EscalationResult:
    """Give the verdict."""
    document = seen.document
    promise = document.get("promise")
    end = JOINED if seen.joined else PROMISED if promise else str(document.get("cause") or "unsettled")
    invitations = document.get("invitations") or []
    asked = tuple((str(each["specialist"]), str(each["cause"] or each["state"])) for each in invitations)
    specialist = str(document.get("specialist") or "") if seen.joined else ""
    return EscalationResult(end, seen.handover_s, specialist, asked, seen.gap_ms, tuple(_broken(seen, end)))


def _broken(seen: Observed, end: str) -> Iterable[str]:
    rang_ms = _between_ms(seen.document, "pushed_at", "ringing_at")
    painted_ms = _between_ms(seen.document, "pushed_at", "rendered_at")
    if rang_ms is not None and rang_ms < SCREEN_CAP_MS and (painted_ms is None or painted_ms > rang_ms):
        yield f"N1: the phone rang {rang_ms:.0f} ms after the push, before the case was on the screen"
    left = end in ("customer_left", "cancelled")
    if seen.handover_s is None and not left:
        yield "N2: neither a person nor a promise"
    elif seen.handover_s is not None and seen.handover_s > CEILING_S + SLACK_S:
        yield f"N2: a person or a promise after {seen.handover_s:.1f} s, more than {CEILING_S:.0f} s"
    if seen.customer_hold_s > 0 or seen.customer_reinvites:
        yield f"N3: the customer was on hold for {seen.customer_hold_s:.1f} s, {seen.customer_reinvites} re-INVITEs"
    if seen.gap_ms is not None and seen.gap_ms > GAP_MS:
        yield f"N3: customer and agent lost each other for {seen.gap_ms:.0f} ms, more than {GAP_MS:.0f} ms"
    if seen.joined and seen.answered_by == "mailbox":
        yield "N8: a mailbox was joined"


def _between_ms(document: dict[str, Any], first: str, then: str) -> float | None:
    begin, end = document.get(first), document.get(then)
    if not begin or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() * 1000


def hearing_faults(reports: Iterable[HearingReport], tones: dict[str, str]) -> tuple[str, ...]:
    """Say who of a conversation does not hear whom, and who hears somebody who is not in it.

    `tones` maps the tone of each party in it to what the party is called; reports are by tone.
    """
    known = tuple(reports)
    heard = prover.who_hears_whom(known)
    lines = [
        f"{tones[listener]} does not hear {tones[speaker]}"
        for speaker, listener in sorted(prover.all_directions(tones) - heard)
    ]
    for report in known:
        strangers = [r.speaker for r in report.readings if r.speaker not in tones and r.heard_ms > CROSSTALK_MS]
        lines += [f"{tones[report.listener]} heard {each}, who is in another call" for each in strangers]
    return tuple(lines)
