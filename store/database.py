"""One database, SQLite or PostgreSQL: engine, transactions, migrations.

Reads and writes are two kinds of transaction. On SQLite a write begins with BEGIN IMMEDIATE: read first and write later
would let two writers decide on the same old row, and SQLite does not report that. Errors of the driver stop here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from store.errors import StoreConflict, StoreError, StoreUnavailable
from store.revision import is_newest

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

T = TypeVar("T")

OPERATION_TIMEOUT_S = 10.0
"""Longest wait for one transaction. A call must not hang on a database that takes packets and never answers."""
HEALTH_TIMEOUT_S = 2.0
CONNECT_TIMEOUT_S = 5.0
LOCK_WAIT_MS = 5_000
"""How long SQLite waits for another process that writes."""
ABANDONED_MS = 2_500
"""How long PostgreSQL leaves a transaction open that says nothing; sooner than its node is taken for dead (3.5 s)."""
_MIGRATION_LOCK = 0x52494E47
"""Advisory lock on PostgreSQL: of several nodes that start at once, one migrates and the others wait."""
_MIGRATING: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One migration at a time in a process: alembic keeps what it is doing in module variables."""
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


class Database:
    """The engine and its two kinds of transaction, `reading()` and `writing()`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.engine: AsyncEngine = _make_engine(url, self.is_sqlite)
        self._write_engine = self.engine.execution_options(immediate=True)
        # PostgreSQL begins and ends the transaction of a single statement itself: a node that stands still between
        # statement and commit would keep the row locked, and all other nodes waiting for it.
        self._statement_engine = (
            self._write_engine if self.is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        # SQLite has one writer at a time: waiting here is fair and cheap, waiting inside SQLite is polling.
        self._running: set[asyncio.Task[Any]] = set()
        self._writer: contextlib.AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()
        )

    @classmethod
    async def open(cls, url: str) -> Database:
        """Connect and bring the schema up to date.

        Raises:
            StoreError: The address cannot be used, or the database cannot be reached or migrated; the message says why.
        """
        database = cls(parse_url(url))
        try:
            await database.migrate()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Let what is running come to its end, then close all connections."""
        if self._running:
            await asyncio.wait(self._running)
        await self.engine.dispose()

    async def to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work in a task of its own: whoever waits may be cancelled, a transaction is never cut in the middle.

        A cut transaction would keep SQLite locked until its connection is found and closed.
        """
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited and gave up does not want to know

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A transaction that only reads."""
        async with (
            _translated_errors(self.url),
            asyncio.timeout(OPERATION_TIMEOUT_S),
            AsyncSession(self.engine, expire_on_commit=False) as session,
        ):
            yield session

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction that writes; committed when the block ends well, else rolled back."""
        async with (
            _translated_errors(self.url),
            asyncio.timeout(OPERATION_TIMEOUT_S),
            self._writer,
            AsyncSession(self._write_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    async def write_one(self, statement: UpdateBase, **values: object) -> sa.Row[Any] | None:
        """Run one statement as a transaction of its own; the first row it returns. The fast way: no session."""
        async with (
            _translated_errors(self.url),
            asyncio.timeout(OPERATION_TIMEOUT_S),
            self._writer,
            self._statement_engine.begin() as connection,
        ):
            return (await connection.execute(statement, values)).first()

    async def write_many(self, statement: UpdateBase, **values: object) -> list[sa.Row[Any]]:
        """As `write_one`, with all the rows it returns."""
        async with (
            _translated_errors(self.url),
            asyncio.timeout(OPERATION_TIMEOUT_S),
            self._writer,
            self._statement_engine.begin() as connection,
        ):
            return list((await connection.execute(statement, values)).all())

    async def read_one(self, statement: sa.Executable, **values: object) -> sa.Row[Any] | None:
        """The first row of one statement that only reads. The fast way: no session."""
        async with (
            _translated_errors(self.url),
            asyncio.timeout(OPERATION_TIMEOUT_S),
            self.engine.connect() as connection,
        ):
            return (await connection.execute(statement, values)).first()

    async def healthy(self) -> bool:
        """Whether the database answers a question within two seconds."""
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT_S):
                await self.to_its_end(self.read_one(sa.text("SELECT 1")))
        except (StoreError, TimeoutError):
            return False
        return True

    def insert_of(self, kind: type[SQLModel]) -> sqlite.Insert | postgresql.Insert:
        """An INSERT without values yet, in the database's own form that knows ON CONFLICT."""
        table = _table(kind)
        if self.is_sqlite:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # 2 MB that a node on SQLite does not need

        return postgresql.insert(table)

    def insert(self, row: SQLModel) -> sqlite.Insert | postgresql.Insert:
        """An INSERT of one row."""
        return self.insert_of(type(row)).values(row.model_dump())

    def upsert(self, row: SQLModel, *, keep: tuple[str, ...] = ()) -> UpdateBase:
        """One statement that inserts the row, or overwrites the one with the same key except the columns in `keep`."""
        table, insert = _table(type(row)), self.insert(row)
        replaced = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if not column.primary_key and column.name not in keep
        }
        return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=replaced)

    async def migrate(self) -> None:
        """Bring the schema up to date; of several nodes that start at once, one does it."""
        if self.is_sqlite:
            _prepare_folder(self.url)
        turn = _MIGRATING.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with turn, _translated_errors(self.url), self._write_engine.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            await connection.run_sync(_upgrade)


def uninterrupted(repository: type[T]) -> type[T]:
    """Make every public coroutine method of a repository (it has a `_database`) run to its end once begun.

    A cancelled caller may find the work done: a lease taken then simply expires, other writes can be repeated.
    """
    for name, method in list(vars(repository).items()):
        if not name.startswith("_") and inspect.iscoroutinefunction(method):
            setattr(repository, name, _to_its_end(method))
    return repository


def _to_its_end(method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(method)
    async def whole(self: Any, *arguments: Any, **named: Any) -> Any:
        database: Database = self._database
        return await database.to_its_end(method(self, *arguments, **named))

    return whole


def parse_url(url: str) -> URL:
    """Read a database address: `sqlite:///file` or `postgresql://user@host/name`.

    Raises:
        StoreError: It is neither of them.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the database address cannot be read: expected sqlite:///file or postgresql://…") from error
    if parsed.drivername not in _DRIVERS:
        raise StoreError(
            f"databases of kind {parsed.drivername!r} are not supported: use sqlite:///file or postgresql://…"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("a SQLite database needs a file, as in sqlite:///folder/ringside.db")
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _upgrade(connection: Connection) -> None:
    if not is_newest(connection):
        from store.schema import upgrade_schema  # a node whose schema is up to date never loads alembic

        upgrade_schema(connection)


def _make_engine(url: URL, is_sqlite: bool) -> AsyncEngine:
    if not is_sqlite:
        engine = create_async_engine(
            url,
            hide_parameters=True,  # error texts must not carry personal data
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=10,
            connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": OPERATION_TIMEOUT_S},
        )
        sa.event.listen(engine.sync_engine, "connect", _set_up_postgres)
        return engine
    engine = create_async_engine(url, hide_parameters=True)
    sa.event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_postgres(connection: Any, _record: object) -> None:
    """A node that is cut off between two statements would keep its rows locked, and who takes it over waiting."""
    limit = f"SET idle_in_transaction_session_timeout = {ABANDONED_MS}"
    connection.run_async(lambda driver: driver.execute(limit))


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: _begin_sqlite does
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={LOCK_WAIT_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _prepare_folder(url: URL) -> None:
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder} for the database cannot be made: {error.strerror}") from error


def _table(kind: type[SQLModel]) -> sa.Table:
    return SQLModel.metadata.tables[str(kind.__tablename__)]


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


@contextlib.asynccontextmanager
async def _translated_errors(url: URL) -> AsyncIterator[None]:
    """Turn the driver's errors into ours. Their texts hold no parameters, so they may be shown to an operator."""
    try:
        yield
    except IntegrityError as error:
        raise StoreConflict("a value that must be unique is taken, or a reference leads nowhere") from error
    except TimeoutError as error:
        raise StoreUnavailable(f"the database {_shown(url)} does not answer in time") from error
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreUnavailable(f"the database {_shown(url)} cannot be used: {cause}") from error
