from collections.abc import Sequence
from datetime import datetime

from icalendar import Component

class CalendarQuery:
    def between(self, start: datetime, stop: datetime) -> list[Component]: ...

def of(a_calendar: Component, *, components: Sequence[str] = ..., skip_bad_series: bool = ...) -> CalendarQuery: ...
