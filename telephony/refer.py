"""Requests of phones to bring somebody into their call: the notifier's side of REFER (RFC 3515). Pure.

    REFER ─> 202, NOTIFY 100 ─> NOTIFY 180 (any number) ─> NOTIFY 200 or the failure code, terminated

Only targets with a service prefix (`bring-in+claims`) at our own house are taken; whom else a leg talks to is never the
far end's decision. The gate answers below the transaction layer, so a repeated REFER gets its first answer again. The
answers are given to the dialog the REFER came in; nothing here touches the call itself (RFC 5057).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from telephony.decisions import Answer
from telephony.events import ReferReceived
from telephony.headers import HeaderError, SipRequest, SipUri, parse_name_addr, parse_uri
from telephony.model import ReferId
from telephony.outgoing import DialogName, DialogRequest
from vocabulary import LegId

_PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}
MOST_PER_LEG = 4
REPEATS_S = 40.0
"""A lost answer makes the phone send its REFER again for 32 s (RFC 3261 timer F)."""
LIFE_S = 60
"""What the phone is told; whoever hears no end by then is told 408."""


@dataclass(frozen=True, slots=True)
class TakenRefer:
    """What one REFER leads to: the answer, what the centre is asked, and the first NOTIFY."""

    answer: Answer
    asked: ReferReceived | None = None
    notify: DialogRequest | None = None


@dataclass(slots=True)
class _Refer:
    leg: LegId
    dialog: DialogName
    event: str
    wants_notify: bool
    expires_at: float


@dataclass(slots=True)
class ReferTable:
    """The REFERs that are under way, a few per leg."""

    is_served: Callable[[SipUri], bool]
    """Whether this target names a service of ours."""
    _refers: dict[ReferId, _Refer] = field(default_factory=dict)
    _taken: dict[tuple[DialogName, str], float] = field(default_factory=dict)
    """When a REFER can no longer come again, by dialog and CSeq."""

    def take(self, leg: LegId, request: SipRequest, now: float) -> TakenRefer:
        """Take a REFER that came in a leg's dialog."""
        try:
            targets = request.all("refer-to")
            if len(targets) != 1:
                raise HeaderError("REFER needs exactly one Refer-To")
            target = parse_uri(parse_name_addr(targets[0]).uri)
            dialog = dialog_of(request)
        except HeaderError as error:
            return TakenRefer(Answer(400, (("Warning", f'399 ringside "{error}"'),), cause="malformed"))
        if not self.is_served(target):
            return TakenRefer(Answer(603, cause="refer_refused"))
        cseq = request.first("cseq")
        of_leg = [refer for refer in self._refers.values() if refer.leg == leg]
        if (dialog, cseq) in self._taken:
            return TakenRefer(_accepted(request))
        if len(of_leg) >= MOST_PER_LEG:
            return TakenRefer(Answer(486, cause="refer_refused"))
        # RFC 3515 section 2.4.6: an id tells the second and later REFERs of a dialog apart.
        event = f"refer;id={cseq.partition(' ')[0]}" if of_leg else "refer"
        refer = ReferId(f"ref_{secrets.token_hex(8)}")
        wants_notify = request.first("refer-sub").partition(";")[0].strip().lower() != "false"
        self._refers[refer] = _Refer(leg, dialog, event, wants_notify, now + LIFE_S)
        self._taken[dialog, cseq] = now + REPEATS_S
        return TakenRefer(
            _accepted(request), ReferReceived(leg, refer, target.user), self.report(refer, 100, final=False)
        )

    def report(self, refer: ReferId, status: int, *, final: bool) -> DialogRequest | None:
        """Write the NOTIFY that tells how a REFER goes; None when it is over or wants none (RFC 4488)."""
        known = self._refers.get(refer)
        if known is None:
            return None
        if final:
            del self._refers[refer]
        if not known.wants_notify:
            return None
        state = "terminated;reason=noresource" if final else f"active;expires={LIFE_S}"
        body = f"SIP/2.0 {status} {_phrase(status)}\r\n".encode()
        headers = (("Event", known.event), ("Subscription-State", state))
        return DialogRequest(known.dialog, "NOTIFY", headers, "message/sipfrag;version=2.0", body)

    def expire(self, now: float) -> list[DialogRequest]:
        """End those nobody gave an end to."""
        self._taken = {key: until for key, until in self._taken.items() if until > now}
        late = [refer for refer, known in self._refers.items() if known.expires_at <= now]
        reports = (self.report(refer, 408, final=True) for refer in late)
        return [report for report in reports if report is not None]

    def forget(self, leg: LegId) -> None:
        """Drop those of a leg that ended."""
        for refer in [refer for refer, known in self._refers.items() if known.leg == leg]:
            del self._refers[refer]

    def __len__(self) -> int:
        return len(self._refers)


def dialog_of(request: SipRequest) -> DialogName:
    """Name the dialog a request we received belongs to."""
    local = parse_name_addr(request.first("to")).params.get("tag", "")
    remote = parse_name_addr(request.first("from")).params.get("tag", "")
    return DialogName(request.first("call-id"), local, remote)


def _accepted(request: SipRequest) -> Answer:
    quiet = request.first("refer-sub").partition(";")[0].strip().lower() == "false"
    return Answer(202, (("Refer-Sub", "false"),) if quiet else (), cause="refer")


def _phrase(status: int) -> str:
    return _PHRASES.get(status, "Failure" if status >= 300 else "OK" if status >= 200 else "Progress")
