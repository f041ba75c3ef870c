"""The figures of today and of the last half hour, event by event.

    event ─► facts of its call ─► what the call adds now, less what it added before ─► tallies by time and queue

Each call's parts lie in a day, an hour and a minute, for its queue and for all queues. When an event changes a call,
its old parts are taken out and its new ones put in, so the figures at any moment are those of a recount (property
test). Time is an argument. Bounds: calls of the last 24 hours, at most `MOST_CALLS` of them; the oldest go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from center.report.facts import CallFacts, LogEvent, begin, step
from center.report.tally import Part, Rules, Tally, parts_of
from vocabulary import InteractionId, QueueId

MOST_CALLS = 20_000
KEPT_S = 86_400.0
RECENT_MINUTES = 30
WHOLE = QueueId("")
"""The tally of all queues together."""


class Window(StrEnum):
    """The two spans of time that are shown."""

    TODAY = "today"
    RECENT = "recent"


class Report:
    """Everything the figures are made of."""

    def __init__(self, rules: Rules | None = None, zone: tzinfo = UTC) -> None:
        self.rules = rules or Rules()
        self._zone = zone
        self.calls: OrderedDict[InteractionId, CallFacts] = OrderedDict()
        self.waiting: set[InteractionId] = set()
        self._tallies: dict[tuple[datetime | int, QueueId], Tally] = {}
        self._forgotten_until = 0.0

    def take(self, event: LogEvent) -> bool:
        """Count an event; tells whether it changed anything. Events of calls that are not known are left out."""
        old = self.calls.get(event.interaction)
        new = step(old, event) if old is not None else begin(event)
        if new is None or new == old:
            return False
        self._count(old, -1)
        self._count(new, 1)
        self.calls[event.interaction] = new
        (self.waiting.add if new.waits else self.waiting.discard)(new.id)
        while len(self.calls) > MOST_CALLS:
            self._drop(next(iter(self.calls.values())))
        return True

    def leave_out_running(self) -> None:
        """Uncount calls without an end. After a restart they are other nodes', whose end is not heard of here."""
        for facts in [each for each in self.calls.values() if each.ended_at is None]:
            self._count(facts, -1)
            self._drop(facts)

    def forget(self, now: float) -> None:
        """Let go of calls and tallies that no figure needs any more; cheap when called often."""
        if now - self._forgotten_until < 60.0:
            return
        self._forgotten_until = now
        for facts in list(self.calls.values()):
            if facts.begun_at >= now - KEPT_S:
                break
            self._drop(facts)
        oldest = self._midnight(now) - timedelta(days=1)
        minute = int(now // 60) - 2 * RECENT_MINUTES
        for key in [k for k in self._tallies if (k[0] < minute if isinstance(k[0], int) else k[0] < oldest)]:
            del self._tallies[key]

    def tally(self, window: Window, queue: QueueId, now: float) -> Tally:
        """The counts of a window; `WHOLE` for all queues."""
        if window is Window.TODAY:
            return self._sum(queue, self._hours(now))
        return self._sum(queue, range(int(now // 60) - RECENT_MINUTES, int(now // 60) + 1))

    def hours(self, queue: QueueId, now: float) -> list[tuple[datetime, Tally]]:
        """Today hour by hour until now, local time."""
        return [(hour, self._sum(queue, [hour])) for hour in self._hours(now)]

    def overdue(self, window: Window, queue: QueueId, now: float) -> list[CallFacts]:
        """Customers who wait longer than they should and whom nobody has answered yet."""
        waiting = (self.calls[one] for one in self.waiting)
        since = self.since(window, now)
        return [
            facts
            for facts in waiting
            if now - facts.begun_at > self.rules.answer_within_s
            and facts.begun_at >= since
            and queue in (WHOLE, facts.queue)
        ]

    def since(self, window: Window, now: float) -> float:
        """When a window begins, UTC seconds; the shorter one at a full minute, as it is counted."""
        return self._midnight(now).timestamp() if window is Window.TODAY else (now // 60 - RECENT_MINUTES) * 60

    def newest(self) -> Iterator[CallFacts]:
        return reversed(self.calls.values())

    def _count(self, facts: CallFacts | None, times: int) -> None:
        if facts is None:
            return
        for part in parts_of(facts, self.rules):
            for slot in self._slots(part):
                for queue in {WHOLE, facts.queue}:
                    self._tallies.setdefault((slot, queue), Tally()).add(part, times)

    def _slots(self, part: Part) -> tuple[datetime, int]:
        local = datetime.fromtimestamp(part.at, self._zone)
        return local.replace(minute=0, second=0, microsecond=0), int(part.at // 60)

    def _drop(self, facts: CallFacts) -> None:
        """Let go of a call; what it added to the tallies stays, they are let go of by their time."""
        del self.calls[facts.id]
        self.waiting.discard(facts.id)

    def _sum(self, queue: QueueId, slots: Iterable[datetime | int]) -> Tally:
        whole = Tally()
        for slot in slots:
            if (tally := self._tallies.get((slot, queue))) is not None:
                whole.add_all(tally)
        return whole

    def _hours(self, now: float) -> list[datetime]:
        first, local = self._midnight(now), datetime.fromtimestamp(now, self._zone)
        hours = (first + timedelta(hours=n) for n in range(24))
        return [hour for hour in hours if hour <= local]

    def _midnight(self, now: float) -> datetime:
        return datetime.fromtimestamp(now, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
