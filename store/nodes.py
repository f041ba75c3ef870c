"""Which nodes are alive, and who looks after what a dead one left (design: a node fails).

Each node counts its `beat` up in its row, under a `life` of its own. Whoever watches compares what it read with what it
read before, by its own clock: no two clocks need agree. A claim writes a new life into the row of a silent node, on the
condition that life and beat are still those that were silent and that who claims is alive itself: of several survivors
one succeeds, a node that beat once more is left alone, and a node that slept through its own end cannot claim.

Then interactions and tasks move, each in one statement that holds only while the claim does, and last the row goes. A
survivor that dies in between leaves a claimed row which does not beat: the next one goes on where it stopped.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, select, update

from store.database import Database, uninterrupted
from store.records import Heartbeat
from store.tables import InteractionRow, NodeRow, TaskRow


@uninterrupted
class Nodes:
    """Signs of life. Every change is one conditional statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, name: str, life: str) -> None:
        """Begin a life; whatever was claimed of an earlier one stays claimed."""
        await self._database.write_one(
            self._database.upsert(NodeRow(name=name, life=life, beat=0)).returning(col(NodeRow.name))
        )

    async def beat(self, name: str, life: str) -> bool:
        """Give a sign of life; False when this life is over because others took over."""
        statement = (
            update(NodeRow)
            .where(col(NodeRow.name) == name, col(NodeRow.life) == life)
            .values(beat=NodeRow.beat + 1)
            .returning(col(NodeRow.beat))
        )
        return await self._database.write_one(statement) is not None

    async def all(self) -> list[Heartbeat]:
        """The last sign of life of every node, by name."""
        async with self._database.reading() as session:
            rows = await session.exec(select(NodeRow).order_by(col(NodeRow.name)))
            return [Heartbeat(row.name, row.life, row.beat) for row in rows]

    async def claim(self, silent: Heartbeat, by: Heartbeat, life: str) -> bool:
        """Declare a silent node dead: of all who try, one succeeds. `life` is new, and known to the one who claims."""
        me = aliased(NodeRow)
        i_am_alive = sa.exists().where(col(me.name) == by.name, col(me.life) == by.life)
        statement = (
            update(NodeRow)
            .where(
                col(NodeRow.name) == silent.name,
                col(NodeRow.life) == silent.life,
                col(NodeRow.beat) == silent.beat,
                i_am_alive,
            )
            .values(life=life, beat=0)
            .returning(col(NodeRow.name))
        )
        return await self._database.write_one(statement) is not None

    async def forget(self, name: str, life: str) -> bool:
        """Drop a node of which nothing is left to look after; False when it came back meanwhile."""
        statement = (
            delete(NodeRow).where(col(NodeRow.name) == name, col(NodeRow.life) == life).returning(col(NodeRow.name))
        )
        return await self._database.write_one(statement) is not None

    async def note_ownerless(self) -> list[str]:
        """Let names that own something open but have no row (an old version, a lost row) count as silent nodes."""
        owners = sa.union(
            sa.select(col(InteractionRow.node).label("name")).where(col(InteractionRow.closed_at).is_(sa.null())),
            sa.select(col(TaskRow.node).label("name")).where(col(TaskRow.closed_at).is_(sa.null())),
        ).subquery()
        known = sa.select(col(NodeRow.name))
        missing = sa.select(owners.c.name, sa.literal(""), sa.literal(0)).where(owners.c.name.not_in(known))
        insert = self._database.insert_of(NodeRow).from_select(["name", "life", "beat"], missing)
        rows = await self._database.write_many(insert.on_conflict_do_nothing().returning(col(NodeRow.name)))
        return sorted(row.name for row in rows)


def is_claimed(name: str, life: str) -> sa.Exists:
    """A condition for moving what a dead node left: the claim made with this life still holds."""
    return sa.exists().where(col(NodeRow.name) == name, col(NodeRow.life) == life)
