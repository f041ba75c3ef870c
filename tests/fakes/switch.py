"""A softswitch with scripted telephones and no sockets; passes the same contract tests as the real one.

    switch = FakeSwitch(events.append)
    switch.register(PersonId("eva"), Manner.ANSWER)
    customer = switch.customer_calls("+385911", called="100")
    switch.perform(AnswerLeg(customer))
    switch.settle()                      # without a running event loop: delivers everything that is due

With a running event loop events are delivered by themselves, after perform() has returned, in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from telephony import end_reasons, machine
from telephony.effects import (
    AnswerLeg,
    DialLeg,
    EndLeg,
    LegEffect,
    PlayPrompt,
    ReportRefer,
    RingLeg,
    SetMix,
    StopPrompt,
)
from telephony.events import (
    DtmfReceived,
    LegArrived,
    LegDialled,
    LegEnded,
    LegEvent,
    PhoneRegistered,
    PhoneRequest,
    PhoneUnregistered,
    PromptEnded,
    ReferReceived,
    SwitchEvent,
)
from telephony.fencing import Fence
from telephony.machine import (
    BranchConfirmed,
    BranchEnded,
    BranchEvent,
    BranchId,
    BranchMediaRuns,
    BranchRinging,
    EndAsked,
    HangUpBranch,
    LegLife,
    Report,
)
from telephony.mixing import about, restricted
from telephony.model import (
    EMPTY_MATRIX,
    CallerIdentity,
    DtmfMethod,
    MixingMatrix,
    Origin,
    PromptName,
    ReferId,
    TextMessage,
    TrunkOrigin,
)
from vocabulary import LegId, PersonId, new_id

_ONLY = BranchId(1)
_NO_PROMPT = PromptName("no-such-prompt")


class Manner(StrEnum):
    """What a scripted phone does when it rings."""

    ANSWER = "answer"
    RING = "ring"
    """Rings until somebody calls `answer` or `decline`, or the ring is given up."""
    BUSY = "busy"
    DECLINE = "decline"
    MOVED = "moved"
    DEAD = "dead"
    """Answers nothing at all."""


@dataclass(slots=True)
class _Leg:
    life: LegLife
    arrived: bool
    person: PersonId | None = None
    prompt: PromptName | None = None


class FakeSwitch:
    """Implements `telephony.switch.Switch`. `effects` holds everything it was asked to do, in order."""

    def __init__(
        self,
        on_event: Callable[[SwitchEvent], None],
        on_request: Callable[[PhoneRequest], None] = lambda request: None,
    ) -> None:
        self.reports: list[ReportRefer] = []
        """What phones that sent a REFER were told, without the first 100."""
        self.effects: list[LegEffect] = []
        self.manners: dict[PersonId, Manner] = {}
        self.numbers: dict[str, Manner] = {}
        """Telephones behind the trunk, by number."""
        self.prompts_end_by_themselves = True
        self.texts: list[TextMessage] = []
        self.text_statuses: deque[int] = deque()
        """What the carrier answers to the next texts; after that it takes them."""
        self._on_event = on_event
        self._on_request = on_request
        self._refers: dict[ReferId, LegId] = {}
        self._due: deque[Callable[[], None]] = deque()
        self._is_settling = False
        self._legs: dict[LegId, _Leg] = {}
        self._wanted: MixingMatrix = EMPTY_MATRIX
        self._fence = Fence()

    def perform(self, effect: LegEffect) -> None:
        """Start an effect and return at once; outcomes and failures come back as events."""
        self.effects.append(effect)
        self._soon(lambda: self._perform(effect))

    def settle(self) -> None:
        """Let everything happen that is due."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            while self._due:
                self._due.popleft()()
        finally:
            self._is_settling = False

    async def send_text(self, message: TextMessage) -> int:
        """Take a text to a customer; `texts` has those the carrier took."""
        status = self.text_statuses.popleft() if self.text_statuses else 200
        if status == 200:
            self.texts.append(message)
        return status

    def register(self, person: PersonId, manner: Manner = Manner.ANSWER) -> None:
        """Give a person a phone that behaves in a certain manner, or change its manner."""
        is_first = person not in self.manners
        self.manners[person] = manner
        if is_first:
            self._post(PhoneRegistered(person))

    def unregister(self, person: PersonId) -> None:
        """Take the person's phone away."""
        if self.manners.pop(person, None) is not None:
            self._post(PhoneUnregistered(person))

    def registered(self, person: PersonId) -> bool:
        """Tell whether the person has a phone that can be rung."""
        return person in self.manners

    def customer_calls(
        self, number: str, *, called: str = "100", display: str = "", origin: Origin | None = None
    ) -> LegId:
        """Have a customer call a service number."""
        leg = LegId(new_id("leg"))
        self._legs[leg] = _Leg(LegLife(leg, frozenset({_ONLY})), arrived=True)
        caller = CallerIdentity(display, number)
        self._post(LegArrived(leg, f"call-of-{leg}", caller, called, origin or TrunkOrigin("carrier")))
        return leg

    def answer(self, leg: LegId) -> None:
        """Lift the handset of a ringing phone."""
        self._soon(lambda: self._far(leg, BranchMediaRuns(_ONLY), BranchConfirmed(_ONLY)))

    def decline(self, leg: LegId, sip_status: int = 603) -> None:
        """Refuse at a ringing phone."""
        self._soon(lambda: self._far(leg, BranchEnded(_ONLY, end_reasons.of_status(sip_status), sip_status)))

    def hang_up(self, leg: LegId) -> None:
        """Have the far end hang up, or give up before it was answered."""

        def happen() -> None:
            known = self._legs.get(leg)
            if known is None:
                return
            end, status = (end_reasons.HUNG_UP, 0) if known.life.answered else (end_reasons.CANCELLED, 487)
            self._far(leg, BranchEnded(_ONLY, end, status))

        self._soon(happen)

    def lose_media(self, leg: LegId) -> None:
        """Have the far end fall silent for longer than allowed."""
        self._soon(lambda: self._far(leg, EndAsked(end_reasons.MEDIA_LOST)))

    def press(self, leg: LegId, digit: str, method: DtmfMethod = DtmfMethod.RTP) -> None:
        """Press a key on a phone that is in a call."""

        def happen() -> None:
            if leg in self._legs and self._legs[leg].life.answered:
                self._on_event(DtmfReceived(leg, digit, method))

        self._soon(happen)

    def refer(self, leg: LegId, target: str) -> ReferId:
        """Have the phone of a talking leg ask for somebody (`bring-in+claims`)."""
        refer = ReferId(new_id("ref"))

        def happen() -> None:
            if leg in self._legs and self._legs[leg].life.answered:
                self._refers[refer] = leg
                self._on_request(ReferReceived(leg, refer, target))

        self._soon(happen)
        return refer

    def end_prompt(self, leg: LegId) -> None:
        """Play the running prompt to its end; only needed with `prompts_end_by_themselves` off."""
        self._soon(lambda: self._stop_prompt(leg))

    @property
    def matrix(self) -> MixingMatrix:
        """Who hears whom right now."""
        answered = frozenset(leg for leg, known in self._legs.items() if known.life.answered)
        return restricted(self._wanted, answered)

    @property
    def legs(self) -> frozenset[LegId]:
        """The legs that are up or ringing."""
        return frozenset(self._legs)

    def playing(self, leg: LegId) -> PromptName | None:
        """The prompt that plays to a leg."""
        known = self._legs.get(leg)
        return known.prompt if known is not None else None

    def dialled(self, person: PersonId) -> LegId | None:
        """The leg that rings or holds a person, if any."""
        return next((leg for leg, known in self._legs.items() if known.person == person), None)

    def _perform(self, effect: LegEffect) -> None:
        match effect:
            case RingLeg():
                pass
            case AnswerLeg(leg):
                known = self._legs.get(leg)
                if known is not None and known.arrived:
                    self._far(leg, BranchMediaRuns(_ONLY), BranchConfirmed(_ONLY))
            case DialLeg():
                self._dial(effect)
            case EndLeg(leg, end, sip_status):
                self._far(leg, EndAsked(end, sip_status))
            case SetMix(legs, matrix):
                self._wanted = (self._wanted - about(self._wanted, legs)) | matrix
            case PlayPrompt(leg, prompt):
                self._play(leg, prompt)
            case StopPrompt(leg):
                self._stop_prompt(leg)
            case ReportRefer(refer=refer, final=final):
                if refer in self._refers:
                    self.reports.append(effect)
                if final:
                    self._refers.pop(refer, None)
            case _:
                assert_never(effect)

    def _dial(self, effect: DialLeg) -> None:
        if effect.leg in self._legs:
            return
        person = effect.to.person
        if person is not None and not self._fence.admits(person, effect.fencing_token):
            self._on_event(LegEnded(effect.leg, end_reasons.STALE_RESERVATION, 491))
            return
        manner = self.manners.get(person) if person is not None else self.numbers.get(effect.to.number or "")
        if manner is None:
            refusal = (end_reasons.NOT_REGISTERED, 480) if person is not None else (end_reasons.UNKNOWN_TRUNK, 404)
            self._on_event(LegEnded(effect.leg, *refusal))
            return
        self._legs[effect.leg] = _Leg(LegLife(effect.leg, frozenset({_ONLY})), arrived=False, person=person)
        self._on_event(LegDialled(effect.leg, f"call-of-{effect.leg}"))
        self._far(effect.leg, *_reaction(manner))

    def _far(self, leg: LegId, *events: BranchEvent) -> None:
        """Let branch events happen to a leg and act on what its machine says."""
        pending = deque(events)
        while pending and leg in self._legs:
            known = self._legs[leg]
            known.life, actions = machine.step(known.life, pending.popleft())
            for action in actions:
                match action:
                    case HangUpBranch(branch, end, sip_status):
                        pending.append(BranchEnded(branch, end, sip_status))
                    case Report(event):
                        self._report(known, event)

    def _report(self, known: _Leg, event: LegEvent) -> None:
        if isinstance(event, LegEnded):
            del self._legs[event.leg]
            self._refers = {refer: leg for refer, leg in self._refers.items() if leg != event.leg}
            self._wanted -= about(self._wanted, frozenset({event.leg}))
        self._on_event(event)
        if known.life.answered and not known.life.ended and known.prompt is not None:
            self._play(event.leg, known.prompt)

    def _play(self, leg: LegId, prompt: PromptName) -> None:
        known = self._legs.get(leg)
        if known is None:
            return
        if known.prompt is not None and known.prompt != prompt:
            self._stop_prompt(leg)
        known.prompt = prompt
        if known.life.answered and (self.prompts_end_by_themselves or prompt == _NO_PROMPT):
            self._soon(lambda: self._end_of(leg, prompt))

    def _end_of(self, leg: LegId, prompt: PromptName) -> None:
        if self.playing(leg) == prompt:
            self._stop_prompt(leg)

    def _stop_prompt(self, leg: LegId) -> None:
        known = self._legs.get(leg)
        if known is not None and known.prompt is not None:
            prompt, known.prompt = known.prompt, None
            self._on_event(PromptEnded(leg, prompt))

    def _post(self, event: SwitchEvent) -> None:
        self._soon(lambda: self._on_event(event))

    def _soon(self, happen: Callable[[], None]) -> None:
        self._due.append(happen)
        try:
            asyncio.get_running_loop().call_soon(self.settle)
        except RuntimeError:
            return  # no loop: the test calls settle()


def _reaction(manner: Manner) -> tuple[BranchEvent, ...]:
    match manner:
        case Manner.ANSWER:
            return BranchRinging(_ONLY), BranchMediaRuns(_ONLY), BranchConfirmed(_ONLY)
        case Manner.RING:
            return (BranchRinging(_ONLY),)
        case Manner.BUSY:
            return (BranchEnded(_ONLY, end_reasons.of_status(486), 486),)
        case Manner.DECLINE:
            return (BranchEnded(_ONLY, end_reasons.of_status(603), 603),)
        case Manner.MOVED:
            return (BranchEnded(_ONLY, end_reasons.MOVED, 302),)
        case Manner.DEAD:
            return ()
        case _:
            assert_never(manner)
