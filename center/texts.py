"""Texts to customers: each waits in the store until the carrier has taken it, in the order of one number.

They leave as SIP MESSAGE (RFC 3428) through the trunk the customer called over, which is how carriers and gateways take
SMS. A promise is worth little once its time has come: what the carrier did not take within the hour is given up.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import structlog

from center.delivery.events import Answered, NotAnswered
from center.delivery.model import Delivery, Rules, Warnings
from store.event_log import EventLog
from store.records import StoredDelivery
from telephony.model import MOST_TEXT_BYTES, CallerIdentity, Destination, TextMessage
from telephony.switch import TextSwitch
from vocabulary import InteractionId, TaskId

log = structlog.get_logger(__name__)

RULES = Rules(first_retry_s=5.0, give_up_s=3_600.0)
WARNINGS = Warnings(
    "texts",
    silent="Texts: the carrier does not take them; they wait and are tried again.",
    given_up="Texts: {count} to customers were not taken by the carrier and were given up.",
)
REFUSED = 480
FIRST_GLOBAL_FAILURE = 600


@dataclass(frozen=True, slots=True)
class Text:
    """One text to a customer, about a promise."""

    task: TaskId
    interaction: InteractionId
    about: str
    trunk: str | None
    number: str
    service_number: str
    """The number the customer called; the text comes from it."""
    text: str

    def delivery(self, now: float) -> StoredDelivery:
        """How it waits in the store. The same text is written once, however often this is done."""
        body = json.dumps(asdict(self), ensure_ascii=False)
        position = int(now * 1_000_000)
        return StoredDelivery(f"{self.task}/{self.about}", self.number, position, "text", body, made_at=now, due_at=now)


class TextSender:
    """Sends what waits, one MESSAGE each, and notes in the log of the interaction what the carrier took."""

    def __init__(self, switch: TextSwitch, events: EventLog, company: str) -> None:
        self._switch = switch
        self._events = events
        self._company = company

    async def post(self, delivery: Delivery) -> Answered | NotAnswered:
        """Send one text; tells what came of it."""
        text = Text(**json.loads(delivery.body))
        to = Destination(number=text.number, trunk=text.trunk)
        shown = CallerIdentity(self._company, text.service_number)
        status = await self._switch.send_text(TextMessage(to, shown, _shortened(text.text)))
        if 200 <= status < 300:
            self._events.append(text.interaction, "message.sent", {"task": text.task, "about": text.about})
        # 6xx is said of this text (RFC 3261 §21.6), not of the carrier as 5xx is.
        return Answered(delivery.id, REFUSED if status >= FIRST_GLOBAL_FAILURE else status)

    async def close(self) -> None:
        """There is nothing to close: the switch is the node's."""


def _shortened(text: str) -> str:
    return text.encode()[:MOST_TEXT_BYTES].decode(errors="ignore")
