"""What is kept: tables, migrations, the event log, leases."""

from store.errors import SchemaTooNew, StoreConflict, StoreError, StoreUnavailable
from store.store import Store

__all__ = ["SchemaTooNew", "Store", "StoreConflict", "StoreError", "StoreUnavailable"]
