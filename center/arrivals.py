"""What becomes of a call that comes in: a new interaction, a speed-dial key, or an agent who comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import structlog

from center.background import Background
from center.directory import PREFIX, CompanyDirectory
from center.documents import Work
from center.engine import Engine, find_interaction_of
from center.errors import CenterError
from center.escalation.model import Trigger
from center.interaction.events import AgentCameBack, Arrived
from center.interaction.model import Interaction
from center.phone_book import PhoneBook
from center.triggers import PhoneTriggers, skill_of
from context.model import Case, CaseEdit, Customer, PastContact, ValueSource
from context.record import apply_edit, field_spec
from routing.model import ServiceQueue
from store.store import Store
from telephony.effects import EndLeg
from telephony.events import LegArrived
from telephony.model import PersonOrigin, TrunkOrigin
from telephony.switch import Switch
from vocabulary import CaseId, EndReason, InteractionId, LegId, PersonId, new_id

log = structlog.get_logger(__name__)

CUSTOMER_NAME_FIELD = "policy_holder"
"""The field of a case template that a known customer's name is filled into."""
NOT_IN_A_CALL = EndReason.client_error("not_in_a_call")
REQUEST_TAKEN = EndReason.success("request_taken")
REQUEST_REFUSED = EndReason.client_error("request_refused")
UNKNOWN_NUMBER = EndReason.client_error("unknown_number")


class Arrivals:
    """Receives admitted calls. Loop thread only."""

    def __init__(
        self,
        *,
        switch: Switch,
        engine: Engine,
        directory: CompanyDirectory,
        store: Store,
        triggers: PhoneTriggers,
        background: Background,
        phone_book: PhoneBook | None = None,
    ) -> None:
        self._phone_book = phone_book
        self._switch = switch
        self._engine = engine
        self._directory = directory
        self._store = store
        self._triggers = triggers
        self._background = background

    def arrived(self, event: LegArrived) -> None:
        """Decide what an admitted caller wants."""
        if event.called.startswith(PREFIX):
            self._speed_dialled(event)
            return
        if isinstance(event.origin, PersonOrigin) and self._came_back(event.origin.person, event.leg):
            return
        queue = self._directory.queue_by_number(event.called)
        if queue is None:
            self._switch.perform(EndLeg(event.leg, UNKNOWN_NUMBER, 404))
            return
        self._begin(event, queue)

    def _begin(self, event: LegArrived, queue: ServiceQueue) -> None:
        number = event.caller.number
        interaction = InteractionId(new_id("int"))
        case = Case(CaseId(new_id("case")), queue.id, None, self._directory.template(queue.id))
        call = Interaction(interaction, queue, number, event.leg, arrived_at=self._engine.now())
        trunk = event.origin.trunk if isinstance(event.origin, TrunkOrigin) else None
        work = Work(call, case, started_at=datetime.now(UTC), trunk=trunk)
        data: dict[str, object] = {
            "pii_number": number,
            "queue": queue.id,
            "sip_call_id": event.sip_call_id,
            "leg": event.leg,
        }
        if isinstance(event.origin, PersonOrigin):
            data["person"] = event.origin.person
        self._store.events.append(interaction, "leg.arrived", data)
        self._engine.begin(work, Arrived())
        self._background.spawn(self._recognise(work, number))

    def _speed_dialled(self, event: LegArrived) -> None:
        """A call to bring-in+<skill> from a phone whose owner is in a conversation: ask, hang up with the answer."""
        person = event.origin.person if isinstance(event.origin, PersonOrigin) else None
        call = find_interaction_of(self._engine, person) if person is not None else None
        if person is None or call is None:
            self._switch.perform(EndLeg(event.leg, NOT_IN_A_CALL, 480))
            return
        answer = self._triggers.request(person, call.id, skill_of(event.called), Trigger.SPEED_DIAL, None)
        refused = isinstance(answer, CenterError)
        self._switch.perform(EndLeg(event.leg, REQUEST_REFUSED if refused else REQUEST_TAKEN, 480 if refused else 486))

    def _came_back(self, person: PersonId, leg: LegId) -> bool:
        """An agent whose phone was lost a moment ago calls in: back into the same conversation with him."""
        now = self._engine.now()
        work = next((work for work in self._engine.works.values() if work.call.may_come_back(person, now)), None)
        if work is None:
            return False
        self._engine.adopt(leg, work.call.id, person)
        self._engine.tell_interaction(work.call.id, AgentCameBack(person, leg))
        return True

    async def _recognise(self, work: Work, number: str) -> None:
        """Find out who calls; the call does not wait for it."""
        try:
            customer = await self._store.customers.by_number(number)
            history = await self._store.customers.history(customer.id) if customer else []
        except Exception as error:
            log.warning("customer_lookup_failed", interaction_id=work.call.id, error=type(error).__name__)
            return
        if customer is not None:
            self._known(work, customer, tuple(history))
        elif self._phone_book is not None:
            await self._look_in(self._phone_book, work, number)
        self._engine.changed(work.call.id)

    async def _look_in(self, phone_book: PhoneBook, work: Work, number: str) -> None:
        """Somebody the store does not know may be in a phone book; what people have typed meanwhile stays."""
        work.listed = await phone_book.name_of(number)
        if work.listed is None:
            return
        case = work.case
        if field_spec(case, CUSTOMER_NAME_FIELD) is not None and not case.values.get(CUSTOMER_NAME_FIELD):
            source, now = ValueSource.PHONE_BOOK, datetime.now(UTC)
            edit = CaseEdit(CUSTOMER_NAME_FIELD, work.listed.name, source, source.value, now, case.version)
            work.case = apply_edit(case, edit)
        self._store.events.append(work.call.id, "customer.listed", {"source": ValueSource.PHONE_BOOK.value})

    def _known(self, work: Work, customer: Customer, history: tuple[PastContact, ...]) -> None:
        work.customer, work.history = customer, history
        case = work.case
        if field_spec(case, CUSTOMER_NAME_FIELD) is not None:
            source = ValueSource.CRM
            now = datetime.now(UTC)
            case = apply_edit(
                case, CaseEdit(CUSTOMER_NAME_FIELD, customer.name, source, source.value, now, case.version)
            )
        work.case = replace(case, customer=customer.id)
        self._store.events.append(work.call.id, "customer.recognised", {"customer": customer.id})
