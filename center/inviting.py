"""What an escalation needs from its surroundings: whom to ask, the case on his screen, words in his ear, a promise."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from center.attention import Attention
from center.background import Background
from center.directory import CompanyDirectory
from center.documents import EscalationWork, Work
from center.escalation.events import CandidatesFound, CasePushed
from center.escalation.model import Candidate, Choice, Escalation, Invitation
from center.help_times import HelpTimes
from center.live import LiveDocuments
from center.promise.model import TaskKind
from center.promises import Promises
from center.speech import Speech
from context.bundle import bundle_json, make_bundle
from context.model import ContextBundle
from presence.errors import ContractError
from presence.index import SpecialistEntry, SpecialistIndex
from presence.model import Availability, AvailabilityState, Kind
from presence.runner import PresenceService
from routing.model import Person
from telephony.effects import PlayPrompt
from telephony.model import PromptName
from telephony.switch import Switch
from vocabulary import DeskRole, EscalationId, LegId, PersonId, new_id

log = structlog.get_logger(__name__)

ACCEPT_PROMPT = PromptName("please-press-one")
MOST_CANDIDATES = 12
"""More are never rung within one escalation's time."""
SUMMARY_S = 6.0
"""The longest spoken summary (S04 step 4)."""


class Inviting:
    """Surroundings of the engine's escalations. Loop thread only."""

    def __init__(
        self,
        *,
        presence: PresenceService,
        attention: Attention,
        directory: CompanyDirectory,
        live: LiveDocuments,
        speech: Speech,
        switch: Switch,
        background: Background,
        case_url: Callable[[EscalationId], str],
        now: Callable[[], float],
    ) -> None:
        self._presence = presence
        self._attention = attention
        self._directory = directory
        self._live = live
        self._speech = speech
        self._switch = switch
        self._background = background
        self._case_url = case_url
        self._now = now
        self._promises: Promises | None = None
        self._help_times = HelpTimes()
        self._index = SpecialistIndex()
        for person in directory.people.values():
            self.person_changed(person)

    def connect(self, promises: Promises) -> None:
        """Promises need the engine, which needs us: they come last."""
        self._promises = promises

    # -- whom to ask --------------------------------------------------------------------------------------------

    def find_candidates(self, esc: Escalation, work: Work) -> CandidatesFound:
        """Rank the specialists who are surely free and reachable: the picked one first, then by the wanted skills."""
        wanted = (esc.skill,) if esc.skill else work.call.queue.specialist_skills
        in_the_call = {p.person for p in work.call.participants if p.person is not None}
        first = [esc.first] if esc.first is not None and esc.first not in in_the_call else []
        others = self._index.ranked(wanted, limit=MOST_CANDIDATES, without=esc.invited | in_the_call | set(first))
        ranked = tuple(
            Candidate(person, self._directory.people[person].off_hook_accepts)
            for person in (*first, *others)
            if self._may_be_asked(person, esc, picked=person == esc.first)
        )
        legs = tuple(LegId(new_id("leg")) for _ in range(len(ranked) + 1))
        return CandidatesFound(ranked, self._deputy(work), legs)

    async def read_back(self) -> None:
        """Take up what an earlier run counted."""
        await self._attention.read_back()
        for person in self._directory.people.values():
            self.person_changed(person)

    def person_changed(self, person: Person) -> None:
        """A specialist is new, or his skills are; somebody is none any more."""
        if DeskRole.SPECIALIST not in person.roles:
            self._index.remove(person.id)
            return
        is_new = person.id not in self._index
        self._index.put(SpecialistEntry(person.id, person.skills, person.languages))
        self._index.interruptions_changed(person.id, self._attention.count(person.id))
        if is_new and self._presence.watches(person.id):
            self.availability_changed(self._presence.availability(person.id))

    def person_removed(self, person: PersonId) -> None:
        """Somebody left the company."""
        self._index.remove(person)

    def availability_changed(self, availability: Availability) -> None:
        """Keep the index of who is free current."""
        free = availability.state is AvailabilityState.FREE and availability.resting_until is None
        self._index.set_free(availability.person, free)
        self._attention.availability_changed(availability)

    def _may_be_asked(self, person: PersonId, esc: Escalation, *, picked: bool) -> bool:
        """Free, with a phone, and within his own limits (N14); who was picked also if only his calendar is busy."""
        if not self._directory.registered.get(person, False):
            return False
        availability = self._presence.availability(person)
        if availability.kind is Kind.RESTING:
            return picked and esc.override
        return availability.state is AvailabilityState.FREE or (picked and availability.reachable)

    def _deputy(self, work: Work) -> Candidate | None:
        """Who stands in when no specialist could be had, if his phone is there and he is not in a conversation."""
        deputy = work.call.queue.deputy
        person = self._directory.people.get(deputy) if deputy is not None else None
        if person is None or not self._directory.registered.get(person.id, False):
            return None
        busy = self._presence.availability(person.id).state is AvailabilityState.BUSY
        return None if busy else Candidate(person.id, person.off_hook_accepts)

    def reserved(self, person: PersonId, holder: str | None) -> None:
        """Somebody may be rung, or no longer (None): all lists show it."""
        self._presence.reservation(person, holder)

    def missed(self, specialist: PersonId) -> None:
        """Count an unanswered ring; after some in a row the person is unconfirmed until he shows that he is there."""
        self._attention.missed(specialist)

    def accepted(self, esc: Escalation, specialist: PersonId) -> None:
        """The specialist came."""
        self._attention.answered(specialist)
        self._help_times.began(esc.id, specialist, self._now())

    def ended(self, esc: Escalation) -> None:
        """The escalation is over, help given or not."""
        self._help_times.ended(esc.id, self._now())

    def free_in_s(self, specialist: PersonId) -> float | None:
        """When a specialist who helps now will probably be free again, from how long help usually takes."""
        return self._help_times.free_in_s(specialist, self._now())

    # -- the case before the ring -------------------------------------------------------------------------------

    def push_case(self, esc: EscalationWork, work: Work, specialist: PersonId) -> CasePushed:
        """Send the context bundle to every screen of the specialist (WebSocket, MQTT)."""
        state = esc.state
        bundle = self.bundle(state, work)
        self._index.interruptions_changed(specialist, self._attention.asked(specialist))
        try:
            self._presence.push_case(specialist, bundle_json(bundle))
        except ContractError as error:  # larger than a packet: the desk still shows it
            log.warning("case_not_pushed_over_mqtt", escalation_id=state.id, error=str(error))
        has_screen = self._live.is_watching(specialist)
        if not has_screen:  # ready by the time the phone is answered
            summary = self._speech.prompt(self._summary(state, work), ACCEPT_PROMPT, most_s=SUMMARY_S)
            self._background.spawn(summary)
        return CasePushed(specialist, bundle.digest, has_screen)

    def bundle(self, esc: Escalation, work: Work) -> ContextBundle:
        """What is known now, as it travels with this escalation."""
        return make_bundle(
            escalation=esc.id,
            interaction=esc.interaction,
            case=work.case,
            customer=work.customer,
            caller_number=work.call.caller_number,
            requested_by=esc.agent,
            reason=esc.reason,
            history=work.history,
        )

    def ring_headers(self, esc: Escalation) -> tuple[tuple[str, str], ...]:
        """The case key (RFC 7433, never the case) and where to read it (Call-Info)."""
        key = esc.case.encode().hex()
        return (
            ("User-to-User", f"{key};encoding=hex"),
            ("Call-Info", f"<{self._case_url(esc.id)}>;purpose=info"),
        )

    def speak_summary(self, esc: Escalation, invitation: Invitation, work: Work) -> None:
        """Ask for key 1; who has no screen first hears, alone, who calls and why (at most 6 s)."""
        summary = self._speech.cached(self._summary(esc, work), most_s=SUMMARY_S)
        spoken = summary if summary is not None and not invitation.has_screen else ACCEPT_PROMPT
        self._switch.perform(PlayPrompt(invitation.leg, spoken))

    def _summary(self, esc: Escalation, work: Work) -> str:
        caller = work.caller_name or "a customer"
        asks = self._directory.names.get(esc.agent, "a colleague")
        about = f" about {esc.reason}" if esc.reason else ""
        return f"{asks} asks you to join {caller}{about}, {work.call.queue.name}. Press one to join, two to decline."

    # -- instead of a person ------------------------------------------------------------------------------------

    def offer_choices(self, esc: EscalationWork, work: Work) -> None:
        """Nobody is free: waiting with an honest estimate, a callback, a task, with what the customer would be told."""
        assert self._promises is not None
        wanted = (esc.state.skill,) if esc.state.skill else work.call.queue.specialist_skills
        skilled = [p.id for p in self._directory.people.values() if any(skill in p.skills for skill in wanted)]
        promised = {kind: self._promises.preview(esc, work, kind) for kind in TaskKind}
        esc.choices = [
            {
                "choice": Choice.WAIT.value,
                "says": "Wait for the first who becomes free",
                "estimate_s": self._help_times.wait_s(skilled, self._now()),
            },
            {"choice": Choice.CALLBACK.value, "says": promised[TaskKind.CALLBACK]["sentence"]},
            {"choice": Choice.TASK.value, "says": promised[TaskKind.TASK]["sentence"]},
        ]

    def make_promise(self, esc: EscalationWork, work: Work, choice: Choice) -> None:
        """Promise the customer a callback or a task instead of a person, and tell him (N10)."""
        assert self._promises is not None
        kind = TaskKind.TASK if choice is Choice.TASK else TaskKind.CALLBACK
        esc.promise = dict(self._promises.make(esc, work, kind, self.bundle(esc.state, work).digest))
