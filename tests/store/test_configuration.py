"""The company's set-up and the log of its changes, on both databases (issue 5 item 2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection

from context.model import CaseTemplate, FieldSpec
from routing.model import AgentStatus, Person, ServiceQueue
from store import Store
from store.configuration import Access, StoredChange
from store.errors import StoreConflict
from store.records import SipCredential, WebSession
from store.schema import alembic_config
from vocabulary import DeskRole, PersonId, QueueId

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OLGA, BEN = PersonId("olga"), PersonId("ben")
PERSON = {
    "name": "Ben",
    "title": "",
    "roles": ["agent"],
    "skills": {"claims": 2},
    "channels": {},
    "languages": [],
    "off_hook_accepts": True,
}
QUEUE = {
    "name": "Boats",
    "number": "5010",
    "skill": "boats",
    "least_level": 1,
    "ring_timeout_s": 15.0,
    "wrap_up_s": 0.0,
    "greeting": "greeting",
    "specialist_skills": ["boats"],
    "deputy": None,
    "template": "shared",
    "target_s": 12.0,
    "ceiling_s": None,
    "specialist_ring_s": 5.0,
    "hours": {"weekdays": [6, 7], "open": ["20:00-24:00"], "holidays": []},
}


def change(number: int, kind: str, subject: str, after: object, before: object = None) -> StoredChange:
    return StoredChange(number, NOW, OLGA, kind, subject, before, after, "because")  # type: ignore[arg-type]


async def test_a_change_is_in_the_rows_and_in_the_log(store: Store) -> None:
    fields = [{"key": "boat", "label": "Boat", "required": True, "kind": "line", "choices": []}]
    await store.configuration.record(change(1, "templates", "shared", {"name": "Shared", "fields": fields}))
    await store.configuration.record(change(2, "queues", "boats", QUEUE))
    await store.configuration.record(change(3, "numbers", "5011", {"queue": "boats", "note": ""}))
    await store.configuration.record(change(4, "settings", "promises.hours.open", {"value": ["09:00-12:00"]}))
    (queue,) = await store.directory.queues()
    assert (queue.template, queue.target_s, queue.ceiling_s, queue.specialist_ring_s) == ("shared", 12.0, None, 5.0)
    boat = FieldSpec("boat", "Boat", required=True)
    assert await store.directory.case_template(QueueId("boats")) == CaseTemplate(QueueId("boats"), (boat,))
    last, things = await store.configuration.load()
    assert last == 4
    assert things["queues"] == {"boats": QUEUE}
    assert things["settings"] == {"promises.hours.open": {"value": ["09:00-12:00"]}}
    assert [each.id for each in await store.configuration.changes()] == [4, 3, 2, 1]
    assert [each.id for each in await store.configuration.changes_after(2)] == [3, 4]
    assert await store.configuration.changes(kind="queues", by="olga", before=3) == [
        change(2, "queues", "boats", QUEUE)
    ]
    assert await store.configuration.changes(by="somebody") == []


async def test_a_number_of_a_change_is_given_once_and_what_it_changed_with_it(store: Store) -> None:
    """Two nodes that write at the same time: the second one is refused as a whole."""
    first = change(1, "skills", "boats", {"name": "Boats", "description": ""})
    await store.configuration.record(first)
    with pytest.raises(StoreConflict):
        await store.configuration.record(replace(first, after={"name": "Ships", "description": ""}))
    with pytest.raises(StoreConflict):
        await store.configuration.record(change(2, "numbers", "5011", {"queue": "none", "note": ""}))
    _, things = await store.configuration.load()
    assert things["skills"] == {"boats": {"name": "Boats", "description": ""}}
    assert len(await store.configuration.changes()) == 1
    (stamp,) = await store.configuration.stamps()
    assert (stamp.id, stamp.kind, stamp.subject, stamp.by) == (1, "skills", "boats", OLGA)


async def test_everything_that_lets_a_removed_person_in_goes_with_him(store: Store) -> None:
    credential = SipCredential("ben", BEN, "ringside", "md5", "sha")
    await store.configuration.record(change(1, "people", "ben", PERSON), Access("hash", credential))
    assert await store.directory.password_hash(BEN) == "hash"
    assert await store.directory.sip_credentials() == [credential]
    await store.directory.set_agent_status(BEN, AgentStatus.READY)
    await store.directory.set_limits(BEN, {"per_hour": 2})
    await store.web_sessions.create(WebSession("cookie", BEN, NOW, NOW.replace(year=2099)))
    await store.configuration.record(change(2, "people", "ben", None, PERSON))
    assert await store.directory.person(BEN) is None
    assert await store.directory.password_hash(BEN) is None
    assert await store.directory.sip_credentials() == []
    assert await store.web_sessions.get("cookie") is None
    assert await store.directory.limits() == {}
    removed = await store.configuration.change(2)
    assert removed is not None
    assert (removed.before, removed.after, removed.note) == (PERSON, None, "because")
    assert "hash" not in str(await store.configuration.changes())


async def test_a_recording_is_kept_once_and_for_good(store: Store) -> None:
    for _ in range(2):
        await store.configuration.keep_recording("digest", b"RIFF\x00\xff")
    assert await store.configuration.recording("digest") == b"RIFF\x00\xff"
    assert await store.configuration.recording("other") is None


async def test_what_older_parts_write_is_seen_as_the_page_sees_it(store: Store) -> None:
    """A queue without a template of its own name keeps the one of its id, with the queue's name."""
    await store.directory.save_person(Person(BEN, "Ben", "", frozenset({DeskRole.AGENT})))
    await store.directory.save_queue(ServiceQueue(QueueId("claims"), "Claims", "5001", "claims"))
    await store.directory.save_case_template(CaseTemplate(QueueId("claims"), (FieldSpec("a", "A"),)))
    _, things = await store.configuration.load()
    assert things["people"]["ben"]["roles"] == ["agent"]
    assert things["templates"]["claims"]["name"] == "Claims"
    assert things["queues"]["claims"]["template"] == ""


async def test_templates_from_before_keep_their_queues(empty_url: str, tmp_path: Path) -> None:
    """The change of the schema gives each template the name of its queue, there and back."""
    fields = '[{"key": "a", "label": "A", "required": false, "kind": "line", "choices": []}]'

    def before(connection: Connection) -> None:
        config = alembic_config(connection)
        command.downgrade(config, "0005")
        connection.execute(
            sa.text(
                "INSERT INTO service_queue (id, name, number, skill, least_level, ring_timeout_s, wrap_up_s, greeting,"
                " specialist_skills) VALUES ('claims', 'Claims', '5001', 'claims', 1, 15, 30, 'greeting', '[]')"
            )
        )
        connection.execute(
            sa.text("INSERT INTO case_template (queue, fields) VALUES ('claims', :fields)"), {"fields": fields}
        )
        command.upgrade(config, "head")

    store = await Store.open(empty_url, journal_dir=tmp_path)
    try:
        async with store.database.engine.begin() as connection:
            await connection.run_sync(before)
        _, things = await store.configuration.load()
        assert things["templates"]["claims"]["name"] == "Claims"
        template = await store.directory.case_template(QueueId("claims"))
        assert template.fields == (FieldSpec("a", "A"),)
    finally:
        await store.close()
