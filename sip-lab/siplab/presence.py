"""A UC client's presence, as it would come over MQTT (docs/presence.md: what a person's client says and answers)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import aiomqtt

from siplab.errors import LabError
from siplab.patience import WAIT_S

DEFAULT_PREFIX = "ringside/v1"
WILL_QOS = 1
KEEPALIVE_S = 60


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the MQTT broker is."""

    host: str
    port: int
    prefix: str = DEFAULT_PREFIX


class UcClient:
    """Publishes one person's presence, retained, with a last will; says its status again when it is pinged.

    Use as `async with UcClient(broker, person, password) as uc: await uc.say("busy")`. `skew` is how wrong its clock
    is now; `name` tells several clients of one person apart. `shown` is what the product tells it of its own person.
    """

    def __init__(
        self,
        broker: Broker,
        person: str,
        password: str,
        *,
        name: str = "",
        skew: timedelta = timedelta(),
        keepalive_s: int = KEEPALIVE_S,
    ) -> None:
        self._prefix = broker.prefix
        self._person = person
        self._name = f"/{name}" if name else ""
        self.skew = skew
        self._seq = -1  # the first is 0: a sender that began anew
        self._said: tuple[str, str] | None = None
        self.pings = 0
        self.shown: dict[str, Any] = {}
        self._stack = AsyncExitStack()
        self._listener: asyncio.Task[None] | None = None
        will = aiomqtt.Will(self._topic("connected"), self._payload("offline", "lost"), qos=WILL_QOS, retain=True)
        self._client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=person,
            password=password,
            identifier=f"siplab-uc-{person}{name and '-'}{name}",
            protocol=aiomqtt.ProtocolVersion.V5,
            will=will,
            keepalive=keepalive_s,
            timeout=WAIT_S,
        )

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self._client)
            for topic in (f"ping/{self._person}", f"availability/{self._person}"):
                await self._client.subscribe(f"{self._prefix}/{topic}", qos=1)
            self._listener = asyncio.create_task(self._listen(), name=f"uc-client-{self._person}")
            await self._publish("connected", self._payload("available"))
        except aiomqtt.MqttError as error:
            raise LabError(f"{self._person}'s UC client cannot use the broker: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_listening()
        try:
            await self._publish("connected", self._payload("offline"))
        except aiomqtt.MqttError:
            pass  # the broker is gone, or we were killed: the will speaks for us
        finally:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._stack.aclose()

    async def close(self) -> None:
        """Say goodbye; a connection that is gone already is no fault."""
        await self.__aexit__(None, None, None)

    async def say(self, status: str, reason: str = "") -> float:
        """Publish a status (available, busy, away, dnd, …); gives the monotonic time just before it was sent."""
        self._said = (status, reason)
        self._seq += 1
        at = time.monotonic()
        await self._publish("uc", self._payload(status, reason, self._seq))
        return at

    async def tell(self, source: str, status: str, **more: object) -> None:
        """Publish another source of this person: in_call, microphone, manual, calendar, phone."""
        await self._publish(source, self._payload(status, more=more))

    async def take_back(self, source: str) -> None:
        """Take a source's word back."""
        await self._publish(source, "")

    async def send_raw(self, source: str, payload: str) -> None:
        """Publish something that need not be right."""
        await self._publish(source, payload)

    async def kill(self) -> None:
        """Go without a DISCONNECT, as a program that is killed; the broker publishes the last will."""
        await self._stop_listening()
        connection = self._client._client.socket()
        if isinstance(connection, socket.socket):
            connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(aiomqtt.MqttError):
            await self._stack.aclose()
        if self._client._disconnected.done():
            self._client._disconnected.exception()  # known: it was we who broke it

    async def freeze(self) -> float:
        """Hang: the connection stays open and nothing comes any more, not even MQTT's own pings; gives since when."""
        await self._stop_listening()
        keeper: asyncio.Task[None] | None = self._client._misc_task
        if keeper is not None:
            keeper.cancel()
        return time.monotonic()

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def _listen(self) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in self._client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                if str(message.topic).startswith(f"{self._prefix}/ping/"):
                    await self._answer(payload)
                elif payload:
                    self.shown = json.loads(payload)

    async def _answer(self, ping: bytes) -> None:
        """The status first, then the ping's own payload: who reads the answer has read the status."""
        self.pings += 1
        if self._said is not None:
            await self.say(*self._said)
        await self._client.publish(f"{self._prefix}/pong/{self._person}", ping, qos=1)

    def _topic(self, source: str) -> str:
        per_client = self._name if source in ("uc", "connected", "in_call", "microphone") else ""
        return f"{self._prefix}/presence/{self._person}/{source}{per_client}"

    async def _publish(self, source: str, payload: str) -> None:
        await self._client.publish(self._topic(source), payload, qos=1, retain=True)

    def _payload(self, status: str, reason: str = "", seq: int | None = None, more: Mapping[str, object] = {}) -> str:
        fact: dict[str, object] = {"status": status, "since": (datetime.now(UTC) + self.skew).isoformat(), **more}
        if reason:
            fact["reason"] = reason
        if seq is not None:
            fact["seq"] = seq
        return json.dumps(fact)
