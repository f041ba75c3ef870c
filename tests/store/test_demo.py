"""The demo company is complete, made once, and its passwords are stored only as hashes."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from routing.model import Channel
from store import Store
from store.demo import seed_demo_company
from store.records import GeneratedLogin, Trunk
from vocabulary import CustomerId, DeskRole, PersonId, QueueId


def _hash(password: str) -> str:
    return "hash:" + hashlib.sha256(password.encode()).hexdigest()


def _ha1(username: str, realm: str, password: str) -> tuple[str, str]:
    text = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()


async def _seed(store: Store) -> list[GeneratedLogin]:
    return await seed_demo_company(store, hash_password=_hash, make_ha1=_ha1, realm="ringside")


async def test_the_demo_company_has_everybody_the_first_call_needs(store: Store) -> None:
    logins = await _seed(store)
    people = await store.directory.people()
    by_role = {role: [person for person in people if role in person.roles] for role in DeskRole}
    assert {role: len(found) for role, found in by_role.items()} == {
        DeskRole.AGENT: 2, DeskRole.SPECIALIST: 4, DeskRole.SUPERVISOR: 1, DeskRole.ADMINISTRATOR: 1,
    }  # fmt: skip
    assert sorted(login.person for login in logins) == [person.id for person in people]
    for queue in await store.directory.queues():
        assert any(queue.skill in agent.skills and Channel.VOICE in agent.channels for agent in by_role[DeskRole.AGENT])
        assert any(queue.specialist_skills[0] in person.skills for person in by_role[DeskRole.SPECIALIST])
    assert await store.directory.trunks() == [Trunk("demo-carrier", ("127.0.0.1", "::1"))]


async def test_the_demo_queues_have_their_numbers_and_templates(store: Store) -> None:
    await _seed(store)
    sizes = {
        queue.number: len((await store.directory.case_template(queue.id)).fields)
        for queue in await store.directory.queues()
    }
    assert sizes == {"5001": 12, "5002": 8, "5003": 8}
    claims = await store.directory.case_template(QueueId("claims"))
    required = [spec.key for spec in claims.fields if spec.required]
    assert 0 < len(required) < 12


async def test_the_demo_customer_calls_and_is_known_with_her_history(store: Store) -> None:
    await _seed(store)
    ana = await store.customers.by_number("+385915550101")
    assert ana is not None
    assert ana.name == "Ana Kovač"
    for customer in ("ana.kovac", "james.okoro", "lucia.moreno", "henrik.dahl"):
        assert 3 <= len(await store.customers.history(CustomerId(customer))) <= 5


async def test_the_demo_passwords_fit_and_stand_nowhere_in_clear(store: Store) -> None:
    logins = await _seed(store)
    credentials = {credential.person: credential for credential in await store.directory.sip_credentials()}
    for login in logins:
        assert await store.directory.password_hash(login.person) == _hash(login.web_password)
        credential = credentials[login.person]
        digests = _ha1(credential.username, credential.realm, login.phone_password)
        assert (credential.ha1_md5, credential.ha1_sha256) == digests
    passwords = {password for login in logins for password in (login.web_password, login.phone_password)}
    assert len(passwords) == 16
    stored = await _everything_stored(store)
    assert "Anna Novak" in stored
    assert not [password for password in passwords if password in stored]


async def test_the_demo_company_is_made_only_once(store: Store) -> None:
    assert len(await _seed(store)) == 8
    before = await _everything_stored(store)
    assert await _seed(store) == []
    assert await _everything_stored(store) == before


async def test_an_interrupted_seeding_is_repeated_without_doubles(store: Store) -> None:
    """Nobody is left with a password that was never printed."""

    def cut(_password: str) -> str:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await seed_demo_company(store, hash_password=cut, make_ha1=_ha1, realm="ringside")
    assert await store.directory.people() == []
    assert len(await _seed(store)) == 8
    assert len(await store.customers.history(CustomerId("ana.kovac"))) == 4
    assert await store.directory.password_hash(PersonId("anna.novak")) is not None


async def _everything_stored(store: Store) -> str:
    async with store.database.engine.connect() as connection:
        rows = [str((await connection.execute(sa.select(table))).all()) for table in SQLModel.metadata.sorted_tables]
    return "\n".join(rows)
