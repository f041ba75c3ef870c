"""Leases: the right to ring a person, on any number of nodes (N4).

One row per person for ever, so the fencing token grows with every lease, released or expired. Each step is one
conditional statement: the database decides, in one place, who came first. The nodes' clocks must agree (NTP) to well
under a lease's length; a clock that is wrong ends a lease early or late but never gives two holders one token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import col, select, update

from routing.model import Lease
from store.database import Database, uninterrupted
from store.tables import LeaseRow
from vocabulary import PersonId

_RELEASED = 0.0
_CURRENT = sa.select(col(LeaseRow.token)).where(
    col(LeaseRow.person) == sa.bindparam("of"),
    col(LeaseRow.token) == sa.bindparam("having"),
    col(LeaseRow.expires_at) > sa.bindparam("now"),
)


@uninterrupted
class Leases:
    """Takes, keeps and gives back leases. `clock` gives UTC seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        # Built once: a specialist's phone waits for these statements.
        self._acquire = _acquire_statement(database)
        self._set_expiry = _set_expiry_statement()

    async def acquire(self, person: PersonId, holder: str, ttl_s: float) -> Lease | None:
        """Take the person for `holder`, or get None while anybody (also `holder` itself) has a live lease."""
        now = self._clock()
        row = await self._database.write_one(
            self._acquire, person=person, holder=holder, token=1, expires_at=now + ttl_s, now=now
        )
        return None if row is None else Lease(person, holder, row.token, now + ttl_s)

    async def renew(self, lease: Lease, ttl_s: float) -> Lease | None:
        """Keep a live lease for `ttl_s` from now; None when it has expired, was released, or was taken over."""
        now = self._clock()
        row = await self._database.write_one(
            self._set_expiry, of=lease.person, having=lease.token, live_after=now, until=now + ttl_s
        )
        return None if row is None else Lease(lease.person, lease.holder, lease.token, now + ttl_s)

    async def renew_all(self, leases: Sequence[Lease], ttl_s: float) -> list[Lease]:
        """Keep those of the leases that are still live, in one statement; the others are missing in the answer."""
        if not leases:
            return []
        now = self._clock()
        statement = _renew_all_statement([(lease.person, lease.token) for lease in leases])
        rows = await self._database.write_many(statement, live_after=now, until=now + ttl_s)
        kept = {row.person for row in rows}
        return [replace(lease, expires_at=now + ttl_s) for lease in leases if lease.person in kept]

    async def release_all_of(self, node: str) -> list[PersonId]:
        """Give back everybody whom an earlier life of this node still holds (holders are `<node>/<what for>`)."""
        rows = await self._database.write_many(
            _release_all_statement(), prefix=f"{node}/", length=len(node) + 1, live_after=_RELEASED, until=_RELEASED
        )
        return sorted(PersonId(row.person) for row in rows)

    async def release(self, lease: Lease) -> bool:
        """Give the person back; False when the token is not the current one or was released before."""
        row = await self._database.write_one(
            self._set_expiry, of=lease.person, having=lease.token, live_after=_RELEASED, until=_RELEASED
        )
        return row is not None

    async def is_current(self, lease: Lease) -> bool:
        """Whether the holder may ring now."""
        row = await self._database.read_one(_CURRENT, of=lease.person, having=lease.token, now=self._clock())
        return row is not None

    async def live(self) -> list[Lease]:
        """All leases that have not expired, by person."""
        async with self._database.reading() as session:
            rows = await session.exec(
                select(LeaseRow).where(col(LeaseRow.expires_at) > self._clock()).order_by(col(LeaseRow.person))
            )
            return [Lease(PersonId(row.person), row.holder, row.token, row.expires_at) for row in rows]


def _acquire_statement(database: Database) -> UpdateBase:
    insert = database.insert_of(LeaseRow)
    return insert.on_conflict_do_update(
        index_elements=[col(LeaseRow.person)],
        set_={
            "holder": insert.excluded["holder"],
            "token": col(LeaseRow.token) + 1,
            "expires_at": insert.excluded["expires_at"],
        },
        where=col(LeaseRow.expires_at) <= sa.bindparam("now", type_=sa.Float),
    ).returning(col(LeaseRow.token))


def _set_expiry_statement() -> UpdateBase:
    return (
        update(LeaseRow)
        .where(
            col(LeaseRow.person) == sa.bindparam("of"),
            col(LeaseRow.token) == sa.bindparam("having"),
            col(LeaseRow.expires_at) > sa.bindparam("live_after"),
        )
        .values(expires_at=sa.bindparam("until"))
        .returning(col(LeaseRow.token))
    )


def _renew_all_statement(held: list[tuple[PersonId, int]]) -> UpdateBase:
    return (
        update(LeaseRow)
        .where(
            sa.tuple_(col(LeaseRow.person), col(LeaseRow.token)).in_(held),
            col(LeaseRow.expires_at) > sa.bindparam("live_after"),
        )
        .values(expires_at=sa.bindparam("until"))
        .returning(col(LeaseRow.person))
    )


def _release_all_statement() -> UpdateBase:
    return (
        update(LeaseRow)
        .where(
            sa.func.substr(col(LeaseRow.holder), 1, sa.bindparam("length", type_=sa.Integer)) == sa.bindparam("prefix"),
            col(LeaseRow.expires_at) > sa.bindparam("live_after"),
        )
        .values(expires_at=sa.bindparam("until"))
        .returning(col(LeaseRow.person))
    )
