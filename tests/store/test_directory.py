"""The directory keeps people, queues, trunks and secrets' hashes on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from context.model import CaseTemplate, FieldKind, FieldSpec
from routing.model import AgentStatus, Channel, Person, ServiceQueue
from store import Store, StoreConflict
from store.records import SipCredential, Trunk
from vocabulary import DeskRole, PersonId, QueueId

EVA = Person(
    PersonId("eva.horvat"),
    "Eva Horvát-Šimić",
    "Adjuster",
    frozenset({DeskRole.SPECIALIST, DeskRole.SUPERVISOR}),
    {"claims": 5, "fraud": 2},
    {Channel.VOICE: 4, Channel.CHAT: 1},
    ("en", "hr"),
    off_hook_accepts=False,
)
CLAIMS = ServiceQueue(QueueId("claims"), "Claims", "5001", "claims", 2, 12.5, 40.0, "greeting", ("claims", "fraud"))


async def test_person_comes_back_as_saved(store: Store) -> None:
    """OR: knowledge and channel competence are kept apart, per person."""
    await store.directory.save_person(EVA)
    assert await store.directory.person(EVA.id) == EVA
    assert await store.directory.people() == [EVA]
    assert await store.directory.person(PersonId("nobody")) is None


async def test_changing_a_person_keeps_password_and_status(store: Store) -> None:
    await store.directory.save_person(EVA)
    await store.directory.set_password_hash(EVA.id, "$argon2id$hash")
    await store.directory.set_agent_status(EVA.id, AgentStatus.NOT_READY, "lunch")
    await store.directory.save_person(replace(EVA, title="Head of claims"))
    assert await store.directory.password_hash(EVA.id) == "$argon2id$hash"
    assert await store.directory.agent_status() == {EVA.id: (AgentStatus.NOT_READY, "lunch")}
    changed = await store.directory.person(EVA.id)
    assert changed is not None
    assert changed.title == "Head of claims"


async def test_unknown_person_has_no_password_and_cannot_get_one(store: Store) -> None:
    assert await store.directory.password_hash(PersonId("nobody")) is None
    with pytest.raises(StoreConflict):
        await store.directory.set_password_hash(PersonId("nobody"), "$argon2id$hash")


async def test_agent_status_survives_a_restart(store: Store, url: str) -> None:
    await store.directory.save_person(EVA)
    await store.directory.set_agent_status(EVA.id, AgentStatus.NOT_READY, "rona")
    await store.directory.set_agent_status(EVA.id, AgentStatus.READY, "")
    await store.close()
    again = await Store.open(url, journal_dir=store.journal_dir)
    try:
        assert await again.directory.agent_status() == {EVA.id: (AgentStatus.READY, "")}
    finally:
        await again.close()


async def test_queue_with_template_comes_back_as_saved(store: Store) -> None:
    """CE-06: required fields are part of the queue's template."""
    template = CaseTemplate(
        CLAIMS.id,
        (
            FieldSpec("policy", "Policy number", required=True),
            FieldSpec("kind", "What happened", kind=FieldKind.CHOICE, choices=("Fire", "Theft")),
        ),
    )
    await store.directory.save_queue(CLAIMS)
    assert await store.directory.case_template(CLAIMS.id) == CaseTemplate(CLAIMS.id, ())
    await store.directory.save_case_template(template)
    assert await store.directory.queues() == [CLAIMS]
    assert await store.directory.case_template(CLAIMS.id) == template


async def test_service_number_leads_to_one_queue_only(store: Store) -> None:
    await store.directory.save_queue(CLAIMS)
    with pytest.raises(StoreConflict):
        await store.directory.save_queue(replace(CLAIMS, id=QueueId("billing")))
    assert await store.directory.queues() == [CLAIMS]


async def test_trunk_comes_back_as_saved_and_can_be_changed(store: Store) -> None:
    await store.directory.save_trunk(Trunk("carrier", ("192.0.2.0/24", "2001:db8::1")))
    changed = Trunk("carrier", ("192.0.2.7",), "sip:gw.example.com;transport=tls")
    await store.directory.save_trunk(changed)
    assert await store.directory.trunks() == [changed]


async def test_phone_credential_is_replaced_not_doubled(store: Store) -> None:
    await store.directory.save_person(EVA)
    await store.directory.set_sip_credential(EVA.id, "ringside", "aa" * 16, "bb" * 32)
    await store.directory.set_sip_credential(EVA.id, "ringside", "cc" * 16, "dd" * 32)
    expected = SipCredential("eva.horvat", EVA.id, "ringside", "cc" * 16, "dd" * 32)
    assert await store.directory.sip_credentials() == [expected]
