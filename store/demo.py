"""A demo company, so that the first start shows something: Harbour Insurance with people, queues and customers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from context.model import CaseTemplate, Customer, FieldKind, FieldSpec, PastContact
from routing.model import Channel, Person, ServiceQueue
from store.records import GeneratedLogin, SipCredential, Trunk
from store.store import Store
from vocabulary import CustomerId, DeskRole, PersonId, QueueId

PasswordHasher = Callable[[str], str]
"""Makes the stored hash of a web password; may take long (it runs in a thread)."""
Ha1Maker = Callable[[str, str, str], tuple[str, str]]
"""(username, realm, password) -> (HA1 by MD5, HA1 by SHA-256), as of RFC 7616."""

_PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without the ones that look alike on paper (l and 1, o and 0)."""

CLAIMS, BILLING, TECHNICAL = QueueId("claims"), QueueId("billing"), QueueId("technical")


async def seed_demo_company(
    store: Store, *, hash_password: PasswordHasher, make_ha1: Ha1Maker, realm: str
) -> list[GeneratedLogin]:
    """Fill an empty directory with the demo company; return its passwords, which are stored only as hashes.

    A directory with people is left alone (empty list). People come last and all at once, so an interrupted run is
    simply repeated.
    """
    if await store.directory.people():
        return []
    for queue, fields in _QUEUES:
        await store.directory.save_queue(queue)
        await store.directory.save_case_template(CaseTemplate(queue.id, fields))
    await store.directory.save_trunk(Trunk("demo-carrier", ("127.0.0.1", "::1")))
    await _save_customers(store)
    logins = [_new_login(person) for person in PEOPLE]
    hashes = await asyncio.to_thread(lambda: [hash_password(login.web_password) for login in logins])
    credentials = [_credential(login, realm, make_ha1) for login in logins]
    await store.directory.enrol(zip(PEOPLE, hashes, credentials, strict=True))
    return logins


async def _save_customers(store: Store) -> None:
    today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for customer, contacts in _CUSTOMERS:
        await store.customers.save(customer)
        if await store.customers.history(customer.id, limit=1):
            continue
        for days_ago, channel, summary, outcome, handled_by in contacts:
            contact = PastContact(today - timedelta(days=days_ago), channel, summary, outcome, handled_by)
            await store.customers.add_past_contact(customer.id, contact)


def _new_login(person: Person) -> GeneratedLogin:
    roles = tuple(sorted(role.value for role in person.roles))
    return GeneratedLogin(person.id, person.name, roles, _new_password(), _new_password())


def _new_password() -> str:
    """Four groups of four letters: 80 bits, easy to read out and to type into a phone."""
    return "-".join("".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(4)) for _ in range(4))


def _credential(login: GeneratedLogin, realm: str, make_ha1: Ha1Maker) -> SipCredential:
    username = str(login.person)
    return SipCredential(username, login.person, realm, *make_ha1(username, realm, login.phone_password))


def _person(
    id: str, name: str, title: str, role: DeskRole, skills: dict[str, int], languages: tuple[str, ...] = ("en",)
) -> Person:
    channels = {Channel.VOICE: 4} if role in (DeskRole.AGENT, DeskRole.SPECIALIST) else {}
    return Person(PersonId(id), name, title, frozenset({role}), skills, channels, languages)


PEOPLE = (
    _person("anna.novak", "Anna Novak", "Contact centre agent", DeskRole.AGENT,
            {"claims": 3, "billing": 2, "technical": 2}, ("en", "hr")),
    _person("ben.carter", "Ben Carter", "Contact centre agent", DeskRole.AGENT,
            {"claims": 2, "billing": 3, "technical": 3}),
    _person("eva.horvat", "Eva Horvat", "Senior claims adjuster", DeskRole.SPECIALIST,
            {"claims": 5, "fraud": 2}, ("en", "hr", "de")),
    _person("marcus.lind", "Marcus Lind", "Fraud investigator", DeskRole.SPECIALIST,
            {"fraud": 5, "claims": 3}, ("en", "sv")),
    _person("priya.shah", "Priya Shah", "Billing analyst", DeskRole.SPECIALIST,
            {"billing": 5, "claims": 1}, ("en", "hi")),
    _person("tom.fischer", "Tom Fischer", "Telematics engineer", DeskRole.SPECIALIST,
            {"technical": 5, "billing": 1}, ("en", "de")),
    _person("sara.quinn", "Sara Quinn", "Contact centre supervisor", DeskRole.SUPERVISOR, {}),
    _person("olga.marin", "Olga Marin", "System administrator", DeskRole.ADMINISTRATOR, {}),
)  # fmt: skip

_CLAIMS_FIELDS = (
    FieldSpec("policy_number", "Policy number", required=True),
    FieldSpec("policy_holder", "Policy holder", required=True),
    FieldSpec("incident_date", "Date of the incident", required=True, kind=FieldKind.DATE),
    FieldSpec("incident_place", "Place of the incident", required=True),
    FieldSpec("incident_kind", "What happened", required=True, kind=FieldKind.CHOICE,
              choices=("Collision", "Storm or hail", "Water damage", "Fire", "Theft", "Other")),
    FieldSpec("description", "Description in the customer's words", required=True, kind=FieldKind.TEXT),
    FieldSpec("insured_object", "Insured object (vehicle, home, item)", required=True),
    FieldSpec("estimated_damage", "Estimated damage in euro", kind=FieldKind.NUMBER),
    FieldSpec("injuries", "Anybody injured", required=True, kind=FieldKind.CHOICE,
              choices=("No", "Yes, minor", "Yes, serious")),
    FieldSpec("third_party", "Other party and its insurer"),
    FieldSpec("police_report", "Police report number"),
    FieldSpec("callback_number", "Best number to call back", required=True),
)  # fmt: skip
"""Twelve: the first nine are what an agent asks first, the last three what an adjuster usually still misses."""

_BILLING_FIELDS = (
    FieldSpec("policy_number", "Policy number", required=True),
    FieldSpec("invoice_number", "Invoice number", required=True),
    FieldSpec("amount", "Amount in euro", required=True, kind=FieldKind.NUMBER),
    FieldSpec("matter", "What it is about", required=True, kind=FieldKind.CHOICE,
              choices=("Wrong amount", "Paid twice", "Reminder", "Instalments", "Refund", "Other")),
    FieldSpec("description", "Description in the customer's words", required=True, kind=FieldKind.TEXT),
    FieldSpec("paid_on", "Paid on", kind=FieldKind.DATE),
    FieldSpec("payment_method", "Way of payment", kind=FieldKind.CHOICE,
              choices=("Direct debit", "Bank transfer", "Card", "Cash")),
    FieldSpec("callback_number", "Best number to call back", required=True),
)  # fmt: skip

_TECHNICAL_FIELDS = (
    FieldSpec("device", "Device or service", required=True, kind=FieldKind.CHOICE,
              choices=("Customer portal", "Mobile app", "Telematics box", "Smoke alarm", "Other")),
    FieldSpec("serial_number", "Serial number"),
    FieldSpec("description", "What does not work", required=True, kind=FieldKind.TEXT),
    FieldSpec("since", "Since when", required=True, kind=FieldKind.DATE),
    FieldSpec("error_message", "Error message on the screen"),
    FieldSpec("tried", "What was tried already", required=True, kind=FieldKind.TEXT),
    FieldSpec("software_version", "Version of the app or device"),
    FieldSpec("callback_number", "Best number to call back", required=True),
)  # fmt: skip

_QUEUES = (
    (ServiceQueue(CLAIMS, "Claims", "5001", "claims", specialist_skills=("claims", "fraud")), _CLAIMS_FIELDS),
    (ServiceQueue(BILLING, "Billing", "5002", "billing", specialist_skills=("billing", "claims")), _BILLING_FIELDS),
    (ServiceQueue(TECHNICAL, "Technical help", "5003", "technical", specialist_skills=("technical", "billing")),
     _TECHNICAL_FIELDS),
)  # fmt: skip

_CUSTOMERS = (
    (Customer(CustomerId("ana.kovac"), "Ana Kovač", ("+385 91 555 0101",), "Customer since 2014; home and car"), (
        (412, "voice", "Asked for the green card before a journey", "Card sent by post", "Ben Carter"),
        (190, "email", "New address after moving to Split", "Policy changed", "Anna Novak"),
        (34, "voice", "Reported water in the cellar after a storm", "Claim opened, adjuster to visit", "Anna Novak"),
        (6, "voice", "Asked when the adjuster comes", "Visit promised within a week", "Ben Carter"),
    )),
    (Customer(CustomerId("james.okoro"), "James Okoro", ("+44 20 7946 0102", "+44 7700 900102"), "Fleet of six vans"), (
        (300, "email", "Added a sixth van to the fleet policy", "Policy changed", "Anna Novak"),
        (75, "voice", "Invoice for the fleet looked too high", "Corrected invoice sent", "Priya Shah"),
        (12, "chat", "Asked for the renewal conditions", "Offer sent", "Ben Carter"),
    )),
    (Customer(CustomerId("lucia.moreno"), "Lucía Moreno", ("+34 910 555 103",), "Prefers to be called after 17:00"), (
        (520, "voice", "Stolen bicycle", "Paid 640 euro", "Eva Horvat"),
        (260, "voice", "Direct debit failed twice", "Instalments agreed", "Priya Shah"),
        (90, "email", "Copy of the policy for the bank", "Sent", "Ben Carter"),
        (41, "chat", "Could not log in to the portal", "Password reset", "Tom Fischer"),
        (3, "voice", "Telematics box blinks red", "Told to wait for the update", "Ben Carter"),
    )),
    (Customer(CustomerId("henrik.dahl"), "Henrik Dahl", ("+46 8 555 010 04",), "Owns a sailing boat"), (
        (700, "voice", "Insured a sailing boat", "Policy issued", "Anna Novak"),
        (210, "voice", "Torn mainsail after a gale", "Paid 1,900 euro", "Eva Horvat"),
        (30, "email", "Asked whether racing is covered", "Answered: with an extra", "Anna Novak"),
    )),
)  # fmt: skip
