"""Runs the lab's numbers on a node: switch events in, effects out; bridged calls become interactions of the engine."""

from __future__ import annotations

import math
import wave
from array import array
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path

import structlog

from center.documents import Work
from center.engine import Engine, EventLog
from center.errors import UnknownThing, WrongMoment
from center.escalation.events import Accepted, Requested
from center.escalation.model import Escalation, Timing, Trigger
from center.interaction.model import Interaction, Participant, Phase
from center.lab.machine import BeginConversation, LabCalled, LabEvent, step
from center.lab.model import TONE, LabCalls, wanted_by
from context.model import Case, CaseTemplate
from routing.model import ServiceQueue
from telephony.events import LegArrived, LegEvent
from telephony.model import CallerIdentity
from telephony.switch import Switch
from vocabulary import CaseId, EscalationId, InteractionId, LegId, ParticipantRole, PersonId, new_id

log = structlog.get_logger(__name__)

CALLS_KNOWN = 4_096
"""Bridged calls that can be named by their Call-ID; the oldest are forgotten."""
TONE_HZ, TONE_S, TONE_LEVEL = 1_000, 30, 8_000
_RATE_HZ = 8_000


class Lab:
    """The lab of one node. Loop thread only."""

    def __init__(
        self, *, switch: Switch, engine: Engine, events: EventLog, queue: ServiceQueue, timing: Timing
    ) -> None:
        self._switch = switch
        self._engine = engine
        self._events = events
        self._queue = queue
        self._timing = timing
        self._calls = LabCalls()
        self._bridged: OrderedDict[str, InteractionId] = OrderedDict()

    def leg_event(self, event: LegEvent) -> bool:
        """Take an event of a leg; False when it is not the lab's."""
        if isinstance(event, LegArrived):
            if wanted_by(event.called) is None:
                return False
            self._step(LabCalled(event, LegId(new_id("leg"))))
            return True
        if event.leg not in self._calls.legs:
            return False
        self._step(event)
        return True

    def escalate(self, sip_call_id: str, to: PersonId) -> EscalationId:
        """Bring a third phone into a bridged call, by the centre's own escalation.

        Args:
            sip_call_id: Call-ID of the caller's INVITE to `call-<user>`.
            to: Whose phone; it joins as soon as it answers, as if its owner had clicked Accept.

        Raises:
            UnknownThing: No such call is up.
            WrongMoment: Somebody is being brought in already.
        """
        work = self._engine.works.get(self._bridged.get(sip_call_id, InteractionId("")))
        user = work.call.by_role(ParticipantRole.AGENT) if work is not None else None
        if work is None or user is None or user.person is None:
            raise UnknownThing(
                "unknown_call", "No bridged call with this Call-ID is up: it must be one to call-<user>."
            )
        if work.call.phase is not Phase.TALKING or work.call.escalation is not None:
            raise WrongMoment("already_escalating", "Somebody is being brought in, or is there, already.")
        state = Escalation(
            id=EscalationId(new_id("esc")),
            interaction=work.call.id,
            case=work.case.id,
            agent=user.person,
            shown=CallerIdentity("", work.call.caller_number),
            reason="",
            trigger=Trigger.DESK,  # over HTTP, as desks do
            requested_at=self._engine.now(),
            first=to,
            timing=self._timing,
        )
        self._engine.begin_escalation(state, Requested())
        self._engine.tell_escalation(state.id, Accepted(to))
        return state.id

    def _step(self, event: LabEvent) -> None:
        self._calls, effects = step(self._calls, event)
        for effect in effects:
            if isinstance(effect, BeginConversation):
                self._begin(effect)
            else:
                self._switch.perform(effect)

    def _begin(self, begun: BeginConversation) -> None:
        """Hand both legs to the engine: an interaction between a customer and an agent who talk."""
        now = self._engine.now()
        customer, user = begun.customer, begun.user
        call = Interaction(
            id=InteractionId(new_id("int")),
            queue=self._queue,
            caller_number=customer.caller_number,
            customer_leg=customer.leg,
            arrived_at=now,
            phase=Phase.TALKING,
            phase_since=now,
            answered_at=now,
            participants=(
                Participant(ParticipantRole.CUSTOMER, customer.leg, None, now, talking=True),
                Participant(ParticipantRole.AGENT, user.leg, begun.person, now, talking=True),
            ),
        )
        case = Case(CaseId(new_id("case")), self._queue.id, None, CaseTemplate(self._queue.id, ()))
        data: dict[str, object] = {"queue": self._queue.id, "sip_call_id": customer.sip_call_id, "person": begun.person}
        self._events.append(call.id, "interaction.bridged", data)
        self._bridged[customer.sip_call_id] = call.id
        while len(self._bridged) > CALLS_KNOWN:
            self._bridged.popitem(last=False)
        self._engine.take_up(Work(call, case, started_at=datetime.now(UTC)))


def write_tone(folder: Path) -> None:
    """Write the recording that `answer` plays: 8 kHz, 16 bit, mono."""
    folder.mkdir(parents=True, exist_ok=True)
    period = [round(TONE_LEVEL * math.sin(2 * math.pi * TONE_HZ * n / _RATE_HZ)) for n in range(_RATE_HZ // TONE_HZ)]
    with wave.open(str(folder / f"{TONE}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(array("h", period * (TONE_HZ * TONE_S)).tobytes())
