"""Business hours of single queues, as administrators set them: what is promised there is due in these hours. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from center.administration.model import Company, Kind
from center.administration.problems import Problem
from center.promise.calendar import BusinessHours
from center.settings import HoursSettings, PromiseSettings
from vocabulary import QueueId


def calendar_of(company: Company, promises: PromiseSettings) -> Callable[[QueueId], BusinessHours]:
    """Which hours each queue has: its own of the page, else its own of the file, else the centre's."""
    own = {name: _read(queue["hours"]) for name, queue in company.of(Kind.QUEUES).items() if queue.get("hours")}
    usable = {name: hours for name, hours in own.items() if hours is not None}
    return promises.model_copy(update={"queue_hours": {**promises.queue_hours, **usable}}).calendar()


def hours_without(queue: str, promises: PromiseSettings) -> dict[str, Any]:
    """The hours that count while a queue has none of its own on the page, as JSON."""
    return promises.queue_hours.get(queue, promises.hours).model_dump(mode="json")


def mistakes_in_hours(hours: Any) -> Iterator[Problem]:
    """What is wrong with a queue's own hours, each at its part."""
    try:
        read = HoursSettings.model_validate(hours)
    except ValidationError as error:
        for part in dict.fromkeys(str(each["loc"][0]) for each in error.errors(include_input=False)):
            yield Problem(f"hours.{part}", "bad_value", "This cannot be read.")
        return
    if not read.weekdays:
        yield Problem("hours.weekdays", "no_weekday", "Choose at least one day.")
    if not read.open:
        yield Problem("hours.open", "no_span", "Give at least one span of hours.")
    elif read.weekdays and not _fits(read):
        yield Problem("hours.open", "spans_order", "Spans stand in their order and do not overlap.")


def _read(hours: Any) -> HoursSettings | None:
    """None: another node's version of the program allows what this one does not."""
    try:
        read = HoursSettings.model_validate(hours)
    except ValidationError:
        return None
    return read if _fits(read) else None


def _fits(hours: HoursSettings) -> bool:
    try:
        hours.hours(ZoneInfo("UTC"))
    except ValueError:
        return False
    return True
