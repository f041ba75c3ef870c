"""Customers are recognised by number, with what preceded this contact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from context.model import Case, CaseTemplate, Customer, PastContact
from routing.model import Person, ServiceQueue
from store import Store, StoreConflict
from store.numbers import normalise_number
from store.records import StoredInteraction
from vocabulary import CaseId, CustomerId, DeskRole, InteractionId, PersonId, QueueId

ANA = Customer(CustomerId("ana"), "Ana Kovač", ("+385915550101", "+12125550123"), "prefers mornings")
NOON = datetime(2027, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "region", "normal"),
    [
        ("+385 91 555 0101", "US", "+385915550101"),
        ("00385 91 5550101", "US", "+385915550101"),
        ("00385915550101", "HR", "+385915550101"),
        ("385915550101", "US", "+385915550101"),
        ("091 555 0101", "HR", "+385915550101"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("12125550123", "US", "+12125550123"),
        ("5001", "US", "5001"),
        ("anonymous", "US", "anonymous"),
        ("", "US", ""),
        ("+", "US", "+"),
        ("x" * 500, "US", "x" * 64),
    ],
)
def test_a_number_has_one_form_however_it_is_written(written: str, region: str, normal: str) -> None:
    """Source: ITU-T E.164."""
    assert normalise_number(written, region) == normal


async def test_a_customer_is_found_by_each_number_in_any_spelling(store: Store) -> None:
    """CE-27: a person, not a number."""
    await store.customers.save(ANA)
    for spelling in ("+385 91 555 0101", "00385915550101", "(212) 555-0123"):
        assert await store.customers.by_number(spelling) == ANA
    assert await store.customers.by_number("+385915550999") is None
    assert await store.customers.by_number("anonymous") is None
    assert await store.customers.get(ANA.id) == ANA
    assert await store.customers.get(CustomerId("nobody")) is None


async def test_a_given_up_number_no_longer_leads_to_the_customer(store: Store) -> None:
    await store.customers.save(ANA)
    await store.customers.save(Customer(ANA.id, "Ana Babić", ("+12125550123",)))
    assert await store.customers.by_number("+385915550101") is None
    assert await store.customers.by_number("+12125550123") == Customer(ANA.id, "Ana Babić", ("+12125550123",))


async def test_a_number_is_never_given_to_two_customers(store: Store) -> None:
    """N1: no wrong customer on a screen."""
    await store.customers.save(ANA)
    with pytest.raises(StoreConflict):
        await store.customers.save(Customer(CustomerId("ivo"), "Ivo", ("00385915550101",)))
    assert await store.customers.by_number("+385915550101") == ANA
    assert await store.customers.get(CustomerId("ivo")) is None


async def test_history_joins_added_contacts_and_closed_interactions_newest_first(store: Store) -> None:
    """CE-14: what was told once is there next time."""
    letter = PastContact(NOON - timedelta(days=9), "letter", "Asked for a copy", "Sent", "Ben Carter")
    old = PastContact(NOON - timedelta(days=90), "voice", "Moved", "Address changed", "Anna Novak")
    claims = QueueId("claims")
    await store.customers.save(ANA)
    await store.customers.add_past_contact(ANA.id, old)
    await store.customers.add_past_contact(ANA.id, letter)
    await store.directory.save_queue(ServiceQueue(claims, "Claims", "5001", "claims"))
    await store.directory.save_person(Person(PersonId("anna"), "Anna Novak", "", frozenset({DeskRole.AGENT})))
    case = Case(CaseId("case_1"), claims, ANA.id, CaseTemplate(claims, ()), outcome="solved")
    await store.cases.create(case)
    await store.interactions.save(
        StoredInteraction(
            InteractionId("int_1"), "closed", NOON, claims, ANA.id, case.id, agent=PersonId("anna"), closed_at=NOON
        )
    )
    await store.interactions.save(
        StoredInteraction(
            InteractionId("int_2"), "closed", NOON - timedelta(days=1), customer=ANA.id, closed_at=NOON,
            end_reason="abandoned",
        )
    )  # fmt: skip
    await store.interactions.save(StoredInteraction(InteractionId("int_3"), "talking", NOON, claims, ANA.id))

    ours = PastContact(NOON, "voice", "Claims", "solved", "Anna Novak", InteractionId("int_1"))
    abandoned = PastContact(NOON - timedelta(days=1), "voice", "", "abandoned", "", InteractionId("int_2"))
    assert await store.customers.history(ANA.id) == [ours, abandoned, letter, old]
    assert await store.customers.history(ANA.id, limit=3) == [ours, abandoned, letter]
    assert await store.customers.history(CustomerId("nobody")) == []
