"""All legs and their dialogs: performs leg effects, feeds each leg's machine, reports its events. Owner thread only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pjsua2 as pj
import structlog

from telephony import end_reasons, machine, targets
from telephony.adapters.browser_branch import BrowserBranch
from telephony.adapters.browser_lines import BrowserLines
from telephony.adapters.pjsip_branch import Branch
from telephony.adapters.pjsip_endpoint import OpenEndpoint
from telephony.adapters.pjsip_gate import AdmissionGate, now
from telephony.adapters.pjsip_mixer import Mixer
from telephony.admission import Directory
from telephony.browser.effects import CallFromPage
from telephony.browser.events import LineOver
from telephony.browser.model import PhoneId
from telephony.effects import AnswerLeg, DialLeg, EndLeg, PlayPrompt, RingLeg, StopPrompt
from telephony.events import DtmfReceived, LegAnswered, LegArrived, LegDialled, LegEnded, LegEvent
from telephony.fencing import Fence
from telephony.machine import (
    BranchEnded,
    BranchEvent,
    BranchId,
    BranchMediaRuns,
    EndAsked,
    HangUpBranch,
    LegLife,
    Report,
)
from telephony.model import DtmfMethod, PersonOrigin
from telephony.registrar import LocationTable
from telephony.settings import SwitchSettings
from telephony.silence import Silence
from telephony.targets import Target
from vocabulary import EndReason, LegId, new_id

log = structlog.get_logger(__name__)

_UNAVAILABLE = 480
_OVERLOADED = 503
_SERVER_ERROR = 500
_CONFLICT = 491


@dataclass(slots=True)
class _Leg:
    life: LegLife
    branches: dict[BranchId, Branch | BrowserBranch]
    pending: deque[BranchEvent] = field(default_factory=deque)
    is_stepping: bool = False
    silence: Silence = field(default_factory=Silence)


@dataclass(slots=True)
class LegCounters:
    """What happened to legs since the start."""

    arrived: int = 0
    dialled: int = 0
    ended: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    """Of the legs that are up, as of the last sweep."""


class LegTable:
    """The legs of one switch."""

    def __init__(
        self,
        settings: SwitchSettings,
        opened: OpenEndpoint,
        locations: LocationTable,
        pages: BrowserLines,
        directory: Callable[[], Directory],
        mixer: Mixer,
        post: Callable[[LegEvent], None],
        on_gone: Callable[[LegId], None],
    ) -> None:
        self._settings = settings
        self._opened = opened
        self._locations = locations
        self._pages = pages
        self._directory = directory
        self._mixer = mixer
        self._post = post
        self._on_gone = on_gone
        self._legs: dict[LegId, _Leg] = {}
        self._leg_of: dict[BranchId, LegId] = {}
        self._branch_of: dict[str, BranchId] = {}
        """By SIP Call-ID."""
        self._fence = Fence()
        self._next_branch = 0
        self._graves: list[Branch] = []
        self._watched_at = 0.0
        self.counters = LegCounters()

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, leg: LegId) -> bool:
        return leg in self._legs

    @property
    def has_room(self) -> bool:
        """Whether one more leg may come."""
        return len(self._legs) < self._settings.max_legs

    def arrive(self, call_id: int, gate: AdmissionGate) -> None:
        """Take an incoming call whose identity the gate has proven; refuse any other."""
        branch = self._branch(self._opened.arrivals, call_id)
        sip_call_id = str(branch.getInfo().callIdString)
        passed = gate.claim(sip_call_id)
        if passed is None or passed.origin is None or passed.caller is None:
            branch.hang_up(EndReason.client_error("refused"), 403)
            return
        self._take_in(LegId(new_id("leg")), branch)
        self._name(branch, sip_call_id)
        leg = self._leg_of[branch.branch]
        self._post(LegArrived(leg, sip_call_id, passed.caller, passed.called, passed.origin))

    def arrive_from_page(self, call: CallFromPage) -> None:
        """Take a call that a logged-in person makes in a page; he may call what his telephone may."""
        if not self.has_room:
            self._pages.refuse(LineOver(call.line, end_reasons.OVERLOADED))
        elif not self._directory().may_be_called(call.called):
            self._pages.refuse(LineOver(call.line, EndReason.client_error("unknown_number")))
        elif call.line.leg not in self._legs:
            branch = self._page_branch(call.line.phone, call.line.leg)
            self._take_in(call.line.leg, branch)
            origin = PersonOrigin(call.person)
            self._post(LegArrived(call.line.leg, branch.sip_call_id, call.caller, call.called, origin))

    def _take_in(self, leg: LegId, branch: Branch | BrowserBranch) -> None:
        self._legs[leg] = _Leg(LegLife(leg, frozenset({branch.branch})), {branch.branch: branch})
        self._leg_of[branch.branch] = leg
        self.counters.arrived += 1

    def talking_at(self, sip_call_id: str) -> LegId | None:
        """Find the answered leg one of whose dialogs has this Call-ID."""
        branch = self._branch_of.get(sip_call_id)
        leg = self._leg_of.get(branch) if branch is not None else None
        known = self._legs.get(leg) if leg is not None else None
        return leg if known is not None and known.life.answered and known.life.winner == branch else None

    def respond(self, leg: LegId, status: int) -> None:
        """Send 180 or 200 to an arrived leg."""
        known = self._legs.get(leg)
        if known is None or not known.branches:
            return
        try:
            next(iter(known.branches.values())).respond(status)
        except pj.Error as error:
            log.warning("leg_response_failed", leg_id=leg, sip_status=status, reason=error.reason)
            self.end(leg, end_reasons.SWITCH_ERROR, _SERVER_ERROR)

    def dial(self, effect: DialLeg) -> None:
        """Ring a person's phones and pages, all at once, or a number through its trunk."""
        if effect.leg in self._legs:
            log.error("leg_id_taken", leg_id=effect.leg)
            return
        phones = self._pages.of(effect.to.person) if effect.to.person is not None else ()
        wanted, refusal = self._targets(effect, has_page=bool(phones))
        known = self._legs[effect.leg] = _Leg(LegLife(effect.leg, frozenset()), {})
        if refusal is not None:
            self._step(effect.leg, EndAsked(*refusal))
            return
        made = [(target, self._branch(self._account_for(target))) for target in wanted]
        pages = [self._page_branch(phone, effect.leg) for phone in phones]
        known.branches = {branch.branch: branch for _, branch in made} | {page.branch: page for page in pages}
        known.life = LegLife(effect.leg, frozenset(known.branches))
        self._leg_of.update((branch, effect.leg) for branch in known.branches)
        self.counters.dialled += 1
        # Whatever already happens while INVITEs leave waits, so that LegDialled stays the first event.
        known.is_stepping = True
        call_ids = [self._invite(branch, target, effect) for target, branch in made]
        call_ids += [page.ring(effect.shown) for page in pages]
        known.is_stepping = False
        first = next((call_id for call_id in call_ids if call_id), None)
        if first is not None:
            self._post(LegDialled(effect.leg, first))
        self._drain(effect.leg)

    def end(self, leg: LegId, end: EndReason, sip_status: int) -> None:
        """End a leg in whatever state it is."""
        self._step(leg, EndAsked(end, sip_status))

    def give_up(self, effect: RingLeg | AnswerLeg | DialLeg | EndLeg | PlayPrompt | StopPrompt) -> None:
        """End a leg we cannot go on with; a dialled one is told as ended even if it never came to be."""
        if effect.leg in self._legs:
            self.end(effect.leg, end_reasons.SWITCH_ERROR, _SERVER_ERROR)
        elif isinstance(effect, DialLeg):
            self._post(LegEnded(effect.leg, end_reasons.SWITCH_ERROR, _SERVER_ERROR))

    def end_all(self, end: EndReason, sip_status: int) -> None:
        """End every leg."""
        for leg in list(self._legs):
            self.end(leg, end, sip_status)

    def branch_happened(self, event: BranchEvent) -> None:
        """Called by branches: something happened to one of them."""
        assert not isinstance(event, EndAsked)
        leg = self._leg_of.get(event.branch)
        if leg is not None:
            self._step(leg, event)

    def branch_media(self, branch: BranchId, media: pj.AudioMedia | None) -> None:
        """Called by branches: their media runs (again), or stopped."""
        leg = self._leg_of.get(branch)
        known = self._legs.get(leg) if leg is not None else None
        if leg is None or known is None:
            return
        if not known.life.answered:
            if media is not None:
                self._step(leg, BranchMediaRuns(branch))
        elif known.life.winner == branch:
            if media is None:
                self._mixer.detach(leg)
            else:
                self._mixer.attach(leg, media)

    def branch_digit(self, branch: BranchId, digit: str, method: DtmfMethod) -> None:
        """Called by branches: a key was pressed."""
        leg = self._leg_of.get(branch)
        known = self._legs.get(leg) if leg is not None else None
        if leg is not None and known is not None and known.life.answered:
            self._post(DtmfReceived(leg, digit, method))

    def free_ended(self) -> None:
        """Let go of ended dialogs; never inside a callback of theirs."""
        self._graves.clear()

    def watch_media(self, at: float) -> None:
        """Count packets, and end answered legs that fell silent."""
        received = lost = 0
        passed_s, self._watched_at = at - self._watched_at, at
        for leg, known in list(self._legs.items()):
            branch = known.branches.get(known.life.winner) if known.life.winner is not None else None
            if branch is None or not known.life.answered:
                continue
            packets, missing = branch.received_packets()
            received, lost = received + packets, lost + missing
            if known.silence.is_too_long(packets, passed_s, branch.is_on_hold, self._settings.rtp_timeout_s):
                self.end(leg, end_reasons.MEDIA_LOST, 0)
        self.counters.packets_received, self.counters.packets_lost = received, lost

    def _targets(self, effect: DialLeg, *, has_page: bool) -> tuple[list[Target], tuple[EndReason, int] | None]:
        if not self.has_room:
            return [], (end_reasons.OVERLOADED, _OVERLOADED)
        if effect.to.person is not None:
            if not self._fence.admits(effect.to.person, effect.fencing_token):
                return [], (end_reasons.STALE_RESERVATION, _CONFLICT)
            bindings = self._locations.of(effect.to.person, now().utc_s)[-self._settings.max_branches :]
            if not bindings and not has_page:
                return [], (end_reasons.NOT_REGISTERED, _UNAVAILABLE)
            return [targets.of_binding(binding, self._settings.domain) for binding in bindings], None
        target = targets.of_number(effect.to, self._directory())
        return ([target], None) if target is not None else ([], (end_reasons.UNKNOWN_TRUNK, 404))

    def _account_for(self, target: Target) -> pj.Account:
        is_secret = ";transport=tls" in target.uri
        return self._opened.arrivals if is_secret else self._opened.plain

    def _branch(self, account: pj.Account, call_id: int = pj.PJSUA_INVALID_ID) -> Branch:
        self._next_branch += 1
        return Branch(account, BranchId(self._next_branch), self, call_id, self._graves.append)

    def _page_branch(self, phone: PhoneId, leg: LegId) -> BrowserBranch:
        self._next_branch += 1
        return self._pages.make(BranchId(self._next_branch), phone, leg, self)

    def _invite(self, branch: Branch, target: Target, effect: DialLeg) -> str:
        shown = targets.identity(effect.shown, self._settings.domain)
        try:
            sip_call_id = branch.invite(target.to, target.uri, shown, (("P-Asserted-Identity", shown), *effect.headers))
            self._name(branch, sip_call_id)
            return sip_call_id
        except pj.Error as error:
            log.warning("invite_failed", leg_id=effect.leg, reason=error.reason)
            branch.ended(end_reasons.of_status(_OVERLOADED), _OVERLOADED)
            return ""

    def _name(self, branch: Branch, sip_call_id: str) -> None:
        branch.sip_call_id = sip_call_id
        self._branch_of[sip_call_id] = branch.branch

    def _step(self, leg: LegId, event: BranchEvent) -> None:
        """Queue one event of a leg and drain the queue, unless we are inside it already."""
        known = self._legs.get(leg)
        if known is not None:
            known.pending.append(event)
            self._drain(leg)

    def _drain(self, leg: LegId) -> None:
        known = self._legs[leg]
        if known.is_stepping:
            return
        known.is_stepping = True
        try:
            while known.pending:
                self._take(known, known.pending.popleft())
        finally:
            known.is_stepping = False
        if known.life.ended:
            self._remove(leg)

    def _take(self, known: _Leg, event: BranchEvent) -> None:
        known.life, actions = machine.step(known.life, event)
        if isinstance(event, BranchEnded):
            gone = known.branches.pop(event.branch, None)
            self._leg_of.pop(event.branch, None)
            if gone is not None:
                self._branch_of.pop(gone.sip_call_id, None)
        for action in actions:
            self._act(known, action)

    def _act(self, known: _Leg, action: machine.LegAction) -> None:
        match action:
            case HangUpBranch(branch, end, sip_status):
                if branch in known.branches:
                    known.branches[branch].hang_up(end, sip_status)
            case Report(event):
                if isinstance(event, LegAnswered):
                    self._start_media(known)
                self._post(event)

    def _start_media(self, known: _Leg) -> None:
        """Put the winner's media on the bridge."""
        winner = known.branches.get(known.life.winner) if known.life.winner is not None else None
        if winner is not None and winner.media is not None:
            self._mixer.attach(known.life.leg, winner.media)

    def _remove(self, leg: LegId) -> None:
        self._mixer.forget(leg)
        self._on_gone(leg)
        del self._legs[leg]
        self.counters.ended += 1
