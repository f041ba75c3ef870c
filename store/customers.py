"""Customers, by which numbers they are recognised, and what preceded this contact."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from context.model import Customer, PastContact
from store.database import Database, uninterrupted
from store.numbers import normalise_number
from store.tables import (
    CaseRow,
    CustomerNumberRow,
    CustomerRow,
    InteractionRow,
    PastContactRow,
    PersonRow,
    ServiceQueueRow,
)
from vocabulary import CustomerId, InteractionId


@uninterrupted
class Customers:
    """The people who call. A number belongs to one customer only."""

    def __init__(self, database: Database, default_region: str) -> None:
        self._database = database
        self._region = default_region

    async def by_number(self, number: str) -> Customer | None:
        """Who calls from this number, in whatever way it is written."""
        normal = normalise_number(number, self._region)
        async with self._database.reading() as session:
            row = await session.get(CustomerNumberRow, normal)
            return await _customer(session, row.customer) if row else None

    async def get(self, customer: CustomerId) -> Customer | None:
        async with self._database.reading() as session:
            return await _customer(session, customer)

    async def save(self, customer: Customer) -> None:
        """Add or change a customer with all his numbers.

        Raises:
            StoreConflict: One of the numbers belongs to another customer.
        """
        numbers = dict.fromkeys(normalise_number(number, self._region) for number in customer.numbers if number.strip())
        async with self._database.writing() as session:
            await session.exec(
                self._database.upsert(CustomerRow(id=customer.id, name=customer.name, note=customer.note))
            )
            await session.exec(delete(CustomerNumberRow).where(col(CustomerNumberRow.customer) == customer.id))
            session.add_all(
                CustomerNumberRow(number=number, customer=customer.id, position=position)
                for position, number in enumerate(numbers)
            )

    async def add_past_contact(self, customer: CustomerId, contact: PastContact) -> None:
        """Add a contact that happened elsewhere or before this system."""
        async with self._database.writing() as session:
            session.add(
                PastContactRow(
                    customer=customer,
                    at=contact.at,
                    channel=contact.channel,
                    summary=contact.summary,
                    outcome=contact.outcome,
                    handled_by=contact.handled_by,
                )
            )

    async def history(self, customer: CustomerId, limit: int = 20) -> list[PastContact]:
        """Earlier contacts, newest first: those added and our own closed interactions."""
        async with self._database.reading() as session:
            added = await session.exec(
                select(PastContactRow)
                .where(PastContactRow.customer == customer)
                .order_by(col(PastContactRow.at).desc())
                .limit(limit)
            )
            contacts = [
                PastContact(row.at, row.channel, row.summary, row.outcome, row.handled_by) for row in added
            ] + await _closed_interactions(session, customer, limit)
        return sorted(contacts, key=lambda contact: contact.at, reverse=True)[:limit]


async def _customer(session: AsyncSession, customer: str) -> Customer | None:
    row = await session.get(CustomerRow, customer)
    if row is None:
        return None
    numbers = await session.exec(
        select(CustomerNumberRow.number)
        .where(CustomerNumberRow.customer == customer)
        .order_by(col(CustomerNumberRow.position))
    )
    return Customer(CustomerId(row.id), row.name, tuple(numbers), row.note)


async def _closed_interactions(session: AsyncSession, customer: str, limit: int) -> list[PastContact]:
    """Our own interactions as past contacts: which service, what came of it, and by whom."""
    rows = await session.exec(
        select(InteractionRow, ServiceQueueRow.name, PersonRow.name, CaseRow.outcome)
        .join(ServiceQueueRow, col(ServiceQueueRow.id) == InteractionRow.queue, isouter=True)
        .join(PersonRow, col(PersonRow.id) == InteractionRow.agent, isouter=True)
        .join(CaseRow, col(CaseRow.id) == InteractionRow.case, isouter=True)
        .where(InteractionRow.customer == customer, col(InteractionRow.closed_at).is_not(sa.null()))
        .order_by(col(InteractionRow.enqueued_at).desc())
        .limit(limit)
    )
    return [
        PastContact(
            at=row.enqueued_at,
            channel="voice",
            summary=queue_name or row.queue or "",
            outcome=outcome or row.disposition or row.end_reason,
            handled_by=agent_name or row.agent or "",
            interaction=InteractionId(row.id),
        )
        for row, queue_name, agent_name, outcome in rows
    ]
