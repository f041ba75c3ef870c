"""The company: people, what they chose, their passwords' hashes, queues, case templates and trunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import col, select

from context.model import CaseTemplate, FieldKind, FieldSpec
from routing.model import AgentStatus, Channel, Person, ServiceQueue
from store.database import Database, uninterrupted
from store.records import SipCredential, Trunk
from store.tables import (
    AgentStatusRow,
    CaseTemplateRow,
    PersonLimitsRow,
    PersonRow,
    ServiceQueueRow,
    SipCredentialRow,
    TrunkRow,
    WebPasswordRow,
)
from vocabulary import DeskRole, PersonId, QueueId


@uninterrupted
class Directory:
    """Who works here and how they are reached. All lists are in order of id, name or username."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def people(self) -> list[Person]:
        async with self._database.reading() as session:
            rows = await session.exec(select(PersonRow).order_by(col(PersonRow.id)))
            return [_person(row) for row in rows]

    async def person(self, person: PersonId) -> Person | None:
        async with self._database.reading() as session:
            row = await session.get(PersonRow, person)
            return _person(row) if row else None

    async def save_person(self, person: Person) -> None:
        """Add or change a person; passwords and agent status stay as they are."""
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(_person_row(person)))

    async def enrol(self, staff: Iterable[tuple[Person, str, SipCredential]]) -> None:
        """Add people with the hash of their web password and their phone's credential: all of them or none."""
        async with self._database.writing() as session:
            for person, password_hash, credential in staff:
                await session.exec(self._database.upsert(_person_row(person)))
                await session.exec(self._database.upsert(WebPasswordRow(person=person.id, hash=password_hash)))
                await session.exec(self._database.upsert(_credential_row(credential)))

    async def queues(self) -> list[ServiceQueue]:
        async with self._database.reading() as session:
            rows = await session.exec(select(ServiceQueueRow).order_by(col(ServiceQueueRow.id)))
            return [_queue(row) for row in rows]

    async def save_queue(self, queue: ServiceQueue) -> None:
        """Add or change a queue.

        Raises:
            StoreConflict: Another queue has this service number.
        """
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(_queue_row(queue)))

    async def case_template(self, queue: QueueId) -> CaseTemplate:
        """The queue's template; one without fields when none was saved."""
        async with self._database.reading() as session:
            known = await session.get(ServiceQueueRow, queue)
            row = await session.get(CaseTemplateRow, (known.template if known else "") or queue)
            return CaseTemplate(queue, fields_from_json(row.fields) if row else ())

    async def save_case_template(self, template: CaseTemplate) -> None:
        """Give a queue the template of its own id. Cases opened before keep the one they were opened with."""
        async with self._database.writing() as session:
            queue = await session.get(ServiceQueueRow, template.queue)
            name = queue.name if queue else str(template.queue)
            row = CaseTemplateRow(id=template.queue, name=name, fields=fields_to_json(template.fields))
            await session.exec(self._database.upsert(row))

    async def trunks(self) -> list[Trunk]:
        async with self._database.reading() as session:
            rows = await session.exec(select(TrunkRow).order_by(col(TrunkRow.name)))
            return [Trunk(row.name, tuple(row.addresses), row.outbound_uri) for row in rows]

    async def save_trunk(self, trunk: Trunk) -> None:
        row = TrunkRow(name=trunk.name, addresses=list(trunk.addresses), outbound_uri=trunk.outbound_uri)
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(row))

    async def sip_credentials(self) -> list[SipCredential]:
        async with self._database.reading() as session:
            rows = await session.exec(select(SipCredentialRow).order_by(col(SipCredentialRow.username)))
            return [
                SipCredential(row.username, PersonId(row.person), row.realm, row.ha1_md5, row.ha1_sha256)
                for row in rows
            ]

    async def set_sip_credential(self, person: PersonId, realm: str, ha1_md5: str, ha1_sha256: str) -> None:
        """Set the digests of a person's phone password; the SIP user name is the person's id."""
        row = _credential_row(SipCredential(str(person), person, realm, ha1_md5, ha1_sha256))
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(row))

    async def password_hash(self, person: PersonId) -> str | None:
        """The hash of a person's web password; None when the person is unknown or may not log in."""
        async with self._database.reading() as session:
            row = await session.get(WebPasswordRow, person)
            return row.hash if row else None

    async def set_password_hash(self, person: PersonId, password_hash: str) -> None:
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(WebPasswordRow(person=person, hash=password_hash)))

    async def agent_status(self) -> dict[PersonId, tuple[AgentStatus, str]]:
        """What every agent chose last, with the reason; people who never chose are not in it."""
        async with self._database.reading() as session:
            rows = await session.exec(select(AgentStatusRow))
            return {PersonId(row.person): (AgentStatus(row.status), row.reason) for row in rows}

    async def set_agent_status(self, person: PersonId, status: AgentStatus, reason: str = "") -> None:
        row = AgentStatusRow(person=person, status=status.value, reason=reason)
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(row))

    async def limits(self) -> dict[PersonId, dict[str, Any]]:
        """Everybody's own limits on interruptions, as JSON; people without any are not in it."""
        async with self._database.reading() as session:
            rows = await session.exec(select(PersonLimitsRow))
            return {PersonId(row.person): dict(row.limits) for row in rows}

    async def set_limits(self, person: PersonId, limits: dict[str, Any]) -> None:
        async with self._database.writing() as session:
            await session.exec(self._database.upsert(PersonLimitsRow(person=person, limits=limits)))


def fields_to_json(fields: Iterable[FieldSpec]) -> list[dict[str, object]]:
    """A template's fields as they are stored."""
    return [
        {
            "key": spec.key,
            "label": spec.label,
            "required": spec.required,
            "kind": spec.kind.value,
            "choices": list(spec.choices),
        }
        for spec in fields
    ]


def fields_from_json(stored: Iterable[dict[str, object]]) -> tuple[FieldSpec, ...]:
    """A template's fields as the domain knows them."""
    return tuple(
        FieldSpec(
            key=str(spec["key"]),
            label=str(spec["label"]),
            required=bool(spec["required"]),
            kind=FieldKind(str(spec["kind"])),
            choices=tuple(str(choice) for choice in _list(spec["choices"])),
        )
        for spec in stored
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _person(row: PersonRow) -> Person:
    return Person(
        id=PersonId(row.id),
        name=row.name,
        title=row.title,
        roles=frozenset(DeskRole(role) for role in row.roles),
        skills=dict(row.skills),
        channels={Channel(channel): level for channel, level in row.channels.items()},
        languages=tuple(row.languages),
        off_hook_accepts=row.off_hook_accepts,
    )


def _person_row(person: Person) -> PersonRow:
    return PersonRow(
        id=person.id,
        name=person.name,
        title=person.title,
        roles=sorted(role.value for role in person.roles),
        skills=dict(person.skills),
        channels={channel.value: level for channel, level in person.channels.items()},
        languages=list(person.languages),
        off_hook_accepts=person.off_hook_accepts,
    )


def _queue(row: ServiceQueueRow) -> ServiceQueue:
    return ServiceQueue(
        id=QueueId(row.id),
        name=row.name,
        number=row.number,
        skill=row.skill,
        least_level=row.least_level,
        ring_timeout_s=row.ring_timeout_s,
        wrap_up_s=row.wrap_up_s,
        greeting=row.greeting,
        specialist_skills=tuple(row.specialist_skills),
        deputy=PersonId(row.deputy) if row.deputy is not None else None,
        template=row.template,
        target_s=row.target_s,
        ceiling_s=row.ceiling_s,
        specialist_ring_s=row.specialist_ring_s,
    )


def _queue_row(queue: ServiceQueue) -> ServiceQueueRow:
    return ServiceQueueRow(
        id=queue.id,
        name=queue.name,
        number=queue.number,
        skill=queue.skill,
        least_level=queue.least_level,
        ring_timeout_s=queue.ring_timeout_s,
        wrap_up_s=queue.wrap_up_s,
        greeting=queue.greeting,
        specialist_skills=list(queue.specialist_skills),
        deputy=queue.deputy,
        template=queue.template,
        target_s=queue.target_s,
        ceiling_s=queue.ceiling_s,
        specialist_ring_s=queue.specialist_ring_s,
    )


def _credential_row(credential: SipCredential) -> SipCredentialRow:
    return SipCredentialRow(
        person=credential.person,
        username=credential.username,
        realm=credential.realm,
        ha1_md5=credential.ha1_md5,
        ha1_sha256=credential.ha1_sha256,
    )
