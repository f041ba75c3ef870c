"""Registered phones, kept so that they still ring after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, select

from store.database import Database, uninterrupted
from store.records import Binding
from store.tables import BindingRow


@uninterrupted
class Bindings:
    """The registrars' bindings: a phone is registered at the node it registered at, and at no other.

    Which ones hold is the registrar's decision. Those from before nodes had names are every node's until replaced.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, node: str) -> list[Binding]:
        """A node's bindings, in the order of addresses of record and within one as it was saved."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(BindingRow).where(_is_of(node)).order_by(col(BindingRow.aor), col(BindingRow.id))
            )
            return [Binding(**row.model_dump(exclude={"id", "node"})) for row in rows]

    async def replace(self, node: str, aor: str, bindings: Sequence[Binding]) -> None:
        """Make these the address of record's only bindings at this node, in one transaction."""
        async with self._database.writing() as session:
            await session.exec(delete(BindingRow).where(col(BindingRow.aor) == aor, _is_of(node)))
            session.add_all(BindingRow(**asdict(binding), node=node) for binding in bindings)

    async def purge_expired(self, now: datetime) -> None:
        """Forget what had expired by `now`: a node that never comes back replaces nothing any more."""
        async with self._database.writing() as session:
            await session.exec(delete(BindingRow).where(col(BindingRow.expires_at) <= now))


def _is_of(node: str) -> ColumnElement[bool]:
    return col(BindingRow.node).in_((node, ""))
