"""A desk client without a screen: logs in, keeps the live documents, sends the commands of the desk API.

Every document is stamped with the monotonic time it arrived, so "on the other screen within 500 ms" can be measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from siplab.errors import DeskLost, DeskRefused, WaitTimeout
from siplab.patience import WAIT_S

Document = dict[str, Any]
Documents = Mapping[str, Document]

HTTP_TIMEOUT_S = 30.0
MAX_MESSAGE_BYTES = 16 << 20
HISTORY = 5_000
COOKIE = "ringside_session"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrival(Generic[T]):
    """Something that became true with a document's arrival, and when (monotonic seconds)."""

    value: T
    at: float


class _Waiter:
    """Somebody who waits until the documents satisfy a predicate; asked at every arrival."""

    def __init__(self, predicate: Callable[[Documents], Any]) -> None:
        self._predicate = predicate
        self.outcome: asyncio.Future[Arrival[Any]] = asyncio.get_running_loop().create_future()

    def look(self, docs: Documents, at: float) -> None:
        """Settle when the predicate gives something true; an exception of the predicate goes to who waits."""
        if self.outcome.done():
            return
        try:
            value = self._predicate(docs)
        except Exception as error:
            self.outcome.set_exception(error)
            return
        if value:
            self.outcome.set_result(Arrival(value, at))


class DeskClient:
    """One person's desk. Use as `async with DeskClient(url, person, password) as desk`.

    `docs` are the documents as they stand; `history` is (arrived at, key, document or None when removed).
    """

    def __init__(self, url: str, person: str, password: str) -> None:
        self.person = person
        self.docs: dict[str, Document] = {}
        self.history: deque[tuple[float, str, Document | None]] = deque(maxlen=HISTORY)
        self.opened_at = 0.0
        self.snapshot_at = 0.0
        self._url = url.rstrip("/")
        self._password = password
        self._http = httpx2.AsyncClient(base_url=self._url, timeout=HTTP_TIMEOUT_S)
        self._waiters: list[_Waiter] = []
        self._lost: str = ""
        self._live: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.command("login", {"person": self.person, "password": self._password})
            await self.open_live()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open_live(self) -> None:
        """Open the live connection (again) and wait for its snapshot, as a screen that is opened does."""
        await self._close_live()
        self._lost = ""
        self.opened_at = time.monotonic()
        address, headers = self.live_address()
        try:
            self._live = await connect(address, additional_headers=headers, max_size=MAX_MESSAGE_BYTES, proxy=None)
        except (OSError, WebSocketException) as error:
            raise DeskLost(f"{self.person}: {address} cannot be opened: {error}") from error
        before = self.snapshot_at
        self._reader = asyncio.create_task(self._read(self._live))
        await self.wait_for(lambda _docs: self.snapshot_at > before, WAIT_S, "the desk's first snapshot")

    def live_address(self) -> tuple[str, dict[str, str]]:
        """Where this person's live connections are opened, and the headers that say who it is."""
        cookie = f"{COOKIE}={self._http.cookies.get(COOKIE, '')}"
        return "ws" + self._url.removeprefix("http") + "/api/live", {"Cookie": cookie}

    async def command(self, path: str, body: Document | None = None) -> Any:
        """POST a command; gives the answer's JSON, None for 204.

        Raises:
            DeskRefused: The answer was an error; its code and message are kept.
        """
        return await self._request("POST", path, body or {})

    async def read(self, path: str) -> Any:
        """GET a document."""
        return await self._request("GET", path, None)

    async def _request(self, method: str, path: str, body: Document | None) -> Any:
        try:
            answer = await self._http.request(method, f"/api/{path}", json=body)
        except httpx2.TransportError as error:
            raise DeskLost(f"{self.person}: {method} /api/{path}: {type(error).__name__} {error}") from error
        if answer.status_code >= 400:
            raise _refusal(f"{self.person}: {method} /api/{path}", answer)
        return answer.json() if answer.content else None

    async def wait_for(self, predicate: Callable[[Documents], T | None], timeout_s: float, what: str) -> Arrival[T]:
        """Wait until a predicate over the documents gives something true; gives that and when it arrived.

        Something true already counts, with the time of asking.

        Raises:
            WaitTimeout: It did not happen; the text says what was awaited.
            DeskLost: The live connection broke meanwhile.
        """
        waiter = _Waiter(predicate)
        waiter.look(self.docs, time.monotonic())
        if self._lost and not waiter.outcome.done():
            raise DeskLost(self._lost)
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(waiter.outcome, timeout_s)
        except TimeoutError:
            raise WaitTimeout(f"{what} at {self.person}'s desk", timeout_s) from None
        finally:
            self._waiters.remove(waiter)

    def first_arrival(self, key: str, fits: Callable[[Document], bool], since: float = 0.0) -> float | None:
        """Tell when a document first came that fits, from the history."""
        arrivals = (at for at, k, doc in self.history if k == key and doc is not None and at >= since and fits(doc))
        return next(arrivals, None)

    async def close(self) -> None:
        """Close the live connection and the HTTP client."""
        await self._close_live()
        await self._http.aclose()

    async def _close_live(self) -> None:
        if self._live is not None:
            await self._live.close()
        if self._reader is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        self._live = self._reader = None

    async def _read(self, live: ClientConnection) -> None:
        expected = 0
        try:
            async for raw in live:
                message = json.loads(raw)
                if message["type"] != "snapshot" and message["seq"] != expected:
                    raise DeskLost(f"change {message['seq']} came where {expected} was due")
                expected = message["seq"] + 1
                self._take(message, time.monotonic())
            why = f"closed with {live.close_code}"
        except (ConnectionClosed, DeskLost, KeyError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
        self._lost = f"{self.person}'s live connection: {why}"
        for waiter in self._waiters:
            if not waiter.outcome.done():
                waiter.outcome.set_exception(DeskLost(self._lost))

    def _take(self, message: Document, at: float) -> None:
        if message["type"] == "snapshot":
            self.docs = dict(message["docs"])
            self.snapshot_at = at
            self.history.extend((at, key, doc) for key, doc in self.docs.items())
        else:
            for key in message.get("remove", ()):
                self.docs.pop(key, None)
                self.history.append((at, key, None))
            self.docs.update(message.get("set", {}))
            self.history.extend((at, key, doc) for key, doc in message.get("set", {}).items())
        for waiter in list(self._waiters):
            waiter.look(self.docs, at)


def _refusal(request: str, answer: httpx2.Response) -> DeskRefused:
    try:
        error = answer.json()["error"]
        return DeskRefused(request, answer.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return DeskRefused(request, answer.status_code, "unexplained", answer.text[:200])
