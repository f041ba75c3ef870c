"""The states of an escalation and of the invitations it consists of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from routing.model import Lease, ServiceQueue
from telephony.model import CallerIdentity
from vocabulary import CaseId, EndReason, EscalationId, InteractionId, LegId, PersonId


class Trigger(StrEnum):
    """What started an escalation; one machine serves them all (N5)."""

    DESK = "desk"
    MQTT = "mqtt"
    DTMF = "dtmf"
    REFER = "refer"
    SPEED_DIAL = "speed_dial"


class EscalationState(StrEnum):
    """Where an escalation as a whole is."""

    SEARCHING = "searching"
    CHOOSING = "choosing"
    """Nobody is free: the agent chooses to wait, a callback, or a task; the deadline runs on."""
    WAITING = "waiting"
    """The agent chose to wait for the first who becomes free; that is the system's work (CE-13)."""
    JOINED = "joined"
    CLOSED = "closed"


class InvitationState(StrEnum):
    """Where the try to bring in one specialist is; the screens show exactly these steps."""

    REQUESTED = "requested"
    RESERVED = "reserved"
    OFFERED = "offered"
    RENDERED = "rendered"
    RINGING = "ringing"
    ACCEPTED = "accepted"
    JOINED = "joined"
    ENDED = "ended"


class Choice(StrEnum):
    """What an agent may choose when nobody is free (S03)."""

    WAIT = "wait"
    CALLBACK = "callback"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Timing:
    """The limits of one escalation in seconds, from the trigger (N2). Configurable per queue."""

    target_s: float = 20.0
    """Joined by then if anybody who is free answers within the ring limit."""
    ceiling_s: float = 30.0
    """By then the customer has a person or a promise, without exception."""
    promise_s: float = 3.0
    """What making and announcing a promise may take: no try lasts into it."""
    ring_s: float = 8.0
    """How long one phone rings at most."""
    least_ring_s: float = 3.0
    """A try that could not ring even this long is not begun."""
    lease_s: float = 2.0
    """How long the store may take to answer for a reservation."""
    screen_cap_s: float = 0.5
    """How long the INVITE waits for the screen (N1)."""
    accept_s: float = 3.0
    """How long an answered phone that needs a key or click may stay without it (a mailbox never presses)."""
    announce_s: float = 6.0
    """How long the spoken summary may last on a phone without a screen; added to `accept_s` there."""
    reflex_s: float = 0.4
    """A phone that answers faster after its first ring than any person was not lifted by one (N8)."""
    wait_s: float = 900.0
    """How long an agent's choice to wait holds; then it becomes a promise."""
    group: int = 5
    """How many phones ring at once at most."""

    def for_queue(self, queue: ServiceQueue) -> Timing:
        """These limits with the queue's own in their places."""
        ring_s = queue.specialist_ring_s or self.ring_s
        return replace(
            self,
            target_s=queue.target_s or self.target_s,
            ceiling_s=queue.ceiling_s or self.ceiling_s,
            ring_s=ring_s,
            least_ring_s=min(self.least_ring_s, ring_s),
        )

    @property
    def broadcast_s(self) -> float:
        """When everyone left is rung at once: whoever answers within the ring limit then still makes the target."""
        return self.target_s - self.ring_s

    @property
    def fall_through_s(self) -> float:
        """When the search ends and the promise is made."""
        return self.ceiling_s - self.promise_s


@dataclass(frozen=True, slots=True)
class Candidate:
    """A specialist who may be invited now. `trusted`: lifting his handset counts as accepting."""

    person: PersonId
    trusted: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    """One try to bring one specialist in. Times are monotonic seconds."""

    specialist: PersonId
    leg: LegId
    trusted: bool
    begun_at: float
    ring_until: float
    state: InvitationState = InvitationState.REQUESTED
    digest: str = ""
    has_screen: bool = True
    lease: Lease | None = None
    pushed_at: float | None = None
    rang_at: float | None = None
    answered_at: float | None = None
    dialled: bool = False
    clicked: bool = False
    end: EndReason | None = None
    again_at: float | None = None
    """Said "later": has time from then on, and would keep the promise."""

    @property
    def is_live(self) -> bool:
        return self.state is not InvitationState.ENDED

    @property
    def is_accepted(self) -> bool:
        return self.state in (InvitationState.ACCEPTED, InvitationState.JOINED)


@dataclass(frozen=True, slots=True)
class Escalation:
    """A specialist is asked into a conversation. Ids are fixed at the request; the rest follows."""

    id: EscalationId
    interaction: InteractionId
    case: CaseId
    agent: PersonId
    shown: CallerIdentity
    reason: str
    trigger: Trigger
    requested_at: float
    skill: str = ""
    """The skill wanted; empty when only a person was named and the queue wants none."""
    first: PersonId | None = None
    """Whom the agent picked; invited before everybody else."""
    override: bool = False
    """Ask the picked one although he rests (N14); who does that gave a reason, which is logged."""
    timing: Timing = Timing()
    state: EscalationState = EscalationState.SEARCHING
    invitations: tuple[Invitation, ...] = ()
    clock_from: float = 0.0
    """When the deadline began to run: at the request, or when waiting ended."""
    wait_until: float | None = None
    broadcast: bool = False
    """Everyone left was, or is being, rung at once."""
    asking: bool = False
    """FindCandidates is under way."""
    end: EndReason | None = None

    @property
    def is_live(self) -> bool:
        return self.state is not EscalationState.CLOSED

    @property
    def live_invitations(self) -> tuple[Invitation, ...]:
        return tuple(invitation for invitation in self.invitations if invitation.is_live)

    @property
    def invited(self) -> frozenset[PersonId]:
        return frozenset(invitation.specialist for invitation in self.invitations)

    @property
    def winner(self) -> Invitation | None:
        """The invitation that was accepted, if any."""
        return next((invitation for invitation in self.invitations if invitation.is_accepted), None)

    @property
    def broadcast_at(self) -> float:
        return self.clock_from + self.timing.broadcast_s

    @property
    def fall_through_at(self) -> float:
        return self.clock_from + self.timing.fall_through_s

    @property
    def ceiling_at(self) -> float:
        return self.clock_from + self.timing.ceiling_s

    def of(self, person: PersonId) -> Invitation | None:
        """The invitation of a person; nobody is invited twice."""
        return next((invitation for invitation in self.invitations if invitation.specialist == person), None)

    def by_leg(self, leg: LegId) -> Invitation | None:
        return next((invitation for invitation in self.invitations if invitation.leg == leg), None)

    def with_invitation(self, changed: Invitation) -> Escalation:
        """Replace the invitation of the same person, or add it."""
        if self.of(changed.specialist) is None:
            return replace(self, invitations=(*self.invitations, changed))
        new = tuple(changed if old.specialist == changed.specialist else old for old in self.invitations)
        return replace(self, invitations=new)
