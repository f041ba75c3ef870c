"""The other system, over HTTP: one signed POST per message.

Headers by the Standard Webhooks specification (webhook-id, webhook-timestamp, webhook-signature = `v1,` and the base64
HMAC-SHA256 of `id.timestamp.body`), for which receivers find libraries in every language; `Idempotency-Key` repeats the
id.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable

import httpx2

from center.delivery.events import Answered, NotAnswered
from center.delivery.model import Delivery


def signature(secret: str, key: str, timestamp: int, body: str) -> str:
    """The value of `webhook-signature`."""
    signed = f"{key}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


class Sender:
    """Posts messages to one address. Redirects are not followed: personal data goes to this address only."""

    def __init__(self, url: str, secret: str, timeout_s: float, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._secret = secret
        self._timeout_s = timeout_s
        self._clock = clock
        self._client = httpx2.AsyncClient(timeout=timeout_s, follow_redirects=False)

    async def post(self, delivery: Delivery) -> Answered | NotAnswered:
        """Send one message; tells what came of it and never raises for what the other side does."""
        now = int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Ringside",
            "Idempotency-Key": delivery.id,
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._secret, delivery.id, now, delivery.body),
        }
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", self._url, content=delivery.body.encode(), headers=headers) as answer,
            ):
                return Answered(delivery.id, answer.status_code, _seconds(answer.headers.get("Retry-After")))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
            return NotAnswered(delivery.id, type(error).__name__)

    async def close(self) -> None:
        await self._client.aclose()


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() and len(text) < 9 else None
