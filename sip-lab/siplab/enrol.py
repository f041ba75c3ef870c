"""Writes a scenario's company into an empty state folder: `python -m siplab.enrol`, the company as JSON on stdin.

Settings come from the environment as for the node (`RINGSIDE_STATE_DIR` …). Prints the log-ins as `ringside init
--json` does. The greeting of its queue is a tenth of a second, so that a scenario's time is spent on what it is about.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from typing import Any

from center.demo import private_broker
from center.directory import ha1_pair
from center.node import open_store, prepare_state_dir
from center.settings import Settings, load_settings
from context.model import CaseTemplate, FieldKind, FieldSpec
from context.model import Customer as StoredCustomer
from desk.logins import hash_password
from routing.model import Channel, Person, ServiceQueue
from siplab.company import CLAIMS, CLAIMS_NUMBER, Customer, Employee, LabCompany
from siplab.sounds import write_sound
from store.records import SipCredential, Trunk
from store.store import Store
from vocabulary import CustomerId, DeskRole, PersonId, QueueId

GREETING = "lab-greeting"
GREETING_MS = 100
FIELDS = (
    FieldSpec("policy_number", "Policy number", required=True),
    FieldSpec("policy_holder", "Policy holder", required=True),
    FieldSpec("description", "Description in the customer's words", required=True, kind=FieldKind.TEXT),
    FieldSpec("callback_number", "Best number to call back", required=True),
)


async def enrol(company: LabCompany, settings: Settings) -> list[dict[str, Any]]:
    """Make the company; gives the log-ins."""
    prepare_state_dir(settings.state_dir)
    write_sound(settings.state_dir / "speech" / f"{GREETING}.wav", GREETING_MS)
    store = await open_store(settings)
    try:
        await _save_rules(store, company)
        for customer in company.customers:
            await store.customers.save(_customer(customer))
        logins = [_login(employee) for employee in company.people]
        web_hash = await asyncio.to_thread(hash_password, logins[0]["web_password"])
        await store.directory.enrol(
            (_person(employee), web_hash, _credential(login, settings.sip.realm))
            for employee, login in zip(company.people, logins, strict=True)
        )
    finally:
        await store.close()
    if settings.presence.host is not None:
        return logins  # the company's own broker has its own accounts
    broker = private_broker(settings)
    (settings.state_dir / "mosquitto").mkdir(mode=0o700, exist_ok=True)
    for login in logins:
        await broker.add_account(login["person"], login["phone_password"])
    return logins


async def _save_rules(store: Store, company: LabCompany) -> None:
    queue = QueueId(CLAIMS)
    await store.directory.save_queue(
        ServiceQueue(
            queue,
            "Claims",
            CLAIMS_NUMBER,
            CLAIMS,
            wrap_up_s=company.wrap_up_s,
            greeting=GREETING,
            specialist_skills=company.wanted_skills,
        )
    )
    await store.directory.save_case_template(CaseTemplate(queue, FIELDS))
    await store.directory.save_trunk(Trunk("lab-carrier", ("127.0.0.1", "::1"), company.outbound or None))


def _customer(customer: Customer) -> StoredCustomer:
    return StoredCustomer(CustomerId(customer.id), customer.name, (customer.number,), "Calls in scenarios")


WEB_PASSWORD = secrets.token_urlsafe(12)
"""One for all people of a lab company, because each hash costs a tenth of a second by intention."""


def _login(employee: Employee) -> dict[str, Any]:
    return {
        "person": employee.person,
        "name": employee.name,
        "roles": [employee.role],
        "web_password": WEB_PASSWORD,
        "phone_password": secrets.token_urlsafe(12),
    }


def _person(employee: Employee) -> Person:
    return Person(
        PersonId(employee.person),
        employee.name,
        employee.role.capitalize(),
        frozenset({DeskRole(employee.role)}),
        dict(employee.skills),
        {Channel.VOICE: 4},
        ("en",),
        employee.trusted,
    )


def _credential(login: dict[str, Any], realm: str) -> SipCredential:
    user = str(login["person"])
    return SipCredential(user, PersonId(user), realm, *ha1_pair(user, realm, login["phone_password"]))


def main() -> None:
    """Read the company, write it, print the log-ins."""
    company = LabCompany.from_json(json.load(sys.stdin))
    print(json.dumps({"logins": asyncio.run(enrol(company, load_settings()))}))


if __name__ == "__main__":
    main()
