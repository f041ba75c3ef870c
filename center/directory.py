"""The company as a node knows it: people, queues, numbers, phones. Read once at start, kept current by commands."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from center.documents import names_of
from context.model import CaseTemplate
from routing.model import Person, ServiceQueue
from store.store import Store
from telephony.admission import Directory as SipDirectory
from telephony.admission import SipCredential, Trunk
from telephony.digest import Algorithm, ha1
from vocabulary import PersonId, QueueId

PREFIX = "bring-in+"
"""Addresses that people call or refer to in order to bring in a skill (N5)."""
PASSWORD_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without the letters and digits that people mix up."""


def ha1_pair(username: str, realm: str, password: str) -> tuple[str, str]:
    """What is kept of a phone password: its MD5 and SHA-256 digests (RFC 7616 §3.4.2, RFC 8760)."""
    return ha1(username, realm, password, Algorithm.MD5), ha1(username, realm, password, Algorithm.SHA_256)


def new_password() -> str:
    """Four groups of four characters, 80 bits: fit to be typed into a phone."""
    return "-".join("".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(4)) for _ in range(4))


@dataclass(frozen=True, slots=True)
class PhoneServer:
    """Where phones and presence clients connect, as shown on everyone's page."""

    server: str
    udp: int
    tcp: int
    tls: int
    mqtt_host: str
    mqtt_port: int


@dataclass(slots=True)
class CompanyDirectory:
    """People, queues and templates of the company, and which phones are registered."""

    store: Store
    realm: str
    people: dict[PersonId, Person]
    queues: list[ServiceQueue]
    templates: dict[QueueId, CaseTemplate]
    credentials: dict[str, SipCredential]
    trunks: tuple[Trunk, ...]
    names: dict[PersonId, str]
    registered: dict[PersonId, bool] = field(default_factory=dict)
    limits: dict[PersonId, dict[str, Any]] = field(default_factory=dict)
    """Each person's own limits on interruptions, as the desk shows them."""
    numbers: dict[str, QueueId] = field(default_factory=dict)
    """Numbers besides the queues' main ones, and where they lead."""
    lab_numbers: frozenset[str] = frozenset()
    lab_prefixes: tuple[str, ...] = ()
    """Numbers for testers; only a lab node has them."""
    default_outbound_uri: str | None = None
    phone_server: PhoneServer | None = None
    on_sip_change: Callable[[SipDirectory], None] = lambda directory: None
    set_device_password: Callable[[PersonId, str], Awaitable[None]] | None = None
    """Gives the person's presence clients the same password, where the broker is ours."""

    @classmethod
    async def load(cls, store: Store, realm: str, outbound_uri: str | None = None) -> CompanyDirectory:
        """Read the company from the store. `outbound_uri` is for trunks that have none.

        Raises:
            StoreError: The store does not answer.
        """
        people = await store.directory.people()
        queues = await store.directory.queues()
        templates = {queue.id: await store.directory.case_template(queue.id) for queue in queues}
        credentials = {
            c.username: SipCredential(c.username, c.person, c.ha1_md5, c.ha1_sha256)
            for c in await store.directory.sip_credentials()
        }
        trunks = tuple(
            Trunk(t.name, t.addresses, t.outbound_uri or outbound_uri or "") for t in await store.directory.trunks()
        )
        by_id = {person.id: person for person in people}
        limits = await store.directory.limits()
        _, things = await store.configuration.load()
        numbers = {number: QueueId(each["queue"]) for number, each in things["numbers"].items()}
        return cls(
            store,
            realm,
            by_id,
            queues,
            templates,
            credentials,
            trunks,
            names_of(people),
            limits=limits,
            numbers=numbers,
            default_outbound_uri=outbound_uri,
        )

    def sip(self) -> SipDirectory:
        """What the switch must know to admit calls."""
        numbers = frozenset(queue.number for queue in self.queues) | frozenset(self.numbers) | self.lab_numbers
        credentials, domains = dict(self.credentials), frozenset({self.realm})
        return SipDirectory(credentials, self.trunks, numbers, domains, (PREFIX,), self.lab_prefixes)

    def queue_by_number(self, number: str) -> ServiceQueue | None:
        named = self.numbers.get(number)
        return next((queue for queue in self.queues if queue.number == number or queue.id == named), None)

    def template(self, queue: QueueId) -> CaseTemplate:
        return self.templates[queue]

    def phone_settings(self, person: PersonId) -> Mapping[str, Any]:
        """What a person types into a phone, without the password, which nobody knows any more."""
        server = self.phone_server
        return {
            "server": server.server if server else "",
            "ports": {"udp": server.udp, "tcp": server.tcp, "tls": server.tls} if server else {},
            "user": person,
            "registered": self.registered.get(person, False),
        }

    def mqtt_settings(self, person: PersonId) -> Mapping[str, Any]:
        server = self.phone_server
        return {
            "host": server.mqtt_host if server else "",
            "port": server.mqtt_port if server else 0,
            "user": person,
        }

    def add(self, person: Person, credential: SipCredential) -> None:
        """Take in a person who was enrolled while the company is open; his phone may register at once."""
        self.people[person.id] = person
        self.names[person.id] = person.name
        self.credentials[credential.username] = credential
        self.on_sip_change(self.sip())

    def tell_switch(self) -> None:
        """Accounts, numbers or trunks are different now."""
        self.on_sip_change(self.sip())

    def change(self, person: Person) -> None:
        """Somebody's name, roles or skills are different now."""
        self.people[person.id] = person
        self.names[person.id] = person.name

    def remove(self, person: PersonId) -> None:
        """Forget somebody but his name, which old calls show; his phone loses its place at once."""
        self.people.pop(person, None)
        self.limits.pop(person, None)
        self.registered.pop(person, None)
        self.credentials = {key: each for key, each in self.credentials.items() if each.person != person}
        self.tell_switch()

    async def read_credentials(self) -> None:
        """Take up accounts that another node made."""
        self.credentials = {
            c.username: SipCredential(c.username, c.person, c.ha1_md5, c.ha1_sha256)
            for c in await self.store.directory.sip_credentials()
        }
        self.tell_switch()

    async def new_phone_password(self, person: PersonId) -> Mapping[str, Any]:
        """Replace a person's device password (phone and MQTT) and return the new one, once."""
        password = new_password()
        md5, sha256 = ha1_pair(person, self.realm, password)
        await self.store.directory.set_sip_credential(person, self.realm, md5, sha256)
        self.credentials[person] = SipCredential(person, person, md5, sha256)
        self.on_sip_change(self.sip())
        if self.set_device_password is not None:
            await self.set_device_password(person, password)
        return {**self.phone_settings(person), "password": password}
