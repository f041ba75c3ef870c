"""What the desk needs from the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from store.records import PendingLogin, WebSession
from vocabulary import EscalationId, PersonId

PasswordLookup = Callable[[PersonId], Awaitable[str | None]]
"""The stored hash of a person's web password; None: unknown person, or one without a web log-in."""


class WebSessions(Protocol):
    """Log-ins that outlive a restart. All methods raise `store.errors.StoreError` when the store is down."""

    async def create(self, session: WebSession) -> None: ...

    async def get(self, id_hash: str) -> WebSession | None: ...

    async def of(self, person: PersonId) -> list[WebSession]: ...

    async def extend(self, id_hash: str, expires_at: datetime) -> None: ...

    async def revoke(self, id_hash: str) -> None: ...

    async def revoke_all(self, person: PersonId) -> None: ...

    async def purge_expired(self, now: datetime) -> None: ...


class PendingLogins(Protocol):
    """Log-ins under way at the identity provider. All methods raise `StoreError` when the store is down."""

    async def add(self, pending: PendingLogin) -> bool: ...

    async def take(self, state_hash: str) -> PendingLogin | None: ...


class LabApi(Protocol):
    """What load tools may ask of a lab node; refusals are `center.errors.CenterError`s."""

    def escalate(self, sip_call_id: str, to: PersonId) -> EscalationId: ...
