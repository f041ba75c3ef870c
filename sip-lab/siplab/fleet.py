"""Several whole nodes that share a private PostgreSQL and a private broker, each behind relays that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from center.demo import NODE_ACCOUNT
from presence.adapters.mosquitto import MosquittoBroker
from presence.errors import BrokerError
from siplab.company import LabCompany
from siplab.errors import NodeFailed
from siplab.node import NodeAccess, PrivateNode
from siplab.presence import DEFAULT_PREFIX
from siplab.relay import Relay
from store.errors import StoreError
from store.private_postgres import private_postgres

FIRST_RTP_PORT, RTP_PORTS = 20_000, 8_000
"""Each node takes 8,000 UDP ports for sound."""


@dataclass(slots=True)
class Member:
    """One node of the fleet, and the network between it and what the nodes share."""

    name: str
    node: PrivateNode
    relays: tuple[Relay, Relay]
    access: NodeAccess = field(default_factory=lambda: NodeAccess("", {}))

    def cut(self) -> None:
        """Cut it off from store and broker; phones and screens still reach it."""
        for relay in self.relays:
            relay.cut()

    def heal(self) -> None:
        for relay in self.relays:
            relay.heal()


class PrivateFleet:
    """`async with PrivateFleet(3, company, environment) as fleet`: `fleet.members` are served and know each other."""

    def __init__(
        self, count: int, company: LabCompany, environment: dict[str, str], folder: Path | None = None
    ) -> None:
        self._count = count
        self._company = company
        self._environment = environment
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ringside-fleet-"))
        self._stack = contextlib.AsyncExitStack()
        self.members: list[Member] = []
        self.store_url = ""

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except (StoreError, BrokerError) as error:
            await self._stack.aclose()
            raise NodeFailed(str(error)) from error
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        if self._temporary and kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self) -> None:
        """Leave logs and state behind, to look into a failure."""
        self._temporary = False

    async def _start(self) -> None:
        postgres = _in_a_thread(private_postgres())
        port = await self._stack.enter_async_context(postgres)
        self.store_url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        first = self._node(0, {"RINGSIDE_STORE__URL": self.store_url})
        logins = await first.fill()
        broker = MosquittoBroker(first.state_dir / "mosquitto", prefix=DEFAULT_PREFIX, node_account=NODE_ACCOUNT)
        await broker.start()
        self._stack.push_async_callback(broker.stop)
        for number in range(self._count):
            self.members.append(await self._member(number, first if number == 0 else None, port, broker))
        self._stack.push_async_callback(self._stop_nodes)
        accesses = await asyncio.gather(*(member.node.serve(logins) for member in self.members))
        for member, access in zip(self.members, accesses, strict=True):
            member.access = access

    async def _stop_nodes(self) -> None:
        for member in self.members:
            member.heal()
        await asyncio.gather(*(member.node.stop() for member in self.members))

    async def _member(self, number: int, node: PrivateNode | None, store_port: int, broker: MosquittoBroker) -> Member:
        to_store = await self._stack.enter_async_context(Relay("127.0.0.1", store_port))
        to_broker = await self._stack.enter_async_context(Relay("127.0.0.1", broker.port))
        environment = {
            "RINGSIDE_STORE__URL": f"postgresql://postgres@127.0.0.1:{to_store.port}/postgres",
            "RINGSIDE_PRESENCE__HOST": "127.0.0.1",
            "RINGSIDE_PRESENCE__PORT": str(to_broker.port),
            "RINGSIDE_PRESENCE__USERNAME": NODE_ACCOUNT,
            "RINGSIDE_PRESENCE__PASSWORD": broker.address.password or "",
            "RINGSIDE_LEASES__NODE": f"n{number + 1}",
            "RINGSIDE_LEASES__NODES": str(self._count),
            "RINGSIDE_SIP__RTP_PORT": str(FIRST_RTP_PORT + number * RTP_PORTS),
        }
        served = node or self._node(number, {})
        if node is None:  # the queue's greeting is a file beside the node
            shutil.copytree(self.folder / "n1" / "speech", served.state_dir / "speech")
        served.told(environment)
        return Member(f"n{number + 1}", served, (to_store, to_broker))

    def _node(self, number: int, environment: dict[str, str]) -> PrivateNode:
        folder = self.folder / f"n{number + 1}"
        return PrivateNode(folder, extra_env={**self._environment, **environment}, company=self._company)


@contextlib.asynccontextmanager
async def _in_a_thread(manager: contextlib.AbstractContextManager[int]) -> AsyncIterator[int]:
    """Enter and leave what takes its time without keeping the loop."""
    entered = await asyncio.to_thread(manager.__enter__)
    try:
        yield entered
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)
