"""Hands an interaction out as a vCon: to whoever may see it, and the log says to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from center.access import Access
from center.directory import CompanyDirectory
from center.documents import Work
from center.engine import Engine
from center.errors import UnknownThing
from center.live import Document
from center.persistence import Persistence
from context.bundle import make_bundle
from context.model import Case, Customer, PastContact
from context.vcon import Conversation, Stay, make_vcon
from store.records import StoredEvent, StoredInteraction
from store.store import Store
from vocabulary import EscalationId, InteractionId, ParticipantRole, PersonId, QueueId

CUSTOMER_LEFT = ("abandoned", "customer_left")


@dataclass(frozen=True, slots=True)
class _Found:
    """An interaction wherever it is kept: running, just closed, or in the store."""

    queue: QueueId | None
    started_at: datetime
    number: str
    end_reason: str
    case: Case
    customer: Customer | None
    history: tuple[PastContact, ...]
    agent: PersonId | None
    asked_by: PersonId | None = None
    reason: str = ""


class VconExport:
    """Makes vCons. Loop thread only."""

    def __init__(
        self,
        *,
        access: Access,
        engine: Engine,
        directory: CompanyDirectory,
        store: Store,
        persistence: Persistence,
        company: str,
    ) -> None:
        self._access = access
        self._engine = engine
        self._directory = directory
        self._store = store
        self._persistence = persistence
        self._company = company

    async def vcon(self, actor: PersonId, interaction: InteractionId) -> Document:
        """The interaction as it is known now. That it was taken is an event of its own.

        Raises:
            UnknownThing: There is none that this person may see.
            StoreError: The store is down.
        """
        found = await self._found(actor, interaction)
        await self._store.events.flush()
        events = await self._store.events.of(interaction)
        stays = stays_of(events)
        bundle = make_bundle(
            escalation=EscalationId(""),
            interaction=interaction,
            case=found.case,
            customer=found.customer,
            caller_number=found.number,
            requested_by=found.asked_by or found.agent or _first_agent(stays) or PersonId(""),
            reason=found.reason,
            history=found.history,
        )
        talk = Conversation(
            interaction=interaction,
            started_at=found.started_at,
            service=self._service(found.queue),
            company=self._company,
            customer_name=found.customer.name if found.customer else "",
            number=found.number,
            stays=stays,
            names=self._directory.names,
            ended_at=next((event.at for event in events if event.name == "interaction.closed"), None),
            customer_left=found.end_reason in CUSTOMER_LEFT,
        )
        self._store.events.append(interaction, "interaction.exported", {"person": actor, "format": "vcon"})
        return make_vcon(talk, bundle, datetime.now(UTC))

    async def _found(self, actor: PersonId, interaction: InteractionId) -> _Found:
        work = self._engine.find(interaction)
        if work is not None:
            return self._of_work(self._access.work(actor, interaction))
        return await self._of_store(await self._persistence.old(interaction, self._access.person(actor)))

    def _of_work(self, work: Work) -> _Found:
        esc = self._engine.escalations.get(work.escalation) if work.escalation is not None else None
        return _Found(
            queue=work.call.queue.id,
            started_at=work.started_at,
            number=work.call.caller_number,
            end_reason=work.call.end.reason if work.call.end else "",
            case=work.case,
            customer=work.customer,
            history=work.history,
            agent=None,
            asked_by=esc.state.agent if esc else None,
            reason=esc.state.reason if esc else "",
        )

    async def _of_store(self, stored: StoredInteraction) -> _Found:
        case = await self._store.cases.get(stored.case) if stored.case is not None else None
        if case is None:
            raise UnknownThing("unknown_case", "The case of this interaction is not in the store.")
        customer = await self._store.customers.get(stored.customer) if stored.customer is not None else None
        history = await self._store.customers.history(customer.id) if customer else []
        return _Found(
            queue=stored.queue,
            started_at=stored.enqueued_at,
            number=stored.caller_number,
            end_reason=stored.end_reason,
            case=case,
            customer=customer,
            history=tuple(contact for contact in history if contact.at < stored.enqueued_at),
            agent=stored.agent,
        )

    def _service(self, queue: QueueId | None) -> str:
        return next((each.name for each in self._directory.queues if each.id == queue), queue or "")


def stays_of(events: Iterable[StoredEvent]) -> tuple[Stay, ...]:
    """Who was in the conversation from when to when, by the interaction's event log. Pure.

    A specialist whose phone was answered is in it only once he has joined; who only rang never was.
    """
    stays: list[Stay] = []
    for event in events:
        person = _person(event)
        match event.name, event.data.get("role"):
            case "leg.answered", "customer" | "agent" | "supervisor" as role:
                _join(stays, ParticipantRole(role), person, event.at)
            case "escalation.joined", _:
                _join(stays, ParticipantRole.SPECIALIST, person, event.at)
            case "interaction.called_back", _:
                _join(stays, ParticipantRole.CUSTOMER, None, event.at)
                _join(stays, ParticipantRole.SPECIALIST, person, event.at)
            case "participant.returned", _:
                _join(stays, ParticipantRole.AGENT, person, event.at)
            case ("participant.left" | "supervision.ended", _) | ("leg.ended", "customer"):
                _leave(stays, person, event.at)
            case "interaction.closed", _:
                for stay in [stay for stay in stays if stay.left_at is None]:
                    _leave(stays, stay.person, event.at)
    return tuple(stays)


def _person(event: StoredEvent) -> PersonId | None:
    named = event.data.get("person") or event.data.get("specialist")
    return PersonId(named) if isinstance(named, str) else None


def _join(stays: list[Stay], role: ParticipantRole, person: PersonId | None, at: datetime) -> None:
    if not any(stay.person == person and stay.left_at is None for stay in stays):
        stays.append(Stay(role, person, at))


def _leave(stays: list[Stay], person: PersonId | None, at: datetime) -> None:
    for index, stay in enumerate(stays):
        if stay.person == person and stay.left_at is None:
            stays[index] = replace(stay, left_at=at)


def _first_agent(stays: tuple[Stay, ...]) -> PersonId | None:
    return next((stay.person for stay in stays if stay.role is ParticipantRole.AGENT), None)
