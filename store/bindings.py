"""Registered phones, kept so that they still ring after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlmodel import col, delete, select

from store.database import Database, uninterrupted
from store.records import Binding
from store.tables import BindingRow


@uninterrupted
class Bindings:
    """The registrar's bindings. Which ones hold is the registrar's decision; expired ones are kept until replaced."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Binding]:
        """Every binding, in the order of addresses of record and within one as it was saved."""
        async with self._database.reading() as session:
            rows = await session.exec(select(BindingRow).order_by(col(BindingRow.aor), col(BindingRow.id)))
            return [Binding(**row.model_dump(exclude={"id"})) for row in rows]

    async def replace(self, aor: str, bindings: Sequence[Binding]) -> None:
        """Make these the address of record's only bindings, in one transaction."""
        async with self._database.writing() as session:
            await session.exec(delete(BindingRow).where(col(BindingRow.aor) == aor))
            session.add_all(BindingRow(**asdict(binding)) for binding in bindings)
