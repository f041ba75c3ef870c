"""The company of a lab node: a trunk on loopback, people who are phones, one queue for their calls."""

from __future__ import annotations

from collections.abc import Iterable

from center.directory import ha1_pair, new_password
from center.settings import Settings, SettingsError
from context.model import CaseTemplate
from desk.logins import hash_password
from presence.model import Status
from presence.runner import PresenceService
from routing.model import Channel, Person, ServiceQueue
from store.records import GeneratedLogin, SipCredential, Trunk
from store.store import Store
from vocabulary import DeskRole, PersonId, QueueId

LAB_QUEUE = ServiceQueue(QueueId("lab"), "Lab", number="lab", skill="lab", wrap_up_s=0.0)
"""Bridged calls belong to it. Its own number is a plain queue without agents: callers wait there with music."""


async def make_lab_company(store: Store, settings: Settings) -> list[GeneratedLogin]:
    """Fill an empty store with phones lab1 … labN that share one password; returns their log-ins, once.

    Raises:
        SettingsError: There is another company, whose people would get numbers that need no people.
    """
    people = await store.directory.people()
    if people:
        if all(queue.id != LAB_QUEUE.id for queue in await store.directory.queues()):
            raise SettingsError("lab.enabled needs a state directory of its own: this one holds another company.")
        return []
    await store.directory.save_queue(LAB_QUEUE)
    await store.directory.save_case_template(CaseTemplate(LAB_QUEUE.id, ()))
    await store.directory.save_trunk(Trunk("lab", ("127.0.0.0/8", "::1")))
    password = settings.lab.password.get_secret_value() or new_password()
    phones = [_phone(number) for number in range(1, settings.lab.phones + 1)]
    no_web = hash_password(new_password())  # nobody logs in at a desk here
    realm = settings.sip.realm
    credentials = [SipCredential(p.id, p.id, realm, *ha1_pair(p.id, realm, password)) for p in phones]
    await store.directory.enrol([(person, no_web, each) for person, each in zip(phones, credentials, strict=True)])
    roles = (DeskRole.SPECIALIST.value,)
    return [GeneratedLogin(person.id, person.name, roles, "", password) for person in phones]


def say_available(presence: PresenceService, people: Iterable[PersonId]) -> None:
    """A registered lab phone is a free one: nobody is there to say so himself."""
    for person in people:
        presence.choose(person, Status.AVAILABLE)


def _phone(number: int) -> Person:
    roles, channels = frozenset({DeskRole.SPECIALIST}), {Channel.VOICE: 5}
    return Person(PersonId(f"lab{number}"), f"Lab phone {number}", "", roles, {"lab": 5}, channels)
