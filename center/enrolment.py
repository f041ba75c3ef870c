"""Enrolling a colleague: one short form, working within the minute, no licence (N14, CE-24).

The person gets a desk password and a device password (phone and MQTT), shown once and stored only as hashes, and is on
every list at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from center.directory import CompanyDirectory, ha1_pair, new_password
from center.errors import BadRequest, NotAllowed, WrongMoment
from routing.model import Channel, Person
from store.records import SipCredential
from store.store import Store
from telephony.admission import SipCredential as PhoneCredential
from vocabulary import DeskRole, PersonId

log = structlog.get_logger(__name__)

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]")
_SKILL = re.compile(r"[a-z0-9][a-z0-9 _-]{0,39}")
LEVELS = range(1, 6)
VOICE_LEVEL = 3
"""What a newcomer's ability on the phone counts as until somebody says otherwise."""


Keep = Callable[[PersonId, Person, str, SipCredential], Awaitable[None]]
"""(who enrols, the person, hash of the desk password, digests of the phone password) written, all or nothing."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What the form says."""

    id: str
    name: str
    title: str
    roles: frozenset[DeskRole]
    skills: Mapping[str, int]
    languages: tuple[str, ...] = ()
    off_hook_accepts: bool = True


class Enrolment:
    """Takes a person into the company while it is open. Loop thread only."""

    def __init__(
        self,
        store: Store,
        directory: CompanyDirectory,
        hash_password: Callable[[str], str],
        on_enrolled: Callable[[Person], None],
    ) -> None:
        self._store = store
        self._directory = directory
        self._hash_password = hash_password
        self._on_enrolled = on_enrolled
        self.keep: Keep = _keep_in(store)
        """Writes a new person; where changes are recorded, it is the book of changes that does."""

    async def enrol(self, actor: Person, new: NewPerson) -> Mapping[str, Any]:
        """Add a person; returns the passwords, this once.

        Raises:
            CenterError: The actor is no administrator, the id is taken, or the form says something impossible.
        """
        if DeskRole.ADMINISTRATOR not in actor.roles:
            raise NotAllowed("not_an_administrator", "Only administrators enrol colleagues.")
        return await self.take_in(actor.id, self._checked(new), self.keep)

    async def take_in(self, by: PersonId, person: Person, keep: Keep) -> Mapping[str, Any]:
        """Give a person his passwords, let `keep` write them, and put him on every list.

        Raises:
            StoreError: It cannot be written; then nothing has changed.
        """
        web_password, phone_password = new_password(), new_password()
        web_hash = await asyncio.to_thread(self._hash_password, web_password)
        ha1 = ha1_pair(person.id, self._directory.realm, phone_password)
        await keep(by, person, web_hash, SipCredential(person.id, person.id, self._realm, *ha1))
        self._directory.add(person, PhoneCredential(person.id, person.id, *ha1))
        self._on_enrolled(person)
        if self._directory.set_device_password is not None:
            await self._directory.set_device_password(person.id, phone_password)
        log.info("person_enrolled", person=person.id, by=by)
        return {
            "person": person.id,
            "name": person.name,
            "web_password": web_password,
            "phone_password": phone_password,
            **{key: value for key, value in self._directory.phone_settings(person.id).items() if key != "registered"},
        }

    @property
    def _realm(self) -> str:
        return self._directory.realm

    def _checked(self, new: NewPerson) -> Person:
        if not _ID.fullmatch(new.id):
            raise BadRequest("bad_id", "3 to 64 small letters, digits, dots, hyphens or underscores.", field="id")
        if new.id in self._directory.people:
            raise WrongMoment("person_exists", f"There is somebody called {new.id} already.", field="id")
        if not new.name.strip():
            raise BadRequest("no_name", "A person has a name.", field="name")
        if not new.roles:
            raise BadRequest("no_role", "Choose at least one role.", field="roles")
        for skill, level in new.skills.items():
            if not _SKILL.fullmatch(skill) or level not in LEVELS:
                raise BadRequest(
                    "bad_skill", f"A skill has a short name and a level from 1 to 5: {skill}.", field="skills"
                )
        return Person(
            PersonId(new.id),
            new.name.strip(),
            new.title.strip(),
            new.roles,
            dict(new.skills),
            {Channel.VOICE: VOICE_LEVEL},
            new.languages,
            new.off_hook_accepts,
        )


def _keep_in(store: Store) -> Keep:
    async def keep(_by: PersonId, person: Person, web_hash: str, credential: SipCredential) -> None:
        await store.directory.enrol([(person, web_hash, credential)])

    return keep
