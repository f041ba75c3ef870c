"""Keeps phone registrations over a restart: the switch's bindings as rows of the store, written behind it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from store.bindings import Bindings
from store.records import Binding as StoredBinding
from telephony.headers import Flow
from telephony.registrar import Binding
from vocabulary import PersonId

log = structlog.get_logger(__name__)


class BindingKeeper:
    """Saves the newest bindings of each person; a store that is down is asked again with the next change."""

    def __init__(self, bindings: Bindings, node: str) -> None:
        self._bindings = bindings
        self._node = node
        self._waiting: dict[PersonId, tuple[Binding, ...]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def saved(self) -> list[Binding]:
        """What was registered at this node when it last ran."""
        await self._bindings.purge_expired(datetime.now(UTC))
        return [_from_store(row) for row in await self._bindings.of(self._node)]

    def save(self, person: PersonId, bindings: tuple[Binding, ...]) -> None:
        """Keep a person's bindings from now on (none: the phone is gone). Returns at once."""
        self._waiting[person] = bindings
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def flush(self) -> None:
        """Wait until what was saved is written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        while self._waiting:
            person, bindings = self._waiting.popitem()
            try:
                await self._bindings.replace(self._node, person, [_to_store(binding) for binding in bindings])
            except Exception as error:
                self._waiting.setdefault(person, bindings)
                log.warning("bindings_not_saved", person=person, error=type(error).__name__)
                return


def _to_store(binding: Binding) -> StoredBinding:
    flow = binding.flow
    return StoredBinding(
        aor=binding.person,
        contact_uri=binding.contact,
        received_address=f"{flow.host};{flow.port};{flow.transport}",
        call_id=binding.sip_call_id,
        cseq=binding.cseq,
        expires_at=datetime.fromtimestamp(binding.expires_at, UTC),
        user_agent=binding.user_agent,
        instance=binding.instance,
    )


def _from_store(row: StoredBinding) -> Binding:
    host, port, transport = row.received_address.split(";")
    return Binding(
        person=PersonId(row.aor),
        contact=row.contact_uri,
        flow=Flow(transport, host, int(port)),
        expires_at=row.expires_at.timestamp(),
        sip_call_id=row.call_id,
        cseq=row.cseq,
        user_agent=row.user_agent,
        instance=row.instance,
    )
