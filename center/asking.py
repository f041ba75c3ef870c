"""Somebody asks for a specialist, by whatever trigger: one path checks the request and begins the escalation (N5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from center.access import Access
from center.directory import CompanyDirectory
from center.documents import EscalationWork, Work
from center.engine import Engine, EventLog, find_interaction_of
from center.errors import CenterError, UnknownThing, WrongMoment
from center.escalation.events import Requested
from center.escalation.model import Escalation, Timing, Trigger
from center.interaction.model import Interaction, Phase
from presence.model import AvailabilityState, Kind
from presence.runner import PresenceService
from routing.model import Person, ServiceQueue
from telephony.model import CallerIdentity
from vocabulary import DeskRole, EscalationId, InteractionId, PersonId, new_id

log = structlog.get_logger(__name__)


class Asking:
    """Begins escalations. Loop thread only. `alone`: no other node hears the same MQTT commands."""

    def __init__(
        self,
        *,
        access: Access,
        engine: Engine,
        directory: CompanyDirectory,
        presence: PresenceService,
        events: EventLog,
        timing: Callable[[ServiceQueue], Timing],
        alone: bool,
    ) -> None:
        self._access = access
        self._engine = engine
        self._directory = directory
        self._presence = presence
        self._events = events
        self._timing = timing
        self._alone = alone

    def by_mqtt(self, person: PersonId, payload: Mapping[str, Any]) -> None:
        """An escalation asked for over MQTT by a person's own client: `{"specialist" or "skill", "reason"?}`.

        The client hears on its answer topic what came of it: `{"escalation"}`, or `{"error": {"code", "message"}}`.
        """
        call = find_interaction_of(self._engine, person)
        if call is None and not self._alone:
            return  # every node hears the command; the one with his conversation answers
        try:
            answer: dict[str, object] = {"escalation": self._ask_by_mqtt(call, person, payload).state.id}
        except CenterError as error:
            log.info("mqtt_command_refused", person=person, code=error.code)
            answer = {"error": {"code": error.code, "message": error.message}}
        self._presence.answer_command(person, answer)

    def _ask_by_mqtt(self, call: Interaction | None, person: PersonId, payload: Mapping[str, Any]) -> EscalationWork:
        if call is None:
            raise WrongMoment("not_in_a_call", "You are in no conversation now.")
        specialist, skill = str(payload.get("specialist", "")), str(payload.get("skill", ""))
        reason = str(payload.get("reason", ""))[:200]
        return self.ask(person, call.id, PersonId(specialist) or None, skill, reason, Trigger.MQTT)

    def ask(
        self,
        actor: PersonId,
        interaction: InteractionId,
        specialist: PersonId | None,
        skill: str,
        reason: str,
        trigger: Trigger,
        override_reason: str = "",
    ) -> EscalationWork:
        """Check a request from whatever trigger and begin the escalation; one path for all of them (N5)."""
        work = self._access.conversation(actor, interaction)
        if work.call.phase is not Phase.TALKING or work.call.escalation is not None:
            raise WrongMoment("already_escalating", "A specialist is being brought in already, or nobody talks yet.")
        overrides = False
        if specialist is not None:
            overrides = self._check_askable(work, specialist, override_reason)
        elif skill and not any(skill in person.skills for person in self._specialists()):
            raise UnknownThing("unknown_skill", "Nobody in the company has that skill.")
        state = Escalation(
            id=EscalationId(new_id("esc")),
            interaction=interaction,
            case=work.case.id,
            agent=actor,
            shown=CallerIdentity(work.caller_name, work.call.caller_number),
            reason=reason,
            trigger=trigger,
            requested_at=self._engine.now(),
            skill=skill,
            first=specialist,
            override=overrides,
            timing=self._timing(work.call.queue),
        )
        if overrides:
            data: dict[str, object] = {"by": actor, "specialist": specialist, "pii_reason": override_reason}
            self._events.append(interaction, "limits.overridden", data)
        return self._engine.begin_escalation(state, Requested())

    def _specialists(self) -> list[Person]:
        return [person for person in self._directory.people.values() if DeskRole.SPECIALIST in person.roles]

    def _check_askable(self, work: Work, specialist: PersonId, override_reason: str) -> bool:
        """Refuse who cannot be asked now; tells whether asking overrides the person's own limits."""
        person = self._directory.people.get(specialist)
        if person is None or DeskRole.SPECIALIST not in person.roles:
            raise UnknownThing("unknown_specialist", "There is no specialist of that name.")
        if work.call.by_person(specialist) is not None:
            raise WrongMoment("already_in", f"{person.name} is in this conversation already.")
        if not self._directory.registered.get(specialist, False):
            raise WrongMoment("not_reachable", f"{person.name} has no phone connected.")
        availability = self._presence.availability(specialist)
        if availability.kind is Kind.RESTING:
            if not override_reason:
                raise WrongMoment("resting", f"{person.name} is {availability.because}. Give a reason to ask anyway.")
            return True
        if availability.state is not AvailabilityState.FREE and not availability.reachable:
            raise WrongMoment("not_free", f"{person.name} is not free: {availability.because}.")
        return False
