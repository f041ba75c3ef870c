"""What the company is set up as, and every change of it: the newest state and the log are written as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import Database, uninterrupted
from store.records import SipCredential
from store.tables import (
    CaseTemplateRow,
    ConfigurationChangeRow,
    PersonRow,
    PromptRow,
    RecordingRow,
    ServiceNumberRow,
    ServiceQueueRow,
    SettingRow,
    SipCredentialRow,
    SkillRow,
    TrunkRow,
    WebPasswordRow,
)
from vocabulary import PersonId

Content = Mapping[str, Any]
"""The columns of a row without its key, as JSON."""

_KINDS: dict[str, tuple[type[SQLModel], str]] = {
    "people": (PersonRow, "id"),
    "skills": (SkillRow, "id"),
    "queues": (ServiceQueueRow, "id"),
    "numbers": (ServiceNumberRow, "number"),
    "templates": (CaseTemplateRow, "id"),
    "trunks": (TrunkRow, "name"),
    "prompts": (PromptRow, "name"),
    "settings": (SettingRow, "key"),
}


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change. Ids are 1, 2, 3… without a gap; `before` None: it was made; `after` None: it was removed."""

    id: int
    at: datetime
    by: PersonId
    kind: str
    subject: str
    before: Content | None
    after: Content | None
    note: str = ""
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What lets a new person in: hashes only."""

    password_hash: str
    credential: SipCredential


@uninterrupted
class Configuration:
    """The company's set-up. Kinds are the words of the API: people, skills, queues and so on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> tuple[int, dict[str, dict[str, Content]]]:
        """The number of the last change (0: none), and everything by kind and key."""
        async with self._database.reading() as session:
            # First the number: a change that comes between is seen again, and applying it twice is harmless.
            last = (await session.exec(select(func.max(ConfigurationChangeRow.id)))).one() or 0
            things = {kind: await _all(session, row, key) for kind, (row, key) in _KINDS.items()}
            return last, things

    async def stamps(self) -> list[StoredChange]:
        """The last change of each thing that was ever changed."""
        row = ConfigurationChangeRow
        last = select(func.max(row.id)).group_by(col(row.kind), col(row.subject))
        async with self._database.reading() as session:
            return [_change(found) for found in await session.exec(select(row).where(col(row.id).in_(last)))]

    async def change(self, number: int) -> StoredChange | None:
        async with self._database.reading() as session:
            row = await session.get(ConfigurationChangeRow, number)
            return _change(row) if row else None

    async def changes(
        self, *, before: int | None = None, kind: str = "", subject: str = "", by: str = "", limit: int = 50
    ) -> list[StoredChange]:
        """Newest first; `before` pages on: only changes with a smaller number."""
        row = ConfigurationChangeRow
        query = select(row).order_by(col(row.id).desc()).limit(limit)
        if before is not None:
            query = query.where(col(row.id) < before)
        for column, wanted in ((row.kind, kind), (row.subject, subject), (row.by, by)):
            if wanted:
                query = query.where(col(column) == wanted)
        async with self._database.reading() as session:
            return [_change(found) for found in await session.exec(query)]

    async def changes_after(self, number: int, limit: int = 500) -> list[StoredChange]:
        """What other nodes changed since, oldest first."""
        row = ConfigurationChangeRow
        query = select(row).where(col(row.id) > number).order_by(col(row.id)).limit(limit)
        async with self._database.reading() as session:
            return [_change(found) for found in await session.exec(query)]

    async def record(self, change: StoredChange, access: Access | None = None) -> None:
        """Write a change and its effect, both or none.

        Raises:
            StoreConflict: The number is taken (another node was first), or a reference leads nowhere.
        """
        async with self._database.writing() as session:
            session.add(_change_row(change))
            await session.flush()
            await self._put(session, change)
            if access is not None:
                person = PersonId(change.subject)
                credential = SipCredentialRow(
                    person=person,
                    username=access.credential.username,
                    realm=access.credential.realm,
                    ha1_md5=access.credential.ha1_md5,
                    ha1_sha256=access.credential.ha1_sha256,
                )
                await session.exec(self._database.upsert(WebPasswordRow(person=person, hash=access.password_hash)))
                await session.exec(self._database.upsert(credential))

    async def _put(self, session: AsyncSession, change: StoredChange) -> None:
        row, key = _KINDS[change.kind]
        if change.after is not None:
            await session.exec(self._database.upsert(row(**{key: change.subject, **change.after})))
            return
        table = SQLModel.metadata.tables[str(row.__tablename__)]
        if row is PersonRow:  # his log-in, phone, sessions and limits go with him; what he did stays
            for column in _columns_that_name(table.c[key]):
                await session.exec(sa.delete(column.table).where(column == change.subject))
        await session.exec(sa.delete(table).where(table.c[key] == change.subject))

    async def keep_recording(self, digest: str, audio: bytes) -> None:
        """Keep a recording under the hash of its bytes; one that is there already stays."""
        insert = self._database.insert(RecordingRow(digest=digest, audio=audio))
        async with self._database.writing() as session:
            await session.exec(insert.on_conflict_do_nothing())

    async def recording(self, digest: str) -> bytes | None:
        async with self._database.reading() as session:
            row = await session.get(RecordingRow, digest)
            return row.audio if row else None


def _columns_that_name(key: sa.Column[Any]) -> list[sa.Column[Any]]:
    """The columns of other tables that refer to this one."""
    tables = SQLModel.metadata.tables.values()
    return [reference.parent for table in tables for reference in table.foreign_keys if reference.column is key]


async def _all(session: AsyncSession, row: type[SQLModel], key: str) -> dict[str, Content]:
    found = [each.model_dump() for each in await session.exec(select(row))]
    return {str(each.pop(key)): each for each in found}


def _change(row: ConfigurationChangeRow) -> StoredChange:
    return StoredChange(
        row.id, row.at, PersonId(row.by), row.kind, row.subject, row.before, row.after, row.note, row.undoes
    )


def _change_row(change: StoredChange) -> ConfigurationChangeRow:
    return ConfigurationChangeRow(
        id=change.id,
        at=change.at,
        by=change.by,
        kind=change.kind,
        subject=change.subject,
        before=None if change.before is None else dict(change.before),
        after=None if change.after is None else dict(change.after),
        note=change.note,
        undoes=change.undoes,
    )
