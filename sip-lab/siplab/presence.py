"""A UC client's presence, as it would come over MQTT (contract: design of presence, sources `uc` and `connected`)."""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import aiomqtt

from siplab.errors import LabError

DEFAULT_PREFIX = "ringside/v1"
WILL_QOS = 1


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the MQTT broker is."""

    host: str
    port: int
    prefix: str = DEFAULT_PREFIX


class UcClient:
    """Publishes one person's presence, retained, with a last will.

    Use as `async with UcClient(broker, person, password) as uc: await uc.say("busy")`.
    """

    def __init__(self, broker: Broker, person: str, password: str) -> None:
        self._base = f"{broker.prefix}/presence/{person}"
        self._person = person
        self._seq = -1  # the first is 0: a sender that began anew
        self._stack = AsyncExitStack()
        will = aiomqtt.Will(f"{self._base}/connected", self._payload("offline", "lost"), qos=WILL_QOS, retain=True)
        self._client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=person,
            password=password,
            identifier=f"siplab-uc-{person}",
            protocol=aiomqtt.ProtocolVersion.V5,
            will=will,
            timeout=5.0,
        )

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self._client)
            await self._publish("connected", self._payload("available"))
        except aiomqtt.MqttError as error:
            raise LabError(f"{self._person}'s UC client cannot use the broker: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._publish("connected", self._payload("offline"))
        except aiomqtt.MqttError:
            return  # the broker is gone: the will speaks for us
        finally:
            await self._stack.aclose()

    async def say(self, status: str, reason: str = "") -> float:
        """Publish a status (available, busy, away, dnd, …); gives the monotonic time just before it was sent."""
        self._seq += 1
        at = time.monotonic()
        await self._publish("uc", self._payload(status, reason, self._seq))
        return at

    async def _publish(self, source: str, payload: str) -> None:
        await self._client.publish(f"{self._base}/{source}", payload, qos=1, retain=True)

    @staticmethod
    def _payload(status: str, reason: str = "", seq: int | None = None) -> str:
        fact: dict[str, object] = {"status": status, "since": datetime.now(UTC).isoformat()}
        if reason:
            fact["reason"] = reason
        if seq is not None:
            fact["seq"] = seq
        return json.dumps(fact)
