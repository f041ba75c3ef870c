"""What a promise is: the task behind it, and where its life stands.

Times are UTC seconds: a promise outlives the process, whose monotonic clock it therefore cannot use.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from routing.model import Lease
from vocabulary import (
    CaseId,
    CustomerId,
    EndReason,
    EscalationId,
    InteractionId,
    LegId,
    PersonId,
    QueueId,
    TaskId,
)


class TaskKind(StrEnum):
    """What was promised."""

    CALLBACK = "callback"
    """Somebody calls the customer back, by the due time."""
    TASK = "task"
    """Somebody settles the matter, by the due time."""


class TaskState(StrEnum):
    """Where a task is."""

    OPEN = "open"
    """Waits for its owner, or anybody with the skill, to be free."""
    OFFERED = "offered"
    """On somebody's screen, with the case; he may accept."""
    ACCEPTED = "accepted"
    """Somebody does it. After a callback: he still has to say what came of it."""
    CALLING_SPECIALIST = "calling_specialist"
    """The phone of who accepted rings; the customer is called when he lifts it."""
    CALLING_CUSTOMER = "calling_customer"
    TALKING = "talking"
    DONE = "done"
    GONE = "gone"
    """Another node keeps it by now, or it was called off: no concern of this node any more."""


CALLING = frozenset({TaskState.CALLING_SPECIALIST, TaskState.CALLING_CUSTOMER})


@dataclass(frozen=True, slots=True)
class PromiseRules:
    """The limits of promises."""

    callback_s: float = 7_200.0
    """Business time within which a callback is promised."""
    slot_s: float = 900.0
    """How much of the owner's time a callback reserves."""
    notice_s: float = 300.0
    """The earliest slot begins this long after the promise."""
    due_soon_s: float = 1_800.0
    """Owner and supervisors are reminded so long (business time) before it is due."""
    offer_s: float = 60.0
    """How long an offer stays on a screen; then it goes to the next."""
    offer_again_s: float = 600.0
    """Who let an offer pass, or declined it, is not offered it again for so long."""
    rest_s: float = 120.0
    """Nor is he offered any other for so long; calls find him free meanwhile."""
    ring_specialist_s: float = 20.0
    ring_customer_s: float = 45.0
    attempts: int = 3
    """How often the customer is called; then supervisors decide."""
    attempt_again_s: float = 900.0
    """Pause after an attempt the customer did not answer."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Reserved time of one person, UTC seconds."""

    begins_at: float
    ends_at: float

    def overlaps(self, other: Slot) -> bool:
        return self.begins_at < other.ends_at and other.begins_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised to whom, by whom and until when. Never changes, except that it may get another owner."""

    id: TaskId
    kind: TaskKind
    owner: PersonId
    skill: str
    priority: int
    """Greater is more urgent; for people who look at a list. Callbacks go by `arrived_at`."""
    made_at: float
    due_at: float
    half_at: float
    """When half of the business time until `due_at` has passed: the customer hears how it stands."""
    remind_at: float
    interaction: InteractionId
    escalation: EscalationId
    case: CaseId
    digest: str
    """The context bundle as it was then; equal to the one on the screens."""
    queue: QueueId
    service_number: str
    number: str
    """The customer's number."""
    arrived_at: float
    """When the customer first called: his place among callbacks and waiting callers."""
    sentence: str
    """What the customer was told."""
    customer: CustomerId | None = None
    customer_name: str = ""
    trunk: str | None = None
    slot: Slot | None = None
    lost_on: str = ""
    """The node with which the customer's call was lost, if that is why he is called back."""


@dataclass(frozen=True, slots=True)
class Task:
    """A promise and where its life stands."""

    promise: Promise
    state: TaskState = TaskState.OPEN
    person: PersonId | None = None
    """To whom it is offered, or who does it."""
    offer_until: float | None = None
    passed: dict[PersonId, float] = field(default_factory=dict)
    """Who let it pass, and until when he is left alone."""
    attempts: int = 0
    next_try_at: float = 0.0
    ring_until: float | None = None
    lease: Lease | None = None
    specialist_leg: LegId | None = None
    customer_leg: LegId | None = None
    call: InteractionId | None = None
    """The conversation that keeps the promise."""
    has_talked: bool = False
    last_end: EndReason | None = None
    """Why the last attempt failed."""
    half_told: bool = False
    reminded: bool = False
    overdue: bool = False
    level: int = 0
    """0: with its owner; 1: supervisors were told that it is overdue or cannot be kept."""
    outcome: str = ""
    resolved: bool | None = None
    closed_at: float | None = None

    @property
    def id(self) -> TaskId:
        return self.promise.id

    @property
    def is_open(self) -> bool:
        return self.state not in (TaskState.DONE, TaskState.GONE)

    @property
    def legs(self) -> tuple[LegId, ...]:
        """The legs that belong to it: none before accepting, none once the conversation has taken them over."""
        return tuple(leg for leg in (self.specialist_leg, self.customer_leg) if leg is not None)

    def may_be_offered_to(self, person: PersonId, now: float) -> bool:
        """Whether the system may put it on this person's screen now."""
        waits = self.state is TaskState.OPEN and self.next_try_at <= now
        return waits and self.passed.get(person, 0.0) <= now

    def reopened(self) -> Task:
        """Back to waiting, without anybody and without legs."""
        return replace(
            self,
            state=TaskState.OPEN,
            person=None,
            offer_until=None,
            ring_until=None,
            lease=None,
            specialist_leg=None,
            customer_leg=None,
            call=None,
        )
