"""The store: one door to everything that is kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from store.bindings import Bindings
from store.cases import Cases
from store.configuration import Configuration
from store.customers import Customers
from store.database import Database
from store.deliveries import Deliveries
from store.directory import Directory
from store.errors import StoreError
from store.event_log import EventLog, EventLogLimits
from store.interactions import Interactions
from store.interruptions import Interruptions
from store.leases import Leases
from store.nodes import Nodes
from store.pending_logins import PendingLogins
from store.tasks import Tasks
from store.web_sessions import WebSessions

Clock = Callable[[], float]


class Store:
    """Opened once per node. Every method raises StoreError when the database does not do its part; only
    `events.append` never does."""

    def __init__(
        self,
        database: Database,
        journal_dir: Path,
        default_region: str,
        clock: Clock,
        event_limits: EventLogLimits | None,
    ) -> None:
        self.database = database
        self.journal_dir = journal_dir
        self.directory = Directory(database)
        self.configuration = Configuration(database)
        self.customers = Customers(database, default_region)
        self.cases = Cases(database, clock)
        self.interactions = Interactions(database)
        self.interruptions = Interruptions(database)
        self.leases = Leases(database, clock)
        self.nodes = Nodes(database)
        self.tasks = Tasks(database)
        self.bindings = Bindings(database)
        self.web_sessions = WebSessions(database, clock)
        self.pending_logins = PendingLogins(database, clock)
        self.webhooks = Deliveries(database, "webhook")
        self.texts = Deliveries(database, "text")
        self.events = EventLog(database, journal_dir, clock, event_limits)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        journal_dir: Path,
        default_region: str = "US",
        clock: Clock = time.time,
        event_limits: EventLogLimits | None = None,
    ) -> Store:
        """Open the database, bring its schema up to date and start to write events.

        Args:
            url: `sqlite:///file` or `postgresql://user:password@host/name`.
            journal_dir: Folder for events that wait while the database is down; one per node.
            default_region: Where national telephone numbers are at home (ISO 3166).
            clock: UTC seconds, for leases, log-ins and events without a time of their own.

        Raises:
            StoreError: With a message for the operator, when the database cannot be used.
        """
        _prepare_folder(journal_dir)
        store = cls(await Database.open(url), journal_dir, default_region, clock, event_limits)
        store.events.start()
        return store

    async def close(self) -> None:
        """Store the last events and let go of the database."""
        try:
            await self.events.close()
        finally:
            await self.database.close()

    async def healthy(self) -> bool:
        """Whether the database answers now."""
        return await self.database.healthy()


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} for the journal cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"the folder {folder} for the journal cannot be written")
