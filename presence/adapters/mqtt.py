"""A connection to an MQTT 5 broker that comes back by itself."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from presence.adapters.tasks import end_tasks
from presence.contract import IncomingMessage
from presence.errors import BrokerRefused
from presence.outgoing import OutgoingMessage, OutgoingQueue

_log = structlog.get_logger(__name__)
FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 10.0
ANSWER_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 3.0
"""Short, because a broker that dies between accepting and answering is noticed by this time-out only."""
KEEPALIVE_S = 15
MAX_INCOMING_QUEUE = 100_000
_FIRST_FAILURE_CODE = 0x80


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens and as whom we enter."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Certificates to trust; given means TLS, and the broker's name must be in its certificate."""


class MqttLink:
    """Publishes, subscribes and reconnects; all calls and callbacks belong to one event loop.

    `on_connected` is called when subscriptions stand and the broker has handed over everything it retains for them;
    `on_lost` once after each such connection ended. `status_topic` holds `{"status": "online"|"offline"}` retained,
    `offline` by last will. That own message also marks the end of the snapshot: it comes back after all retained ones.
    `greeting` gives what is said, retained, before every `online`: topics and payloads.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        status_topic: str,
        subscriptions: Sequence[str],
        on_message: Callable[[IncomingMessage], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[], None],
        greeting: Callable[[], Iterable[tuple[str, bytes]]] = lambda: (),
        queue_limit: int = 10_000,
    ) -> None:
        self._address = address
        self._client_id = client_id
        self._status_topic = status_topic
        self._subscriptions = tuple(subscriptions)
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._greeting = greeting
        self._queue = OutgoingQueue(queue_limit)
        self._work = asyncio.Event()
        self._stopping = asyncio.Event()
        self._snapshot_read = asyncio.Event()
        self._marker = b""
        self._received = 0
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        """Begin connecting; returns at once, success is told by `on_connected`."""
        self._task = asyncio.create_task(self._keep_connected(), name="mqtt-link")

    async def stop(self) -> None:
        """Send what is queued (bounded), say offline, disconnect."""
        if self._task is None:
            return
        self._stopping.set()
        self._work.set()
        self._snapshot_read.set()
        done, _ = await asyncio.wait({self._task}, timeout=ANSWER_TIMEOUT_S)
        if not done:
            await end_tasks(self._task)
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1, expiry_s: float | None = None
    ) -> None:
        """Queue a message; it leaves in order as soon as the broker is there, unless it expires before."""
        expires_at = None if expiry_s is None else time.monotonic() + expiry_s
        dropped = self._queue.dropped
        self._queue.put(OutgoingMessage(topic, payload, retain, qos, expires_at))
        if self._queue.dropped > dropped and self._queue.dropped % 1_000 == 1:
            _log.warning("mqtt_outgoing_dropped", total=self._queue.dropped)
        self._work.set()

    async def _keep_connected(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        reported = ""
        while not self._stopping.is_set():
            cause = ""
            try:
                await self._converse()
            except (aiomqtt.MqttError, BrokerRefused, OSError) as error:  # OSError: no CA file, TLS refused
                cause = str(error) or type(error).__name__
            was_connected, self.connected = self.connected, False
            if self._stopping.is_set():
                return
            if was_connected:
                backoff_s, reported = FIRST_BACKOFF_S, ""
                self._on_lost()
            if cause != reported:  # the same failure again and again is one line, not one per attempt
                _log.warning("mqtt_not_connected", host=self._address.host, port=self._address.port, cause=cause)
                reported = cause
            await self._pause(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    async def _pause(self, seconds: float) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({stopping}, timeout=seconds)
        stopping.cancel()

    def _client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.username,
            password=self._address.password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(self._status_topic, b'{"status":"offline"}', qos=1, retain=True),
            clean_start=True,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_TIMEOUT_S,
            tls_context=None if self._address.ca_file is None else _tls_context(self._address.ca_file),
            max_queued_incoming_messages=MAX_INCOMING_QUEUE,
        )

    async def _converse(self) -> None:
        """One connection from CONNECT to its end; returns when stopping, raises when the connection broke."""
        self._snapshot_read.clear()
        async with self._client() as client:
            client.timeout = ANSWER_TIMEOUT_S
            receiver = asyncio.create_task(self._receive(client))
            sender = asyncio.create_task(self._announce_and_send(client))
            try:
                done, _ = await asyncio.wait({receiver, sender}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end_tasks(receiver, sender)
            for task in done:
                task.result()

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._received += 1
            topic, payload = message.topic.value, message.payload
            if topic == self._status_topic:
                if payload == self._marker:
                    self._snapshot_read.set()
                continue
            self._on_message(IncomingMessage(topic, _as_bytes(payload), bool(message.retain)))

    async def _announce_and_send(self, client: aiomqtt.Client) -> None:
        await self._subscribe(client)
        for topic, payload in self._greeting():
            await client.publish(topic, payload, qos=1, retain=True)
        self._marker = json.dumps(
            {"status": "online", "since": datetime.now(UTC).isoformat(), "connection": secrets.token_hex(8)}
        ).encode()
        await client.publish(self._status_topic, self._marker, qos=1, retain=True)
        await self._await_snapshot()
        if self._stopping.is_set():
            return
        self.connected = True
        _log.info("mqtt_connected", host=self._address.host, port=self._address.port)
        self._on_connected()
        while True:
            self._work.clear()
            while (message := self._queue.take(time.monotonic())) is not None:
                await self._send(client, message)
            if self._stopping.is_set():
                await client.publish(self._status_topic, b'{"status":"offline"}', qos=1, retain=True)
                return
            await self._work.wait()

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        topics = (*self._subscriptions, self._status_topic)
        codes = await client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        values = [code.value if isinstance(code, ReasonCode) else code for code in codes]
        for topic, value in zip(topics, values, strict=True):
            if value >= _FIRST_FAILURE_CODE:
                raise BrokerRefused(f"the broker refuses our subscription to {topic} (reason code {value})")

    async def _await_snapshot(self) -> None:
        """Wait for our own status message to come back; a long snapshot is fine while messages keep coming."""
        while True:
            before = self._received
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._snapshot_read.wait()
                return
            except TimeoutError:
                if self._received == before:
                    text = (
                        f"the broker does not return our own messages on {self._status_topic}: check its access rules"
                    )
                    raise BrokerRefused(text) from None

    async def _send(self, client: aiomqtt.Client, message: OutgoingMessage) -> None:
        properties = None
        if message.expires_at is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, round(message.expires_at - time.monotonic()))
        try:
            await client.publish(
                message.topic, message.payload, qos=message.qos, retain=message.retain, properties=properties
            )
        except BaseException:  # also when cancelled because the connection broke: sent again after reconnecting
            self._queue.put_back(message)
            raise


class _TidySocket(ssl.SSLSocket):
    """The client library forgets to close a socket whose handshake failed."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls_context(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = _TidySocket
    return context


def _as_bytes(payload: object) -> bytes:
    return bytes(payload) if isinstance(payload, bytes | bytearray) else str(payload).encode()
